//! The shop by `docker compose`, up and down.

use std::{net::TcpListener, process::Command};

use sava_testbed::{
    BrowserShopper,
    binaries::root,
    browser::{Browser, Script},
    client,
    docker::{docker, succeed, unique},
};

/// A project of docker compose on free ports; dropping it takes it down with its volumes.
struct Compose {
    project: String,
    ports: Vec<(&'static str, u16)>,
    profile: &'static str,
}

impl Compose {
    #[track_caller]
    fn up(profile: &'static str) -> Self {
        let names =
            ["PRODUCT_PORT", "IE_PORT", "UK_PORT", "IE_A_PORT", "IE_B_PORT", "UK_A_PORT", "UK_B_PORT"];
        let listeners = names.map(|name| (name, TcpListener::bind("127.0.0.1:0").expect("a free port")));
        let ports = listeners
            .iter()
            .map(|(name, listener)| (*name, listener.local_addr().expect("bound").port()))
            .collect();
        drop(listeners);
        let compose = Self { project: unique("compose"), ports, profile };
        succeed(compose.command().args(["up", "--detach"]));
        compose
    }

    /// `docker compose -f docker/compose.yaml`, by the plugin where it is installed.
    fn command(&self) -> Command {
        let plugin = docker(["compose", "version"]).output().is_ok_and(|output| output.status.success());
        let mut command = if plugin { docker(["compose"]) } else { Command::new("docker-compose") };
        command.current_dir(root()).args(["-f", "docker/compose.yaml", "-p", &self.project]);
        if !self.profile.is_empty() {
            command.args(["--profile", self.profile]);
        }
        command.envs(self.ports.iter().map(|(name, port)| (*name, port.to_string())));
        command
    }

    fn url(&self, name: &str, path: &str) -> String {
        let (_, port) = self.ports.iter().find(|(other, _)| *other == name).expect("a port of the project");
        format!("http://127.0.0.1:{port}{path}")
    }

    /// The page at `url`, once the service there listens.
    async fn page(&self, name: &str) -> reqwest::Response {
        let url = self.url(name, "/");
        for _ in 0..600 {
            if let Ok(answer) = client().get(&url).send().await {
                assert_eq!(answer.status(), 200);
                return answer;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("{url} does not answer:\n{}", succeed(self.command().args(["logs", "--no-color"])));
    }
}

impl Drop for Compose {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Ok(output) = self.command().args(["logs", "--no-color"]).output()
        {
            eprintln!("{}", String::from_utf8_lossy(&output.stdout));
        }
        let _ = self.command().args(["down", "--volumes"]).output();
    }
}

/// Buys a dreamcatcher in the store at `url`, whose postcode has that label, and tells the number of the order.
async fn buys(browser: &Browser, url: &str, label: &str, code: &str) -> String {
    let shopper = BrowserShopper::enters(browser, url).await;
    shopper.follows("Willow dreamcatcher").await;
    shopper.presses("Add to cart").await;
    shopper.presses("Check out").await;
    shopper.fills_in_the_address(label, code).await;
    shopper.presses("Place the order").await;
    assert!(shopper.heading().await.contains("Aoife Byrne"));
    shopper.goes_to("Orders").await;
    shopper.text(ORDER).await
}

/// The newest order in the list of a shopper's orders.
const ORDER: &str = "//main//li//h2";

#[tokio::test]
async fn shoppers_buy_in_both_stores() {
    let shop = Compose::up("");
    let browser = Browser::start(Script::On).await;
    for (port, service, label, code) in [
        ("IE_PORT", "sava-cart-ie", "Eircode", "D02 X285"),
        ("UK_PORT", "sava-cart-uk", "Postcode", "SW1A 1AA"),
    ] {
        shop.page(port).await;
        let url = shop.url(port, "/");
        let order = buys(&browser, &url, label, code).await;
        // Its volume keeps the order, and the key that says whose it is.
        succeed(shop.command().args(["up", "--detach", "--force-recreate", "--no-deps", service]));
        shop.page(port).await;
        let shopper = BrowserShopper::enters(&browser, &shop.url(port, "/")).await;
        shopper.goes_to("Orders").await;
        assert_eq!(shopper.text(ORDER).await, order, "{port}");
    }
}

#[tokio::test]
async fn canary_shares_the_page_views() {
    let shop = Compose::up("canary");
    shop.page("IE_PORT").await;
    let mut releases = std::collections::BTreeSet::new();
    for _ in 0..300 {
        let page = shop.page("IE_PORT").await;
        if let Some(release) = page.headers().get("x-sava-product-release") {
            releases.insert(release.to_str().expect("text").to_owned());
        }
        if releases.len() == 2 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("only {releases:?} served the pages");
}

#[tokio::test]
async fn replicas_share_one_database() {
    let shop = Compose::up("postgres");
    let browser = Browser::start(Script::On).await;
    for (one, other, label, code) in [
        ("IE_A_PORT", "IE_B_PORT", "Eircode", "D02 X285"),
        ("UK_A_PORT", "UK_B_PORT", "Postcode", "SW1A 1AA"),
    ] {
        shop.page(one).await;
        shop.page(other).await;
        let order = buys(&browser, &shop.url(one, "/"), label, code).await;
        // Cookies know no ports: to the browser both replicas are one store.
        let shopper = BrowserShopper::enters(&browser, &shop.url(other, "/")).await;
        shopper.goes_to("Orders").await;
        assert_eq!(shopper.text(ORDER).await, order, "{other}");
    }
}
