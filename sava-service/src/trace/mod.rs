//! What ties a request's log lines and spans together across the services: its id and its trace context
//! (W3C Trace Context, <https://www.w3.org/TR/trace-context-1/>).

pub(crate) mod export;

use std::{cell::OnceCell, fmt, time::Instant};

use axum::{
    extract::MatchedPath,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode},
};
use bytes::Bytes;

pub use self::export::Endpoint;
use self::export::{Attribute, Exporter, Kind, Span};

/// The id of a request, taken from it or made, and given back.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Trace id, span id and flags.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// What tracing systems add of their own.
pub const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// A request id longer than this is replaced, and a longer `tracestate` is dropped (§3.3.1.5 asks for 512).
const MAX_REQUEST_ID: usize = 128;
const MAX_TRACESTATE: usize = 512;

tokio::task_local! {
    static CURRENT: Answering;
}

/// What is known of the request that a task is answering.
pub(crate) struct Answering {
    pub(crate) context: Context,
    /// Set by the layer around the routes, which alone knows.
    pub(crate) route: OnceCell<MatchedPath>,
}

/// The identity of a request, to be carried to where it is worked on.
#[derive(Clone, Debug)]
pub struct Context {
    /// The request's id.
    pub request_id: HeaderValue,
    /// Its place in the trace.
    pub span: SpanContext,
    /// The span that asked, if a caller sent one.
    pub parent: Option<u64>,
    tracestate: Option<HeaderValue>,
    exporter: Option<Exporter>,
}

/// A span's place in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanContext {
    /// The trace, the same in all services.
    pub trace_id: u128,
    /// This span.
    pub span_id: u64,
    /// Bit 0: the caller may have recorded it (§2.3.3).
    pub flags: u8,
}

impl Context {
    /// The context that a request brings, or a new one: an id or a trace that is not well-formed is as none.
    pub(crate) fn of_request(headers: &HeaderMap, exporter: Option<Exporter>) -> Self {
        let parent = single(headers, &TRACEPARENT).and_then(SpanContext::parse);
        let tracestate = parent
            .and_then(|_| single(headers, &TRACESTATE))
            .filter(|value| value.len() <= MAX_TRACESTATE)
            .cloned();
        Self {
            request_id: single(headers, &X_REQUEST_ID)
                .filter(|id| is_request_id(id.as_bytes()))
                .cloned()
                .unwrap_or_else(new_request_id),
            span: parent.map_or_else(SpanContext::root, SpanContext::child),
            parent: parent.map(|parent| parent.span_id),
            tracestate,
            exporter,
        }
    }

    /// Runs `work` as a part of this request: its log lines carry the request's ids.
    /// For work that goes on in a task of its own.
    pub async fn scope<W: Future>(self, work: W) -> W::Output {
        CURRENT.scope(Answering { context: self, route: OnceCell::new() }, work).await
    }

    /// Adds to a request to another service what makes it a part of this one: `traceparent` with `span` as the
    /// caller, `tracestate`, `X-Request-Id`.
    pub fn inject(&self, span: SpanContext, headers: &mut HeaderMap) {
        headers.insert(TRACEPARENT, span.header());
        if let Some(tracestate) = &self.tracestate {
            headers.insert(TRACESTATE, tracestate.clone());
        }
        headers.insert(X_REQUEST_ID, self.request_id.clone());
    }
}

/// The context of the request that this task is answering, if it is.
#[must_use]
pub fn current() -> Option<Context> {
    with_current(|answering| answering.context.clone())
}

/// A request to another service: a span of its own in the trace of the request that this task is answering.
/// It ends when it is dropped; [`Call::answered`] tells with what.
#[derive(Debug)]
pub struct Call {
    context: Option<Context>,
    span: SpanContext,
    method: Method,
    server: String,
    begun: Instant,
    status: Option<StatusCode>,
}

impl Call {
    /// Begins a call to `server` (its host name). Outside of a request it is a part of nothing, and says nothing.
    #[must_use]
    pub fn begin(method: Method, server: &str) -> Self {
        let context = current();
        Self {
            span: context.as_ref().map_or_else(SpanContext::root, |context| context.span.child()),
            server: if context.as_ref().is_some_and(|context| context.exporter.is_some()) {
                server.to_owned()
            } else {
                String::new()
            },
            context,
            method,
            begun: Instant::now(),
            status: None,
        }
    }

