//! Canaries by `HAProxy`, with the configuration of docker/haproxy.cfg: by weights, and by what `Accept` says; shoppers who
//! stay with a release, and previews.

mod dark_launch;
mod faithful;

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
};

use sava_testbed::{Cart, PATIENCE, Process, Product, binaries::root, client, command};

/// `HAProxy` before two releases of sava-product and of the store front.
struct Gateway {
    _process: Process,
    /// The Irish products.
    url: String,
    /// The store, with a slash at its end.
    shop: String,
    admin: SocketAddr,
}

impl Gateway {
    /// Before these two releases of sava-product, with no store front behind it.
    async fn start(production: &str, canary: &str, weights: (u8, u8)) -> Self {
        Self::of(&[("PRODUCTION", production), ("CANARY", canary)], weights).await
    }

    /// With these variables in the place of those that lead nowhere and allow nothing.
    async fn of(variables: &[(&str, &str)], weights: (u8, u8)) -> Self {
        // On an address of its own, so that nobody else takes the ports before HAProxy has them.
        let own = Ipv4Addr::new(127, fastrand::u8(1..=254), fastrand::u8(..), fastrand::u8(1..=254));
        let free = [(); 3].map(|()| TcpListener::bind((own, 0)).expect("a free port"));
        let [listen, shop, admin] = free.each_ref().map(|it| it.local_addr().expect("it is bound"));
        drop(free);
        let mut haproxy = command("haproxy");
        haproxy.arg("-f").arg(root().join("docker/haproxy.cfg")).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        // Port 9 (discard) refuses connections.
        for name in ["PRODUCTION", "CANARY", "STORE", "STORE_CANARY"] {
            haproxy.env(name, "127.0.0.1:9");
        }
        haproxy
            .env("LISTEN", listen.to_string())
            .env("SHOP_LISTEN", shop.to_string())
            .env("ADMIN", admin.to_string())
            .env("PRODUCTION_WEIGHT", weights.0.to_string())
            .env("CANARY_WEIGHT", weights.1.to_string())
            .envs([("PREVIEW", "2.0.1"), ("STORE_PREVIEW", "3.0.0"), ("PREVIEW_FROM", "")])
            .envs(variables.iter().copied());
        let gateway = Self {
            _process: Process::spawn("haproxy", haproxy),
            url: format!("http://{listen}/products/ie"),
            shop: format!("http://{shop}/"),
            admin,
        };
        let start = std::time::Instant::now();
        while [listen, shop, admin].iter().any(|it| TcpStream::connect(it).is_err()) {
            assert!(start.elapsed() < PATIENCE, "HAProxy does not listen");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        gateway
    }

    /// The product service that store fronts ask.
    fn products(&self) -> &str {
        self.url.trim_end_matches("/products/ie")
    }

    /// Says something to the runtime API, and tells what it answers.
    fn tell(&self, command: &str) -> String {
        let mut admin = TcpStream::connect(self.admin).expect("the runtime API listens");
        writeln!(admin, "{command}").expect("it reads");
        let mut answer = String::new();
        admin.read_to_string(&mut answer).expect("it answers");
        answer.trim().to_owned()
    }

    /// Which releases answer a number of requests with this `Accept`, and how often.
    async fn who(&self, n_requests: usize, accept: &[&str]) -> BTreeMap<String, usize> {
        let mut releases = BTreeMap::new();
        for _ in 0..n_requests {
            let mut request = client().get(&self.url);
            for value in accept {
                request = request.header("accept", *value);
            }
            let answer = request.send().await.expect("an answer");
            let release = answer.headers()["x-sava-release"].to_str().expect("text").to_owned();
            *releases.entry(release).or_default() += 1;
        }
        releases
    }
}

fn shares<const N: usize>(shares: [(&str, usize); N]) -> BTreeMap<String, usize> {
    shares.into_iter().map(|(release, n)| (release.to_owned(), n)).collect()
}

#[tokio::test]
async fn exactly_the_share_of_the_requests_goes_to_the_canary() {
    let (old, new) = (Product::start().release("1.0.3").await, Product::start().release("2.0.1").await);
    let gateway = Gateway::start(old.address(), new.address(), (9, 1)).await;
    assert_eq!(gateway.who(100, &[]).await, shares([("1.0.3", 90), ("2.0.1", 10)]));
    assert_eq!(gateway.tell("set weight products/canary 9"), "");
    assert_eq!(gateway.who(100, &[]).await, shares([("1.0.3", 50), ("2.0.1", 50)]));
    assert_eq!(gateway.tell("set weight products/canary 0"), "");
    assert_eq!(gateway.who(20, &[]).await, shares([("1.0.3", 20)]));
}

#[tokio::test]
async fn who_asks_for_version_1_alone_stays_with_the_old_release() {
    let (old, new) = (Product::start().release("1.0.3").await, Product::start().release("2.0.1").await);
    let gateway = Gateway::start(old.address(), new.address(), (1, 1)).await;
    let v1 = "application/vnd.sava.v1+json";
    for accept in [v1, "Application/VND.sava.v1+JSON", "application/vnd.sava.v1+json; q=0.5"] {
        assert_eq!(gateway.who(10, &[accept]).await, shares([("1.0.3", 10)]), "{accept}");
    }
    // Version 10 is not version 1, and who takes others as well may get the canary.
    let others: [&[&str]; 6] = [
        &["application/vnd.sava.v10+json"],
        &["application/vnd.sava.v1+jsonp"],
        &["application/vnd.sava.v2+json, application/vnd.sava.v1+json;q=0.5"],
        &["application/vnd.sava.v1+json, */*;q=0.1"],
        &[v1, "application/vnd.sava.v2+json"],
        &["application/vndXsavaXv1+json"],
    ];
    for accept in others {
        assert_eq!(gateway.who(10, accept).await, shares([("1.0.3", 5), ("2.0.1", 5)]), "{accept:?}");
    }
}

#[tokio::test]
async fn no_request_is_lost_with_the_canary() {
    let (old, new) = (Product::start().release("1.0.3").await, Product::start().release("2.0.1").await);
    let gateway = Gateway::start(old.address(), new.address(), (1, 1)).await;
    assert_eq!(gateway.who(10, &[]).await, shares([("1.0.3", 5), ("2.0.1", 5)]));
    let cart = Cart::start().release("2.0.4").product(gateway.products()).await;
    new.kill();
    assert_eq!(gateway.who(50, &[]).await, shares([("1.0.3", 50)]));
    let page = client().get(cart.url("/")).send().await.expect("an answer");
    assert_eq!(
        (page.status().as_u16(), &page.headers()["x-sava-product-release"]),
        (200, &"1.0.3".parse().expect("a value"))
    );
}

#[test]
fn page_shows_the_configuration_as_it_is() {
    let read = |file: &str| std::fs::read_to_string(root().join(file)).expect("a file of the repository");
    let page = read("docs/canary.md");
    let configuration = read("docker/haproxy.cfg");
    let blocks: Vec<_> = page.split("```haproxy\n").skip(1).collect();
    assert_eq!(blocks.len(), 2);
    for block in blocks {
        let (block, _) = block.split_once("```").expect("its end");
        assert!(configuration.contains(block), "{block}");
    }
}

/// The variables that the configuration reads are those that compose sets, and it is the file that is mounted.
#[test]
fn compose_runs_the_same_configuration() {
    let read = |file: &str| std::fs::read_to_string(root().join(file)).expect("a file of the repository");
    let configuration = read("docker/haproxy.cfg");
    let compose: serde_json::Value = serde_yaml_ng::from_str(&read("docker/compose.yaml")).expect("YAML");
    let gateway = &compose["services"]["gateway"];
    assert_eq!(gateway["profiles"], serde_json::json!(["gateway"]));
    assert_eq!(gateway["volumes"][0], "./haproxy.cfg:/usr/local/etc/haproxy/haproxy.cfg:ro");
    let mut wanted: Vec<_> = configuration
        .split("${")
        .skip(1)
        .map(|rest| rest.split(['}', '[']).next().expect("a name"))
        .collect();
    wanted.sort_unstable();
    wanted.dedup();
    let mut set: Vec<_> = gateway["environment"].as_object().expect("variables").keys().collect();
    set.sort_unstable();
    assert_eq!(set, wanted);
}
