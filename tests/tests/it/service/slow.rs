//! Limits of time: who is slow costs little, and not for long.

use std::{
    fs,
    time::{Duration, Instant},
};

use sava_testbed::{Cart, Product, ProductBuilder, Signal, body, json};
use socket2::{Domain, Socket, Type};
use tempfile::TempDir;
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpSocket, TcpStream},
};

use super::wire::{Response, connect, read};

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
async fn client_that_has_said_all_gets_its_answer() {
    let product = Product::start().env("FAULT_DELAY", "300ms").await;
    let admin = product.admin_url("").await;
    for (address, path) in
        [(product.address(), "/products/ie"), (admin.trim_start_matches("http://"), "/metrics")]
    {
        let mut stream = connect(address).await;
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).await.unwrap();
        // As `printf … | nc` does.
        stream.shutdown().await.unwrap();
        assert_eq!(read(&mut stream).await.expect("an answer").status, 200, "{path}");
        assert!(read(&mut stream).await.is_none(), "{path}");
    }
}

#[tokio::test]
async fn client_that_is_gone_does_not_keep_its_place_for_long() {
    let product = Product::start().env("FAULT_DELAY", "1h").env("REQUEST_TIMEOUT", "50s").await;
    let mut gone = connect(product.address()).await;
    gone.write_all(b"GET /products HTTP/1.1\r\nHost: shop\r\n\r\n").await.unwrap();
    drop(gone);
    let asked = Instant::now();
    product.logged("\"status\":499").await;
    assert!(asked.elapsed() < Duration::from_secs(30), "{:?}", asked.elapsed());
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

/// An answer that no socket's buffers hold, asked for by a client that reads nothing of it yet.
struct Unread {
    product: Product,
    stream: TcpStream,
    _data: TempDir,
}

impl Unread {
    const BYTES: usize = 1 << 20;

    async fn of(product: ProductBuilder) -> Self {
        let data = tempfile::tempdir().unwrap();
        let filler = "a".repeat(Self::BYTES);
        let picture =
            format!("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1 1\"><!--{filler}--></svg>");
        fs::write(data.path().join("large.svg"), picture).unwrap();
        let db = r#"{"products": [{"id": 1, "locale": "ie", "title": "Axe", "description": "Sharp.", "price": 1}]}"#;
        fs::write(data.path().join("db.json"), db).unwrap();
        let product = product.data(data.path()).await;

        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_nonblocking(true).unwrap();
        socket.set_recv_buffer_size(4 << 10).unwrap();
        // Small segments, or the kernel gives the other end megabytes to send from.
        socket.set_tcp_mss(536).unwrap();
        let socket = TcpSocket::from_std_stream(socket.into());
        let mut stream = socket.connect(product.address().parse().unwrap()).await.unwrap();
        stream.write_all(b"GET /images/large.svg HTTP/1.1\r\nHost: shop\r\n\r\n").await.unwrap();
        // Its last byte is in the server's hands.
        product.logged("/images/").await;
        Self { product, stream, _data: data }
    }

    async fn read(&mut self) -> Response {
        let answer = read(&mut self.stream).await.expect("an answer");
        assert!(answer.status == 200 && answer.body.len() > Self::BYTES, "{}", answer.head);
        answer
    }
}

#[tokio::test]
async fn slow_readers_keep_their_place() {
    let mut slow = Unread::of(Product::start().unready().env("MAX_CONNECTIONS", "1")).await;
    let mut newcomer = connect(slow.product.address()).await;
    assert_eq!(read(&mut newcomer).await.expect("an answer").status, 503);
    slow.read().await;
    // Now it only waits.
    let mut newcomer = connect(slow.product.address()).await;
    newcomer.write_all(b"GET /livez HTTP/1.1\r\nHost: shop\r\n\r\n").await.unwrap();
    assert_eq!(read(&mut newcomer).await.expect("an answer").status, 200);
}

#[tokio::test]
async fn slow_readers_get_everything_beyond_the_age() {
    let mut slow = Unread::of(Product::start().env("MAX_CONNECTION_AGE", "100ms")).await;
    // Longer than a connection that waits would live.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    slow.read().await;
    assert!(read(&mut slow.stream).await.is_none());
}

#[tokio::test]
async fn slow_readers_get_everything_while_draining() {
    let mut slow = Unread::of(Product::start()).await;
    slow.product.process().signal(Signal::TERM);
    slow.product.logged("ending").await;
    slow.read().await;
    assert_eq!(slow.product.exit().await.code, Some(0));
}
