//! Nothing in the view is cut off, pushed away, or louder than it should be.

use sava_testbed::{
    Cart,
    browser::{Browser, Script},
};
use serde_json::json;

use super::view::View;

/// Remembers what is written on canvases, and how often something is.
const LISTENING: &str = "window.written = new Set();
    window.writes = 0;
    const write = CanvasRenderingContext2D.prototype.fillText;
    CanvasRenderingContext2D.prototype.fillText = function (words, ...at) {
        written.add(words);
        writes += 1;
        return write.call(this, words, ...at);
    };";

/// Samples by `sampleOf(n)`, which gives the store front's release, the product's, its pod, its latency and its error.
fn samples_of(sample_of: &str) -> String {
    format!(
        r#"{LISTENING}
        const sampleOf = {sample_of};
        window.fed = 0;
        window.fetch = async () => {{
            const n = fed += 1;
            const [front, release, pod, latencyMs = 2, error = null] = sampleOf(n);
            const said = {{ storefront: {{ release: front, instance: `cart-${{front}}` }}, product: {{
                sample: n, release, instance: `${{release}}-${{pod}}`, apiVersion: "v2", latencyMs, etag: "", error }} }};
            return {{ ok: true, headers: new Headers(), json: async () => said }};
        }};"#
    )
}

async fn open(sample_of: &str, browser: &Browser, cart: &Cart) {
    View::open_after(&samples_of(sample_of), browser, &cart.url("/")).await;
}

#[tokio::test]
async fn four_releases_of_ten_pods_fit_the_screen() {
    let cart = Cart::start().await;
    let browser = Browser::start(Script::On).await;
    let view = View { browser: &browser };
    let sample_of = r#"(n) => [["3.0.0", "2.0.4", "1.0.5", "3.0.1-broken"][n % 4],
        ["2.0.1", "1.0.3", "3.0.0", "2.0.2-errors"][(n >> 2) % 4], (n >> 4) % 10, 2, n % 40 ? null : "status 500"]"#;
    open(sample_of, &browser, &cart).await;
    view.wait("document.querySelectorAll('#product .pod').length === 40").await;
    view.wait("document.querySelectorAll('.card').length === 8").await;
    for (width, height) in [(1920, 1080), (1280, 720)] {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        view.send("Emulation.setDeviceMetricsOverride", size).await;
        let cut = "return [...document.querySelectorAll('.card')].filter((card) => {
            const [inner, outer] = [card, card.parentElement].map((box) => box.getBoundingClientRect());
            return inner.top < outer.top - 1 || inner.bottom > outer.bottom + 1 || inner.bottom > innerHeight;
        }).map((card) => card.textContent)";
        assert_eq!(view.run(cut).await, json!([]), "{width} × {height}");
    }
}

#[tokio::test]
async fn marks_of_one_second_are_one() {
    let cart = Cart::start().await;
    let browser = Browser::start(Script::On).await;
    let view = View { browser: &browser };
    open(r#"(n) => ["3.0.0", "2.0.1", n % 9]"#, &browser, &cart).await;
    view.wait("written.has('+9')").await;
}

#[tokio::test]
async fn axis_of_latency_follows_the_samples() {
    let cart = Cart::start().await;
    let browser = Browser::start(Script::On).await;
    let view = View { browser: &browser };
    // Of the store front each sample takes as long as the answer of the script: less than a second, too.
    open(r#"(n) => ["3.0.0", "2.0.1", 1, 2]"#, &browser, &cart).await;
    view.run("location.hash = '#rate=50&window=30&show=product'; written.clear()").await;
    view.wait_for_samples(50).await;
    view.run("written.clear()").await;
    view.wait("written.has('1 ms')").await;
    assert_eq!(view.run("return written.has('1 s')").await, false);
    view.run("const real = fetch; window.fetch = async (...it) => { const answer = await real(...it), said = await answer.json();
        said.product.latencyMs = 900; return { ...answer, json: async () => said }; }")
        .await;
    view.wait("written.has('1 s')").await;
}

#[tokio::test]
async fn pod_that_nobody_missed_is_retired_and_another_is_gone() {
    let cart = Cart::start().await;
    for (error, retired) in [("null", 1), (r#""status 500""#, 0)] {
        let browser = Browser::start(Script::On).await;
        let view = View { browser: &browser };
        let sample_of = format!(
            r#"(n) => ["3.0.0", "2.0.1", n < 80 ? n % 2 : 1, 2, n >= 78 && n < 84 ? {error} : null]"#
        );
        open(&sample_of, &browser, &cart).await;
        view.wait("document.querySelector('#product .pod.gone')").await;
        let pods = view.run("return document.querySelectorAll('#product .pod.retired-pod').length").await;
        assert_eq!(pods, retired, "{error}");
    }
}

/// How often something is written on canvases in a hundred frames of the browser.
async fn writes_in_frames(view: &View<'_>) -> u64 {
    let script = "const done = arguments[0];
        const begun = writes;
        const next = (n) => n === 0 ? done(writes - begun) : requestAnimationFrame(() => next(n - 1));
        next(100)";
    let writes = view.browser.driver().execute_async(script, Vec::new()).await.expect("frames");
    writes.json().as_u64().expect("a number")
}

#[tokio::test]
async fn lane_where_nothing_happens_folds_to_a_line() {
    let cart = Cart::start().await;
    let browser = Browser::start(Script::On).await;
    let view = View { browser: &browser };
    let motion = json!({ "features": [{ "name": "prefers-reduced-motion", "value": "no-preference" }] });
    view.send("Emulation.setEmulatedMedia", motion).await;
    open(r#"(n) => ["3.0.0", n < 200 ? "1.0.3" : n % 2 ? "1.0.3" : "2.0.1", 1]"#, &browser, &cart).await;
    view.wait("document.querySelector('#storefront .card') && fed < 200").await;
    let before = writes_in_frames(&view).await;
    assert_eq!(view.run("return document.querySelectorAll('.lane.line').length").await, 0);
    view.wait("document.querySelector('#storefront.line')").await;
    let heights =
        "return [...document.querySelectorAll('.lane')].map((lane) => lane.getBoundingClientRect().height)";
    let heights = view.run(heights).await;
    assert!(heights[0].as_f64() < Some(heights[1].as_f64().unwrap_or_default() / 2.0), "{heights}");
    // The picture of the other one goes on as smoothly. What is folded is written no more, which is less than half of it.
    let after = writes_in_frames(&view).await;
    assert!(after * 3 > before, "{after} after {before}");
}

#[tokio::test]
async fn nothing_moves_while_the_view_opens() {
    let cart = Cart::start().await;
    for (width, height) in [(412, 823), (1280, 720), (1920, 1080)] {
        let browser = Browser::start(Script::On).await;
        let view = View { browser: &browser };
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        view.send("Emulation.setDeviceMetricsOverride", size).await;
        open(r#"(n) => ["3.0.0", "2.0.1", n % 2]"#, &browser, &cart).await;
        view.wait_for_samples(100).await;
        let shift = "const done = arguments[0];
            let sum = 0;
            new PerformanceObserver((list) => { for (const { value } of list.getEntries()) sum += value; })
                .observe({ type: 'layout-shift', buffered: true });
            setTimeout(() => done(sum), 300)";
        let shift = browser.driver().execute_async(shift, Vec::new()).await.expect("a number");
        assert!(shift.json().as_f64() < Some(0.1), "{} at {width} × {height}", shift.json());
    }
}
