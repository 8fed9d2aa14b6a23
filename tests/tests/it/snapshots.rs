//! Whole answers, as they are: what changes them is seen in review. `INSTA_UPDATE=always cargo test -p sava-tests
//! snapshots::` writes them anew.

use std::fmt::Write as _;

use insta::assert_snapshot;
use reqwest::Response;
use sava_tests::{Cart, Product, body};

/// Status, the headers that are part of the contract, and the body.
async fn told(answer: Response) -> String {
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
            told(product.get_as("/products/ie/3", &accept).await).await
        );
    }
    assert_snapshot!("stores", told(product.get("/products").await).await);
}

#[tokio::test]
async fn problems_are_these() {
    let product = Product::start().release("2.0.1").await;
    assert_snapshot!("problem-unknown-locale", told(product.get("/products/fr").await).await);
    assert_snapshot!("problem-unknown-product", told(product.get("/products/ie/999").await).await);
    assert_snapshot!("problem-bad-query", told(product.get("/products/ie?_limit=many").await).await);
    let v3 = "application/vnd.sava.v3+json";
    assert_snapshot!("problem-not-acceptable", told(product.get_as("/products/ie", v3).await).await);
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

#[tokio::test]
async fn text_of_the_list_is_this() {
    let product = Product::start().await;
    // The pod's name is in the last line.
    let cart = Cart::start().locale("uk").env("HOSTNAME", "sava-cart-uk-0").product(&product.url("")).await;
    assert_snapshot!("text-list", body(cart.get_as("/", "text/plain").await).await);
}
