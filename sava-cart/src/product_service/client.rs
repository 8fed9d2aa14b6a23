//! How the product service is asked: with a deadline, one retry where nothing was answered yet, a circuit breaker,
//! and connections that are too young to favour a pod.

use std::{
    error::Error as _,
    fmt,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use bytes::{Bytes, BytesMut};
use failsafe::{Instrument, StateMachine, backoff, failure_policy};
use sava_service::{server::X_SAVA_RELEASE, trace::Call};

use super::{
    endpoint::{DEADLINE, Endpoint},
    statement::stated,
};
use crate::metrics::ShopMetrics;

/// Connections are used no longer. Kubernetes balances connections, not requests: at up to ten page views a second
/// each has a connection of its own, and above that a tenth of a second's share one.
const MAX_CONNECTION_AGE: Duration = Duration::from_millis(100);
/// This many failures in a row open the breaker.
const MAX_FAILURES: u32 = 5;
/// An open breaker lets a request try again after this.
const BREAK: Duration = Duration::from_secs(2);
/// Few: connections are dropped before they are idle for long.
const MAX_IDLE_CONNECTIONS: usize = 16;

/// An answer of the product service.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Empty but for 200.
    pub(crate) body: Bytes,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failure {
    /// It failed so often that it is left alone for a moment.
    #[error("it failed again and again and is left alone for a moment")]
    BreakerOpen,
    #[error("it cannot be connected to: {0}")]
    Connect(String),
    #[error("it closed the connection without an answer")]
    Closed,
    #[error("it did not answer within {DEADLINE:?}")]
    Timeout,
    /// The status, and the release that answered so, where it said.
    #[error("it answered {0}")]
    Status(StatusCode, Option<String>),
    /// It has no store of that locale; and the release that said so.
    #[error("it answered 404: it has no store {0:?}; LOCALE names one of those at its /products")]
    UnknownStore(String, Option<String>),
    #[error("its answer is larger than {0} bytes")]
    TooLarge(usize),
    #[error("its answer cannot be read: {0}")]
    Unreadable(String),
}

impl Failure {
    /// Its label in metrics.
    pub(crate) const fn label(&self) -> &'static str {
        match self {
            Self::BreakerOpen => "breaker_open",
            Self::Connect(_) => "connect",
            Self::Closed => "closed",
            Self::Timeout => "timeout",
            Self::Status(..) => "status",
            Self::UnknownStore(..) => "unknown_store",
            Self::TooLarge(_) => "too_large",
            Self::Unreadable(_) => "unreadable",
        }
    }

    /// Whether nothing of an answer had come, so that asking again is safe and worth it.
    const fn is_before_any_byte(&self) -> bool {
        matches!(self, Self::Connect(_) | Self::Closed)
    }

    /// Whether it tells that the service is unwell; "there is no such thing" does not.
    fn is_unwell(&self) -> bool {
        !matches!(self, Self::Status(status, _) if status.is_client_error() && *status != StatusCode::TOO_MANY_REQUESTS)
    }
}

pub(crate) struct Request<'a> {
    /// Its label in metrics.
    pub(crate) resource: &'static str,
    /// Below the service's base; of plain segments.
    pub(crate) path: &'a str,
    pub(crate) accept: &'a HeaderValue,
    pub(crate) if_none_match: Option<HeaderValue>,
    pub(crate) max_bytes: usize,
    /// When the answer is useless.
    pub(crate) deadline: Instant,
}

/// The client of the product service for one kind of thing. Each kind has a client of its own, because a circuit breaker
/// is for what fails together: pictures that fail must not stop the lists, without which nobody can check out.
pub(crate) struct Client {
    endpoint: Endpoint,
    /// The connections of this tenth of a second. Held only to look, never over an await.
    connections: Mutex<Option<Connections>>,
    breaker: StateMachine<failure_policy::ConsecutiveFailures<backoff::Constant>, BreakerReport>,
    metrics: ShopMetrics,
}

struct Connections {
    client: reqwest::Client,
    born: Instant,
}

impl Client {
    /// A client that asks the product service at `endpoint` for `what` (`lists`, `searches`, `pictures`).
    pub(crate) fn new(what: &'static str, endpoint: Endpoint, metrics: ShopMetrics) -> Self {
        let policy = failure_policy::consecutive_failures(MAX_FAILURES, backoff::constant(BREAK));
        let breaker = StateMachine::new(
            policy,
            BreakerReport { what, preview: endpoint.preview().map(str::to_owned), metrics: metrics.clone() },
        );
        Self { endpoint, connections: Mutex::new(None), breaker, metrics }
    }

    /// Asks, and once more where connecting failed or the connection was closed before any byte of an answer came.
    /// 200 and 304 are answers; everything else is a failure.
    pub(crate) async fn get(&self, request: &Request<'_>) -> Result<Response, Failure> {
        if !self.breaker.is_call_permitted() {
            self.metrics.product_request(request.resource, Failure::BreakerOpen.label(), None);
            return Err(Failure::BreakerOpen);
        }
        let began = Instant::now();
        let deadline = tokio::time::Instant::from_std(request.deadline);
        let attempts = async {
            match self.attempt(request, &self.connections(false)).await {
                Err(failure) if failure.is_before_any_byte() => {
                    tracing::debug!(%failure, "asking the product service once more");
                    self.attempt(request, &self.connections(true)).await
                }
                result => result,
            }
        };
        let result = tokio::time::timeout_at(deadline, attempts).await.unwrap_or(Err(Failure::Timeout));
        match &result {
            Err(failure) if failure.is_unwell() => self.breaker.on_error(),
            _ => self.breaker.on_success(),
        }
        let outcome = match &result {
            Ok(answer) if answer.status == StatusCode::NOT_MODIFIED => "not_modified",
            Ok(_) => "ok",
            Err(failure) => failure.label(),
        };
        self.metrics.product_request(request.resource, outcome, Some(began.elapsed()));
        result
    }

