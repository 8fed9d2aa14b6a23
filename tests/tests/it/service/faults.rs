//! Faults on purpose: exact, scoped, with an end, seen everywhere, and set by nobody from elsewhere.

use std::{
    net::{IpAddr, UdpSocket},
    time::{Duration, Instant},
};

use reqwest::{Method, Response, StatusCode};
use sava_testbed::{Product, body, client, json};
use serde_json::{Value, json};

async fn admin(product: &Product, method: Method, fault: &Value) -> Response {
    let url = product.admin_url("/faults").await;
    client().request(method, url).body(fault.to_string()).send().await.expect("the admin port answers")
}

async fn misbehaving(fault: Value) -> Product {
    let product = Product::start().await;
    let answer = admin(&product, Method::PUT, &fault).await;
    assert_eq!(answer.status(), 200, "{}", body(answer).await);
    product
}

async fn statuses(product: &Product, path: &str, accept: &str, count: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..count {
        statuses.push(product.get_as(path, accept).await.status().as_u16());
    }
    statuses
}

fn errors(statuses: &[u16]) -> usize {
    statuses.iter().filter(|status| **status >= 500).count()
}

#[tokio::test]
async fn ten_percent_are_ten_of_each_hundred() {
    let product = Product::start().env("FAULT_ERROR_RATE", "10%").await;
    for _ in 0..3 {
        assert_eq!(errors(&statuses(&product, "/products/ie", "*/*", 100).await), 10);
    }
    assert_eq!(errors(&statuses(&product, "/livez", "*/*", 20).await), 0);
    let failed = loop {
        let answer = product.get("/products/ie").await;
        if answer.status() == 500 {
            break answer;
        }
    };
    assert_eq!(failed.headers()["content-type"], "application/problem+json");
    assert_eq!(json(failed).await["type"], "tag:sava.example,2026:fault");
}

#[tokio::test]
async fn same_seed_hits_the_same_requests() {
    let seeded = async |seed: u64| {
        let product = misbehaving(json!({ "errorRate": 0.2, "status": 503, "seed": seed })).await;
        statuses(&product, "/products/ie", "*/*", 50).await
    };
    let first = seeded(7).await;
    assert!(first.contains(&503) && first.contains(&200), "{first:?}");
    assert_eq!(first, seeded(7).await);
    assert_ne!(first, seeded(8).await);
}

#[tokio::test]
async fn delays_are_within_their_range() {
    let product = Product::start().env("FAULT_DELAY", "100ms..150ms").await;
    let asked = Instant::now();
    assert_eq!(product.get("/products/ie").await.status(), 200);
    assert!(asked.elapsed() >= Duration::from_millis(100), "{:?}", asked.elapsed());
}

#[tokio::test]
async fn scopes_spare_the_rest() {
    let product = misbehaving(json!({ "errorRate": 1, "apiVersion": "v2" })).await;
    assert_eq!(errors(&statuses(&product, "/products/ie", "application/vnd.sava.v2+json", 5).await), 5);
    assert_eq!(errors(&statuses(&product, "/products/ie", "application/vnd.sava.v1+json", 5).await), 0);

    let of_one = json!({ "errorRate": 1, "route": "/products/{locale}/{id}" });
    assert_eq!(admin(&product, Method::PUT, &of_one).await.status(), 200);
    assert_eq!(errors(&statuses(&product, "/products/ie/1", "*/*", 3).await), 3);
    assert_eq!(errors(&statuses(&product, "/products/ie", "*/*", 3).await), 0);
}

#[tokio::test]
async fn not_ready_shows_and_ends_with_the_fault() {
    let product = misbehaving(json!({ "notReady": true })).await;
    assert_eq!(product.get("/readyz").await.status(), 503);
    assert_eq!(product.get("/livez").await.status(), 200);
    assert_eq!(product.get("/products/ie").await.status(), 200);
    assert_eq!(admin(&product, Method::DELETE, &Value::Null).await.status(), 204);
    assert_eq!(product.get("/readyz").await.status(), 200);
}

#[tokio::test]
async fn faults_end_after_their_time() {
    let product = misbehaving(json!({ "errorRate": 1, "for": "500ms" })).await;
    assert_eq!(product.get("/products/ie").await.status(), 500);
    product.logged("their time is over").await;
    assert_eq!(product.get("/products/ie").await.status(), 200);
    assert_eq!(json(product.get("/version").await).await["faults"], Value::Null);
}

#[tokio::test]
async fn exit_ends_the_process_with_its_code() {
    let product = misbehaving(json!({ "exit": 42 })).await;
    assert_eq!(product.get("/livez").await.status(), 200);
    let answer = client().get(product.url("/products/ie")).send().await;
    assert!(answer.is_err(), "{answer:?}");
    assert_eq!(product.exit().await.code, Some(42));
}

