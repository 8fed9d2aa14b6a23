//! A presenter's marks: taken with the key alone, told to everybody who samples.

use reqwest::StatusCode;
use sava_testbed::{Cart, answer, client, json};
use serde_json::{Value, json};

const KEY: &str = "correct horse battery staple";

async fn set(cart: &Cart, mark: Value) -> StatusCode {
    let request = client().post(cart.url("/release/marks")).header("content-type", "application/json");
    answer(request.body(mark.to_string())).await.status()
}

fn mark(key: &str, id: &str, text: &str) -> Value {
    json!({ "key": key, "id": id, "text": text, "ageMs": 250 })
}

async fn told(cart: &Cart) -> Value {
    json(cart.get_as("/release/sample", "application/json").await).await["marks"].clone()
}

#[tokio::test]
async fn marks_are_told_with_samples() {
    let cart = Cart::start().env("PRESENTER_KEY", KEY).await;
    assert_eq!(told(&cart).await, Value::Null);
    for (id, text) in [("1", "deployed"), ("2", " released "), ("1", "deployed")] {
        assert_eq!(set(&cart, mark(KEY, id, text)).await, 204);
    }
    let told = told(&cart).await;
    let texts: Vec<_> = told.as_array().expect("there are marks").iter().map(|mark| &mark["text"]).collect();
    assert_eq!(texts, ["deployed", "released"]);
    assert!(told[0]["ageMs"].as_u64() >= Some(250), "{told}");
}

#[tokio::test]
async fn marks_without_the_key_are_refused() {
    let cart = Cart::start().env("PRESENTER_KEY", KEY).await;
    for key in
        ["", "correct horse battery stapl", "correct horse battery staple ", "CORRECT HORSE BATTERY STAPLE"]
    {
        assert_eq!(set(&cart, mark(key, "1", "hacked")).await, 403, "{key:?}");
    }
    let elsewhere = client()
        .post(cart.url("/release/marks"))
        .header("content-type", "application/json")
        .header("origin", "http://evil.test")
        .body(mark(KEY, "1", "hacked").to_string());
    assert_eq!(answer(elsewhere).await.status(), 403, "another site sends none, whatever it knows");
    assert_eq!(told(&cart).await, Value::Null);
    let output = cart.stop().await.output;
    assert!(!output.contains("correct horse"), "no key is in the log: {output}");

    let cart = Cart::start().await;
    for key in ["", KEY] {
        assert_eq!(set(&cart, mark(key, "1", "hacked")).await, 404, "a shop without a key takes no mark");
    }
}

#[tokio::test]
async fn marks_are_short_and_few() {
    let cart = Cart::start().env("PRESENTER_KEY", KEY).await;
    let with = |field: &str, value: Value| {
        let mut mark = mark(KEY, "1", "released");
        mark[field] = value;
        mark
    };
    for wrong in [
        with("text", json!(" ")),
        with("text", json!("x".repeat(61))),
        with("text", json!("two\nlines")),
        with("id", json!("")),
        with("id", json!("1".repeat(41))),
        with("ageMs", json!(u64::MAX)),
        with("ageMs", json!(-1)),
        json!([]),
    ] {
        assert_eq!(set(&cart, wrong.clone()).await, 400, "{wrong}");
    }
    let mut n_taken = 0;
    while set(&cart, mark(KEY, &n_taken.to_string(), "released")).await == 204 {
        n_taken += 1;
        assert!(n_taken < 2000, "there is a limit");
    }
    assert_eq!(set(&cart, mark(KEY, "last", "released")).await, 429);
    assert_eq!(told(&cart).await.as_array().map(Vec::len), Some(16));
}

#[tokio::test]
async fn short_key_is_a_mistake_in_the_settings() {
    let exit = Cart::start().env("PRESENTER_KEY", "letmein").exit().await;
    assert_eq!(exit.code, Some(2), "{}", exit.output);
    assert!(exit.output.contains("PRESENTER_KEY") && exit.output.contains("16 letters"), "{}", exit.output);
    assert!(!exit.output.contains("letmein"), "{}", exit.output);
}
