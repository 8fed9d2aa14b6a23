//! Every page in every state, judged by axe-core and by Lighthouse: in both colour schemes, on the narrowest screen.

use std::time::{Duration, Instant};

use sava_testbed::{
    BrowserShopper, Cart, PATIENCE, Product,
    browser::{Browser, Script},
    client, lighthouse, tools,
};
use serde_json::{Value, json};
use thirtyfour::WebDriver;

/// Looks at pages as people see them who see, hear or move otherwise.
pub(super) struct Judge<'a> {
    driver: &'a WebDriver,
    axe: String,
}

impl<'a> Judge<'a> {
    pub(super) fn of(browser: &'a Browser) -> Self {
        let driver = browser.driver();
        let axe =
            std::fs::read_to_string(tools::npm("axe-core", "axe.min.js")).expect("axe-core can be read");
        Self { driver, axe }
    }

    async fn emulate(&self, method: &str, parameters: Value) {
        self.driver.cdp().send_raw(method, parameters).await.expect("Chromium can do that");
    }

    /// Judges the page that the browser shows: in both schemes, and on a screen of 320 pixels.
    pub(super) async fn judges(&self, page: &str) {
        for scheme in ["light", "dark"] {
            let feature = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
            self.emulate("Emulation.setEmulatedMedia", feature).await;
            self.finds_nothing(&format!("{page}, {scheme}")).await;
        }
        let phone = json!({ "width": 320, "height": 640, "deviceScaleFactor": 1, "mobile": true });
        self.emulate("Emulation.setDeviceMetricsOverride", phone).await;
        let wide = "return document.documentElement.scrollWidth === 320 ? [] : [...document.querySelectorAll('body *')]
            .filter((element) => element.getBoundingClientRect().right > 320)
            .map((element) => element.outerHTML.slice(0, 100))";
        // The page may be laid out again a moment later.
        let deadline = Instant::now() + Duration::from_secs(5);
        let mut found = self.run(wide).await;
        while found != json!([]) && Instant::now() < deadline {
            found = self.run(wide).await;
        }
        assert_eq!(found, json!([]), "{page} is wider than a narrow screen");
        self.finds_nothing(&format!("{page}, narrow")).await;
        self.emulate("Emulation.clearDeviceMetricsOverride", json!({})).await;
    }

    async fn finds_nothing(&self, page: &str) {
        self.run(&self.axe).await;
        // What a script draws by the colour scheme is drawn in the next frame.
        let script = "const done = arguments[arguments.length - 1];
            const next = (n) => n === 0 ? look() : requestAnimationFrame(() => next(n - 1));
            next(2);
            const look = () => axe.run({ resultTypes: ['violations'] }).then(({ violations }) => done(violations.map(
                ({ id, help, nodes }) => [id, help, ...nodes.map(({ target, html, any }) =>
                    [target.join(' '), html.slice(0, 200), ...any.map(({ message }) => message)].join(' | '))])),
                error => done([String(error)]))";
        let result = self.driver.execute_async(script, Vec::new()).await.expect("axe-core runs");
        let violations = result.json().as_array().cloned().unwrap_or_default();
        assert!(violations.is_empty(), "{page}: {}", serde_json::to_string_pretty(&violations).unwrap());
    }

    pub(super) async fn run(&self, script: &str) -> Value {
        self.driver.execute(script, Vec::new()).await.expect("a script runs").json().clone()
    }
}

/// The shopping trip, with a look at each page on the way.
async fn judge_everything(release: &str) {
    let product = Product::start().await;
    let cart = Cart::start().release(release).product(&product.url("")).await;
    let browser = Browser::start(Script::On).await;
    let judge = Judge::of(&browser);
    let shopper = BrowserShopper::enters(&browser, &cart.url("/")).await;
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
    shopper.presses("Check out").await;
    judge.judges("the checkout").await;
    shopper.presses("Place the order").await;
    judge.judges("a form with mistakes").await;
    let focused = judge.run("return document.activeElement.getAttribute('role')").await;
    assert_eq!(focused, "alert", "the error summary has the focus");
    shopper.fills_in_the_address("Eircode", "D02 X285").await;
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
    judge_everything("3.2.0").await;
}

