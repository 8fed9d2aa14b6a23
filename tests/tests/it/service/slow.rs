//! Limits of time: who is slow costs little, and not for long.

use std::time::{Duration, Instant};

use sava_tests::{Cart, Product, body, json};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use super::wire::{connect, read};

#[tokio::test]
async fn a_thousand_slow_connections_hinder_nobody() {
    let product = Product::start().env("HEADER_TIMEOUT", "2s").await;
    let mut slow: Vec<TcpStream> = Vec::new();
    for _ in 0..1_000 {
        let mut stream = connect(product.address()).await;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: shop\r\nX-").await.unwrap();
        slow.push(stream);
    }
    let asked = Instant::now();
    assert_eq!(product.get("/products/ie").await.status(), 200);
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());

    // A byte now and then does not buy more time.
    for stream in &mut slow {
        stream.write_all(b"a").await.unwrap();
    }
    for stream in &mut slow {
        let answer = read(stream).await.expect("an answer before the end");
        assert_eq!(answer.status, 408);
        assert!(answer.is_last() && answer.header("x-sava-release").is_some(), "{answer:?}");
    }
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
}

#[tokio::test]
async fn half_a_header_after_a_request_is_408() {
    let product = Product::start().env("HEADER_TIMEOUT", "500ms").env("IDLE_TIMEOUT", "1h").await;
    let mut stream = connect(product.address()).await;
    stream.write_all(b"GET /livez HTTP/1.1\r\nHost: shop\r\n\r\n").await.unwrap();
    assert_eq!(read(&mut stream).await.unwrap().status, 200);
    stream.write_all(b"GET /livez HTTP/1.1\r\nHo").await.unwrap();
    assert_eq!(read(&mut stream).await.unwrap().status, 408);
}

#[tokio::test]
async fn idle_connections_are_closed_without_a_word() {
    let product = Product::start().env("IDLE_TIMEOUT", "300ms").await;
    let mut stream = connect(product.address()).await;
    stream.write_all(b"GET /livez HTTP/1.1\r\nHost: shop\r\n\r\n").await.unwrap();
    assert_eq!(read(&mut stream).await.unwrap().status, 200);
    assert!(read(&mut stream).await.is_none());
}

#[tokio::test]
async fn slow_answers_are_503() {
    let product = Product::start().env("REQUEST_TIMEOUT", "300ms").env("FAULT_DELAY", "1h").await;
    let answer = product.get("/products").await;
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["retry-after"], "1");
    assert_eq!(json(answer).await["type"], "tag:sava.example,2026:timeout");
    assert_eq!(product.get("/livez").await.status(), 200);
}

#[tokio::test]
async fn slow_bodies_are_408() {
    let cart = Cart::start().env("REQUEST_TIMEOUT", "300ms").await;
    let mut stream = connect(cart.address()).await;
    let head = "POST /cart/items HTTP/1.1\r\nHost: shop\r\nContent-Type: application/x-www-form-urlencoded\r\n\
                Content-Length: 100\r\n\r\nid=";
    stream.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(read(&mut stream).await.unwrap().status, 408);
    assert!(body(cart.get("/livez").await).await.contains("ok"));
}
