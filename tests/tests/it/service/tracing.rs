//! Log lines and traces: one request is followed from the browser's edge to the product service.

use std::sync::{Arc, Mutex};

use axum::{Router, extract::State, routing::post};
use sava_tests::{Cart, Product, Running, client};
use serde_json::Value;
use tokio::{net::TcpListener, sync::Notify};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// An OTLP collector that keeps what it gets.
#[derive(Clone, Default)]
struct Collector {
    requests: Arc<Mutex<Vec<Value>>>,
    came: Arc<Notify>,
}

impl Collector {
    async fn start() -> (Self, String) {
        let collector = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/v1/traces", post(Self::take)).with_state(collector.clone());
        tokio::spawn(async { axum::serve(listener, router).await });
        (collector, endpoint)
    }

    async fn take(State(collector): State<Self>, body: String) -> &'static str {
        collector.requests.lock().unwrap().push(serde_json::from_str(&body).expect("OTLP is JSON"));
        collector.came.notify_one();
        "{}"
    }

    /// The spans of a trace, each with its service, when each of these services has sent its span as a server.
    async fn spans(&self, trace: &str, services: &[&str]) -> Vec<(String, Value)> {
        let all = async {
            loop {
                let spans = self.spans_so_far(trace);
                let has_served =
                    |service: &&str| spans.iter().any(|(of, span)| of == service && span["kind"] == 2);
                if services.iter().all(has_served) {
                    return spans;
                }
                self.came.notified().await;
            }
        };
        let in_time = tokio::time::timeout(sava_tests::PATIENCE, all).await;
        in_time.unwrap_or_else(|_| panic!("spans are missing: {:?}", self.requests.lock().unwrap()))
    }

    fn spans_so_far(&self, trace: &str) -> Vec<(String, Value)> {
        let mut spans = Vec::new();
        for request in self.requests.lock().unwrap().iter() {
            for resource in request["resourceSpans"].as_array().unwrap() {
                let service = attribute(&resource["resource"], "service.name");
                for span in resource["scopeSpans"][0]["spans"].as_array().unwrap() {
                    if span["traceId"] == trace {
                        spans.push((service.clone(), span.clone()));
                    }
                }
            }
        }
        spans
    }
}

fn attribute(of: &Value, key: &str) -> String {
    let attributes = of["attributes"].as_array().expect("attributes");
    let found = attributes.iter().find(|attribute| attribute["key"] == key);
    let value = &found.unwrap_or_else(|| panic!("{key} in {of}"))["value"];
    value["stringValue"].as_str().or(value["intValue"].as_str()).expect("a value").to_owned()
}

#[tokio::test]
async fn one_trace_spans_browser_cart_and_product() {
    let (collector, endpoint) = Collector::start().await;
    let product =
        Product::start().env("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint).env("POD_NAME", "product-a").await;
    let cart = Cart::start()
        .product(&product.url(""))
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)
        .env("POD_NAME", "cart-a")
        .await;
    // The first page asks for the stores too; the next asks for their products alone.
    assert_eq!(cart.get("/").await.status(), 200);
    let page = client().get(cart.url("/")).header("traceparent", TRACEPARENT).send().await.unwrap();
    assert_eq!(page.status(), 200);

    let spans = collector.spans(TRACE, &["sava-cart", "sava-product"]).await;
    let find = |service: &str, kind: u64, member: &str, value: &Value| {
        let is_it = |of: &str, span: &Value| of == service && span["kind"] == kind && span[member] == *value;
        let found = spans.iter().find(|(of, span)| is_it(of, span));
        found.map_or_else(|| panic!("{member} {value} of {service} in {spans:?}"), |(_, span)| span)
    };
    // From the product service back to the browser.
    let supplied = find("sava-product", 2, "kind", &Value::from(2));
    let asked = find("sava-cart", 3, "spanId", &supplied["parentSpanId"]);
    let served = find("sava-cart", 2, "spanId", &asked["parentSpanId"]);
    assert_eq!(served["parentSpanId"], "00f067aa0ba902b7");
    assert_eq!(supplied["name"], "GET /products/{locale}");
    assert_eq!(attribute(supplied, "http.response.status_code"), "304");
    assert_eq!(attribute(supplied, "sava.api_version"), "v3");

    let resources: Vec<Value> = collector.requests.lock().unwrap().clone();
    let of_product = resources
        .iter()
        .map(|request| &request["resourceSpans"][0]["resource"])
        .find(|resource| attribute(resource, "service.name") == "sava-product")
        .unwrap();
    assert_eq!(attribute(of_product, "service.version"), "3.0.0");
    assert_eq!(attribute(of_product, "k8s.pod.name"), "product-a");
}

#[tokio::test]
async fn last_spans_are_sent_before_the_end() {
    let (collector, endpoint) = Collector::start().await;
    let product = Product::start().env("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint).await;
    client().get(product.url("/products")).header("traceparent", TRACEPARENT).send().await.unwrap();
    assert_eq!(product.stop().await.code, Some(0));
    assert_eq!(collector.spans_so_far(TRACE).len(), 1);
}

#[tokio::test]
async fn missing_collector_harms_nobody() {
    let product = Product::start().env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1").await;
    assert_eq!(product.get("/products/ie").await.status(), 200);
    product.logged("traces are lost").await;
    assert_eq!(product.get("/products/ie").await.status(), 200);
    assert_eq!(product.stop().await.code, Some(0));
}

/// The access log's line about the request with this id.
async fn line(service: &Running, id: &str) -> Value {
    let find = |line: &str| {
        let line: Value = serde_json::from_str(line).ok()?;
        (line["message"] == "request" && line["request_id"] == id).then_some(line)
    };
    service.process().find("a line about the request", find).await
}

#[tokio::test]
async fn one_line_tells_all_of_a_request() {
    let product = Product::start().env("POD_NAME", "product-a").await;
    let answer = client()
        .get(product.url("/products/ie?q=secret-word"))
        .header("accept", "application/vnd.sava.v2+json")
        .header("x-request-id", "my-id.1")
        .header("traceparent", TRACEPARENT)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.headers()["x-request-id"], "my-id.1");
    let length = sava_tests::body(answer).await.len();
    let line = line(&product, "my-id.1").await;
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["method"], "GET");
    assert_eq!(line["route"], "/products/{locale}");
    assert_eq!(line["status"], 200);
    assert_eq!(line["bytes"], length);
    assert_eq!(line["api_version"], "v2");
    assert_eq!(line["release"], "3.0.0");
    assert_eq!(line["trace_id"], TRACE);
    assert!(line["duration_ms"].as_f64() > Some(0.0), "{line}");
    assert!(!line.to_string().contains("secret-word"), "{line}");
}

#[tokio::test]
async fn request_id_goes_on_to_the_product_service() {
    let product = Product::start().await;
    let cart = Cart::start().product(&product.url("")).await;
    let page = client().get(cart.url("/")).header("x-request-id", "from-the-browser").send().await.unwrap();
    assert_eq!(page.headers()["x-request-id"], "from-the-browser");
    let (asked, supplied) = (line(&cart, "from-the-browser").await, line(&product, "from-the-browser").await);
    assert_eq!(asked["trace_id"], supplied["trace_id"]);
}

#[tokio::test]
async fn harmful_request_ids_are_replaced() {
    let product = Product::start().await;
    for harmful in ["\"},{\"level\":\"ERROR\"", &"x".repeat(129), "a b"] {
        let answer =
            client().get(product.url("/livez")).header("x-request-id", harmful).send().await.unwrap();
        assert_eq!(answer.headers()["x-request-id"].len(), 32, "{harmful}");
    }
}
