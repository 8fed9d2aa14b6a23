//! One request and its answer: what is refused, what every answer carries, and what is written down of it.

use std::{
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Instant,
};

use axum::{
    Router,
    body::Body,
    extract::{MatchedPath, Request},
    http::{HeaderValue, Method, StatusCode, header},
    response::Response,
};
use bytes::Bytes;
use futures_util::FutureExt as _;
use http_body::{Body as _, Frame, SizeHint};
use tower::Service as _;

use super::{ApiVersion, Service, X_SAVA_INSTANCE, X_SAVA_RELEASE, connection::Activity, limits, routes};
use crate::{
    Problem,
    faults::control::FaultControl,
    metrics::{HttpMetrics, Rejection, method_label},
    probes,
    trace::{
        self, SpanContext, X_REQUEST_ID,
        export::{Attribute, Exporter, Kind, Span},
    },
};

/// What all requests of a process share.
pub(crate) struct Shared {
    pub(crate) service: Service,
    release: HeaderValue,
    instance: HeaderValue,
    pub(crate) metrics: HttpMetrics,
    pub(crate) faults: FaultControl,
    /// Where spans go, if anywhere.
    pub(crate) exporter: Option<Exporter>,
    in_flight: AtomicUsize,
    /// Whether every answer closes its connection, for the process is about to end.
    pub(crate) is_leaving: AtomicBool,
    /// Answers sent whole.
    pub(crate) served: AtomicU64,
}

/// How a request came in.
pub(crate) enum Wire {
    /// From the network.
    Connection(Arc<Activity>),
    /// From a test, without a server: there is no connection to check or to close.
    InProcess,
}

impl Shared {
    pub(crate) fn new(service: Service, exporter: Option<Exporter>) -> Arc<Self> {
        let value = |text: &str| HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("unknown"));
        let registry = &service.metrics.registry;
        Arc::new(Self {
            release: value(&service.identity.release),
            instance: value(&service.identity.instance),
            metrics: HttpMetrics::new(&service.identity, registry),
            faults: FaultControl::new(service.settings.all_faults(), service.readiness.clone(), registry),
            exporter,
            in_flight: AtomicUsize::new(0),
            is_leaving: AtomicBool::new(false),
            served: AtomicU64::new(0),
            service,
        })
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// An error in the service's form, with what every answer carries.
    pub(crate) fn refuse(&self, rejection: Rejection, problem: Problem) -> Response {
        self.metrics.reject(rejection);
        let mut response = (self.service.error)(problem);
        if response.status() == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }

    /// Adds what every answer carries, whoever made it.
    pub(crate) fn sign(&self, response: &mut Response) {
        const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
        const SAME_ORIGIN: HeaderValue = HeaderValue::from_static("same-origin");
        // Nothing may be loaded by what is no page, and nothing framed; a page says what it needs itself.
        const NOTHING: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
        let headers = response.headers_mut();
        headers.reserve(7);
        headers.insert(X_SAVA_RELEASE, self.release.clone());
        headers.insert(X_SAVA_INSTANCE, self.instance.clone());
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
        headers.entry(header::REFERRER_POLICY).or_insert(SAME_ORIGIN);
        headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(NOTHING);
    }
}

