//! What clients can make a service hold fits the memory that its manifests give it.

use futures_util::{StreamExt as _, stream};
use sava_testbed::{
    Cart, Product, Running, client,
    memory::{MemoryLimit, peak},
};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use super::wire::{connect, read};

/// `limits.memory` of both Deployments.
const LIMIT: u64 = 128 << 20;
/// Without the access log, which would be most of the test's output.
const QUIET: &str = "info,sava::access=warn";
/// More than may be open by default.
const MANY: usize = 4096;

/// Opens them all, however many of them are closed again, with these bytes on each.
async fn open(service: &Running, bytes: &[u8], is_answered: bool) -> Vec<TcpStream> {
    stream::iter(0..MANY)
        .map(|_| async {
            let mut stream = connect(service.address()).await;
            // The service may close it before it took everything.
            let _ = stream.write_all(bytes).await;
            if is_answered {
                read(&mut stream).await;
            }
            stream
        })
        .buffer_unordered(64)
        .collect()
        .await
}

async fn stays_within_its_limit(service: &Running, path: &str) {
    let limit = MemoryLimit::new(LIMIT);
    limit.hold(service.process().id());
    let mut half = format!("GET {path} HTTP/1.1\r\nHost: shop\r\n");
    while half.len() < 39_000 {
        half.push_str("X-Header: ");
        half.push_str(&"x".repeat(1000));
        half.push_str("\r\n");
    }
    let whole = format!("GET {path} HTTP/1.1\r\nHost: shop\r\n\r\n");
    for (what, bytes, is_answered) in
        [("half-sent headers", half, false), ("connections that are kept", whole, true)]
    {
        let held = open(service, bytes.as_bytes(), is_answered).await;
        // Whoever else comes is served, if not at once: half a header has a second.
        while !client().get(service.url(path)).send().await.is_ok_and(|answer| answer.status().is_success()) {
        }
        for _ in 0..200 {
            let answer = client().get(service.url(path)).send().await.expect("an answer");
            assert_eq!(answer.status(), 200, "beside {what}");
        }
        let peak = peak(service.process().id());
        assert!(peak < LIMIT, "{what}: {peak} bytes");
        drop(held);
    }
}

#[tokio::test]
async fn the_product_service_holds_what_its_limit_allows() {
    let product = Product::start().env("MAX_CONNECTION_AGE", "0s").env("RUST_LOG", QUIET).await;
    stays_within_its_limit(&product, "/products/ie").await;
}

#[tokio::test]
async fn the_store_front_holds_what_its_limit_allows() {
    let product = Product::start().env("RUST_LOG", QUIET).await;
    let cart =
        Cart::start().product(&product.url("")).env("MAX_CONNECTION_AGE", "0s").env("RUST_LOG", QUIET).await;
    stays_within_its_limit(&cart, "/").await;
}
