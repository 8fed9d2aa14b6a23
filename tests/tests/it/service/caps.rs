//! Caps on connections and on requests: beyond them an answer at once, and never a queue that grows.

use std::{fs, time::Duration};

use futures_util::{StreamExt as _, stream};
use sava_testbed::{Product, body, client};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use super::wire::{connect, read};

const REQUEST: &[u8] = b"GET /products/ie HTTP/1.1\r\nHost: shop\r\n\r\n";

/// Holds a number of connections whose requests are not answered.
async fn busy(product: &Product, n_connections: usize) -> Vec<TcpStream> {
    let hang = client().put(product.admin_url("/faults").await).body(r#"{"hang":true}"#);
    assert_eq!(hang.send().await.unwrap().status(), 200);
    let mut held = Vec::new();
    for _ in 0..n_connections {
        let mut stream = connect(product.address()).await;
        stream.write_all(REQUEST).await.unwrap();
        held.push(stream);
    }
    let metrics = product.admin_url("/metrics").await;
    let all = format!(" {n_connections}");
    loop {
        let text = body(client().get(&metrics).send().await.unwrap()).await;
        let gauge = text.lines().find(|line| line.starts_with("http_server_active_requests")).unwrap();
        if gauge.ends_with(&all) {
            return held;
        }
    }
}

#[tokio::test]
async fn ten_thousand_connections_beyond_the_cap_are_seen_off() {
    const CAP: usize = 100;
    let product = Product::start().env("MAX_CONNECTIONS", CAP.to_string()).env("REQUEST_TIMEOUT", "1h").await;
    // The one that asked whether it is ready is closed or gives way.
    let held = busy(&product, CAP).await;
    let refused = stream::iter(0..10_000)
        .map(|_| async {
            let mut stream = connect(product.address()).await;
            let answer = read(&mut stream).await;
            answer.map(|answer| (answer.status, answer.header("retry-after").map(str::to_owned)))
        })
        .buffer_unordered(200)
        .filter(|answer| std::future::ready(*answer == Some((503, Some("1".to_owned())))))
        .count()
        .await;
    assert_eq!(refused, 10_000);

    let files = fs::read_dir(format!("/proc/{}/fd", product.process().id())).unwrap().count();
    assert!(files < CAP + 400, "{files} files are open");
    // The admin port has places of its own.
    for probe in ["/livez", "/readyz"] {
        let answer = client().get(product.admin_url(probe).await).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{probe}");
    }
    drop(held);
    product.ready().await;
}

#[tokio::test]
async fn the_longest_idle_connection_gives_way_to_a_new_one() {
    const CAP: usize = 20;
    let product =
        Product::start().env("MAX_CONNECTIONS", CAP.to_string()).env("MAX_CONNECTION_AGE", "0s").await;
    let mut held = Vec::new();
    for _ in 0..5 * CAP {
        let mut stream = connect(product.address()).await;
        stream.write_all(REQUEST).await.unwrap();
        assert_eq!(read(&mut stream).await.expect("nobody is locked out").status, 200);
        held.push(stream);
    }
    // The youngest are there still.
    for stream in held.iter_mut().rev().take(CAP / 2) {
        stream.write_all(REQUEST).await.unwrap();
        assert_eq!(read(stream).await.unwrap().status, 200);
    }
    // So do those that say nothing at all.
    let mut silent = Vec::new();
    for _ in 0..2 * CAP {
        silent.push(connect(product.address()).await);
    }
    assert_eq!(product.get("/products/ie").await.status(), 200);
}

#[tokio::test]
async fn half_sent_headers_give_way_too() {
    const CAP: usize = 20;
    let product = Product::start().env("MAX_CONNECTIONS", CAP.to_string()).env("HEADER_TIMEOUT", "1h").await;
    let mut held = Vec::new();
    for _ in 0..CAP {
        let mut stream = connect(product.address()).await;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: sh").await.unwrap();
        held.push(stream);
    }
    // Each has a second to go on.
    loop {
        match client().get(product.url("/products/ie")).send().await.map(|answer| answer.status().as_u16()) {
            Ok(200) => break,
            Ok(503) | Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn connections_that_wait_end_at_their_age() {
    let product = Product::start().env("MAX_CONNECTION_AGE", "1s").env("IDLE_TIMEOUT", "1h").await;
    let mut stream = connect(product.address()).await;
    stream.write_all(REQUEST).await.unwrap();
    let answer = read(&mut stream).await.unwrap();
    assert_eq!((answer.status, answer.is_last()), (200, false));
    assert!(read(&mut stream).await.is_none(), "it ends without another request");
}

#[tokio::test]
async fn requests_beyond_the_cap_are_503_at_once() {
    let product = Product::start().env("MAX_IN_FLIGHT", "4").env("REQUEST_TIMEOUT", "1h").await;
    let hang = client().put(product.admin_url("/faults").await).body(r#"{"hang":true}"#);
    assert_eq!(hang.send().await.unwrap().status(), 200);
    let mut busy = Vec::new();
    for _ in 0..4 {
        let mut stream = connect(product.address()).await;
        stream.write_all(REQUEST).await.unwrap();
        busy.push(stream);
    }
    // Each of the four is counted before this one is read, as soon as they are in: until then it hangs as well.
    let beyond = loop {
        let answer =
            client().get(product.url("/products/ie")).timeout(Duration::from_millis(500)).send().await;
        if let Ok(answer) = answer {
            break answer;
        }
    };
    assert_eq!(beyond.status(), 503);
    assert_eq!(beyond.headers()["retry-after"], "1");
    // A busy instance is alive, and says what it is.
    for probe in ["/livez", "/readyz", "/version"] {
        assert_eq!(product.get(probe).await.status(), 200, "{probe}");
    }
}