/// Answers one request.
pub(crate) async fn exchange(
    shared: Arc<Shared>,
    mut router: Router,
    request: Request,
    wire: Wire,
) -> Response<Tracked> {
    let context = trace::Context::of_request(request.headers(), shared.exporter.clone());
    let mut record = Record::begin(shared, request.method(), &context, wire);
    let shared = record.shared.clone();
    let (parts, body) = request.into_parts();

    let mut response = if let Err((rejection, problem)) = record.check(&parts) {
        shared.refuse(rejection, problem)
    } else if let Some(response) = probes::answer(&shared, &parts) {
        record.is_probe = true;
        record.route = Route::Fixed(probes::route(parts.uri.path()));
        response
    } else {
        let max_body = shared.service.settings.max_body.as_u64();
        let (body, came) = limited(body, max_body);
        let work = AssertUnwindSafe(router.call(Request::from_parts(parts, body))).catch_unwind();
        let mut answering = std::pin::pin!(trace::answering(context.clone(), work));
        let result = tokio::time::timeout(shared.service.settings.request_timeout, &mut answering).await;
        if let Some(answering) = answering.take_value() {
            record.route = answering.route.into_inner().map_or(Route::Unmatched, Route::Matched);
        }
        match result {
            Ok(_) if came.as_ref().is_some_and(|came| came.is_too_large.load(Ordering::Relaxed)) => {
                shared.refuse(Rejection::Body, limits::content_too_large(max_body))
            }
            Ok(Ok(Ok(response))) => response,
            Ok(Err(_panic)) => {
                // The panic hook has logged it, with the request's ids.
                shared.metrics.panics.inc();
                (shared.service.error)(limits::internal())
            }
            Err(_elapsed) if came.is_some_and(|came| !came.is_complete.load(Ordering::Relaxed)) => {
                shared.refuse(Rejection::RequestTimeout, limits::request_timeout())
            }
            Err(_elapsed) => shared.refuse(Rejection::RequestTimeout, limits::answer_timeout()),
        }
    };

    shared.sign(&mut response);
    let headers = response.headers_mut();
    headers.insert(X_REQUEST_ID, context.request_id);
    if record.is_last() {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    record.status = response.status();
    if let Some(ApiVersion(version)) = response.extensions().get() {
        record.api_version = Some(version);
    }
    response.map(|body| Tracked { body, record })
}

/// What is written down of a request, when it is over: metrics and a log line.
struct Record {
    shared: Arc<Shared>,
    wire: Wire,
    begun: Instant,
    method: &'static str,
    route: Route,
    status: StatusCode,
    api_version: Option<&'static str>,
    request_id: HeaderValue,
    span: SpanContext,
    parent: Option<u64>,
    bytes: u64,
    is_probe: bool,
    is_whole: bool,
    is_over_cap: bool,
}

enum Route {
    /// No route, or none that could be learnt.
    Unmatched,
    Fixed(&'static str),
    Matched(MatchedPath),
}

impl Route {
    fn as_str(&self) -> &str {
        match self {
            Self::Unmatched => routes::UNMATCHED,
            Self::Fixed(route) => route,
            Self::Matched(path) => path.as_str(),
        }
    }
}

/// The status that is written down where the client went away before there was an answer, as nginx does.
const CLIENT_CLOSED_REQUEST: u16 = 499;

impl Record {
    fn begin(shared: Arc<Shared>, method: &Method, context: &trace::Context, wire: Wire) -> Self {
        let others = shared.in_flight.fetch_add(1, Ordering::Relaxed);
        shared.metrics.in_flight.inc();
        if let Wire::Connection(activity) = &wire {
            activity.begin();
        }
        Self {
            is_over_cap: others >= shared.service.settings.max_in_flight,
            shared,
            wire,
            begun: Instant::now(),
            method: method_label(method),
            route: Route::Unmatched,
            status: StatusCode::from_u16(CLIENT_CLOSED_REQUEST).expect("three digits"),
            api_version: None,
            request_id: context.request_id.clone(),
            span: context.span,
            parent: context.parent,
            bytes: 0,
            is_probe: false,
            is_whole: false,
        }
    }

    /// Whether the request may come in at all. Probes pass the cap: a busy instance is alive.
    fn check(&self, parts: &axum::http::request::Parts) -> Result<(), (Rejection, Problem)> {
        limits::check(parts, self.shared.service.settings.max_body.as_u64())?;
        if matches!(self.wire, Wire::Connection(_)) {
            limits::check_host(parts)?;
        }
        if self.is_over_cap && !probes::is_probe(parts.uri.path()) {
            return Err((Rejection::InFlight, limits::overloaded()));
        }
        Ok(())
    }

    /// Whether the connection has lived long enough, or the process has.
    fn is_last(&self) -> bool {
        let Wire::Connection(activity) = &self.wire else { return false };
        self.shared.is_leaving.load(Ordering::Relaxed) || activity.is_old()
    }
}

impl Record {
    /// The request as a span, by OpenTelemetry's conventions for HTTP servers.
    fn export(&self, route: &str) {
        let Some(exporter) = &self.shared.exporter else { return };
        let text = |text: &str| Attribute::Text(text.to_owned().into());
        let mut attributes = vec![
            ("http.request.method", Attribute::Text(self.method.into())),
            ("http.route", text(route)),
            ("http.response.status_code", Attribute::Number(self.status.as_u16())),
            ("sava.request_id", text(self.request_id.to_str().unwrap_or_default())),
        ];
        attributes
            .extend(self.api_version.map(|version| ("sava.api_version", Attribute::Text(version.into()))));
        exporter.export(Span {
            context: self.span,
            parent: self.parent,
            kind: Kind::Server,
            name: format!("{} {route}", self.method),
            begun: self.begun,
            ended: Instant::now(),
            is_error: self.status.is_server_error(),
            attributes,
        });
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let shared = &self.shared;
        shared.in_flight.fetch_sub(1, Ordering::Relaxed);
        shared.metrics.in_flight.dec();
        if let Wire::Connection(activity) = &self.wire {
            activity.end();
        }
        if self.is_whole {
            shared.served.fetch_add(1, Ordering::Relaxed);
        }
        let duration = self.begun.elapsed();
        let route = self.route.as_str();
        shared.metrics.duration(self.method, route, self.status.as_str()).observe(duration.as_secs_f64());
        let status = self.status.as_u16();
        // Milliseconds with three decimals are enough, and short.
        #[expect(clippy::cast_precision_loss, reason = "no request takes 2^53 microseconds")]
        let duration_ms = duration.as_micros() as f64 / 1000.0;
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    target: "sava::access",
                    method = self.method,
                    route,
                    status,
                    duration_ms,
                    bytes = self.bytes,
                    whole = self.is_whole,
                    api_version = self.api_version,
                    release = shared.service.identity.release.as_str(),
                    request_id = self.request_id.to_str().unwrap_or_default(),
                    trace_id = format_args!("{:032x}", self.span.trace_id),
                    "request"
                )
            };
        }
        if self.is_probe {
            line!(debug);
        } else {
            line!(info);
            self.export(route);
        }
    }
}

