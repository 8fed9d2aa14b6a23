//! What ties a request's log lines and spans together across the services: its id and its trace context
//! (W3C Trace Context, <https://www.w3.org/TR/trace-context-1/>). Spans, propagation and export are OpenTelemetry's own.

mod exporter;
mod settings;

use std::{cell::OnceCell, net::IpAddr, sync::Arc};

use axum::{
    extract::MatchedPath,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header::AsHeaderName},
};
use bytes::Bytes;
use opentelemetry::{
    Context as SpanTree, KeyValue,
    propagation::{Extractor, TextMapCompositePropagator, TextMapPropagator as _},
    trace::{
        SpanContext, SpanId, SpanKind, Status, TraceContextExt as _, TraceFlags, TraceId, TraceState,
        Tracer as _,
    },
};
use opentelemetry_http::HeaderInjector;
use prometheus::Registry;

use self::exporter::Exporter;
pub(crate) use self::settings::TraceSettings;
use crate::Identity;

/// The id of a request, taken from it or made, and given back.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const TRACESTATE: &str = "tracestate";

/// A request id longer than this is replaced, and a longer `tracestate` is dropped (§3.3.1.5 asks for 512).
const MAX_REQUEST_ID: usize = 128;
const MAX_TRACESTATE: usize = 512;
/// The length of a `traceparent` of the version 00 (§3.2.2); those to come are not shorter.
const MIN_TRACEPARENT: usize = 55;

tokio::task_local! {
    static CURRENT: Answering;
}

/// What is known of the request that a task is answering.
pub(crate) struct Answering {
    pub(crate) context: Context,
    /// Who asks; `None` where there is no connection.
    pub peer: Option<IpAddr>,
    /// Set by the layer around the routes, which alone knows.
    pub route: OnceCell<MatchedPath>,
    /// Set where there is no route: what was asked for.
    pub path: OnceCell<String>,
}

/// What carries traces on.
#[derive(Debug)]
struct Propagator {
    formats: TextMapCompositePropagator,
    /// The headers that it reads.
    headers: Vec<HeaderName>,
}

impl Propagator {
    fn new(formats: TextMapCompositePropagator) -> Arc<Self> {
        let headers = formats.fields().filter_map(|name| name.parse().ok()).collect();
        Arc::new(Self { formats, headers })
    }

    /// What a request brings.
    fn extract(&self, headers: &HeaderMap) -> SpanTree {
        // Most requests to a shop come from browsers, and bring none.
        if self.headers.iter().any(|name| headers.contains_key(name)) {
            self.formats.extract_with_context(&SpanTree::new(), &Single(headers))
        } else {
            SpanTree::new()
        }
    }
}

/// How the process records spans, if it does, and carries traces on. A handle, cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Tracing {
    propagator: Arc<Propagator>,
    exporter: Option<Exporter>,
}

impl Tracing {
    /// As the settings say; within a tokio runtime.
    pub(crate) fn start(
        settings: &TraceSettings,
        identity: &Identity,
        registry: &Registry,
    ) -> anyhow::Result<Self> {
        let url = settings.url();
        let exporter = url.map(|url| Exporter::start(&url, settings, identity, registry)).transpose()?;
        Ok(Self { propagator: Propagator::new(settings.propagator()), exporter })
    }

    /// Carries traces on by W3C Trace Context, and records nothing: for tests in process.
    pub(crate) fn off() -> Self {
        let propagator = opentelemetry_sdk::propagation::TraceContextPropagator::new();
        let propagator = TextMapCompositePropagator::new(vec![Box::new(propagator)]);
        Self { propagator: Propagator::new(propagator), exporter: None }
    }

    /// Waits until what was recorded is sent, or given up.
    pub(crate) async fn end(&self) {
        if let Some(exporter) = &self.exporter {
            exporter.end().await;
        }
    }

    /// A span below that of `parent`, or, where nothing is recorded, a place for one in its trace.
    fn child(&self, parent: &SpanTree, name: &Method, kind: SpanKind) -> SpanTree {
        if let Some(exporter) = &self.exporter {
            let span = exporter.tracer.span_builder(name.to_string()).with_kind(kind);
            return parent.with_span(exporter.tracer.build_with_context(span, parent));
        }
        unrecorded(parent)
    }
}