#[tokio::test]
async fn state_shows_in_version_metrics_and_log() {
    let product = misbehaving(json!({ "leak": "1MiB", "delay": "1ms" })).await;
    for _ in 0..5 {
        product.get("/products/ie").await;
    }
    let version = json(product.get("/version").await).await;
    assert_eq!(version["faults"], json!({ "leak": "1.0 MiB", "delay": "1ms" }));
    let metrics = body(client().get(product.admin_url("/metrics").await).send().await.unwrap()).await;
    for line in [
        r#"sava_fault_active{kind="leak"} 1"#,
        r#"sava_fault_active{kind="hang"} 0"#,
        r#"sava_faults_injected_total{kind="delay"} 5"#,
        "sava_fault_leaked_bytes 5242880",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    product.logged("faults on purpose set").await;
}

#[tokio::test]
async fn what_makes_no_sense_is_400() {
    let product = Product::start().await;
    for wrong in [
        json!({ "errorRate": 2 }),
        json!({ "delay": "soon" }),
        json!({ "errorrate": 0.1 }),
        json!({ "errorRate": 1, "status": 200 }),
        json!({ "errorRate": 0.6, "hang": 0.6 }),
        json!({ "exit": 300 }),
        json!({ "leak": u64::MAX }),
        json!({ "leak": "2GiB" }),
        json!({ "errorRate": 1, "for": "500000000years" }),
        json!([]),
    ] {
        let answer = admin(&product, Method::PUT, &wrong).await;
        assert_eq!(answer.status(), 400, "{wrong}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
    }
    assert_eq!(body(admin(&product, Method::GET, &Value::Null).await).await, "{}");
}

#[tokio::test]
async fn faults_are_not_on_the_service_port() {
    let product = Product::start().await;
    let answer = client().put(product.url("/faults")).body("{}").send().await.unwrap();
    assert!(answer.status().is_client_error(), "{answer:?}");
    assert_eq!(product.get("/metrics").await.status(), 404);
}

#[tokio::test]
async fn other_sites_cannot_ask_for_faults() {
    let product = Product::start().await;
    let url = product.admin_url("/faults").await;
    let with = |name: &'static str, value: &'static str| client().get(&url).header(name, value).send();
    for rebound in ["rebound.example", "kubernetes.default.svc", "localhost.rebound.example:8081"] {
        assert_eq!(with("host", rebound).await.unwrap().status(), 403, "{rebound}");
    }
    assert_eq!(with("sec-fetch-site", "cross-site").await.unwrap().status(), 403);
    assert_eq!(with("host", "localhost:8081").await.unwrap().status(), 200);
    assert_eq!(with("sec-fetch-site", "none").await.unwrap().status(), 200);
}

/// A scraper names a pod as it likes, and behind the API server's proxy the name is the API server's.
#[tokio::test]
async fn metrics_and_probes_answer_under_any_host() {
    let product = Product::start().await;
    for path in ["/", "/metrics", "/livez", "/readyz", "/version"] {
        let url = product.admin_url(path).await;
        for host in ["kubernetes.default.svc", "api.cluster.example:6443", "10.1.2.3", "[fd00::1]:8081"] {
            let answer = client().get(&url).header("host", host).send().await.unwrap();
            assert_eq!(answer.status(), 200, "{host}{path}");
        }
        let not_a_host = client().get(&url).header("host", "not a host").send().await.unwrap();
        assert_eq!(not_a_host.status(), 400, "{path}");
    }
}

/// The address by which this machine is reached from elsewhere. Nothing is sent to find it.
fn outer_address() -> IpAddr {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.connect("192.0.2.1:9").expect("the machine has a route to elsewhere");
    socket.local_addr().unwrap().ip()
}

/// What a mesh's sidecar passes on comes from 127.0.0.6.
#[tokio::test]
async fn sidecars_set_no_faults() {
    let product = Product::start().await;
    let url = product.admin_url("/faults").await;
    for (from, status) in [("127.0.0.6", 403), ("127.0.0.1", 200)] {
        let client = reqwest::Client::builder().local_address(from.parse::<IpAddr>().ok()).build().unwrap();
        assert_eq!(client.get(&url).send().await.unwrap().status(), status, "{from}");
    }
}

#[tokio::test]
async fn faults_can_be_switched_off() {
    let product = Product::start().env("ADMIN_FAULTS", "false").await;
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        assert_eq!(admin(&product, method, &json!({ "exit": 1 })).await.status(), 404);
    }
    let index = body(client().get(product.admin_url("/").await).send().await.unwrap()).await;
    assert!(index.contains("/metrics") && !index.contains("/faults"), "{index}");
}

#[tokio::test]
async fn peers_from_elsewhere_read_metrics_but_set_no_faults() {
    let product = Product::start().env("ADMIN_LISTEN", "0.0.0.0:0").await;
    let port = product.admin_url("").await.rsplit_once(':').unwrap().1.to_owned();
    let url = |path: &str| format!("http://{}:{port}{path}", outer_address());
    assert_eq!(client().get(url("/metrics")).send().await.unwrap().status(), StatusCode::OK);
    assert_eq!(client().get(url("/livez")).send().await.unwrap().status(), StatusCode::OK);
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let answer = client().request(method, url("/faults")).body(r#"{"exit":1}"#).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    }
}