/// An answer's body that knows when it is over.
pub(crate) struct Tracked {
    body: Body,
    record: Record,
}

impl http_body::Body for Tracked {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    self.record.bytes += data.len() as u64;
                }
            }
            Poll::Ready(None) => self.record.is_whole = true,
            Poll::Ready(Some(Err(_))) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        // Of a HEAD request, or one whose last frame is known to be the last, the end is not asked for.
        if self.body.is_end_stream() || self.record.method == "HEAD" {
            self.record.is_whole = true;
        }
    }
}

/// A request's body that ends with an error beyond `left` bytes, and says so to who gave it away.
struct Limited {
    body: Body,
    left: u64,
    came: Arc<Came>,
}

/// How much of a request's body came.
#[derive(Default)]
struct Came {
    is_too_large: AtomicBool,
    is_complete: AtomicBool,
}

/// Limits `body`; `None` if there is none.
fn limited(body: Body, max: u64) -> (Body, Option<Arc<Came>>) {
    if body.is_end_stream() {
        return (Body::empty(), None);
    }
    let came = Arc::new(Came::default());
    (Body::new(Limited { body, left: max, came: came.clone() }), Some(came))
}

impl http_body::Body for Limited {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                let length = frame.data_ref().map_or(0, Bytes::len) as u64;
                if length > self.left {
                    self.came.is_too_large.store(true, Ordering::Relaxed);
                    return Poll::Ready(Some(Err(axum::Error::new("the content is too large"))));
                }
                self.left -= length;
            }
            Poll::Ready(None) => self.came.is_complete.store(true, Ordering::Relaxed),
            Poll::Ready(Some(Err(_))) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
