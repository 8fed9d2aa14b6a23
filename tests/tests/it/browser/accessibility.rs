//! Every page in every state, judged by axe-core and by Lighthouse: in both colour schemes, on the narrowest screen.

use std::{path::PathBuf, time::Duration};

use sava_tests::{
    Cart, PATIENCE, Process, Product, Shopper,
    browser::{Browser, Script},
    client, command,
};
use serde_json::{Value, json};
use thirtyfour::WebDriver;

/// A file of an npm package that `cargo xtask test` installs.
fn tool(package: &str, file: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target")), PathBuf::from);
    let path = target.join("tools").join(package).join("node_modules").join(package).join(file);
    assert!(path.is_file(), "{} is not there: `cargo xtask test` installs {package}", path.display());
    path
}

/// Looks at pages as people see them who see, hear or move otherwise.
struct Judge<'a> {
    driver: &'a WebDriver,
    axe: String,
}

impl<'a> Judge<'a> {
    fn of(browser: &'a Browser) -> Self {
        let driver = browser.driver();
        let axe = std::fs::read_to_string(tool("axe-core", "axe.min.js")).expect("axe-core can be read");
        Self { driver, axe }
    }

    async fn emulate(&self, method: &str, parameters: Value) {
        self.driver.cdp().send_raw(method, parameters).await.expect("Chromium can do that");
    }

    /// Judges the page that the browser shows: in both schemes, and on a screen of 320 pixels.
    async fn judges(&self, page: &str) {
        for scheme in ["light", "dark"] {
            let feature = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
            self.emulate("Emulation.setEmulatedMedia", feature).await;
            self.finds_nothing(&format!("{page}, {scheme}")).await;
        }
        let phone = json!({ "width": 320, "height": 640, "deviceScaleFactor": 1, "mobile": true });
        self.emulate("Emulation.setDeviceMetricsOverride", phone).await;
        let width = self.run("return document.documentElement.scrollWidth").await;
        assert_eq!(width, 320, "{page} is wider than a narrow screen");
        self.finds_nothing(&format!("{page}, narrow")).await;
        self.emulate("Emulation.clearDeviceMetricsOverride", json!({})).await;
    }

    async fn finds_nothing(&self, page: &str) {
        self.run(&self.axe).await;
        let script = "const done = arguments[arguments.length - 1];
            axe.run({ resultTypes: ['violations'] }).then(({ violations }) => done(violations.map(
                ({ id, help, nodes }) => [id, help, ...nodes.map(({ target, html, any }) =>
                    [target.join(' '), html.slice(0, 200), ...any.map(({ message }) => message)].join(' | '))])),
                error => done([String(error)]))";
        let result = self.driver.execute_async(script, Vec::new()).await.expect("axe-core runs");
        let violations = result.json().as_array().cloned().unwrap_or_default();
        assert!(violations.is_empty(), "{page}: {}", serde_json::to_string_pretty(&violations).unwrap());
    }

    async fn run(&self, script: &str) -> Value {
        self.driver.execute(script, Vec::new()).await.expect("a script runs").json().clone()
    }
}

/// The shopping trip, with a look at each page on the way.
async fn judge_everything(release: &str) {
    let product = Product::start().await;
    let cart = Cart::start().release(release).product(&product.url("")).await;
    let browser = Browser::start(Script::On).await;
    let judge = Judge::of(&browser);
    let shopper = Shopper::enters(&browser, &cart.url("/")).await;
    judge.judges("the list").await;
    shopper.goes_to("Cart").await;
    judge.judges("the empty cart").await;
    shopper.goes_to("Orders").await;
    judge.judges("no orders").await;
    shopper.goes_to("Products").await;
    shopper.follows("Willow dreamcatcher").await;
    judge.judges("a product").await;
    shopper.fills_in("Quantity", "99").await;
    shopper.presses("Add to cart").await;
    judge.judges("the cart").await;
    shopper.follows("Check out").await;
    judge.judges("the checkout").await;
    shopper.presses("Place the order").await;
    judge.judges("a form with mistakes").await;
    let focused = judge.run("return document.activeElement.getAttribute('role')").await;
    assert_eq!(focused, "alert", "the error summary has the focus");
    for (label, text) in [
        ("Name", "Aoife Byrne"),
        ("E-mail", "aoife@example.ie"),
        ("Address", "1 Main Street"),
        ("Town", "Dublin"),
        ("Eircode", "D02 X285"),
    ] {
        shopper.fills_in(label, text).await;
    }
    shopper.presses("Place the order").await;
    judge.judges("an order").await;
    shopper.goes_to("Orders").await;
    judge.judges("the orders").await;
    browser.driver().goto(cart.url("/no/such/page")).await.expect("a page is shown");
    judge.judges("a page that is not there").await;
    browser.driver().goto(cart.url("/?q=zzz")).await.expect("a page is shown");
    judge.judges("a search").await;
    product.kill();
    browser.driver().goto(cart.url("/")).await.expect("a page is shown");
    judge.judges("the list while the products are away").await;
}

