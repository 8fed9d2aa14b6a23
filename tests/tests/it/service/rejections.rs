//! What the server itself turns away is counted by its limit, and logged.

use sava_testbed::{Product, body, client};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use super::wire::{connect, read, send};

const REQUEST: &str = "GET /products/ie HTTP/1.1\r\nHost: shop\r\n\r\n";

/// Whether the log and the metric have one rejection by this limit, with this status.
async fn assert_one(product: &Product, limit: &str, status: u16) {
    let line = product.logged(&format!(r#""limit":"{limit}""#)).await;
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["status"], status, "{line}");
    let metrics = body(client().get(product.admin_url("/metrics").await).send().await.unwrap()).await;
    let expected = format!("http_server_rejected_total{{limit=\"{limit}\"}} 1");
    assert!(metrics.lines().any(|line| line == expected), "{limit}: {metrics}");
}

/// Holds a connection with a request that hangs.
async fn hanging(product: &Product) -> TcpStream {
    let hang = client().put(product.admin_url("/faults").await).body(r#"{"hang":true}"#);
    assert_eq!(hang.send().await.unwrap().status(), 200);
    let mut stream = connect(product.address()).await;
    stream.write_all(REQUEST.as_bytes()).await.unwrap();
    let metrics = product.admin_url("/metrics").await;
    while !body(client().get(&metrics).send().await.unwrap()).await.contains("http_server_active_requests 1")
    {
    }
    stream
}

#[tokio::test]
async fn what_cannot_be_a_request_is_counted_and_logged() {
    let product = Product::start().await;
    for (limit, status, request) in [
        ("bad_request", 400, "GET / HTTP/1.1\r\nnonsense\r\n\r\n".to_owned()),
        ("version", 505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_owned()),
        ("host", 400, "GET / HTTP/1.1\r\n\r\n".to_owned()),
        ("target", 414, format!("GET /{} HTTP/1.1\r\n", "a".repeat(100 << 10))),
        ("headers", 431, format!("GET / HTTP/1.1\r\nX-Filler: {}", "a".repeat(100 << 10))),
        (
            "body",
            413,
            "PUT / HTTP/1.1\r\nHost: shop\r\nContent-Length: 18446744073709551615\r\n\r\n".to_owned(),
        ),
    ] {
        let answer = send(product.address(), request).await;
        assert_eq!(answer.status, status, "{limit}: {answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer:?}");
        assert_one(&product, limit, status).await;
    }
}

#[tokio::test]
async fn what_does_not_come_in_time_is_counted_and_logged() {
    let product = Product::start().env("HEADER_TIMEOUT", "200ms").env("REQUEST_TIMEOUT", "1s").await;
    assert_eq!(send(product.address(), "GET / HTTP/1.1\r\nHo").await.status, 408);
    assert_one(&product, "header_timeout", 408).await;
    assert_eq!(read(&mut hanging(&product).await).await.unwrap().status, 503);
    assert_one(&product, "request_timeout", 503).await;
}

#[tokio::test]
async fn what_is_beyond_the_caps_is_counted_and_logged() {
    let busy = Product::start().env("MAX_IN_FLIGHT", "1").env("REQUEST_TIMEOUT", "1h").await;
    let held = hanging(&busy).await;
    assert_eq!(send(busy.address(), REQUEST).await.status, 503);
    assert_one(&busy, "in_flight", 503).await;
    drop(held);

    let full = Product::start().unready().env("MAX_CONNECTIONS", "1").env("REQUEST_TIMEOUT", "1h").await;
    let held = hanging(&full).await;
    assert_eq!(read(&mut connect(full.address()).await).await.unwrap().status, 503);
    assert_one(&full, "connections", 503).await;
    drop(held);
}
