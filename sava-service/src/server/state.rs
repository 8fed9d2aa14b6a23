//! What all requests of a process share.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
};

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};

use super::{Service, X_SAVA_INSTANCE, X_SAVA_RELEASE};
use crate::{
    Identity,
    faults::control::FaultControl,
    metrics::{HttpMetrics, Rejection},
    trace::{Tracing, X_REQUEST_ID},
};

/// What all requests of a process share.
pub(crate) struct ServerState {
    pub service: Service,
    signature: Signature,
    pub metrics: HttpMetrics,
    pub faults: FaultControl,
    pub(crate) tracing: Tracing,
    pub(crate) in_flight: AtomicUsize,
    /// Whether every answer closes its connection, for the process is about to end.
    pub(crate) is_leaving: AtomicBool,
    /// Answers sent whole.
    pub(crate) served: AtomicU64,
}

impl ServerState {
    pub(crate) fn new(service: Service, tracing: Tracing) -> Arc<Self> {
        let registry = &service.metrics.registry;
        Arc::new(Self {
            signature: Signature::new(&service.identity),
            metrics: HttpMetrics::new(&service.identity, registry),
            faults: FaultControl::new(
                service.settings.faults_over(&service.faults),
                service.readiness.clone(),
                registry,
            ),
            tracing,
            in_flight: AtomicUsize::new(0),
            is_leaving: AtomicBool::new(false),
            served: AtomicU64::new(0),
            service,
        })
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Counts and logs what was turned away before there was a request to write a record of.
    pub(crate) fn reject(&self, rejection: Rejection, status: StatusCode) {
        self.metrics.reject(rejection);
        let (limit, status) = (rejection.label(), status.as_u16());
        let release = self.service.identity.release.as_str();
        tracing::info!(target: "sava::access", status, limit, release, "rejected");
    }

    /// Adds what every answer carries, whoever made it.
    pub(crate) fn sign(&self, response: &mut Response) {
        let headers = response.headers_mut();
        if !is_signed(headers) {
            self.signature.add(headers);
        }
    }
}

/// What every answer of a process carries, whoever made it. A service that keeps the headers of an answer has them signed
/// before, and [`is_signed`] spares them the second time.
#[derive(Debug)]
pub struct Signature {
    release: HeaderValue,
    instance: HeaderValue,
}

impl Signature {
    /// That of the answers of this process.
    #[must_use]
    pub fn new(identity: &Identity) -> Self {
        let value = |text: &str| HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("unknown"));
        Self { release: value(&identity.release), instance: value(&identity.instance) }
    }

    /// Adds it to headers that are kept for many answers, and a place for each request's id.
    pub fn sign(&self, headers: &mut HeaderMap) {
        self.add(headers);
        headers.insert(X_REQUEST_ID, HeaderValue::from_static(""));
    }

    fn add(&self, headers: &mut HeaderMap) {
        const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
        const SAME_ORIGIN: HeaderValue = HeaderValue::from_static("same-origin");
        // What is not a page may load nothing, and nothing may be framed; a page says what it needs itself.
        const NOTHING: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
        headers.reserve(7);
        headers.insert(X_SAVA_RELEASE, self.release.clone());
        headers.insert(X_SAVA_INSTANCE, self.instance.clone());
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
        headers.entry(header::REFERRER_POLICY).or_insert(SAME_ORIGIN);
        headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(NOTHING);
    }
}

/// Whether an answer has been signed already.
#[must_use]
pub fn is_signed(headers: &HeaderMap) -> bool {
    headers.contains_key(X_SAVA_RELEASE)
}
