//! The server: listens, adds what every answer carries, and drains on SIGTERM.

use std::sync::Arc;

use anyhow::Context as _;
use axum::{
    Json, Router,
    extract::{Request, State},
    http::{HeaderName, HeaderValue, StatusCode},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::net::TcpListener;

use crate::{Identity, Metrics, Problem, Readiness, settings::ServiceSettings};

/// The release that answered.
pub const X_SAVA_RELEASE: HeaderName = HeaderName::from_static("x-sava-release");
/// The instance (pod) that answered.
pub const X_SAVA_INSTANCE: HeaderName = HeaderName::from_static("x-sava-instance");

/// What a service is made of, beside its own routes.
#[derive(Clone)]
pub struct Service {
    /// Who answers.
    pub identity: Identity,
    /// The settings of the server.
    pub settings: ServiceSettings,
    /// What keeps it from being ready.
    pub readiness: Readiness,
    /// Its metrics.
    pub metrics: Metrics,
    /// What `/version` says beside the identity, such as the API versions; asked at each request.
    pub version: Arc<dyn Fn(&Identity) -> serde_json::Value + Send + Sync>,
    /// Makes an error of the server itself (limits, a panic, an unknown route) an answer in the service's own form:
    /// a problem for an API, a page for a store front.
    pub error: fn(Problem) -> Response,
}

impl Service {
    /// Serves `router` with probes, `/version`, limits and identity headers until SIGTERM or Ctrl-C, then drains.
    ///
    /// # Errors
    /// When an address cannot be bound: the message names it and the flag that changes it.
    pub async fn run(self, router: Router) -> anyhow::Result<()> {
        let listener = bind(&self, "--listen", self.settings.listen).await?;
        let app = self.app(router);
        axum::serve(listener, app).with_graceful_shutdown(terminated()).await.context("the server failed")
    }

    /// The whole application around `router`, for tests without a listener too.
    pub fn app(&self, router: Router) -> Router {
        router
            .route("/livez", get(|| async { "ok\n" }))
            .route("/readyz", get(readyz))
            .route("/version", get(version))
            .with_state(())
            .layer(from_fn_with_state(self.clone(), identify))
            .layer(axum::Extension(self.clone()))
    }
}

async fn bind(service: &Service, flag: &str, address: std::net::SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}; choose another address with {flag}"))?;
    tracing::info!(address = %listener.local_addr()?, release = service.identity.release, "listening");
    Ok(listener)
}

async fn readyz(axum::Extension(service): axum::Extension<Service>) -> Response {
    if service.readiness.is_ready() {
        "ok\n".into_response()
    } else {
        StatusCode::SERVICE_UNAVAILABLE.into_response()
    }
}

async fn version(axum::Extension(service): axum::Extension<Service>) -> Json<serde_json::Value> {
    Json((service.version)(&service.identity))
}

async fn identify(State(service): State<Service>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in
        [(X_SAVA_RELEASE, &service.identity.release), (X_SAVA_INSTANCE, &service.identity.instance)]
    {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    response
}

async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut term) = signal(SignalKind::terminate()) else { return };
    tokio::select! {
        _ = term.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
