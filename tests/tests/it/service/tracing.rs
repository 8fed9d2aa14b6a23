//! Log lines and traces: one request is followed from the browser's edge to the product service.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Bytes, extract::State, routing::post};
use http::{HeaderMap, Uri};
use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::{KeyValue, any_value},
    trace::v1::{Span, span::SpanKind},
};
use prost::Message as _;
use sava_testbed::{Cart, CartBuilder, Product, ProductBuilder, Running, client};
use serde_json::Value;
use tokio::{net::TcpListener, sync::Notify};
use tonic::transport::{Server, server::TcpIncoming};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// The same, of a caller that does not record it.
const UNSAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

/// An OTLP collector that keeps what it gets.
#[derive(Clone, Default)]
struct Collector {
    exports: Arc<Mutex<Vec<Export>>>,
    came: Arc<Notify>,
}

/// One request to the collector.
#[derive(Clone, Debug)]
struct Export {
    path: String,
    headers: HeaderMap,
    request: ExportTraceServiceRequest,
}

impl Collector {
    /// One that listens by HTTP, at any path.
    async fn start() -> (Self, String) {
        let collector = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(post(Self::take)).with_state(collector.clone());
        tokio::spawn(async { axum::serve(listener, router).await });
        (collector, endpoint)
    }

    /// One that listens by gRPC.
    async fn start_grpc() -> (Self, String) {
        let collector = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let server = Server::builder().add_service(TraceServiceServer::new(collector.clone()));
        tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
        (collector, endpoint)
    }

    async fn take(State(collector): State<Self>, uri: Uri, headers: HeaderMap, body: Bytes) -> Vec<u8> {
        assert_eq!(headers["content-type"], "application/x-protobuf");
        let request = ExportTraceServiceRequest::decode(body).expect("an export");
        collector.keep(Export { path: uri.path().to_owned(), headers, request });
        ExportTraceServiceResponse::default().encode_to_vec()
    }

    fn keep(&self, export: Export) {
        self.exports.lock().unwrap().push(export);
        self.came.notify_one();
    }

    fn exports(&self) -> Vec<Export> {
        self.exports.lock().unwrap().clone()
    }

    /// The spans of a trace, each with its service, when each of these services has sent its span as a server.
    async fn spans(&self, trace: &str, services: &[&str]) -> Vec<(String, Span)> {
        let all = async {
            loop {
                let spans = self.spans_so_far(trace);
                let has_served = |service: &&str| {
                    spans.iter().any(|(of, span)| of == service && span.kind() == SpanKind::Server)
                };
                if services.iter().all(has_served) {
                    return spans;
                }
                self.came.notified().await;
            }
        };
        let in_time = tokio::time::timeout(sava_testbed::PATIENCE, all).await;
        in_time.unwrap_or_else(|_| panic!("spans are missing: {:?}", self.exports()))
    }

    fn spans_so_far(&self, trace: &str) -> Vec<(String, Span)> {
        let mut found = Vec::new();
        for resource_spans in self.exports().into_iter().flat_map(|export| export.request.resource_spans) {
            let service = attribute(&resource_spans.resource.unwrap().attributes, "service.name");
            let spans = resource_spans.scope_spans.into_iter().flat_map(|scope| scope.spans);
            let spans = spans.filter(|span| hex::encode(&span.trace_id) == trace);
            found.extend(spans.map(|span| (service.clone(), span)));
        }
        found
    }
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        let headers = request.metadata().clone().into_headers();
        self.keep(Export { path: String::new(), headers, request: request.into_inner() });
        Ok(tonic::Response::new(ExportTraceServiceResponse::default()))
    }
}

#[track_caller]
fn attribute(of: &[KeyValue], key: &str) -> String {
    let found = of.iter().find(|attribute| attribute.key == key);
    let value = found.and_then(|found| found.value.clone()?.value);
    match value {
        Some(any_value::Value::StringValue(text)) => text,
        Some(any_value::Value::IntValue(number)) => number.to_string(),
        other => panic!("{key} is {other:?} in {of:?}"),
    }
}

