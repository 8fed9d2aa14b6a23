//! The server: HTTP/1.1 with limits of time, size and number around a service's routes, probes beside them, an
//! admin port, and an end that loses no request.
//!
//! One request's way: [`connection`] reads it, [`exchange`] checks it and hands it to the service's router, in which
//! [`routes`] learns the route; what every answer carries is added, and when its last byte is gone it is counted
//! and logged.

mod activity;
mod admin;
mod body;
mod connection;
mod connections;
mod exchange;
mod head;
mod life;
mod limits;
mod listener;
mod path;
mod probes;
mod record;
mod refusals;
mod routes;
mod state;
#[cfg(test)]
mod tests;

use std::{convert::Infallible, net::IpAddr, sync::Arc};

use axum::{Router, body::Body, extract::Request, http::HeaderName, response::Response};

pub use self::state::{Signature, is_signed};
use self::{exchange::exchange, record::Wire, routes::RouteLayer, state::ServerState};
use crate::{
    Identity, Metrics, Problem, Readiness, faults::Faults, settings::ServiceSettings, trace, trace::Tracing,
};

/// The release that answered.
pub const X_SAVA_RELEASE: HeaderName = HeaderName::from_static("x-sava-release");
/// The instance (pod) that answered.
pub const X_SAVA_INSTANCE: HeaderName = HeaderName::from_static("x-sava-instance");

/// An extension of a response: the version of the API that it was negotiated to, such as `v2`.
/// For the access log, and for faults that hit one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NegotiatedVersion(pub &'static str);

/// The address from which the request came that this task is answering: the other end of its connection, which may be a
/// proxy's. `None` outside of a request, and in a test in process.
#[must_use]
pub fn peer() -> Option<IpAddr> {
    trace::with_current(|answering| answering.peer).flatten()
}

/// What a service is made of, beside its own routes.
#[derive(Clone)]
pub struct Service {
    /// Who answers.
    pub identity: Identity,
    /// The settings of the server.
    pub settings: ServiceSettings,
    /// What goes wrong in its release, on purpose.
    pub faults: Faults,
    /// What keeps it from being ready.
    pub readiness: Readiness,
    /// Its metrics.
    pub metrics: Metrics,
    /// What `/version` says beside the faults, such as the API versions; asked at each request.
    pub version: Arc<dyn Fn(&Identity) -> serde_json::Value + Send + Sync>,
    /// Makes an error of the server itself (limits, a panic, a fault) an answer in the service's own form:
    /// a problem for an API, a page for a store front.
    pub error: fn(Problem) -> Response,
}

impl Service {
    /// Serves `router` until SIGTERM or Ctrl-C, then drains: not ready at once, still serving for the shutdown delay,
    /// then no new connections, requests in flight finished, and what is left after the drain timeout cut. A second
    /// signal ends it at once.
    ///
    /// # Errors
    /// When an address cannot be bound: the message names it and the flag that changes it.
    pub async fn run(self, router: Router) -> anyhow::Result<()> {
        life::live(self, router).await
    }

    /// The whole application around `router`, without a listener: for tests in process.
    pub fn app(&self, router: Router) -> Router {
        let shared = ServerState::new(self.clone(), Tracing::off());
        let router = wrap(&shared, router);
        Router::new().fallback_service(tower::service_fn(move |request: Request| {
            let (shared, router) = (Arc::clone(&shared), router.clone());
            async move {
                Ok::<_, Infallible>(exchange(shared, router, request, Wire::InProcess).await.map(Body::new))
            }
        }))
    }
}

/// The service's routes with the layer that learns them.
fn wrap(shared: &Arc<ServerState>, router: Router) -> Router {
    router.layer(RouteLayer(Arc::clone(shared)))
}
