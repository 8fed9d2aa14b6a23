//! What the server answers where no request could be read: whole answers, made once.

use std::sync::Arc;

use axum::http::{StatusCode, header};
use bytes::Bytes;
use futures_util::FutureExt as _;
use http_body_util::{BodyExt as _, Collected};

use super::{limits, state::ServerState};
use crate::{Problem, metrics::Rejection};

/// Answers in the service's own form; each that is asked for is counted and logged.
pub(crate) struct Refusals {
    shared: Arc<ServerState>,
    bad_request: Refusal,
    version: Refusal,
    target: Refusal,
    headers: Refusal,
    body: Refusal,
    timeout: Refusal,
    overloaded: Refusal,
}

struct Refusal {
    status: StatusCode,
    bytes: Bytes,
}

impl Refusals {
    pub(crate) fn new(shared: &Arc<ServerState>) -> Self {
        let refusal = |problem| Refusal::new(shared, problem);
        Self {
            bad_request: refusal(limits::bad_request()),
            version: refusal(limits::version_not_supported()),
            target: refusal(limits::uri_too_long()),
            headers: refusal(limits::headers_too_large()),
            body: refusal(limits::content_too_large(shared.service.settings.max_body.as_u64())),
            timeout: refusal(limits::request_timeout()),
            overloaded: refusal(limits::overloaded()),
            shared: Arc::clone(shared),
        }
    }

    /// The answer where the server turns a connection away, or what it sent.
    pub(crate) fn refuse(&self, rejection: Rejection) -> Bytes {
        let refusal = match rejection {
            Rejection::BadRequest | Rejection::Host => &self.bad_request,
            Rejection::Version => &self.version,
            Rejection::Target => &self.target,
            Rejection::Headers => &self.headers,
            Rejection::Body => &self.body,
            Rejection::HeaderTimeout | Rejection::RequestTimeout => &self.timeout,
            Rejection::InFlight | Rejection::Connections => &self.overloaded,
        };
        self.shared.reject(rejection, refusal.status);
        refusal.bytes.clone()
    }
}

impl Refusal {
    fn new(shared: &ServerState, problem: Problem) -> Self {
        let mut response = (shared.service.error)(problem);
        shared.sign(&mut response);
        let (parts, body) = response.into_parts();
        // The body of an error is there already; one that is not is left out.
        let body =
            body.collect().now_or_never().and_then(Result::ok).map(Collected::to_bytes).unwrap_or_default();
        let mut bytes =
            format!("HTTP/1.1 {}\r\nconnection: close\r\ncontent-length: {}\r\n", parts.status, body.len())
                .into_bytes();
        if parts.status == StatusCode::SERVICE_UNAVAILABLE {
            bytes.extend_from_slice(b"retry-after: 1\r\n");
        }
        for (name, value) in &parts.headers {
            if name != header::CONTENT_LENGTH && name != header::RETRY_AFTER {
                bytes.extend_from_slice(name.as_str().as_bytes());
                bytes.extend_from_slice(b": ");
                bytes.extend_from_slice(value.as_bytes());
                bytes.extend_from_slice(b"\r\n");
            }
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&body);
        Self { status: parts.status, bytes: bytes.into() }
    }
}