async fn follow_a_page(collector: &Collector, product: ProductBuilder, cart: CartBuilder) {
    let product = product.env("POD_NAME", "product-a").await;
    let cart = cart.product(&product.url("")).env("POD_NAME", "cart-a").await;
    // The first page asks for the stores too; the next asks for their products alone.
    assert_eq!(cart.get("/").await.status(), 200);
    let page = client().get(cart.url("/")).header("traceparent", TRACEPARENT).send().await.unwrap();
    assert_eq!(page.status(), 200);

    let spans = collector.spans(TRACE, &["sava-cart", "sava-product"]).await;
    let find = |service: &str, kind: SpanKind, is_it: &dyn Fn(&Span) -> bool| {
        let found = spans.iter().find(|(of, span)| of == service && span.kind() == kind && is_it(span));
        found.map_or_else(|| panic!("no such {kind:?} of {service} in {spans:?}"), |(_, span)| span)
    };
    // From the product service back to the browser.
    let supplied = find("sava-product", SpanKind::Server, &|_| true);
    let asked = find("sava-cart", SpanKind::Client, &|span| span.span_id == supplied.parent_span_id);
    let served = find("sava-cart", SpanKind::Server, &|span| span.span_id == asked.parent_span_id);
    assert_eq!(hex::encode(&served.parent_span_id), "00f067aa0ba902b7");
    assert_eq!(supplied.name, "GET /products/{locale}");
    assert_eq!(attribute(&supplied.attributes, "http.response.status_code"), "304");
    assert_eq!(attribute(&supplied.attributes, "sava.api_version"), "v3");
    assert!(supplied.start_time_unix_nano < supplied.end_time_unix_nano);

    let exports = collector.exports();
    let of_product = exports
        .iter()
        .map(|export| &export.request.resource_spans[0].resource.as_ref().unwrap().attributes)
        .find(|attributes| attribute(attributes, "service.name") == "sava-product")
        .unwrap();
    assert_eq!(attribute(of_product, "service.version"), "3.0.0");
    assert_eq!(attribute(of_product, "k8s.pod.name"), "product-a");
    assert_eq!(attribute(of_product, "telemetry.sdk.language"), "rust");
}