#[tokio::test]
async fn axe_finds_nothing_in_the_release_view() {
    let product = Product::start().await;
    let cart = Cart::start().product(&product.url("")).await;
    let browser = Browser::start(Script::On).await;
    let judge = Judge::of(&browser);
    let presents = cart.url("/release#presenter=correct-horse-battery");
    browser.driver().goto(presents).await.expect("the view is shown");
    let cards = async {
        while judge.run("return document.querySelectorAll('.card').length").await.as_u64() < Some(2) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, cards).await.expect("the view shows both services");
    judge.judges("the release view, with a presenter's buttons").await;
    browser.driver().action_chain().send_keys("m").perform().await.expect("a key");
    judge.judges("a presenter's word").await;
    browser.driver().action_chain().send_keys("\u{e00c}").perform().await.expect("Escape");
    browser.driver().action_chain().send_keys("s").perform().await.expect("a key");
    let plates = async {
        while judge.run("return document.querySelectorAll('.plate').length").await.as_u64() < Some(2) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, plates).await.expect("the stage shows both services");
    judge.judges("the stage").await;
    browser.driver().action_chain().send_keys("q").perform().await.expect("a key");
    judge.judges("the address for phones").await;
    browser.driver().refresh().await.expect("the view is shown anew");
    let recording = r#"{ "format": "sava-recording", "version": 1, "title": "A canary", "lostSince": "2026-01-31T12:00:00.000Z",
        "until": "2026-01-31T12:00:10.000Z", "marks": [{ "time": "2026-01-31T12:00:00.000Z", "text": "released" }], "samples": [{
        "time": "2026-01-31T12:00:00.000Z", "storefrontRelease": "3.0.0", "storefrontInstance": "a", "storefrontError": "",
        "latencyMs": 2, "productRelease": "2.0.1", "productInstance": "b", "apiVersion": "v2", "productError": "",
        "productLatencyMs": 1, "productSampleIsOwn": true, "productEtag": "" }] }"#;
    let opens = async |text: &str, is_open: &str| {
        let drop = format!(
            "const data = new DataTransfer();
            data.items.add(new File([{text:?}], 'it.json'));
            document.body.dispatchEvent(new DragEvent('drop', {{ dataTransfer: data, bubbles: true, cancelable: true }}))"
        );
        judge.run(&drop).await;
        let opened = async {
            while judge.run(&format!("return Boolean(document.querySelector('{is_open}'))")).await != true {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, opened).await.expect("it is opened");
    };
    opens(recording, "#replay:not([hidden])").await;
    // The stage is in its address still.
    judge.judges("a recording on the stage").await;
    browser.driver().action_chain().send_keys("s").perform().await.expect("a key");
    judge.judges("a recording").await;
    opens("{}", "#refused[open]").await;
    judge.judges("what is no recording").await;
    browser.driver().goto(cart.url("/release?audience")).await.expect("the page is shown");
    judge.judges("a phone of the audience").await;
}

#[tokio::test]
async fn lighthouse_gives_full_marks() {
    let product = Product::start().await;
    let cart = Cart::start().product(&product.url("")).await;
    let form = [("id", "3"), ("quantity", "2")];
    let added = client().post(cart.url("/cart/items")).form(&form).send().await.expect("an answer");
    let cookie = added.headers()["set-cookie"].to_str().expect("a cookie is text");
    let cookie = cookie.split(';').next().unwrap_or_default();
    let categories = ["accessibility", "best-practices", "seo"];
    for path in ["/", "/products/3", "/cart", "/checkout"] {
        let report = lighthouse::judge(&cart.url(path), cookie, &categories).await;
        for category in categories {
            assert_eq!(report.marks(category), 100, "{path}: {category}: {}", report.failed());
        }
    }
    let report = lighthouse::judge(&product.url("/docs"), "", &categories).await;
    for category in categories {
        assert_eq!(report.marks(category), 100, "the API's documentation: {category}: {}", report.failed());
    }
}

#[tokio::test]
async fn long_words_fit_a_narrow_screen() {
    let data = tempfile::tempdir().expect("a temporary directory");
    let word = "Donaudampfschifffahrtsgesellschaftskapitaensmuetze".repeat(3);
    let db =
        json!({ "products": [{ "id": 1, "locale": "ie", "title": word, "description": word, "price": 5 }] });
    std::fs::write(data.path().join("db.json"), db.to_string()).expect("a file in a temporary directory");
    let product = Product::start().data(data.path()).await;
    for release in ["1.0.5", "2.0.4", "3.0.0"] {
        let cart = Cart::start().release(release).product(&product.url("")).await;
        let browser = Browser::start(Script::On).await;
        let judge = Judge::of(&browser);
        let shopper = BrowserShopper::enters(&browser, &cart.url("/")).await;
        judge.judges("the list of one long word").await;
        shopper.presses_at(&word, "Add").await;
        judge.judges("the list, and one long word in the cart").await;
        shopper.follows(&word).await;
        judge.judges("the product of one long word").await;
        shopper.presses("Add to cart").await;
        judge.judges("the cart with one long word").await;
        shopper.presses("Check out").await;
        judge.judges("the checkout with one long word").await;
    }
}
