//! The application around a router, in process.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use clap::Parser;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::{NegotiatedVersion, Service};
use crate::{
    Identity, Metrics, Readiness,
    faults::{Faults, Rate},
    settings::ServiceSettings,
};

#[derive(Parser)]
struct Settings {
    #[command(flatten)]
    server: ServiceSettings,
}

fn service(faults: Faults) -> Service {
    let settings = Settings::parse_from(["shop", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"]);
    Service {
        identity: Identity::new("sava-product", "2.0.1"),
        settings: settings.server,
        faults,
        readiness: Readiness::default(),
        metrics: Metrics::new(),
        version: Arc::new(|identity| serde_json::json!({ "release": identity.release })),
        error: |problem| problem.into_response(),
    }
}

fn router() -> Router {
    Router::new()
        .route("/products/{locale}", get(async || (axum::Extension(NegotiatedVersion("v2")), "[]")))
        .route("/panic", get(async || -> Response { panic!("a mistake in a handler") }))
        .route("/form", post(async |body: String| body))
}

async fn answer(app: &Router, request: Request) -> (StatusCode, HeaderMap, String) {
    let (parts, body) = app.clone().oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (parts.status, parts.headers, String::from_utf8(body.to_vec()).unwrap())
}

fn ask(path: &str) -> Request {
    Request::get(path).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn panic_is_a_problem_and_a_metric_and_the_service_lives() {
    let service = service(Faults::NONE);
    let app = service.app(router());
    let (status, headers, body) = answer(&app, ask("/panic")).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(headers["content-type"], "application/problem+json");
    assert_eq!(headers["x-sava-release"], "2.0.1");
    assert!(!body.contains("mistake in a handler"), "{body}");
    let metrics = service.metrics.text();
    assert!(metrics.contains("http_server_panics_total 1"), "{metrics}");
    assert!(metrics.contains(r#"route="/panic",status="500""#), "{metrics}");
    assert_eq!(answer(&app, ask("/products/ie")).await.0, StatusCode::OK);
}

#[tokio::test]
async fn probes_answer_options() {
    let service = service(Faults::NONE);
    let app = service.app(router());
    let options = async |path: &str| {
        let (status, headers, _) = answer(&app, Request::options(path).body(Body::empty()).unwrap()).await;
        assert_eq!(headers["allow"], "GET, HEAD, OPTIONS", "{path}");
        status
    };
    for path in ["/livez", "/readyz", "/version"] {
        assert_eq!(options(path).await, StatusCode::NO_CONTENT, "{path}");
    }
    service.readiness.require("catalog", Err("not loaded".to_owned()));
    assert_eq!(options("/readyz").await, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn every_answer_says_who_made_it_and_is_counted_by_its_route() {
    let service = service(Faults::NONE);
    let app = service.app(router());
    for path in ["/products/ie", "/products/uk", "/nowhere", "/livez"] {
        let (_, headers, _) = answer(&app, ask(path)).await;
        for name in ["x-sava-release", "x-sava-instance", "x-request-id", "content-security-policy"] {
            assert!(headers.contains_key(name), "{path}: {name}");
        }
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
    }
    let metrics = service.metrics.text();
    let count = |route: &str, status: &str| {
        let name = "http_server_request_duration_seconds_count";
        format!(r#"{name}{{method="GET",release="2.0.1",route="{route}",status="{status}"}}"#)
    };
    assert!(metrics.contains(&(count("/products/{locale}", "200") + " 2")), "{metrics}");
    assert!(metrics.contains(&(count("unmatched", "404") + " 1")), "{metrics}");
    assert!(metrics.contains("http_server_active_requests 0"), "{metrics}");
}

#[tokio::test]
async fn bodies_are_limited_with_and_without_a_length() {
    let app = service(Faults::NONE).app(router());
    let post = |size: usize, is_announced: bool| {
        let body = Body::from("a".repeat(size));
        let body = if is_announced { body } else { Body::from_stream(body.into_data_stream()) };
        let request = Request::post("/form");
        let request = if is_announced { request.header("content-length", size) } else { request };
        request.body(body).unwrap()
    };
    for is_announced in [true, false] {
        assert_eq!(answer(&app, post(16 << 10, is_announced)).await.0, StatusCode::OK);
        let (status, _, body) = answer(&app, post((16 << 10) + 1, is_announced)).await;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
        assert!(body.contains("content-too-large"), "{body}");
    }
}

#[tokio::test]
async fn release_may_have_faults_of_its_own() {
    let app = service(Faults { error_rate: Rate::percent(50), ..Faults::NONE }).app(router());
    let mut errors = 0;
    for _ in 0..100 {
        errors += usize::from(answer(&app, ask("/products/ie")).await.0 == StatusCode::INTERNAL_SERVER_ERROR);
    }
    assert_eq!(errors, 50);
    let (_, _, version) = answer(&app, ask("/version")).await;
    assert!(version.contains(r#""errorRate":0.5"#), "{version}");
}

#[tokio::test]
async fn probes_take_nothing_else() {
    let app = service(Faults::NONE).app(router());
    let (status, headers, _) = answer(&app, Request::post("/livez").body(Body::empty()).unwrap()).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(headers["allow"], "GET, HEAD, OPTIONS");
    assert_eq!(answer(&app, Request::head("/livez").body(Body::empty()).unwrap()).await.0, StatusCode::OK);
}
