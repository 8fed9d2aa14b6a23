//! Whole answers, as they are: what changes them is seen in review. `INSTA_UPDATE=always cargo test -p sava-tests
//! snapshots::` writes them again.

use std::fmt::Write as _;

use insta::assert_snapshot;
use regex_lite::Regex;
use sava_testbed::{Cart, Product, binaries, body};
use serde_json::Value;
use tempfile::TempDir;

use crate::pages::visitor::{Response, Visitor};

/// Status, the headers that are part of the contract, and the body.
async fn rendered(answer: reqwest::Response) -> String {
    let mut text = format!("{}\n", answer.status());
    for name in
        ["content-type", "x-sava-media-type", "x-sava-release", "deprecation", "link", "vary", "allow"]
    {
        for value in answer.headers().get_all(name) {
            let _ = writeln!(text, "{name}: {}", value.to_str().expect("a header of text"));
        }
    }
    let is_json = answer.headers()["content-type"].to_str().is_ok_and(|it| it.contains("json"));
    let body = body(answer).await;
    text.push('\n');
    if is_json {
        let value: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        text.push_str(&serde_json::to_string_pretty(&value).expect("a value can be written"));
    } else {
        text.push_str(&body);
    }
    text
}

#[tokio::test]
async fn representations_are_these() {
    let product = Product::start().await;
    for version in ["v1", "v2", "v3"] {
        let accept = format!("application/vnd.sava.{version}+json");
        assert_snapshot!(
            format!("product-{version}"),
            rendered(product.get_as("/products/ie/3", &accept).await).await
        );
    }
    assert_snapshot!("stores", rendered(product.get("/products").await).await);
}

#[tokio::test]
async fn problems_are_these() {
    let product = Product::start().release("2.0.1").await;
    assert_snapshot!("problem-unknown-locale", rendered(product.get("/products/fr").await).await);
    assert_snapshot!("problem-unknown-product", rendered(product.get("/products/ie/999").await).await);
    assert_snapshot!("problem-bad-query", rendered(product.get("/products/ie?_limit=many").await).await);
    let v3 = "application/vnd.sava.v3+json";
    assert_snapshot!("problem-not-acceptable", rendered(product.get_as("/products/ie", v3).await).await);
}

#[tokio::test]
async fn product_pages_are_these() {
    let product = Product::start().await;
    for release in ["1.0.5", "2.0.4", "3.0.0"] {
        let cart = Cart::start().release(release).product(&product.url("")).await;
        let page = body(cart.get_as("/products/3", "text/html").await).await;
        let main = page.split_once("<main").expect("a page has a main part").1;
        let main = main.split_once("</main>").expect("which ends").0;
        assert_snapshot!(format!("page-product-{release}"), format!("<main{main}</main>"));
    }
}

/// A store with few products, of which one has neither picture nor rating, and its front in this release.
async fn small_shop(release: &str) -> (TempDir, Product, Cart) {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let db = std::fs::read(binaries::root().join("data/db.json")).expect("there are products");
    let mut db: Value = serde_json::from_slice(&db).expect("they are JSON");
    let products = db["products"].as_array_mut().expect("products");
    products
        .retain(|product| product["locale"] == "ie" && [3, 5].contains(&product["id"].as_u64().unwrap_or(0)));
    let bare = r#"{"id":9,"locale":"ie","title":"Air guitar","description":"<b>Tuned</b>.","price":0.5}"#;
    products.push(serde_json::from_str(bare).expect("JSON"));
    std::fs::write(directory.path().join("db.json"), db.to_string()).expect("a file can be written");
    let product = Product::start().data(directory.path()).await;
    let cart =
        Cart::start().release(release).product(&product.url("")).env("HOSTNAME", "sava-cart-ie-0").await;
    (directory, product, cart)
}