#[tokio::test]
async fn axe_finds_nothing_in_the_plain_list() {
    judge_everything("1.0.5").await;
}

#[tokio::test]
async fn axe_finds_nothing_among_the_pictures() {
    judge_everything("2.0.4").await;
}

#[tokio::test]
async fn axe_finds_nothing_in_the_newest_release() {
    judge_everything("3.0.0").await;
}

#[tokio::test]
async fn axe_finds_nothing_in_the_release_view() {
    let product = Product::start().await;
    let cart = Cart::start().product(&product.url("")).await;
    let browser = Browser::start(Script::On).await;
    let judge = Judge::of(&browser);
    browser.driver().goto(cart.url("/release")).await.expect("the view is shown");
    let cards = async {
        while judge.run("return document.querySelectorAll('.card').length").await.as_u64() < Some(2) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, cards).await.expect("the view shows both services");
    judge.judges("the release view").await;
}

#[tokio::test]
async fn lighthouse_gives_full_marks() {
    let product = Product::start().await;
    let cart = Cart::start().product(&product.url("")).await;
    let form = [("id", "3"), ("quantity", "2")];
    let added = client().post(cart.url("/cart/items")).form(&form).send().await.expect("an answer");
    let cookie = added.headers()["set-cookie"].to_str().expect("a cookie is text");
    let cookie = cookie.split(';').next().unwrap_or_default();
    for path in ["/", "/products/3", "/cart", "/checkout"] {
        let report = lighthouse(&cart.url(path), cookie).await;
        for category in ["accessibility", "best-practices", "seo"] {
            let score = report["categories"][category]["score"].as_f64();
            assert_eq!(score, Some(1.0), "{path}: {category}: {}", failed(&report));
        }
    }
}

/// What Lighthouse says of the page as the shopper with this cookie sees it, without its performance: this may be a
/// noisy machine.
async fn lighthouse(url: &str, cookie: &str) -> Value {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let report = directory.path().join("report.json");
    let chromium = ["chromium", "chromium-browser", "google-chrome"].into_iter().find_map(|name| {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).map(|directory| directory.join(name)).find(|program| program.is_file())
    });
    let mut lighthouse = command("node");
    lighthouse
        .arg(tool("lighthouse", "cli/index.js"))
        .args([url, "--quiet", "--output=json", "--only-categories=accessibility,best-practices,seo"])
        .arg(format!("--output-path={}", report.display()))
        .arg(format!("--extra-headers={}", json!({ "Cookie": cookie })))
        .arg(
            "--chrome-flags=--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
             --disable-background-networking --disable-component-update --disable-sync",
        )
        .env("HOME", directory.path())
        .env("CHROME_PATH", chromium.expect("Chromium is installed; `cargo xtask test` does it"));
    let exit = Process::spawn("lighthouse", lighthouse).exit().await;
    assert_eq!(exit.code, Some(0), "{}", exit.output);
    let report = std::fs::read(&report).expect("there is a report");
    serde_json::from_slice(&report).expect("a report is JSON")
}

/// The names of the audits that did not give full marks.
fn failed(report: &Value) -> String {
    let audits = report["audits"].as_object().into_iter().flatten();
    let names = audits.filter(|(_, audit)| audit["score"].as_f64().is_some_and(|score| score < 1.0));
    names.map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
}
