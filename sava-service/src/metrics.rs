//! Prometheus metrics: one registry a process, read on the admin port.

use axum::http::Method;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Registry, TextEncoder,
    register_histogram_vec_with_registry, register_int_counter_vec_with_registry,
    register_int_counter_with_registry, register_int_gauge_vec_with_registry,
    register_int_gauge_with_registry,
};

use crate::Identity;

/// The registry of a process; services register their own metrics in it.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// Register a service's own metrics here.
    pub registry: Registry,
}

impl Metrics {
    /// A registry with what every process reports.
    ///
    /// # Panics
    /// Never: the names are fixed and registered once.
    #[must_use]
    pub fn new() -> Self {
        let registry = Registry::new();
        #[cfg(target_os = "linux")]
        registry
            .register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))
            .expect("registered once");
        Self { registry }
    }

    /// The metrics in the Prometheus text format.
    #[must_use]
    pub(crate) fn text(&self) -> String {
        TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_default()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// What the server counts.
pub(crate) struct HttpMetrics {
    duration: HistogramVec,
    pub(crate) in_flight: IntGauge,
    pub(crate) connections: IntGauge,
    pub(crate) connections_total: IntCounter,
    pub(crate) panics: IntCounter,
    rejected: IntCounterVec,
}

/// Why the server itself turned a request or a connection away; a metric's label.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rejection {
    BadRequest,
    Version,
    Host,
    Target,
    Headers,
    Body,
    HeaderTimeout,
    RequestTimeout,
    InFlight,
    Connections,
}

impl Rejection {
    const ALL: [Self; 10] = [
        Self::BadRequest,
        Self::Version,
        Self::Host,
        Self::Target,
        Self::Headers,
        Self::Body,
        Self::HeaderTimeout,
        Self::RequestTimeout,
        Self::InFlight,
        Self::Connections,
    ];

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::Version => "version",
            Self::Host => "host",
            Self::Target => "target",
            Self::Headers => "headers",
            Self::Body => "body",
            Self::HeaderTimeout => "header_timeout",
            Self::RequestTimeout => "request_timeout",
            Self::InFlight => "in_flight",
            Self::Connections => "connections",
        }
    }
}

impl HttpMetrics {
    /// Registers them.
    ///
    /// # Panics
    /// When they are registered already; names and labels are fixed.
    pub(crate) fn new(identity: &Identity, registry: &Registry) -> Self {
        let once = "registered once";
        let gauge = |name, help| register_int_gauge_with_registry!(name, help, registry).expect(once);
        let counter = |name, help| register_int_counter_with_registry!(name, help, registry).expect(once);
        let duration = HistogramOpts::new(
            "http_server_request_duration_seconds",
            "Time from a request's header to the end of its answer, by method, route template and status.",
        )
        .const_label("release", &identity.release)
        .buckets(vec![0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]);
        let rejected = register_int_counter_vec_with_registry!(
            "http_server_rejected_total",
            "Requests and connections that the server itself turned away, by the limit that they are beyond.",
            &["limit"],
            registry
        )
        .expect(once);
        for rejection in Rejection::ALL {
            rejected.with_label_values(&[rejection.label()]);
        }
        register_int_gauge_vec_with_registry!(
            "sava_build_info",
            "Always 1; its labels say what is running.",
            &["service", "release", "revision"],
            registry
        )
        .expect(once)
        .with_label_values(&[identity.service, identity.release.as_str(), &identity.revision])
        .set(1);
        Self {
            duration: register_histogram_vec_with_registry!(
                duration,
                &["method", "route", "status"],
                registry
            )
            .expect(once),
            in_flight: gauge("http_server_active_requests", "Requests being answered now."),
            connections: gauge("http_server_open_connections", "Connections open now."),
            connections_total: counter("http_server_connections_total", "Connections accepted."),
            panics: counter(
                "http_server_panics_total",
                "Handlers that panicked; each was answered with 500.",
            ),
            rejected,
        }
    }

    /// The histogram of one kind of request. Bounded: methods and statuses are a few dozen, routes are templates.
    pub(crate) fn duration(&self, method: &str, route: &str, status: &str) -> Histogram {
        self.duration.with_label_values(&[method, route, status])
    }

    pub(crate) fn reject(&self, rejection: Rejection) {
        self.rejected.with_label_values(&[rejection.label()]).inc();
    }
}

/// A method as a label: one of RFC 9110 and PATCH, else `other`.
pub(crate) fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        "PATCH" => "PATCH",
        "TRACE" => "TRACE",
        "CONNECT" => "CONNECT",
        _ => "other",
    }
}
