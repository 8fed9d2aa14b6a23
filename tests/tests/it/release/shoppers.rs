//! `sava-cart shoppers`: pretend shoppers against real store fronts.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Router,
    http::{HeaderMap, StatusCode, header},
};
use sava_tests::{Balancer, Cart, Exit, Ingress, Process, Product, binaries, command};
use serde_json::Value;

async fn shoppers(arguments: &[&str]) -> Exit {
    let mut shoppers = command(binaries::path("sava-cart"));
    shoppers.arg("shoppers").args(arguments);
    Process::spawn("shoppers", shoppers).exit().await
}

fn report(exit: &Exit) -> Value {
    serde_json::from_str(&exit.output).unwrap_or_else(|error| panic!("{error}: {}", exit.output))
}

#[tokio::test]
async fn failing_product_release_is_found_worse_while_shoppers_see_no_error_page() {
    let (good, bad) =
        (Product::start().release("2.0.1").await, Product::start().release("2.0.2-errors").await);
    let balancer = Balancer::start().await;
    balancer.split(&[(good.address(), 1), (bad.address(), 1)]);
    let cart = Cart::start().product(&balancer.url("")).await;
    let exit = shoppers(&[&cart.url("/"), "--rate", "60", "--for", "6s", "--format", "json"]).await;
    let report = report(&exit);
    assert_eq!(exit.code, Some(1), "{report:#}");
    assert_eq!(report["product"]["verdict"]["candidate"], "2.0.2-errors");
    assert_eq!(report["product"]["verdict"]["more_errors"], true);
    assert_eq!(report["storefront"]["releases"][0]["errors"], 0, "{report:#}");
}

#[tokio::test]
async fn broken_checkout_is_found_by_those_who_buy() {
    let product = Product::start().await;
    let good = Cart::start().product(&product.url("")).await;
    let bad = good.start_again().release("3.0.1-broken").product(&product.url("")).await;
    let balancer = Balancer::start().await;
    balancer.split(&[(good.address(), 1), (bad.address(), 1)]);
    let arguments = ["--rate", "60", "--for", "6s", "--mix", "buy=1", "--format", "json"];
    let exit = shoppers(&[&[balancer.url("/").as_str()], &arguments[..]].concat()).await;
    let report = report(&exit);
    assert_eq!(exit.code, Some(1), "{report:#}");
    assert_eq!(report["storefront"]["verdict"]["candidate"], "3.0.1-broken");
    assert!(report["faults"]["status 500"].as_u64() > Some(0), "{report:#}");
}

#[tokio::test]
async fn good_release_is_let_through_below_a_prefix() {
    let (old, new) = (Product::start().release("1.0.3").await, Product::start().release("2.0.1").await);
    let balancer = Balancer::start().await;
    balancer.split(&[(old.address(), 1), (new.address(), 1)]);
    let cart = Cart::start().release("2.0.4").product(&balancer.url("")).await;
    let ingress = Ingress::start("/shop", cart.address()).await;
    // The machine of the tests is busy: only a doubled latency counts.
    let arguments =
        ["--rate", "60", "--for", "6s", "--tolerance", "100", "--mix", "browse=1,search=1,fill=1,buy=1"];
    let exit = shoppers(&[&[ingress.url().as_str()], &arguments[..]].concat()).await;
    assert_eq!(exit.code, Some(0), "{}", exit.output);
    assert!(exit.output.contains("NOT WORSE, at 99 % confidence"), "{}", exit.output);
}

#[tokio::test]
async fn one_release_alone_is_too_little_to_tell() {
    let product = Product::start().await;
    let cart = Cart::start().product(&product.url("")).await;
    let exit = shoppers(&[&cart.url("/"), "--rate", "20", "--for", "1s"]).await;
    assert_eq!(exit.code, Some(3), "{}", exit.output);
}

#[tokio::test]
async fn what_is_no_store_front_is_refused() {
    let nowhere = shoppers(&["http://127.0.0.1:9/", "--for", "1s"]).await;
    assert_eq!(nowhere.code, Some(2), "{}", nowhere.output);
    assert!(nowhere.output.contains("cannot be reached"), "{}", nowhere.output);
    let exit = shoppers(&["http://127.0.0.1:9/", "--rate", "5000"]).await;
    assert_eq!(exit.code, Some(2), "{}", exit.output);
}

#[tokio::test]
async fn shop_that_asks_to_be_left_alone_is_and_knows_who_asked() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let overloaded = move |headers: HeaderMap| async move {
        assert!(headers[header::USER_AGENT].to_str().expect("plain").starts_with("sava-shoppers/"));
        counter.fetch_add(1, Ordering::Relaxed);
        (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "30"), ("x-sava-release", "3.0.0")])
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(overloaded)).await });
    let exit = shoppers(&[&url, "--rate", "40", "--for", "2s", "--format", "json"]).await;
    // Once to see that it is there, and once by each of the ten shoppers who keep that rate.
    assert_eq!(asked.load(Ordering::Relaxed), 11, "{}", exit.output);
    assert_eq!(report(&exit)["storefront"]["releases"][0]["errors"], 10);
    assert_eq!(exit.code, Some(3));
}