    /// The headers that make it a part of the trace: `traceparent`, `tracestate`, `X-Request-Id`.
    #[must_use]
    pub fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(context) = &self.context {
            context.inject(self.span, &mut headers);
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
        let Some(exporter) = &context.exporter else { return };
        let status = self.status.map(|status| status.as_u16());
        let mut attributes = vec![
            ("http.request.method", Attribute::Text(self.method.to_string().into())),
            ("server.address", Attribute::Text(std::mem::take(&mut self.server).into())),
        ];
        attributes.extend(status.map(|status| ("http.response.status_code", Attribute::Number(status))));
        exporter.export(Span {
            context: self.span,
            parent: Some(context.span.span_id),
            kind: Kind::Client,
            name: self.method.to_string(),
            begun: self.begun,
            ended: Instant::now(),
            is_error: status.is_none_or(|status| status >= 400),
            attributes,
        });
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
    work: W,
) -> tokio::task::futures::TaskLocalFuture<Answering, W> {
    CURRENT.scope(Answering { context, route: OnceCell::new() }, work)
}

impl SpanContext {
    /// The first span of a new trace.
    fn root() -> Self {
        Self { trace_id: fastrand::u128(1..), span_id: fastrand::u64(1..), flags: 1 }
    }

    /// A new span of the same trace.
    #[must_use]
    pub fn child(self) -> Self {
        Self { span_id: fastrand::u64(1..), ..self }
    }

    /// Whether the trace is to be recorded.
    #[must_use]
    pub fn is_sampled(self) -> bool {
        self.flags & 1 == 1
    }

    /// Reads a `traceparent` (§3.2.2); `None` if it must be ignored.
    fn parse(value: &HeaderValue) -> Option<Self> {
        let bytes = value.as_bytes();
        let dashes = bytes.len() >= 55 && bytes[2] == b'-' && bytes[35] == b'-' && bytes[52] == b'-';
        if !dashes {
            return None;
        }
        let version = hex(&bytes[..2])?;
        let end_is_right = bytes.len() == 55 || (version > 0 && bytes[55] == b'-');
        let context = Self {
            trace_id: hex(&bytes[3..35])?,
            span_id: u64::try_from(hex(&bytes[36..52])?).ok()?,
            flags: u8::try_from(hex(&bytes[53..55])?).ok()?,
        };
        (version != 0xff && end_is_right && context.trace_id != 0 && context.span_id != 0).then_some(context)
    }

    fn header(self) -> HeaderValue {
        HeaderValue::try_from(self.to_string()).expect("hexadecimal digits and dashes")
    }
}

/// As in `traceparent`.
impl fmt::Display for SpanContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, self.flags)
    }
}

/// The header's value, if there is exactly one line of it.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

/// Lower-case hexadecimal, as §3.2 requires.
fn hex(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |number, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(value))
    })
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
        Context::of_request(&map, None)
    }

    #[test]
    fn trace_is_continued_with_a_new_span() {
        let context = of(&[("traceparent", PARENT), ("tracestate", "rojo=00f067aa0ba902b7")]);
        assert_eq!(context.span.trace_id, 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        assert_eq!(context.parent, Some(0x00f0_67aa_0ba9_02b7));
        assert_ne!(Some(context.span.span_id), context.parent);
        let mut headers = HeaderMap::new();
        context.inject(context.span, &mut headers);
        assert_eq!(headers["traceparent"], context.span.to_string());
        assert!(context.span.to_string().starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
        assert_eq!(headers["tracestate"], "rojo=00f067aa0ba902b7");
        assert_eq!(headers["x-request-id"], context.request_id);
    }

    #[test]
    fn malformed_traces_begin_anew() {
        for wrong in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        ] {
            assert_eq!(of(&[("traceparent", wrong)]).parent, None, "{wrong}");
        }
        assert_eq!(of(&[("traceparent", PARENT), ("traceparent", PARENT)]).parent, None);
        let future = PARENT.replacen("00-", "01-", 1) + "-more";
        assert!(of(&[("traceparent", &future)]).parent.is_some());
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