/// A place for a span below that of `parent`.
fn unrecorded(parent: &SpanTree) -> SpanTree {
    let span_id = SpanId::from(fastrand::u64(1..));
    let of = parent.span();
    let of = of.span_context();
    parent.with_remote_span_context(if of.is_valid() {
        SpanContext::new(of.trace_id(), span_id, of.trace_flags(), false, of.trace_state().clone())
    } else {
        let trace_id = TraceId::from(fastrand::u128(1..));
        SpanContext::new(trace_id, span_id, TraceFlags::SAMPLED, false, TraceState::default())
    })
}

/// The identity of a request, to be carried to where it is worked on.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    /// The request's id.
    pub(crate) request_id: HeaderValue,
    /// Its span, and what came with it.
    spans: SpanTree,
    tracing: Tracing,
}

impl Context {
    /// The context that a request brings, or a new one: an id or a trace that is not well-formed is as none. Its span
    /// begins, but for a probe's, which nobody wants to see.
    pub(crate) fn of_request(
        method: &Method,
        headers: &HeaderMap,
        is_probe: bool,
        tracing: &Tracing,
    ) -> Self {
        let parent = tracing.propagator.extract(headers);
        let spans =
            if is_probe { unrecorded(&parent) } else { tracing.child(&parent, method, SpanKind::Server) };
        Self {
            request_id: single(headers, X_REQUEST_ID)
                .filter(|id| is_request_id(id.as_bytes()))
                .cloned()
                .unwrap_or_else(new_request_id),
            spans,
            tracing: tracing.clone(),
        }
    }

    /// The trace, the same in all services.
    pub(crate) fn trace_id(&self) -> TraceId {
        self.spans.span().span_context().trace_id()
    }

    /// The trace's id as text, written into `text`.
    pub(crate) fn trace_id_in<'text>(&self, text: &'text mut [u8; 32]) -> &'text str {
        hex::encode_to_slice(self.trace_id().to_bytes(), text).expect("two digits a byte");
        str::from_utf8(text).unwrap_or_default()
    }

    /// Whether its span is recorded: what is said of one that is not is lost.
    pub(crate) fn is_recording(&self) -> bool {
        self.spans.span().is_recording()
    }

    /// Ends its span, which until now had no name.
    pub(crate) fn end(&self, name: String, is_error: bool, attributes: Vec<KeyValue>) {
        let span = self.spans.span();
        span.update_name(name);
        span.set_attributes(attributes);
        if is_error {
            span.set_status(Status::error(""));
        }
        span.end();
    }
}

/// The context of the request that this task is answering, if it is.
#[must_use]
pub(crate) fn current() -> Option<Context> {
    with_current(|answering| answering.context.clone())
}

/// A request to another service: a span of its own in the trace of the request that this task is answering.
/// It ends when it is dropped; [`Call::answered`] tells with what.
#[derive(Debug)]
pub struct Call {
    /// With the call's own span.
    context: Option<Context>,
    status: Option<StatusCode>,
}

impl Call {
    /// Begins a call to `server` (its host name). Outside of a request it is a part of nothing, and says nothing.
    #[must_use]
    pub fn begin(method: &Method, server: &str) -> Self {
        let context = current().map(|of| {
            let spans = of.tracing.child(&of.spans, method, SpanKind::Client);
            let span = spans.span();
            if span.is_recording() {
                span.set_attribute(KeyValue::new("http.request.method", method.to_string()));
                span.set_attribute(KeyValue::new("server.address", server.to_owned()));
            }
            Context { spans, ..of }
        });
        Self { context, status: None }
    }

    /// The headers that make it a part of the trace, those of `OTEL_PROPAGATORS` and `X-Request-Id`.
    #[must_use]
    pub fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(Context { request_id, spans, tracing }) = &self.context {
            tracing.propagator.formats.inject_context(spans, &mut HeaderInjector(&mut headers));
            // The propagator sends one in any case.
            if headers.get(TRACESTATE).is_some_and(HeaderValue::is_empty) {
                headers.remove(TRACESTATE);
            }
            headers.insert(X_REQUEST_ID, request_id.clone());
        }
        headers
    }

    /// An answer has come; without one, the call has failed.
    pub fn answered(&mut self, status: StatusCode) {
        self.status = Some(status);
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let Some(context) = &self.context else { return };
        let span = context.spans.span();
        if !span.is_recording() {
            return;
        }
        if let Some(status) = self.status {
            span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status.as_u16())));
        }
        if self.status.is_none_or(|status| status.as_u16() >= 400) {
            span.set_status(Status::error(""));
        }
        span.end();
    }
}