/// Status, headers and page, without what is another each time: keys, numbers, times, and the hash of the style.
fn seen(answer: &Response) -> String {
    let mut text = format!("{}\n", answer.status);
    for name in [
        "content-type",
        "cache-control",
        "content-security-policy",
        "location",
        "retry-after",
        "vary",
        "x-sava-release",
        "x-sava-instance",
        "x-sava-product-release",
        "x-sava-product-fault",
    ] {
        for value in answer.headers.get_all(name) {
            let _ = writeln!(text, "{name}: {}", value.to_str().expect("a header of text"));
        }
    }
    let _ = write!(text, "\n{}", answer.body.trim_end());
    for (varying, instead) in [
        (r"(?s)<style>.*</style>", "<style>…</style>"),
        (r"'sha256-[^']+'", "'sha256-…'"),
        (r#"name="key" value="[0-9a-f]+""#, r#"name="key" value="…""#),
        (r"IE-[0-9A-Z]{5}-[0-9A-Z]{5}", "IE-…"),
        (r"\d{1,2} [A-Z][a-z]+ \d{4}, \d\d:\d\d UTC", "… UTC"),
    ] {
        let varying = Regex::new(varying).expect("a pattern");
        text = varying.replace_all(&text, instead).into_owned();
    }
    text
}

#[tokio::test]
async fn lists_are_these() {
    for release in ["1.0.5", "2.0.4", "3.0.0"] {
        let (_data, _product, cart) = small_shop(release).await;
        let list = Visitor::of(&cart.url("/")).get("").await;
        assert_snapshot!(format!("page-list-{release}"), seen(&list));
    }
}

#[tokio::test]
async fn pages_of_a_shopping_trip_are_these() {
    let (_data, _product, cart) = small_shop("3.0.0").await;
    let visitor = Visitor::of(&cart.url("/"));
    assert_snapshot!("page-search-without-result", seen(&visitor.get("?q=nothing").await));
    assert_snapshot!("page-cart-empty", seen(&visitor.get("cart").await));
    assert_snapshot!("page-orders-none", seen(&visitor.get("orders").await));
    visitor.adds("3", "2").await;
    visitor.adds("9", "99").await;
    assert_snapshot!("page-cart", seen(&visitor.get("cart").await));
    assert_snapshot!("page-cart-limit", seen(&visitor.post("cart/items", &[("id", "9")]).await));
    let checkout = visitor.get("checkout").await;
    assert_snapshot!("page-checkout", seen(&checkout));
    let (key, prices) = (checkout.field("key"), checkout.field("seen"));
    let wrong =
        [("name", "Aoife"), ("email", "<aoife>"), ("postcode", "D02"), ("key", &key), ("seen", &prices)];
    assert_snapshot!("page-checkout-mistakes", seen(&visitor.post("checkout", &wrong).await));
    let ordered = visitor.orders(&key, &prices).await;
    assert_eq!(ordered.status, 303);
    assert_snapshot!("page-order", seen(&visitor.get(ordered.location()).await));
    assert_snapshot!("page-orders", seen(&visitor.get("orders").await));
    assert_snapshot!("page-not-found", seen(&visitor.get("products/999").await));
}

#[tokio::test]
async fn pages_of_an_outage_are_these() {
    let (_data, product, cart) = small_shop("3.0.0").await;
    let visitor = Visitor::of(&cart.url("/"));
    visitor.adds("3", "2").await;
    let (key, prices) = visitor.checks_out().await;
    product.kill();
    let list = visitor.get("").await;
    assert_snapshot!("page-list-outage", seen(&list));
    assert_snapshot!("page-checkout-outage", seen(&visitor.orders(&key, &prices).await));
    let fruit = Cart::start().env("HOSTNAME", "sava-cart-ie-0").await;
    assert_snapshot!("page-list-fruit", seen(&Visitor::of(&fruit.url("/")).get("").await));
}

#[tokio::test]
async fn text_of_the_list_is_this() {
    let product = Product::start().await;
    // The pod's name is in the last line.
    let cart = Cart::start().locale("uk").env("HOSTNAME", "sava-cart-uk-0").product(&product.url("")).await;
    assert_snapshot!("text-list", body(cart.get_as("/", "text/plain").await).await);
}
