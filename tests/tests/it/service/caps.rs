//! Caps on connections and on requests: beyond them an answer at once, and never a queue that grows.

use std::{fs, time::Duration};

use futures_util::{StreamExt as _, stream};
use sava_tests::{Product, client};
use tokio::io::AsyncWriteExt as _;

use super::wire::{connect, read};

const REQUEST: &[u8] = b"GET /products/ie HTTP/1.1\r\nHost: shop\r\n\r\n";

#[tokio::test]
async fn ten_thousand_connections_beyond_the_cap_are_seen_off() {
    const CAP: usize = 100;
    let product =
        Product::start().env("MAX_CONNECTIONS", CAP.to_string()).env("MAX_CONNECTION_AGE", "0s").await;
    let mut held = Vec::new();
    while held.len() < CAP {
        let mut stream = connect(product.address()).await;
        stream.write_all(REQUEST).await.unwrap();
        // Those of the start may still be on their way out.
        if read(&mut stream).await.unwrap().status == 200 {
            held.push(stream);
        }
    }
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
    let last = held.last_mut().unwrap();
    last.write_all(REQUEST).await.unwrap();
    assert_eq!(read(last).await.unwrap().status, 200);
    drop(held);
    product.ready().await;
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