/// Reads from the request that this task is answering.
pub(crate) fn with_current<T>(read: impl FnOnce(&Answering) -> T) -> Option<T> {
    CURRENT.try_with(read).ok()
}

/// Runs `work` as the answer of a request; [`tokio::task::futures::TaskLocalFuture::take_value`] gives back what
/// was learnt of it.
pub(crate) fn answering<W: Future>(
    context: Context,
    peer: Option<IpAddr>,
    work: W,
) -> tokio::task::futures::TaskLocalFuture<Answering, W> {
    CURRENT.scope(Answering { context, peer, route: OnceCell::new(), path: OnceCell::new() }, work)
}

/// The headers of a request as a propagator reads them: a field that is there twice is as none, and so is one that
/// is too short or too long.
struct Single<'a>(&'a HeaderMap);

impl Extractor for Single<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        let value = single(self.0, key)?.to_str().ok()?;
        let is_right = match key {
            // The propagator takes parts of any length.
            "traceparent" => value.len() >= MIN_TRACEPARENT,
            TRACESTATE => value.len() <= MAX_TRACESTATE,
            _ => true,
        };
        is_right.then_some(value)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

/// The header's value, if there is exactly one line of it.
fn single(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&HeaderValue> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

/// Printable without harm in any log, and not long.
fn is_request_id(id: &[u8]) -> bool {
    (1..=MAX_REQUEST_ID).contains(&id.len())
        && id.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:~+/=@".contains(byte))
}

fn new_request_id() -> HeaderValue {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let random = fastrand::u128(..);
    let digits: [u8; 32] = std::array::from_fn(|index| DIGITS[(random >> (index * 4)) as usize & 0xf]);
    HeaderValue::from_maybe_shared(Bytes::copy_from_slice(&digits)).expect("hexadecimal digits")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn of(headers: &[(&'static str, &str)]) -> Context {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        Context::of_request(&Method::GET, &map, false, &Tracing::off())
    }

    /// Whether the trace of this `traceparent` is continued.
    fn is_continued(traceparent: &str) -> bool {
        of(&[("traceparent", traceparent)]).trace_id().to_string() == "4bf92f3577b34da6a3ce929d0e0e4736"
    }

    #[tokio::test]
    async fn trace_is_continued_with_a_new_span() {
        let context = of(&[("traceparent", PARENT), ("tracestate", "rojo=00f067aa0ba902b7")]);
        let headers =
            answering(context.clone(), None, async { Call::begin(&Method::GET, "elsewhere").headers() })
                .await;
        let sent = headers["traceparent"].to_str().unwrap();
        assert!(sent.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-") && sent.ends_with("-01"), "{sent}");
        let served = context.spans.span().span_context().span_id().to_string();
        assert!(!sent.contains("00f067aa0ba902b7") && !sent.contains(&served), "{sent}");
        assert_eq!(headers["tracestate"], "rojo=00f067aa0ba902b7");
        assert_eq!(headers["x-request-id"], context.request_id);
    }

    #[test]
    fn malformed_traces_begin_new_ones() {
        for wrong in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        ] {
            assert!(!is_continued(wrong), "{wrong}");
        }
        assert!(is_continued(PARENT));
        let twice = of(&[("traceparent", PARENT), ("traceparent", PARENT)]);
        assert_ne!(twice.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert!(is_continued(&(PARENT.replacen("00-", "01-", 1) + "-more")), "of a version to come");
    }

    #[test]
    fn request_ids_are_kept_if_harmless() {
        assert_eq!(of(&[("x-request-id", "a-b_c.1:2")]).request_id, "a-b_c.1:2");
        let long = "x".repeat(129);
        for wrong in ["", "a b", "<script>", "\"", long.as_str()] {
            let made = of(&[("x-request-id", wrong)]).request_id;
            assert_eq!(made.len(), 32, "{wrong} became {made:?}");
        }
        assert_ne!(of(&[]).request_id, of(&[]).request_id);
    }
}
