//! Samples that were saved are played again: in any view, and in a page of their own without a server.

use std::fs;

use sava_testbed::{
    Cart, Process, binaries,
    browser::{Browser, Script},
    command,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::By;

use super::view::View;

const ESCAPE: &str = "\u{e00c}"; // in WebDriver
const LEFT: &str = "\u{e012}";
const END: &str = "\u{e010}";
const HOME: &str = "\u{e011}";

/// What the view counts: each card, with its pods; and the lost requests.
const COUNTS: &str = "return [...document.querySelectorAll('.card')].map((card) => card.textContent)
    .concat(document.querySelector('#lost-count').textContent)";
const IS_AT_ITS_END: &str = "document.querySelector('#play').textContent === 'Play' &&
    document.querySelector('#place').value === document.querySelector('#place').max";

/// Names that would end the element they are in, or begin another.
const HOSTILE: &str = "</script><script>window.ran = true</script><!--<script>";

/// Every fifth sample of the new release fails, and every fiftieth request has no answer.
fn failing(release: &str) -> String {
    format!(
        r#"const release = {release:?};
        let fed = 0;
        window.fetch = async () => {{
            const n = fed += 1;
            if (n % 50 === 0) throw new TypeError('away');
            const isNew = n > 60 && n % 3 === 0;
            const said = {{ storefront: {{ release: "3.0.0", instance: "cart" }}, product: {{
                sample: n, release: isNew ? release : "2.0.1", instance: `pod-${{n % 2}}`, apiVersion: "v2", latencyMs: 2 + n % 7,
                etag: "1", error: isNew && n % 5 === 0 ? "status 500" : null }} }};
            return {{ ok: true, headers: new Headers(), json: async () => said }};
        }};"#
    )
}

/// Samples of a view that stands still, saved in this form, and what it counted.
async fn recorded(release: &str, kind: &str, browser: &Browser, cart: &Cart) -> (TempDir, String, Value) {
    let view = View::open_after(&failing(release), browser, &cart.url("/")).await;
    view.wait_for_samples(200).await;
    view.press(" ").await;
    view.wait("document.querySelector('#pulse').textContent === 'paused'").await;
    let saved = view.save(kind).await;
    let counts = settled(&view).await;
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    let file = folder.path().join(format!("canary.{kind}"));
    fs::write(&file, saved).expect("a file can be written");
    (folder, file.display().to_string(), counts)
}

/// The counts once they are shown: they are made four times a second.
async fn settled(view: &View<'_>) -> Value {
    let mut counts = view.run(COUNTS).await;
    loop {
        tokio::time::sleep(std::time::Duration::from_millis(600)).await;
        let later = view.run(COUNTS).await;
        if later == counts {
            return counts;
        }
        counts = later;
    }
}

/// Chooses a file as a person does.
async fn choose(view: &View<'_>, file: &str) {
    let input = view.browser.driver().find(By::Id("file")).await.expect("there is a chooser");
    input.send_keys(file).await.expect("a file can be chosen");
}

/// Drops a file with this text upon the page.
async fn drop(view: &View<'_>, text: &str) {
    let script = format!(
        "const data = new DataTransfer();
        data.items.add(new File([{text:?}], 'dropped.json'));
        document.body.dispatchEvent(new DragEvent('drop', {{ dataTransfer: data, bubbles: true, cancelable: true }}))"
    );
    view.run(&script).await;
}

async fn plays_to_its_end(view: &View<'_>, counts: &Value) {
    view.wait("!document.querySelector('#replay').hidden").await;
    assert_eq!(view.run("return document.activeElement.id").await, "place", "the keys are for the time line");
    view.press(END).await;
    view.wait(IS_AT_ITS_END).await;
    assert_eq!(settled(view).await, *counts);
}

#[tokio::test]
async fn recording_is_played_to_the_counts_of_the_live_view() {
    let cart = Cart::start().await;
    let browser = Browser::start(Script::On).await;
    let (_folder, file, counts) = recorded("2.0.2-errors", "json", &browser, &cart).await;
    assert!(
        counts.as_array().map(Vec::len) > Some(3),
        "two releases, the store front, those without answer: {counts}"
    );
    // In the view of another shop, whose product service is away.
    let other = Cart::start().await;
    let elsewhere = Browser::start(Script::On).await;
    let view = View::open(&elsewhere, &other.url("/")).await;
    view.wait("document.querySelectorAll('#product .card').length === 1").await;
    choose(&view, &file).await;
    plays_to_its_end(&view, &counts).await;
    let events = view.run("return document.querySelector('#events').textContent").await.to_string();
    for event in [
        "2.0.2-errors first seen, on pod-1",
        "errors began (status 500, 2.0.2-errors)",
        "errors began (no answer)",
    ] {
        assert_eq!(events.matches(event).count(), 1, "{event}: {events}");
    }
    // Back where only the old release served, and on again: it is counted once.
    view.press(HOME).await;
    view.wait("document.querySelector('#place').value === '0'").await;
    view.wait("!document.querySelector('#events').textContent.includes('2.0.2-errors')").await;
    assert_eq!(view.run("return document.querySelector('#lost-count').textContent").await, "0");
    plays_to_its_end(&view, &counts).await;
    assert_eq!(view.run("return document.querySelector('#events').textContent").await.to_string(), events);

    view.press(ESCAPE).await;
    view.wait("document.querySelector('#replay').hidden && document.querySelector('#pulse').textContent.startsWith('live')").await;
    view.wait("document.querySelector('#product .card .name > span').textContent === 'no answer'").await;
    assert_eq!(view.run("return document.querySelectorAll('#product .card').length").await, 1);
}

#[tokio::test]
async fn page_of_a_recording_plays_without_any_request() {
    let cart = Cart::start().await;
    let browser = Browser::start(Script::On).await;
    let (_folder, file, counts) = recorded(HOSTILE, "html", &browser, &cart).await;
    cart.kill();
    let elsewhere = Browser::start(Script::On).await;
    let page = format!("file://{file}");
    elsewhere.driver().goto(&page).await.expect("it opens");
    let view = View { browser: &elsewhere };
    plays_to_its_end(&view, &counts).await;
    assert_eq!(view.run("return window.ran").await, Value::Null);
    // Whatever is asked of it.
    for key in ["q", "1", "s", "t", " ", ESCAPE, ESCAPE, "r"] {
        view.press(key).await;
    }
    view.wait("!document.querySelector('#replay').hidden").await;
    assert_eq!(elsewhere.requests().await, [page]);
    assert_eq!(elsewhere.console().await, Vec::<String>::new());
}

#[tokio::test]
async fn scene_is_recorded_as_a_page() {
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    let file = folder.path().join("canary.html").display().to_string();
    let mut demo = command(binaries::path("sava-demo"));
    demo.args(["canary", "--pace", "4", "--record", &file]).env("SAVA_TESTS_BUILT", "1");
    let exit = Process::spawn("demo", demo).exit().await;
    assert_eq!(exit.code, Some(0), "{}", exit.output);
    assert!(exit.output.contains(&format!("samples are recorded in {file}")), "{}", exit.output);
    let browser = Browser::start(Script::On).await;
    let page = format!("file://{file}");
    browser.driver().goto(&page).await.expect("it opens");
    let view = View { browser: &browser };
    view.wait("!document.querySelector('#replay').hidden").await;
    view.press(END).await;
    view.wait(IS_AT_ITS_END).await;
    settled(&view).await;
    let (old, new) = (view.card("product", "1.0.3").await, view.card("product", "2.0.1").await);
    let new = new.expect("it has a card");
    // A step is shorter than what is called now, so some samples of the step before count yet.
    assert!(new.share > 0.6 && new.errors == "0" && old.is_none_or(|old| old.share < 0.4), "{new:?}");
    assert_eq!(view.run("return document.querySelector('#lost-count').textContent").await, "0");
    let events = view.run("return document.querySelector('#events').textContent").await.to_string();
    for event in ["Release 2.0.1 to 25 % of the connections", "Product service 2.0.1 first seen"] {
        assert!(events.contains(event), "{event}: {events}");
    }
    let name = view.run("return document.querySelector('#replay-name').textContent").await;
    assert!(name.as_str().is_some_and(|name| name.starts_with("canary, ")), "{name}");
    assert_eq!(browser.requests().await, [page]);
}

#[tokio::test]
async fn recording_is_driven_by_keys_alone() {
    let cart = Cart::start().await;
    let browser = Browser::start(Script::On).await;
    let (_folder, file, _) = recorded("2.0.2-errors", "json", &browser, &cart).await;
    let view = View::open(&browser, &cart.url("/")).await;
    // The chooser is Chromium's own: it is seen that it would open.
    view.run("document.querySelector('#file').addEventListener('click', (event) => { event.preventDefault(); window.asked = (window.asked || 0) + 1 })").await;
    view.press("o").await;
    view.wait("window.asked === 1").await;
    view.run("document.querySelector('#open').focus()").await;
    view.press("\u{e007}").await; // Enter, in WebDriver
    view.wait("window.asked === 2").await;
    drop(&view, &fs::read_to_string(&file).expect("it is there")).await;
    view.wait("!document.querySelector('#replay').hidden").await;

    view.press(" ").await;
    view.wait("document.querySelector('#play').textContent === 'Play' && document.querySelector('#pulse').textContent === 'a recording, paused'").await;
    view.press("+").await;
    view.press("+").await;
    view.wait("document.querySelector('#speed').value === '4'").await;
    view.press("-").await;
    view.wait("document.querySelector('#speed').value === '2'").await;
    view.press(END).await;
    view.wait(IS_AT_ITS_END).await;
    // Away from the time line, whose own arrows go by less.
    view.run("document.activeElement.blur()").await;
    let place = "return Number(document.querySelector('#place').value)";
    let end = view.run(place).await.as_f64().expect("a number");
    view.press(LEFT).await;
    view.wait(&format!("Number(document.querySelector('#place').value) === Math.max(0, {end} - 5000)")).await;
    // It is played from there to its end, and from its end anew.
    view.press(" ").await;
    view.wait(IS_AT_ITS_END).await;
    view.press(" ").await;
    view.wait(&format!("Number(document.querySelector('#place').value) < {end} - 200")).await;
    // On the stage, too, it is called what it is; there Escape leaves the stage first.
    view.press("s").await;
    view.wait("document.querySelector('#wall').checkVisibility() && document.querySelector('#replay-title').checkVisibility()").await;
    view.press(ESCAPE).await;
    view.wait(
        "!document.querySelector('#wall').checkVisibility() && !document.querySelector('#replay').hidden",
    )
    .await;
    view.press(ESCAPE).await;
    view.wait("document.querySelector('#replay').hidden").await;
}

#[tokio::test]
async fn what_is_no_recording_is_told_what_is_wrong() {
    let cart = Cart::start().await;
    let browser = Browser::start(Script::On).await;
    let view = View::open(&browser, &cart.url("/")).await;
    let sample = json!({ "time": "2026-01-31T12:00:00.000Z", "storefrontRelease": "3.0.0", "storefrontInstance": "a", "storefrontError": "",
        "latencyMs": 2.5, "productRelease": "2.0.1", "productInstance": "b", "apiVersion": "v2", "productError": "",
        "productLatencyMs": 1.5, "productSampleIsOwn": true, "productEtag": "" });
    let recording = |field: &str, value: Value| {
        let mut recording = json!({ "format": "sava-recording", "version": 1, "title": "", "lostSince": "2026-01-31T12:00:00.000Z",
            "until": "2026-01-31T12:00:10.000Z", "marks": [], "samples": [sample, sample] });
        recording[field] = value;
        recording.to_string()
    };
    let with = |field: &str, value: Value| {
        let mut wrong = sample.clone();
        wrong[field] = value;
        recording("samples", json!([sample, wrong]))
    };
    for (text, complaint) in [
        ("time,storefrontRelease".to_owned(), "dropped.json: it is not JSON: "),
        (String::new(), "it is not JSON: "),
        ("[]".to_owned(), r#"its "format" is not "sava-recording""#),
        ("null".to_owned(), r#"its "format" is not"#),
        ("<!DOCTYPE html><p>A page</p>".to_owned(), "it is a page without a recording in it"),
        (recording("version", json!(2)), "its version is 2; this view reads version 1"),
        (recording("samples", json!([])), r#"its "samples" are no list of 1 to 36000"#),
        (recording("samples", json!([7])), "sample 1 is 7"),
        (
            recording("marks", json!([{ "time": "now", "text": "released" }])),
            r#"time of mark 1 is "now" and not a time"#,
        ),
        (recording("until", json!("2027-01-31T12:00:00.000Z")), "it is 8760 hours long; 24 are the most"),
        (
            with("latencyMs", json!("fast")),
            r#"latencyMs of sample 2 is "fast" and not a number of milliseconds"#,
        ),
        (with("latencyMs", json!(-1)), "latencyMs of sample 2 is -1"),
        (with("productRelease", json!(null)), "productRelease of sample 2 is null and not a text"),
        (with("productError", json!("x".repeat(301))), "and not a text of up to 300 letters"),
        (with("productSampleIsOwn", json!("yes")), "neither true nor false"),
        (with("time", json!("2026-01-31T11:00:00.000Z")), "sample 2 began long before"),
    ] {
        drop(&view, &text).await;
        view.wait("document.querySelector('#refused').open").await;
        let said = view.run("return document.querySelector('#refusal').textContent").await;
        assert!(said.as_str().is_some_and(|said| said.contains(complaint)), "{said} instead of {complaint}");
        view.press(ESCAPE).await;
        view.wait("!document.querySelector('#refused').open && document.querySelector('#replay').hidden")
            .await;
    }
    drop(&view, &recording("title", json!("A canary"))).await;
    view.wait("document.querySelector('#replay-name').textContent.startsWith('A canary, 31 Jan 2026')").await;
}
