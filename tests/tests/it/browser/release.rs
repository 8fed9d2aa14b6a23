//! The release view in a real Chromium: what it shows is what is so, and soon.

mod audience;
mod presenter;
mod recording;
mod room;
mod screens;
mod stage;
mod view;

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use sava_testbed::{
    Balancer, Cart, Product,
    browser::{Browser, Script},
    cluster::{ApiServer, Kubectl},
};
use serde_json::{Value, json};

use view::View;

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
async fn large_share_is_that_of_the_last_seconds() {
    let canary = Canary::start("2.0.1").await;
    let browser = Browser::start(Script::On).await;
    let view = View::open(&browser, &canary.cart.url("/")).await;
    view.wait_for_samples(350).await;
    canary.release(100);
    tokio::time::sleep(Duration::from_secs(6)).await;
    let card = view.card("product", "2.0.1").await.expect("it has a card");
    assert!(card.share > 0.995, "{card:?}");
    assert!(card.mean < 0.9, "the mean of the span has the time before in it: {card:?}");
    let journey = view.run("return document.querySelector('#journey').textContent").await;
    assert!(!journey.to_string().contains("1.0.3"), "{journey}");
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

/// As when a scene is over and its stage is taken down under the open page.
#[tokio::test]
async fn closed_shop_is_not_a_loss() {
    let product = Product::start().await;
    let cart = Cart::start().product(&product.url("")).await;
    let browser = Browser::start(Script::On).await;
    let view = View::open(&browser, &cart.url("/")).await;
    view.wait_for_samples(20).await;
    cart.kill();
    view.wait("document.querySelector('#pulse').textContent.includes('closed')").await;
    assert_eq!(view.run("return document.querySelector('#lost-count').textContent").await, "0");
}

/// The last answers are cut, or come when others have failed already.
#[tokio::test]
async fn answer_that_is_cut_when_the_shop_closes_is_not_a_loss() {
    let cart = Cart::start().await;
    let browser = Browser::start(Script::On).await;
    let samples = "let asked = 0;
        window.fetch = async () => {
            const n = asked += 1;
            if (n > 21) throw new TypeError('refused');
            if (n === 20) await new Promise((done) => setTimeout(done, 1000));
            return { ok: true, headers: new Headers({ 'X-Sava-Release': '3.0.0' }), json: async () => {
                if (n === 21) throw new TypeError('cut');
                return { storefront: { release: '3.0.0', instance: 'a' }, product: { sample: n, release: '2.0.1',
                    instance: 'b', apiVersion: 'v2', latencyMs: 2, etag: '', error: null } };
            } };
        };";
    let view = View::open_after(samples, &browser, &cart.url("/")).await;
    view.wait("document.querySelector('#pulse').textContent.includes('closed')").await;
    assert_eq!(view.run("return document.querySelector('#lost-count').textContent").await, "0");
}

/// As with an extension of the browser that sets the header.
#[tokio::test]
async fn samples_of_a_preview_are_called_so() {
    let product = Product::start().release("2.0.1").await;
    let cart = Cart::start().product(&product.url("")).env("PREVIEW_RELEASES", "2.0.1").await;
    let browser = Browser::start(Script::On).await;
    let samples = "const asks = window.fetch;
        window.fetch = (at, options) =>
            asks(at, { ...options, headers: { ...options.headers, 'X-Sava-Preview': '2.0.1' } });";
    let view = View::open_after(samples, &browser, &cart.url("/")).await;
    view.wait("document.querySelector('#pulse').textContent.endsWith('/s, preview of 2.0.1')").await;
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
    // Who takes its time is not gone.
    view.wait_for_samples(120).await;
    let events = view.run("return document.querySelector('#events').textContent").await;
    assert!(!events.to_string().contains("is gone"), "{events}");
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

/// The columns of the samples that are saved.
const COLUMNS: &str = "time,storefrontRelease,storefrontInstance,storefrontError,latencyMs,productRelease,\
    productInstance,apiVersion,productError,productLatencyMs,productSampleIsOwn,productEtag";

#[tokio::test]
async fn samples_are_saved_as_csv_and_json() {
    let product = Product::start().release("2.0.1").env("POD_NAME", "product-1").await;
    let cart = Cart::start().product(&product.url("")).env("POD_NAME", "cart-1").await;
    let browser = Browser::start(Script::On).await;
    let view = View::open(&browser, &cart.url("/")).await;
    view.wait_for_samples(20).await;
    view.click("pause").await;

    let csv = view.save("csv").await;
    let mut lines = csv.split_terminator("\r\n");
    assert_eq!(lines.next(), Some(COLUMNS));
    let rows: Vec<Vec<_>> = lines.map(|line| line.split(',').collect()).collect();
    assert!(rows.len() >= 20, "{csv}");
    view.wait(&format!(
        "document.querySelector('#said').textContent === '{} samples saved as CSV'",
        rows.len()
    ))
    .await;
    let recording: Value = serde_json::from_str(&view.save("json").await).expect("it is JSON");
    let samples = recording["samples"].as_array().expect("it has a list");
    assert_eq!(samples.len(), rows.len());
    let names: Vec<_> = COLUMNS.split(',').collect();
    for (row, sample) in rows.iter().zip(samples) {
        assert_eq!(sample.as_object().expect("a sample has names").len(), names.len());
        for (name, cell) in names.iter().zip(row) {
            let value = &sample[*name];
            let cell = cell
                .strip_prefix('"')
                .and_then(|cell| cell.strip_suffix('"'))
                .unwrap_or(cell)
                .replace("\"\"", "\"");
            assert_eq!(value.as_str().map_or_else(|| value.to_string(), str::to_owned), cell, "{name}");
        }
        assert!(row[0].ends_with('Z') && row[0].len() == "2026-01-01T00:00:00.000Z".len(), "{row:?}");
        assert!(
            sample["latencyMs"].as_f64() > Some(0.0) && sample["productLatencyMs"].as_f64() > Some(0.0),
            "{row:?}"
        );
        assert_eq!(row[1..4], ["3.0.0", "cart-1", ""], "{row:?}");
        assert_eq!(row[5..9], ["2.0.1", "product-1", "v2", ""], "{row:?}");
    }
    // A request that joins another's sample of the product service may be answered sooner than that sample took; the one
    // that began it never is.
    assert!(
        samples.iter().any(|sample| sample["latencyMs"].as_f64() >= sample["productLatencyMs"].as_f64()),
        "{csv}"
    );
    // Those that came in one moment share a sample of the product service.
    assert!(rows.iter().any(|row| row[10] == "true"), "{csv}");
}

#[tokio::test]
async fn saved_names_are_neither_formulas_nor_more_cells() {
    let cart = Cart::start().await;
    let browser = Browser::start(Script::On).await;
    let view = View::open(&browser, &cart.url("/")).await;
    view.run(
        r#"let n = 0;
        window.fetch = async () => Response.json({
            storefront: { release: "=1+1", instance: '@SUM(1,"2")' },
            product: { sample: n += 1, release: "-2.0", instance: "two\nlines", apiVersion: "v2", latencyMs: 1, error: '+a, "b"' } })"#,
    )
    .await;
    view.wait("document.querySelector('#product .pod')?.textContent.includes('two')").await;
    view.click("pause").await;
    let csv = view.save("csv").await;
    let hostile = r#"'=1+1,"'@SUM(1,""2"")",,"#;
    assert!(csv.contains(hostile), "{csv}");
    let hostile = ",'-2.0,\"two\nlines\",v2,\"'+a, \"\"b\"\"\",1,true,\r\n";
    assert!(csv.contains(hostile), "{csv}");
    let recording: Value = serde_json::from_str(&view.save("json").await).expect("it is JSON");
    let last = recording["samples"].as_array().and_then(|samples| samples.last()).expect("there are samples");
    assert_eq!(last["storefrontInstance"], "@SUM(1,\"2\")", "JSON keeps it as it is");
}

#[tokio::test]
async fn paused_picture_stands_still_until_it_goes_on() {
    let product = Product::start().await;
    let cart = Cart::start().product(&product.url("")).await;
    let browser = Browser::start(Script::On).await;
    let view = View::open(&browser, &cart.url("/")).await;
    // So that it draws each frame.
    let moving = json!({ "features": [{ "name": "prefers-reduced-motion", "value": "no-preference" }] });
    view.send("Emulation.setEmulatedMedia", moving).await;
    view.run("const real = window.fetch; window.asked = 0; window.fetch = (...it) => { asked += 1; return real(...it); }").await;
    view.wait_for_samples(20).await;
    assert_ne!(view.picture().await, view.picture().await, "it moves");

    view.press(" ").await;
    view.wait("document.querySelector('#pulse').textContent === 'paused'").await;
    assert_eq!(view.run("return document.querySelector('#pause').textContent").await, "Go on");
    let (asked, picture) = (view.run("return asked").await, view.picture().await);
    assert_eq!(view.picture().await, picture, "it stands still");
    assert_eq!(view.run("return asked").await, asked, "nobody is asked meanwhile");

    view.click("pause").await;
    view.wait(&format!("asked > {asked} && document.querySelector('#pulse').textContent !== 'paused'")).await;
    assert_ne!(view.picture().await, picture, "it moves again");
}

#[tokio::test]
async fn another_catalog_is_an_event() {
    let db = |title: &str| {
        json!({ "products": [{ "id": 1, "locale": "ie", "title": title, "description": "-", "price": 1 }] })
            .to_string()
    };
    let data = tempfile::tempdir().expect("a temporary directory can be made");
    let write = |path: &Path, title| fs::write(path, db(title)).expect("a file can be written");
    write(&data.path().join("db.json"), "Lamp");
    let product = Product::start().data(data.path()).await;
    let cart = Cart::start().product(&product.url("")).await;
    let browser = Browser::start(Script::On).await;
    let view = View::open(&browser, &cart.url("/")).await;
    view.wait_for_samples(20).await;
    let events = view.run("return document.querySelector('#events').textContent").await;
    assert!(!events.to_string().contains("catalog"), "{events}");
    // In one go, as editors do.
    write(&data.path().join("db.new"), "Lantern");
    fs::rename(data.path().join("db.new"), data.path().join("db.json")).expect("a file can be renamed");
    view.wait(
        "document.querySelector('#events').textContent.includes('Product service 3.0.0: another catalog')",
    )
    .await;
    assert_eq!(view.run("return document.querySelector('#lost-count').textContent").await, "0");
}

#[tokio::test]
async fn view_fills_the_screen_by_key_and_button() {
    let cart = Cart::start().await;
    let browser = Browser::start(Script::On).await;
    let view = View::open(&browser, &cart.url("/")).await;
    for _ in 0..2 {
        view.press("f").await;
        view.wait("document.fullscreenElement === document.documentElement").await;
        view.press("f").await;
        view.wait("document.fullscreenElement === null").await;
    }
    view.click("full").await;
    view.wait("document.fullscreenElement").await;
    // The instrument is there for the whole screen, too, and its button ends that.
    view.press("s").await;
    view.click("full").await;
    view.wait("!document.fullscreenElement").await;
}

#[tokio::test]
async fn keys_do_what_their_list_says() {
    let product = Product::start().await;
    let cart = Cart::start().product(&product.url("")).await;
    let browser = Browser::start(Script::On).await;
    let view = View::open(&browser, &cart.url("/")).await;
    let allow = json!({ "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"] });
    view.send("Browser.grantPermissions", allow).await;
    // Requests are lost from now on.
    view.run("window.fetch = async () => { throw new TypeError('away') }").await;
    view.wait("Number(document.querySelector('#lost-count').textContent) > 0").await;
    view.run("window.fetch = () => new Promise(() => {})").await;
    let hidden =
        "[...document.querySelectorAll('.lane')].filter((lane) => lane.hidden).map((lane) => lane.id).join()";
    let look = "document.documentElement.dataset.theme";
    for (key, becomes_so) in [
        ("-", "location.hash.includes('rate=45&')".to_owned()),
        ("+", "location.hash.includes('rate=50&')".to_owned()),
        ("w", "location.hash.includes('window=60')".to_owned()),
        ("w", "document.querySelector('#window').value === '120'".to_owned()),
        ("2", format!("{hidden} === 'product'")),
        ("3", format!("{hidden} === 'storefront'")),
        ("1", format!("{hidden} === ''")),
        ("r", "document.querySelector('#lost-count').textContent === '0'".to_owned()),
        ("t", format!("{look} === 'light'")),
        ("t", format!("{look} === 'dark'")),
        ("t", format!("{look} === 'auto'")),
        (
            "y",
            "document.querySelector('#type').ariaPressed === 'true' && location.hash.includes('large=1')"
                .to_owned(),
        ),
        ("Y", "document.querySelector('#type').ariaPressed === 'false'".to_owned()),
        ("l", "document.querySelector('#said').textContent === 'Link copied'".to_owned()),
        ("c", "document.querySelector('#said').textContent.endsWith('saved as CSV')".to_owned()),
        ("j", "document.querySelector('#said').textContent.endsWith('saved as JSON')".to_owned()),
        ("h", "document.querySelector('#said').textContent.endsWith('saved as HTML')".to_owned()),
        ("?", "document.querySelector('#keys').open".to_owned()),
    ] {
        view.press(key).await;
        view.wait(&becomes_so).await;
    }
    view.press("2").await;
    assert_eq!(
        view.run(&format!("return {hidden}")).await,
        "",
        "the list is read; keys wait until it is closed"
    );
    view.press("\u{e00c}").await; // Escape, in WebDriver
    view.wait("!document.querySelector('#keys').open").await;
    let copied = "const done = arguments[0]; navigator.clipboard.readText().then(done)";
    let copied = browser.driver().execute_async(copied, Vec::new()).await.expect("the clipboard can be read");
    assert_eq!(*copied.json(), view.run("return location.href").await);
    // Space, F, O, the arrows and a presenter's keys have tests of their own.
    let listed = "return [...document.querySelectorAll('#keys kbd')].map((key) => key.textContent).join(' ')";
    assert_eq!(view.run(listed).await, "Space + − W 1 2 3 R T Y S F Q C J H O ← → D G B M L ?");
}

/// Answers come at once, and timers are due at once: the page's own clock runs ahead, and half an hour of samples
/// takes seconds. Releases, pods and catalogs change as they do in a long rollout.
const HURRY: &str = r#"
    const [now, date] = [performance.now.bind(performance), Date.now];
    let ahead = 0;
    performance.now = () => now() + ahead;
    Date.now = () => date() + ahead;
    const due = [];
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => { const [act, ms] = due.shift(); ahead += ms; act(); };
    window.setTimeout = (act, ms) => { due.push([act, ms]); port2.postMessage(0); };
    AbortSignal.timeout = () => undefined; // it would be held for its time, which does not run ahead
    window.fed = 0;
    window.fetch = async () => {
        const n = fed += 1;
        const age = Math.floor(n / 1000);
        const text = `{"storefront": {"release": "3.0.0", "instance": "cart-${age}-${n % 2}"}, "product": {
            "sample": ${n}, "release": "${n % 2 ? "2.0.1" : "1.0.3"}", "instance": "product-${age}-${n % 3}",
            "apiVersion": "v2", "latencyMs": ${1 + (n % 70)}.5, "etag": "${age}",
            "error": ${n % 50 ? null : `"status 500"`}}}`;
        return { ok: true, headers: new Headers(), json: async () => JSON.parse(text) };
    };"#;

#[tokio::test]
async fn memory_of_the_page_does_not_grow_with_its_samples() {
    let cart = Cart::start().await;
    let browser = Browser::start(Script::On).await;
    let view = View::open_after(HURRY, &browser, &cart.url("/")).await;
    let mut used = Vec::new();
    // The page keeps 36,000; its lists of pods and events are full before the first measurement.
    for n_samples in [20_000, 100_000] {
        view.wait(&format!("fed > {n_samples}")).await;
        view.press(" ").await; // so that it makes nothing meanwhile
        view.wait("document.querySelector('#pulse').textContent === 'paused'").await;
        used.push(browser.memory().await);
        view.press(" ").await;
    }
    let (first, last) = (used[0], used[1]);
    assert!(last.total_kb() - first.total_kb() < 512.0, "{used:?}");
    assert!(last.nodes < first.nodes + 500, "{used:?}");
}

/// Samples come from two product releases in turn, so that each has half, to a sample.
const HALVES: &str = r#"
    let fed = 0;
    window.fetch = async () => {
        fed += 1;
        const text = `{"storefront": {"release": "3.0.0", "instance": "cart"}, "product": {
            "sample": ${fed}, "release": "${fed % 2 ? "2.0.1" : "1.0.3"}", "instance": "product-${fed % 2}",
            "apiVersion": "v2", "latencyMs": 2, "etag": "", "error": null}}`;
        return { ok: true, headers: new Headers(), json: async () => JSON.parse(text) };
    };"#;

/// Samples by `sampleOf(n)`, which gives the release and the latency of the `n`th.
fn samples_of(sample_of: &str) -> String {
    format!(
        r#"const sampleOf = {sample_of};
        let fed = 0;
        window.fetch = async () => {{
            fed += 1;
            const [release, latencyMs] = sampleOf(fed);
            const said = {{ storefront: {{ release: "3.0.0", instance: "cart" }}, product: {{
                sample: fed, release, instance: `pod-${{release}}`, apiVersion: "v2", latencyMs, etag: "", error: null }} }};
            return {{ ok: true, headers: new Headers(), json: async () => said }};
        }};"#
    )
}

#[tokio::test]
async fn slow_moment_of_a_small_canary_is_no_alarm() {
    let cart = Cart::start().await;
    let browser = Browser::start(Script::On).await;
    // Every tenth sample is the canary's; ten of these, in a row, are slow.
    let samples = samples_of(
        r#"(n) => n % 10 ? ["1.0.3", 2 + (n * 7 % 13) / 10] : ["2.0.1", n > 100 && n <= 200 ? 50 : 2 + (n * 7 % 13) / 10]"#,
    );
    let view = View::open_after(&samples, &browser, &cart.url("/")).await;
    view.wait_for_samples(900).await;
    let events = view.run("return document.querySelector('#events').textContent").await;
    assert!(!events.to_string().contains("slower"), "{events}");
}

#[tokio::test]
async fn release_that_is_slower_by_little_but_always_is_an_alarm() {
    let cart = Cart::start().await;
    let browser = Browser::start(Script::On).await;
    let samples = samples_of(r#"(n) => n % 2 ? ["1.0.3", 3 + n % 5] : ["2.0.1", 14 + n % 5]"#);
    let view = View::open_after(&samples, &browser, &cart.url("/")).await;
    view.wait(
        "document.querySelector('#events').textContent.includes('Product service 2.0.1 is 3.2 times slower')",
    )
    .await;
    let events = view.run("return document.querySelector('#events').textContent").await;
    assert_eq!(events.to_string().matches("slower").count(), 1, "{events}");
}

#[tokio::test]
async fn releases_that_are_gone_make_room_for_live_ones() {
    let cart = Cart::start().await;
    let browser = Browser::start(Script::On).await;
    // 3.0.0 goes after 300 samples; 2.0.1 has most of the rest.
    let samples = samples_of(r#"(n) => [n <= 300 ? "3.0.0" : n % 5 ? "2.0.1" : "1.0.3", 2]"#);
    let view = View::open_after(&samples, &browser, &cart.url("/")).await;
    view.wait("document.querySelector('#grid').textContent.includes('3.0.0product')").await;
    view.wait(
        "/3.0.0 gone \\d+ s/.test(document.querySelector('#product .retired:not([hidden])')?.textContent)",
    )
    .await;
    view.wait("!document.querySelector('#grid').textContent.includes('3.0.0product')").await;
    let names = "return [...document.querySelectorAll('#product .name > span')].map((name) => name.textContent).join()";
    assert_eq!(view.run(names).await, "2.0.1,1.0.3");
}

#[tokio::test]
async fn figures_of_a_card_stay_inside_it() {
    let cart = Cart::start().await;
    let browser = Browser::start(Script::On).await;
    let view = View::open_after(&samples_of(r#"() => ["3.0.0", 123]"#), &browser, &cart.url("/")).await;
    for width in [360, 1280, 1920, 3840] {
        let size = json!({ "width": width, "height": 720, "deviceScaleFactor": 1, "mobile": false });
        view.send("Emulation.setDeviceMetricsOverride", size).await;
        view.wait_for_samples(150).await;
        let outside = "return [...document.querySelectorAll('.card *')].filter((part) =>
            part.getBoundingClientRect().right > part.closest('.card').getBoundingClientRect().right + 1)
            .map((part) => part.textContent)";
        assert_eq!(view.run(outside).await, json!([]), "{width} px");
    }
}

/// The page's own work takes 100 ms of 120.
const BUSY: &str =
    "setInterval(() => { const end = performance.now() + 100; while (performance.now() < end); }, 120);";

#[tokio::test]
async fn latency_of_the_store_front_is_not_that_of_the_page() {
    let product = Product::start().await;
    let cart = Cart::start().product(&product.url("")).await;
    let browser = Browser::start(Script::On).await;
    let view = View::open_after(BUSY, &browser, &cart.url("/")).await;
    view.wait_for_samples(60).await;
    let front = view.card("storefront", "3.0.0").await.expect("it has a card");
    let p50: f64 = front.p50.strip_suffix(" ms").and_then(|ms| ms.parse().ok()).expect("milliseconds");
    assert!(p50 < 40.0, "{front:?}");
}

#[tokio::test]
async fn shape_and_colour_follow_from_the_release_alone() {
    let cart = Cart::start().await;
    let browser = Browser::start(Script::On).await;
    let names = ["2.0.2-errors", "2.0.2-slow", "3.0.0", "3.2.0-rc1", "2.1.0", "2.0.1"];
    let mut seen = Vec::new();
    for turned in [false, true] {
        let mut order = names;
        if turned {
            order.reverse();
        }
        // Each is first seen alone, so that they come in this order.
        let samples = samples_of(&format!("(n) => [{order:?}[n % {}], 2]", order.len()));
        let view = View::open_after(&samples, &browser, &cart.url("/")).await;
        view.wait(&format!("document.querySelectorAll('#product .card').length === {}", names.len())).await;
        let script =
            "return Object.fromEntries([...document.querySelectorAll('#product .card')].map((card) =>
            [card.querySelector('.name > span').textContent,
             card.querySelector('path').getAttribute('d') + card.style.getPropertyValue('--mine')]))";
        seen.push(view.run(script).await);
    }
    assert_eq!(seen[0], seen[1]);
    let sign = |release: &str| seen[0][release].as_str().expect("it has a sign").to_owned();
    let shape = |release: &str| sign(release).split('z').next().expect("a path").to_owned();
    assert_eq!(shape("3.2.0-rc1"), shape("3.0.0"), "a candidate is not bad on purpose");
    assert_eq!(shape("2.0.2-slow"), shape("2.0.2-errors"));
    assert_eq!(shape("2.1.0"), shape("2.0.1"));
    for (one, other) in [("2.1.0", "2.0.1"), ("2.0.2-slow", "2.0.2-errors"), ("3.2.0-rc1", "3.0.0")] {
        assert_ne!(sign(one), sign(other), "they differ in tint");
    }
}

#[tokio::test]
async fn share_that_is_meant_is_judged_at_one_in_a_thousand() {
    let cart = Cart::start().await;
    let browser = Browser::start(Script::On).await;
    let view = View::open_after(HALVES, &browser, &cart.url("/")).await;
    view.wait_for_samples(200).await;
    view.press(" ").await;
    view.wait("document.querySelector('#pulse').textContent === 'paused'").await;
    let n = view.card("product", "2.0.1").await.expect("it has a card").n;
    // So far from 50 % is the share that would give 50 % of n, or what is farther, once in a thousand times.
    let limit = (1..5000).map(|steps| f64::from(steps) / 10_000.0).find(|distance| {
        let meant = 0.5 + distance;
        let deviation = (meant * (1.0 - meant) / n).sqrt();
        *distance > 3.2905 * deviation
    });
    let limit = limit.expect("there is one");
    for (distance, verdict) in [
        (0.0, "✓ within chance"),
        (0.9 * limit, "✓ within chance"),
        (-0.9 * limit, "✓ within chance"),
        (1.1 * limit, "✗ not by chance"),
        (-1.1 * limit, "✗ not by chance"),
    ] {
        let meant = format!("{:.2}", 100.0 * (0.5 + distance));
        let script = format!(
            "const card = [...document.querySelectorAll('#product .card')]
                 .find((card) => card.querySelector('.name > span').textContent === '2.0.1');
             const input = card.querySelector('.meant input');
             input.value = '{meant}';
             input.dispatchEvent(new Event('input'));
             window.verdict = card.querySelector('.meant output');"
        );
        view.run(&script).await;
        view.wait(&format!("window.verdict.textContent === '{verdict}'")).await;
        // It stays so: it is judged again, four times a second.
        tokio::time::sleep(Duration::from_millis(600)).await;
        let shown = view.run("return window.verdict.textContent").await;
        assert_eq!(shown, verdict, "{meant} % meant, 50 % of {n}");
    }
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
