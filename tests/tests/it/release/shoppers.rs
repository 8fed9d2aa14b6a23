//! `sava-shoppers`: pretend shoppers against real store fronts.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Router,
    http::{HeaderMap, StatusCode, header},
};
use sava_testbed::{Balancer, Cart, Exit, Ingress, Process, Product, Signal, binaries, command};
use serde_json::Value;

async fn shoppers(arguments: &[&str]) -> Exit {
    let mut shoppers = command(binaries::path("sava-shoppers"));
    shoppers.args(arguments);
    Process::spawn("shoppers", shoppers).exit().await
}

/// The URL of a server that answers so until the test ends.
async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// The JSON on stdout, after what is said to people on stderr.
fn report(exit: &Exit) -> Value {
    let json = exit.output.find('{').map_or("", |start| &exit.output[start..]);
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {}", exit.output))
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
async fn what_is_not_a_store_front_is_refused() {
    let nowhere = shoppers(&["http://127.0.0.1:9/", "--for", "1s", "--wait", "0s"]).await;
    assert_eq!(nowhere.code, Some(2), "{}", nowhere.output);
    assert!(nowhere.output.contains("http://127.0.0.1:9/ cannot be reached"), "{}", nowhere.output);
    let exit = shoppers(&["http://127.0.0.1:9/", "--rate", "5000"]).await;
    assert_eq!(exit.code, Some(2), "{}", exit.output);

    // At once, and not only when it has been waited for.
    let product = Product::start().await;
    let exit = shoppers(&[&product.url("/"), "--wait", "1h"]).await;
    assert_eq!(exit.code, Some(2), "{}", exit.output);
    assert!(exit.output.contains("is it the product service's URL?"), "{}", exit.output);
    let other = serve(Router::new().fallback(|| async { "hello" })).await;
    let exit = shoppers(&[&other, "--wait", "1h"]).await;
    assert_eq!(exit.code, Some(2), "{}", exit.output);
    assert!(exit.output.contains("has no X-Sava-Release"), "{}", exit.output);
    let cart = Cart::start().product(&product.url("")).await;
    let exit = shoppers(&[&cart.url("/no-such-page"), "--wait", "1h"]).await;
    assert_eq!(exit.code, Some(2), "{}", exit.output);
}

#[tokio::test]
async fn store_front_may_be_late() {
    let product = Product::start().await;
    let cart = Cart::start().product(&product.url("")).await;
    // First nobody is behind the balancer, then something says 503 in the store front's place, then it is there.
    let balancer = Balancer::start().await;
    let mut process = command(binaries::path("sava-shoppers"));
    process.args([&balancer.url("/"), "--rate", "20", "--for", "1s", "--wait", "1h"]);
    let process = Process::spawn("shoppers", process);
    process.line("Looking for the store front").await;
    let gateway = serve(Router::new().fallback(|| async { StatusCode::SERVICE_UNAVAILABLE })).await;
    balancer.split(&[(gateway.trim_start_matches("http://").trim_end_matches('/'), 1)]);
    balancer.split(&[(cart.address(), 1)]);
    let exit = process.exit().await;
    assert_eq!(exit.code, Some(3), "{}", exit.output);
}

/// In a container the shoppers are process 1, for which a signal has no default.
#[tokio::test]
async fn shoppers_end_at_a_signal_with_their_verdict() {
    let product = Product::start().await;
    let cart = Cart::start().product(&product.url("")).await;
    for signal in [Signal::TERM, Signal::INT] {
        let mut process = command(binaries::path("sava-shoppers"));
        process.args([&cart.url("/"), "--rate", "20"]);
        let process = Process::spawn("shoppers", process);
        process.line("The shoppers are in").await;
        process.signal(signal);
        let exit = process.exit().await;
        assert_eq!(exit.code, Some(3), "{}", exit.output);
        assert!(exit.output.to_lowercase().contains("too little"), "{}", exit.output);
    }
}

#[tokio::test]
async fn shoppers_who_wait_end_at_a_signal() {
    let mut process = command(binaries::path("sava-shoppers"));
    process.args(["http://127.0.0.1:9/", "--wait", "1h"]);
    let process = Process::spawn("shoppers", process);
    process.line("Looking for the store front at http://127.0.0.1:9/").await;
    process.signal(Signal::TERM);
    assert_eq!(process.exit().await.code, Some(3));
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
    let url = serve(Router::new().fallback(overloaded)).await;
    let exit = shoppers(&[&url, "--rate", "40", "--for", "2s", "--format", "json"]).await;
    // Once to see that it is there, and once by each of the ten shoppers who keep that rate.
    assert_eq!(asked.load(Ordering::Relaxed), 11, "{}", exit.output);
    assert_eq!(report(&exit)["storefront"]["releases"][0]["errors"], 10);
    assert_eq!(exit.code, Some(3));
}
