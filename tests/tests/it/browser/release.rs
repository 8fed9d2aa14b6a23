//! The release view in a real Chromium: what it shows is what is so, and soon.

use std::time::{Duration, Instant};

use sava_tests::{
    Balancer, Cart, PATIENCE, Product,
    browser::{Browser, Script},
    cluster::{ApiServer, Kubectl},
};
use serde_json::Value;

/// A view that is open.
struct View<'a> {
    browser: &'a Browser,
}

/// What the card of a release shows.
#[derive(Debug)]
struct Card {
    share: f64,
    /// All samples of the span.
    n: f64,
    p50: String,
    errors: String,
}

impl<'a> View<'a> {
    async fn open(browser: &'a Browser, store: &str) -> Self {
        // Only another fragment would be no new page.
        browser.driver().goto("about:blank").await.expect("a blank page");
        let url = format!("{store}release#rate=50&window=30");
        browser.driver().goto(&url).await.expect("the view is there");
        Self { browser }
    }

    async fn run(&self, script: &str) -> Value {
        let result = self.browser.driver().execute(script, Vec::new()).await.expect("a script runs");
        result.json().clone()
    }

    /// The card of a release in a lane (`storefront`, `product`), if there is one.
    async fn card(&self, lane: &str, release: &str) -> Option<Card> {
        let script = format!(
            "const card = [...document.querySelectorAll('#{lane} .card')]
                 .find((card) => card.querySelector('.name > span').textContent === '{release}');
             if (!card) return null;
             const figures = Object.fromEntries([...card.querySelectorAll('dl div')]
                 .map((pair) => [pair.firstChild.textContent, pair.lastChild.textContent]));
             return {{
                 share: Number.parseFloat(card.querySelector('.share span').textContent) / 100,
                 n: Number.parseFloat(card.querySelector('.share i').textContent.split(' of ')[1]),
                 p50: figures.p50, errors: figures.errors }};"
        );
        let card = self.run(&script).await;
        Some(Card {
            share: card["share"].as_f64()?,
            n: card["n"].as_f64()?,
            p50: card["p50"].as_str()?.to_owned(),
            errors: card["errors"].as_str()?.to_owned(),
        })
    }

    /// Waits until `script` is true, and says how long that took.
    async fn wait(&self, script: &str) -> Duration {
        let start = Instant::now();
        let wait = async {
            while self.run(&format!("return Boolean({script})")).await != true {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, wait).await.is_ok();
        assert!(in_time, "never: {script}");
        start.elapsed()
    }

    /// Waits until so many samples of the product service are in the picture.
    async fn wait_for_samples(&self, n: u32) {
        let script = format!(
            "Number(document.querySelector('#product .share i')?.textContent.split(' of ')[1]) >= {n}"
        );
        self.wait(&script).await;
    }
}

/// The old and the new product release behind a store front, each getting connections by its weight.
struct Canary {
    old: Product,
    new: Product,
    balancer: Balancer,
    cart: Cart,
}

impl Canary {
    async fn start(new: &str) -> Self {
        let old = Product::start().release("1.0.3").await;
        let new = Product::start().release(new).await;
        let balancer = Balancer::start().await;
        let cart = Cart::start().release("2.0.4").product(&balancer.url("")).await;
        let canary = Self { old, new, balancer, cart };
        canary.release(0);
        canary
    }