#[tokio::test]
async fn one_trace_spans_browser_cart_and_product() {
    let (collector, endpoint) = Collector::start().await;
    let product = Product::start().env("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint);
    follow_a_page(&collector, product, Cart::start().env("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)).await;
    assert!(collector.exports().iter().all(|export| export.path == "/v1/traces"));
}

#[tokio::test]
async fn traces_go_out_by_grpc() {
    let (collector, endpoint) = Collector::start_grpc().await;
    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")];
    let product = variables.iter().fold(Product::start(), |it, (name, value)| it.env(name, value));
    let cart = variables.iter().fold(Cart::start(), |it, (name, value)| it.env(name, value));
    follow_a_page(&collector, product, cart).await;
}

/// A sava-product with these variables and a collector, asked once as by a caller with `traceparent`, and ended. What the
/// collector got.
async fn exported(traceparent: &str, variables: &[(&str, &str)]) -> Vec<Export> {
    let (collector, endpoint) = Collector::start().await;
    let product = Product::start().env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint);
    let product = variables.iter().fold(product, |it, (name, value)| it.env(name, value)).await;
    client().get(product.url("/products")).header("traceparent", traceparent).send().await.unwrap();
    assert_eq!(product.stop().await.code, Some(0));
    collector.exports()
}

#[tokio::test]
async fn standard_variables_name_the_process() {
    let variables = [
        ("OTEL_SERVICE_NAME", "catalog"),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=stage%20left,service.name=not-this"),
    ];
    let exports = exported(TRACEPARENT, &variables).await;
    let attributes = &exports[0].request.resource_spans[0].resource.as_ref().unwrap().attributes;
    assert_eq!(attribute(attributes, "service.name"), "catalog");
    assert_eq!(attribute(attributes, "deployment.environment.name"), "stage left");
}

#[tokio::test]
async fn samplers_decide_what_is_recorded() {
    for (sampler, argument, traceparent, is_recorded) in [
        ("always_on", "", UNSAMPLED, true),
        ("always_off", "", TRACEPARENT, false),
        ("parentbased_always_on", "", TRACEPARENT, true),
        ("parentbased_always_on", "", UNSAMPLED, false),
        ("parentbased_always_off", "", TRACEPARENT, true),
        ("parentbased_always_off", "", "", false),
        ("traceidratio", "0", TRACEPARENT, false),
        ("traceidratio", "1", UNSAMPLED, true),
        ("parentbased_traceidratio", "0", "", false),
    ] {
        let variables = [("OTEL_TRACES_SAMPLER", sampler), ("OTEL_TRACES_SAMPLER_ARG", argument)];
        let exports = exported(traceparent, &variables).await;
        assert_eq!(!exports.is_empty(), is_recorded, "{sampler} {argument} {traceparent}");
    }
}

#[tokio::test]
async fn nothing_is_exported_where_the_sdk_is_disabled() {
    assert!(exported(TRACEPARENT, &[("OTEL_SDK_DISABLED", "true")]).await.is_empty());
}

#[tokio::test]
async fn headers_go_to_the_collector_and_nowhere_else() {
    for by_grpc in [false, true] {
        let (collector, endpoint) =
            if by_grpc { Collector::start_grpc().await } else { Collector::start().await };
        let product = Product::start()
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", if by_grpc { "grpc" } else { "http/protobuf" })
            .env("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20s3cret,x-tenant=shop")
            .env("RUST_LOG", "debug")
            .await;
        client().get(product.url("/products")).header("traceparent", TRACEPARENT).send().await.unwrap();
        let output = product.stop().await.output;
        let export = &collector.exports()[0];
        assert_eq!(export.headers["authorization"], "Bearer s3cret");
        assert_eq!(export.headers["x-tenant"], "shop");
        assert!(!output.contains("s3cret"), "{output}");
    }
}

#[tokio::test]
async fn endpoint_for_traces_is_used_as_it_is() {
    let (collector, endpoint) = Collector::start().await;
    let product = Product::start()
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
        .env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", format!("{endpoint}/here"))
        .await;
    client().get(product.url("/products")).header("traceparent", TRACEPARENT).send().await.unwrap();
    assert_eq!(product.stop().await.code, Some(0));
    assert_eq!(collector.exports()[0].path, "/here");
}

#[tokio::test]
async fn collector_that_is_slow_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let product = Product::start()
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        .env("OTEL_EXPORTER_OTLP_TIMEOUT", "100")
        .await;
    client().get(product.url("/products")).header("traceparent", TRACEPARENT).send().await.unwrap();
    // It takes the connection and says nothing.
    let _connection = listener.accept().await.unwrap();
    tokio::time::timeout(Duration::from_secs(5), product.logged("traces are lost")).await.unwrap();
}

#[tokio::test]
async fn propagators_are_those_that_are_set() {
    let product = Product::start().await;
    for (propagators, is_one_trace) in [("tracecontext", true), ("baggage", false), ("none", false)] {
        let cart = Cart::start().product(&product.url("")).env("OTEL_PROPAGATORS", propagators).await;
        let id = format!("with-{propagators}");
        client().get(cart.url("/")).header("x-request-id", &id).send().await.unwrap();
        let (asked, supplied) = (line(&cart, &id).await, line(&product, &id).await);
        assert_eq!(asked["trace_id"] == supplied["trace_id"], is_one_trace, "{propagators}");
    }
}

#[tokio::test]
async fn what_cannot_be_done_is_a_mistake_that_is_named() {
    for (variable, value, takes) in [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector:4318", "takes an http:// URL"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "collector", "takes an http:// URL"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json", "takes http/protobuf or grpc"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s", "takes milliseconds"),
        ("OTEL_RESOURCE_ATTRIBUTES", "stage", "NAME=VALUE"),
        ("OTEL_TRACES_SAMPLER", "jaeger_remote", "takes always_on"),
        ("OTEL_TRACES_SAMPLER_ARG", "2", "takes a share from 0 to 1"),
        ("OTEL_PROPAGATORS", "b3", "takes tracecontext and baggage"),
    ] {
        let exit = Product::start().env(variable, value).exit().await;
        assert_eq!(exit.code, Some(2), "{variable}: {}", exit.output);
        for text in [variable, value, takes] {
            assert!(exit.output.contains(text), "{text} in {}", exit.output);
        }
    }
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
    let length = sava_testbed::body(answer).await.len();
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