    /// An answer that came but is useless: the breaker counts it as it counts one that did not come.
    pub(crate) fn reject(&self) {
        self.breaker.on_error();
    }

    async fn attempt(&self, request: &Request<'_>, client: &reqwest::Client) -> Result<Response, Failure> {
        let url = self.endpoint.url(request.path).map_err(Failure::Unreadable)?;
        self.endpoint.prepare().await.map_err(|error| Failure::Connect(error.to_string()))?;
        let mut call = Call::begin(&Method::GET, url.host_str().unwrap_or_default());
        let mut builder = client.get(url).headers(call.headers()).header(header::ACCEPT, request.accept);
        if let Some(etags) = &request.if_none_match {
            builder = builder.header(header::IF_NONE_MATCH, etags);
        }
        let mut response = builder.send().await.map_err(|error| classify(&error))?;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        call.answered(status);
        if status == StatusCode::NOT_MODIFIED && request.if_none_match.is_some() {
            return Ok(Response { status, headers, body: Bytes::new() });
        }
        if status != StatusCode::OK {
            return Err(Failure::Status(status, stated(&headers, &X_SAVA_RELEASE)));
        }
        let body = read_body(&mut response, request.max_bytes).await?;
        Ok(Response { status, headers, body })
    }

    /// The connections to use: those of this tenth of a second, or, where those are too old or `renew` says so, none
    /// yet. What was open is closed when its last answer has come.
    fn connections(&self, renew: bool) -> reqwest::Client {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        match &*connections {
            Some(current) if !renew && current.born.elapsed() < MAX_CONNECTION_AGE => current.client.clone(),
            _ => {
                let client = self.reconnect();
                *connections = Some(Connections { client: client.clone(), born: Instant::now() });
                client
            }
        }
    }

    /// A client without a connection yet.
    ///
    /// # Panics
    /// Never: without TLS there is nothing in a client that can fail.
    fn reconnect(&self) -> reqwest::Client {
        self.endpoint
            .client()
            .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
            .user_agent("sava-cart")
            .build()
            .expect("a client without TLS")
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Client").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

async fn read_body(response: &mut reqwest::Response, max_bytes: usize) -> Result<Bytes, Failure> {
    let is_too_large = |length: usize| length > max_bytes;
    let announced = response.content_length().and_then(|length| usize::try_from(length).ok());
    if announced.is_some_and(is_too_large) {
        return Err(Failure::TooLarge(max_bytes));
    }
    let mut body = BytesMut::with_capacity(announced.unwrap_or_default());
    loop {
        let chunk = response.chunk().await.map_err(|error| Failure::Unreadable(chain(&error)))?;
        let Some(chunk) = chunk else { return Ok(body.freeze()) };
        if is_too_large(body.len() + chunk.len()) {
            return Err(Failure::TooLarge(max_bytes));
        }
        body.extend_from_slice(&chunk);
    }
}

fn classify(error: &reqwest::Error) -> Failure {
    if error.is_connect() {
        return Failure::Connect(chain(error));
    }
    let mut source = error.source();
    while let Some(cause) = source {
        let is_incomplete =
            cause.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_incomplete_message);
        let is_reset = cause.downcast_ref::<std::io::Error>().is_some_and(|error| {
            use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
            matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset)
        });
        if is_incomplete || is_reset {
            return Failure::Closed;
        }
        source = cause.source();
    }
    Failure::Unreadable(chain(error))
}

/// The causes of an error, outermost first, without the URL.
fn chain(error: &reqwest::Error) -> String {
    let mut causes = Vec::new();
    let mut source = error.source();
    while let Some(cause) = source {
        causes.push(cause.to_string());
        source = cause.source();
    }
    if causes.is_empty() { error.to_string() } else { causes.join(": ") }
}

/// Tells metrics and the log how the breaker stands.
struct BreakerReport {
    /// `lists`, `searches` or `pictures`.
    what: &'static str,
    /// The release that it is asked to be.
    preview: Option<String>,
    metrics: ShopMetrics,
}

impl Instrument for BreakerReport {
    fn on_call_rejected(&self) {}

    fn on_open(&self) {
        let (what, seconds) = (self.what, BREAK.as_secs());
        tracing::warn!(
            what,
            preview = self.preview,
            seconds,
            "the product service failed again and again: it is left alone for a moment"
        );
        self.metrics.breaker_is_open(self.what, true);
    }

    fn on_half_open(&self) {
        tracing::info!(what = self.what, preview = self.preview, "the product service is tried again");
    }

    fn on_closed(&self) {
        self.metrics.breaker_is_open(self.what, false);
    }
}
