//! The release view as a test has it open.

use std::{
    fs,
    time::{Duration, Instant},
};

use sava_testbed::{PATIENCE, browser::Browser};
use serde_json::{Value, json};
use thirtyfour::By;

/// A view that is open.
pub(super) struct View<'a> {
    pub(super) browser: &'a Browser,
}

/// A phone, the resolution of half of the projectors, and larger ones.
pub(super) const SCREENS: [(u32, u32); 4] = [(360, 740), (1280, 720), (1920, 1080), (3840, 2160)];

/// The published releases and others, as they may be in one lane at once.
pub(super) const FRONTS: [&str; 8] =
    ["3.0.0", "2.0.4", "1.0.5", "3.0.1-broken", "4.0.0", "5.0.0", "6.0.0", "3.1.0"];
pub(super) const PRODUCTS: [&str; 8] =
    ["2.0.1", "1.0.3", "2.0.2-errors", "3.0.0", "2.1.0-breaking", "2.0.2-crash", "2.0.2-slow", "2.0.2-leak"];

/// Samples that go around these releases, of so many pods each; every seventh of the product service failed.
pub(super) fn samples_of(fronts: &[&str], products: &[&str], pods: usize) -> String {
    format!(
        r#"const [fronts, products] = [{fronts:?}, {products:?}];
        window.fed = 0;
        window.fetch = async () => {{
            const n = fed += 1;
            const [front, release] = [fronts[n % fronts.length], products[(n >> 3) % products.length]];
            const said = {{ storefront: {{ release: front, instance: `cart-${{front}}` }}, product: {{
                sample: n, release, instance: `product-${{release}}-${{n % {pods}}}`, apiVersion: "v2", latencyMs: 2, etag: "",
                error: n % 7 ? null : "status 500" }} }};
            return {{ ok: true, headers: new Headers(), json: async () => said }};
        }};"#
    )
}

/// What the card of a release shows.
#[derive(Debug)]
pub(super) struct ReleaseCard {
    /// Of the last seconds.
    pub(super) share: f64,
    /// The share in all samples of the span.
    pub(super) mean: f64,
    /// All samples of the span.
    pub(super) n: f64,
    pub(super) p50: String,
    pub(super) errors: String,
}

impl<'a> View<'a> {
    pub(super) async fn open(browser: &'a Browser, store: &str) -> Self {
        // Another fragment alone would not be a new page.
        browser.driver().goto("about:blank").await.expect("a blank page");
        let url = format!("{store}release#rate=50&window=30");
        browser.driver().goto(&url).await.expect("the view is there");
        Self { browser }
    }

    /// Opens it in pages that run `script` before their own.
    pub(super) async fn open_after(script: &str, browser: &'a Browser, store: &str) -> Self {
        let script = json!({ "source": script });
        let cdp = browser.driver().cdp();
        cdp.send_raw("Page.addScriptToEvaluateOnNewDocument", script).await.expect("it can be added");
        Self::open(browser, store).await
    }

    pub(super) async fn run(&self, script: &str) -> Value {
        let result = self.browser.driver().execute(script, Vec::new()).await.expect("a script runs");
        result.json().clone()
    }

    /// The card of a release in a lane (`storefront`, `product`), if there is one.
    pub(super) async fn card(&self, lane: &str, release: &str) -> Option<ReleaseCard> {
        let script = format!(
            "const card = [...document.querySelectorAll('#{lane} .card')]
                 .find((card) => card.querySelector('.name > span').textContent === '{release}');
             if (!card) return null;
             const figures = Object.fromEntries([...card.querySelectorAll('dl div')]
                 .map((pair) => [pair.firstChild.textContent, pair.lastChild.textContent]));
             return {{
                 share: Number.parseFloat(card.querySelector('.share span').textContent) / 100,
                 mean: Number.parseFloat(card.querySelector('.share i').textContent.replace('mean ', '')) / 100,
                 n: Number.parseFloat(card.querySelector('.share i').textContent.split(' of ')[1]),
                 p50: figures.p50, errors: figures.errors }};"
        );
        let card = self.run(&script).await;
        Some(ReleaseCard {
            share: card["share"].as_f64()?,
            mean: card["mean"].as_f64()?,
            n: card["n"].as_f64()?,
            p50: card["p50"].as_str()?.to_owned(),
            errors: card["errors"].as_str()?.to_owned(),
        })
    }

    /// Waits until `script` is true, and says how long that took.
    pub(super) async fn wait(&self, script: &str) -> Duration {
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

    /// Presses a key as a person does.
    pub(super) async fn press(&self, key: &str) {
        self.browser.driver().action_chain().send_keys(key).perform().await.expect("a key");
    }

    /// Clicks the button with this id.
    pub(super) async fn click(&self, id: &str) {
        let button = self.browser.driver().find(By::Id(id)).await.expect("there is such a button");
        button.click().await.expect("it can be clicked");
    }

    pub(super) async fn send(&self, method: &str, parameters: Value) -> Value {
        self.browser.driver().cdp().send_raw(method, parameters).await.expect("Chromium does it")
    }

    /// Waits for a picture that is drawn after now, and gives it.
    pub(super) async fn picture(&self) -> Value {
        let script = "const done = arguments[0];
            const next = (n) => n === 0
                ? done(document.querySelector('#product canvas').toDataURL())
                : requestAnimationFrame(() => next(n - 1));
            next(5)";
        let picture = self.browser.driver().execute_async(script, Vec::new()).await.expect("a picture");
        picture.json().clone()
    }

    /// Saves the samples by this button, and gives what was saved.
    pub(super) async fn save(&self, kind: &str) -> String {
        let folder = tempfile::tempdir().expect("a temporary directory can be made");
        let allow = json!({ "behavior": "allow", "downloadPath": folder.path() });
        self.send("Browser.setDownloadBehavior", allow).await;
        self.click(kind).await;
        let saved = async {
            loop {
                // Chromium keeps its place with an empty file, until it renames what is whole to that name.
                let mut files =
                    fs::read_dir(folder.path()).expect("it is there").map(|file| file.unwrap().path());
                if let Some(file) = files.find(|file| file.extension().is_some_and(|is| is == kind)) {
                    let text = fs::read_to_string(file).expect("it can be read");
                    if !text.is_empty() {
                        return text;
                    }
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, saved).await.expect("it is saved in time")
    }

    /// Waits until this many samples of the product service are in the picture.
    pub(super) async fn wait_for_samples(&self, n: u32) {
        let script = format!(
            "Number(document.querySelector('#product .share i')?.textContent.split(' of ')[1]) >= {n}"
        );
        self.wait(&script).await;
    }
}