    /// So many percent of the connections go to the new release.
    fn release(&self, percent: u32) {
        self.balancer.split(&[(self.old.address(), 100 - percent), (self.new.address(), percent)]);
    }
}

#[tokio::test]
async fn shares_shown_are_those_of_the_traffic() {
    let canary = Canary::start("2.0.1").await;
    let browser = Browser::start(Script::On).await;
    for percent in [0, 5, 50, 100] {
        canary.release(percent);
        let view = View::open(&browser, &canary.cart.url("/")).await;
        view.wait_for_samples(150).await;
        let card = view.card("product", "2.0.1").await;
        let truth = f64::from(percent) / 100.0;
        let (share, n) = card.map_or((0.0, 150.0), |card| (card.share, card.n));
        // Four standard deviations, and the rounding of what is shown.
        let error = 4.0 * (truth * (1.0 - truth) / n).sqrt() + 0.01;
        assert!((share - truth).abs() <= error, "{percent} % is shown as {share} of {n}");
        let front = view.card("storefront", "2.0.4").await.expect("the store front has a card");
        assert!((front.share - 1.0).abs() < 0.01, "{front:?}");
    }
}

#[tokio::test]
async fn killed_pod_is_seen_within_two_seconds() {
    let canary = Canary::start("1.0.3").await;
    canary.release(50);
    let browser = Browser::start(Script::On).await;
    let view = View::open(&browser, &canary.cart.url("/")).await;
    view.wait("document.querySelectorAll('#product .pod').length === 2").await;
    view.wait_for_samples(60).await;
    let Canary { old, new, balancer, cart: _cart } = canary;
    let killed = Instant::now();
    new.kill();
    balancer.split(&[(old.address(), 1)]);
    view.wait("document.querySelector('#product .pod.gone')").await;
    assert!(killed.elapsed() < Duration::from_secs(2), "{:?}", killed.elapsed());
    view.wait("document.querySelector('#events').textContent.includes('is gone')").await;
}

#[tokio::test]
async fn failing_release_is_seen_within_two_seconds() {
    let canary = Canary::start("2.0.2-errors").await;
    let browser = Browser::start(Script::On).await;
    let view = View::open(&browser, &canary.cart.url("/")).await;
    view.wait_for_samples(30).await;
    assert_eq!(view.run("return document.querySelector('#lost-count').textContent").await, "0");
    canary.release(100);
    let took = view.wait("document.querySelector('#events').textContent.includes('errors began')").await;
    assert!(took < Duration::from_secs(2), "{took:?}");
    view.wait("Number(document.querySelector('#lost-count').textContent) > 0").await;
    let card = view.card("product", "2.0.2-errors").await.expect("it has a card");
    assert_ne!(card.errors, "0", "{card:?}");
}

#[tokio::test]
async fn slow_release_is_seen_within_two_seconds() {
    let canary = Canary::start("2.0.2-slow").await;
    let browser = Browser::start(Script::On).await;
    let view = View::open(&browser, &canary.cart.url("/")).await;
    view.wait_for_samples(30).await;
    canary.release(50);
    let took = view
        .wait("[...document.querySelectorAll('#product .card')].some((card) => card.textContent.includes('2.0.2-slow') && /p50\\d{3,4} ms|p501\\.\\d s/.test(card.querySelector('dl').textContent))")
        .await;
    assert!(took < Duration::from_secs(2), "{took:?}");
    let card = view.card("product", "2.0.2-slow").await.expect("it has a card");
    assert!(card.p50.ends_with("ms") || card.p50.ends_with(" s"), "{card:?}");
    view.wait("document.querySelector('#events').textContent.includes('times slower')").await;
}

#[tokio::test]
async fn view_works_behind_kubectl_proxy() {
    const NAMESPACE: &str = "vampio-organization-environment";
    let product = Product::start().release("2.0.1").await;
    let cart = Cart::start().release("1.0.5").product(&product.url("")).await;
    let replica = cart.start_again().release("2.0.4").product(&product.url("")).await;
    let cluster = ApiServer::start().await;
    let pods = [&cart, &replica].map(|pod| pod.address().parse().expect("an address and a port"));
    cluster.add_service(NAMESPACE, "sava-cart-ie", 80, None, &pods);
    let proxy = Kubectl::new(&cluster).proxy().await;
    let browser = Browser::start(Script::On).await;
    let view = View::open(&browser, &proxy.service(NAMESPACE, "sava-cart-ie")).await;
    view.wait_for_samples(40).await;
    for release in ["1.0.5", "2.0.4"] {
        let shown = view.card("storefront", release).await.expect("both releases have a card");
        assert!(shown.share > 0.1, "{release}: {shown:?}");
    }
    assert_eq!(view.run("return document.querySelector('#lost-count').textContent").await, "0");
    view.wait("document.querySelector('#grid').textContent.includes('v2')").await;
}

#[tokio::test]
async fn link_keeps_the_settings() {
    let product = Product::start().await;
    let cart = Cart::start().product(&product.url("")).await;
    let browser = Browser::start(Script::On).await;
    let url = cart.url("/release#rate=7&window=120&theme=dark&meant.product.3.0.0=100&show=product");
    browser.driver().goto(&url).await.expect("the view is there");
    let view = View { browser: &browser };
    view.wait_for_samples(5).await;
    assert_eq!(view.run("return document.querySelector('#rate').value").await, "7");
    assert_eq!(view.run("return document.documentElement.dataset.theme").await, "dark");
    assert_eq!(view.run("return document.querySelector('#storefront').hidden").await, true);
    view.wait("document.querySelector('#product .meant output').textContent.includes('within chance')").await;
    assert!(
        browser
            .driver()
            .current_url()
            .await
            .expect("it is somewhere")
            .as_str()
            .contains("meant.product.3.0.0=100")
    );
    view.run("document.body.dispatchEvent(new KeyboardEvent('keydown', { key: '+', bubbles: true }))").await;
    view.wait("location.hash.includes('rate=8')").await;
    view.run("document.body.dispatchEvent(new KeyboardEvent('keydown', { key: '?', bubbles: true }))").await;
    assert_eq!(view.run("return document.querySelector('#keys').open").await, true);
}

#[tokio::test]
async fn without_script_there_is_a_table_of_samples() {
    let product = Product::start().release("1.0.3").await;
    let cart = Cart::start().product(&product.url("")).await;
    let browser = Browser::start(Script::Off).await;
    let driver = browser.driver();
    driver.goto(&cart.url("/release")).await.expect("the view is there");
    let text = || async {
        let main = driver.find(thirtyfour::By::Css("main")).await.expect("a main part");
        main.text().await.expect("a text")
    };
    let shown = text().await;
    assert_eq!(shown.matches("1.0.3").count(), 13, "twelve samples and their share: {shown}");
    assert!(shown.contains("1.0.3: 12 of 12 (100 %)"), "{shown}");
    assert!(!shown.contains("The journey"), "{shown}");
    let link = driver.find(thirtyfour::By::LinkText("Make new ones")).await.expect("a link for new ones");
    link.click().await.expect("it can be followed");
    assert!(text().await.contains("12 of 12"));
}
