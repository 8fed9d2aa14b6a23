//! `/release` and `/release/sample` without a browser.

use std::collections::BTreeMap;

use sava_testbed::{Balancer, Cart, Product, answer, body, client, json};

#[tokio::test]
async fn sample_names_both_hops() {
    let product = Product::start().release("2.0.1").await;
    let cart = Cart::start().release("2.0.4").product(&product.url("")).await;
    let response = cart.get_as("/release/sample", "application/json").await;
    let header = |name: &str| response.headers()[name].to_str().expect("a plain header").to_owned();
    assert_eq!(header("cache-control"), "no-store");
    assert_eq!(header("connection"), "close");
    assert_eq!(
        (header("x-sava-release"), header("x-sava-product-release")),
        ("2.0.4".into(), "2.0.1".into())
    );
    let sample = json(response).await;
    assert_eq!(sample["storefront"]["release"], "2.0.4");
    assert_eq!(sample["product"]["release"], "2.0.1");
    assert_eq!(sample["product"]["apiVersion"], "v2");
    assert_eq!(sample["product"]["error"], serde_json::Value::Null);
    assert!(sample["product"]["latencyMs"].as_f64().expect("a number") > 0.0);
}

#[tokio::test]
async fn sample_as_text_is_one_line() {
    let product = Product::start().release("1.0.3").await;
    let cart = Cart::start().product(&product.url("")).await;
    for spelt in ["colour", "color"] {
        let line = body(cart.get_as(&format!("/release/sample?{spelt}=never"), "text/plain").await).await;
        assert!(line.starts_with("⬢ 3.0.0") && line.contains("■ 1.0.3") && line.contains("  v1  "), "{line}");
        assert_eq!(line.lines().count(), 1);
    }
    let coloured = body(cart.get_as("/release/sample", "text/plain").await).await;
    assert!(coloured.contains("\x1b[1;38;5;39m■"), "{coloured:?}");
}

#[tokio::test]
async fn sample_without_a_product_service_says_so() {
    let cart = Cart::start().await;
    let sample = json(cart.get_as("/release/sample", "application/json").await).await;
    assert_eq!(sample["product"]["error"], "no connection");
    assert_eq!(sample["product"]["release"], serde_json::Value::Null);
    let page = cart.get_as("/release", "text/html").await;
    assert_eq!(page.status(), 200);
}

#[tokio::test]
async fn samples_are_balanced_by_connection() {
    let (old, new) = (Product::start().release("1.0.3").await, Product::start().release("2.0.1").await);
    let balancer = Balancer::start().await;
    balancer.split(&[(old.address(), 1), (new.address(), 1)]);
    let cart = Cart::start().product(&balancer.url("")).await;
    let table = body(cart.get_as("/release", "text/plain").await).await;
    // Requests that come close together get the same sample: it counts once.
    let mut samples = BTreeMap::new();
    while samples.len() < 100 {
        let sample = json(answer(client().get(cart.url("/release/sample"))).await).await;
        let number = sample["product"]["sample"].as_u64().expect("a number");
        samples.insert(number, sample["product"]["release"] == "2.0.1");
    }
    let n_new = samples.values().filter(|is_new| **is_new).count();
    // Within 4 standard deviations of a half.
    assert!((30..=70).contains(&n_new), "{n_new} of 100; {table}");
}

#[tokio::test]
async fn audience_does_not_multiply_the_load() {
    let product = Product::start().release("2.0.1").await;
    let cart = Cart::start().product(&product.url("")).await;
    let began = std::time::Instant::now();
    let samples = futures_util::future::join_all((0..200).map(|_| cart.get("/release/sample"))).await;
    let mut numbers = Vec::new();
    for sample in samples {
        numbers.push(json(sample).await["product"]["sample"].as_u64().expect("a number"));
    }
    numbers.sort_unstable();
    numbers.dedup();
    // One sample in each 12 ms, and two at the ends.
    let most = began.elapsed().as_millis() / 12 + 2;
    assert!(numbers.len() as u128 <= most && numbers.len() < 200, "{} of 200, {most} at most", numbers.len());
}
