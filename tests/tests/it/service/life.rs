//! From the start to the end: addresses, SIGTERM under load, the drain, a second signal.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use sava_testbed::{Product, Signal, body, client, json};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use super::wire::{connect, read};

const REQUEST: &[u8] = b"GET /products/ie HTTP/1.1\r\nHost: shop\r\n\r\n";

/// The line of a log that tells what became of the requests. That of a request which ended at that moment, on another
/// thread, may come behind it.
fn ended_line(output: &str) -> Value {
    let mut lines = output.lines().rev().map(|line| serde_json::from_str(line).expect("a line of JSON"));
    lines.find(|line: &Value| line["message"] == "ended").expect("a line that tells of the end")
}

#[tokio::test]
async fn sigterm_under_load_fails_no_request() {
    let product =
        Arc::new(Product::start().env("SHUTDOWN_DELAY", "1s").env("FAULT_DELAY", "1ms..20ms").await);
    // What a load balancer does: it opens connections while the instance is ready.
    let is_in_rotation = Arc::new(AtomicBool::new(true));
    let answered = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..32)
        .map(|client| {
            let (address, is_in_rotation, answered) =
                (product.address().to_owned(), Arc::clone(&is_in_rotation), Arc::clone(&answered));
            tokio::spawn(async move {
                // Half of the clients keep their connections.
                let keeps = client % 2 == 0;
                while is_in_rotation.load(Ordering::Relaxed) {
                    let mut stream = connect(&address).await;
                    loop {
                        stream.write_all(REQUEST).await.expect("it takes the request");
                        let answer = read(&mut stream).await.expect("no request is lost");
                        assert_eq!(answer.status, 200);
                        answered.fetch_add(1, Ordering::Relaxed);
                        if answer.is_last() || !keeps {
                            break;
                        }
                    }
                }
            })
        })
        .collect();
    while answered.load(Ordering::Relaxed) < 200 {
        tokio::task::yield_now().await;
    }
    product.process().signal(Signal::TERM);
    while product.get("/readyz").await.status() == 200 {}
    let before = answered.load(Ordering::Relaxed);
    while answered.load(Ordering::Relaxed) < before + 100 {
        tokio::task::yield_now().await;
    }
    is_in_rotation.store(false, Ordering::Relaxed);
    for client in clients {
        client.await.expect("no client met a failure");
    }
    let exit = Arc::into_inner(product).expect("the clients have ended").exit().await;
    assert_eq!(exit.code, Some(0));
    let last = ended_line(&exit.output);
    assert_eq!(last["cut"], 0, "{last}");
    assert!(last["served"].as_u64() >= Some(answered.load(Ordering::Relaxed) as u64), "{last}");
}

#[tokio::test]
async fn kept_connections_lose_nothing_without_a_delay() {
    let product = Product::start().await;
    let mut stream = connect(product.address()).await;
    stream.write_all(REQUEST).await.unwrap();
    assert!(!read(&mut stream).await.unwrap().is_last());
    product.process().signal(Signal::TERM);
    product.logged("ending").await;
    // On its way when the drain began: it is answered, and told to be the last.
    stream.write_all(REQUEST).await.unwrap();
    assert!(read(&mut stream).await.expect("an answer").is_last());
    assert_eq!(product.exit().await.code, Some(0));
}

#[tokio::test]
async fn not_ready_but_alive_and_serving_after_sigterm() {
    let product = Product::start().env("SHUTDOWN_DELAY", "1h").await;
    product.process().signal(Signal::TERM);
    product.logged("ending").await;
    let readiness = product.get("/readyz?verbose").await;
    assert_eq!(readiness.status(), 503);
    let readiness = json(readiness).await;
    assert_eq!(readiness["checks"]["shutdown"], json!({ "ok": false, "required": true }), "{readiness}");
    let reasons = client().get(product.admin_url("/readyz").await).send().await.unwrap();
    assert_eq!(body(reasons).await, "not ready\nshutdown: the process is ending\n");
    assert_eq!(product.get("/livez").await.status(), 200);
    assert_eq!(product.get("/products/ie").await.status(), 200);
    // The second signal ends the delay, and everything else.
    product.process().signal(Signal::TERM);
    assert_eq!(product.exit().await.code, Some(0));
}

#[tokio::test]
async fn what_outlasts_the_drain_is_cut_and_counted() {
    let product = Product::start().env("DRAIN_TIMEOUT", "300ms").env("FAULT_DELAY", "1h").await;
    let mut stuck = connect(product.address()).await;
    stuck.write_all(REQUEST).await.unwrap();
    let metrics = product.admin_url("/metrics").await;
    loop {
        let page = sava_testbed::body(sava_testbed::client().get(&metrics).send().await.unwrap()).await;
        if page.contains("http_server_active_requests 1") {
            break;
        }
    }
    let begun = Instant::now();
    let exit = product.stop().await;
    assert_eq!(exit.code, Some(0));
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(ended_line(&exit.output)["cut"], 1);
}

#[tokio::test]
async fn idle_connections_do_not_hold_the_end_up() {
    let product = Product::start().await;
    let mut idle = connect(product.address()).await;
    idle.write_all(REQUEST).await.unwrap();
    read(&mut idle).await.unwrap();
    let begun = Instant::now();
    assert_eq!(product.stop().await.code, Some(0));
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    assert!(read(&mut idle).await.is_none());
}

#[tokio::test]
async fn connections_end_at_their_age_with_an_answer() {
    let product = Product::start().env("MAX_CONNECTION_AGE", "300ms").await;
    let (mut stream, begun) = (connect(product.address()).await, Instant::now());
    let mut answers = 0;
    loop {
        stream.write_all(REQUEST).await.expect("the connection is open until it is said to end");
        let answer = read(&mut stream).await.expect("no answer is cut");
        assert_eq!(answer.status, 200);
        answers += 1;
        if answer.is_last() {
            break;
        }
    }
    assert!(answers > 1);
    let age = begun.elapsed();
    assert!(age > Duration::from_millis(250) && age < Duration::from_secs(3), "{age:?}");
    assert!(read(&mut stream).await.is_none());
}

#[tokio::test]
async fn dual_stack_address_takes_both() {
    let product = Product::start().env("LISTEN", "[::]:0").unready().await;
    let (_, port) = product.address().rsplit_once(':').unwrap();
    for host in ["127.0.0.1", "[::1]"] {
        let mut stream = TcpStream::connect(format!("{host}:{port}")).await.expect(host);
        stream.write_all(REQUEST).await.unwrap();
        assert_eq!(read(&mut stream).await.unwrap().status, 200, "{host}");
    }
}

#[tokio::test]
async fn taken_address_is_an_error_that_names_it() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let exit = Product::start().env("LISTEN", &address).exit().await;
    assert_eq!(exit.code, Some(1));
    assert!(exit.output.contains(&address) && exit.output.contains("LISTEN"), "{}", exit.output);
}
