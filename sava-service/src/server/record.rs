//! What is written down of a request, when it is over: metrics, a log line and a span.

use std::{
    net::IpAddr,
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use axum::{
    extract::MatchedPath,
    http::{HeaderValue, Method, StatusCode, header},
    response::Response,
};
use bytes::Bytes;
use opentelemetry::KeyValue;

use super::{activity::Answering, body::Watch, limits, probes, routes, state::ServerState};
use crate::{
    Problem,
    metrics::{Rejection, method_label},
    trace,
};

/// How a request came in.
pub(crate) enum Wire {
    /// From the network, over a connection that answers until this is dropped.
    Connection(Answering),
    /// From a test, without a server: there is no connection to check or to close.
    InProcess,
}

/// What is written down of a request, when it is over: metrics and a log line.
pub(crate) struct Record {
    pub(crate) shared: Arc<ServerState>,
    wire: Wire,
    begun: Instant,
    rejection: Option<Rejection>,
    pub(crate) method: &'static str,
    pub route: Route,
    /// What was asked for, where no route says it.
    pub path: Option<String>,
    pub status: StatusCode,
    pub api_version: Option<&'static str>,
    context: trace::Context,
    bytes: u64,
    pub(crate) is_probe: bool,
    pub(crate) is_whole: bool,
    is_over_cap: bool,
}

pub(crate) enum Route {
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
    pub(crate) fn begin(
        shared: Arc<ServerState>,
        method: &Method,
        context: &trace::Context,
        wire: Wire,
    ) -> Self {
        let others = shared.in_flight.fetch_add(1, Ordering::Relaxed);
        shared.metrics.in_flight.inc();
        Self {
            is_over_cap: others >= shared.service.settings.max_in_flight,
            shared,
            wire,
            begun: Instant::now(),
            rejection: None,
            method: method_label(method),
            route: Route::Unmatched,
            path: None,
            status: StatusCode::from_u16(CLIENT_CLOSED_REQUEST).expect("three digits"),
            api_version: None,
            context: context.clone(),
            bytes: 0,
            is_probe: false,
            is_whole: false,
        }
    }

    /// Whether the request may come in at all. Probes pass the cap: a busy instance is alive.
    pub(crate) fn check(&self, parts: &axum::http::request::Parts) -> Result<(), (Rejection, Problem)> {
        limits::check(parts, self.shared.service.settings.max_body.as_u64())?;
        if matches!(self.wire, Wire::Connection(_)) {
            limits::check_host(parts)?;
        }
        if self.is_over_cap && !probes::is_probe(parts.uri.path()) {
            return Err((Rejection::InFlight, limits::overloaded()));
        }
        Ok(())
    }

    /// Who asks, where there is a connection.
    pub(crate) fn peer(&self) -> Option<IpAddr> {
        let Wire::Connection(answering) = &self.wire else { return None };
        Some(answering.peer().ip())
    }

    /// Whether the connection has lived long enough, or the process has.
    pub(crate) fn is_last(&self) -> bool {
        let Wire::Connection(answering) = &self.wire else { return false };
        self.shared.is_leaving.load(Ordering::Relaxed) || answering.is_last()
    }

    /// The server itself refuses the request: the answer.
    pub(crate) fn refuse(&mut self, rejection: Rejection, problem: Problem) -> Response {
        self.rejection = Some(rejection);
        self.shared.metrics.reject(rejection);
        let mut response = (self.shared.service.error)(problem);
        if response.status() == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }

    /// Ends the request's span, by OpenTelemetry's conventions for HTTP servers.
    fn end_span(&self, route: &str) {
        if !self.context.is_recording() {
            return;
        }
        let mut attributes = vec![
            KeyValue::new("http.request.method", self.method),
            KeyValue::new("http.route", route.to_owned()),
            KeyValue::new("http.response.status_code", i64::from(self.status.as_u16())),
            KeyValue::new("sava.request_id", self.context.request_id.to_str().unwrap_or_default().to_owned()),
        ];
        attributes.extend(self.api_version.map(|version| KeyValue::new("sava.api_version", version)));
        self.context.end(format!("{} {route}", self.method), self.status.is_server_error(), attributes);
    }
}

impl Watch for Record {
    fn data(&mut self, data: &Bytes) -> Result<(), axum::Error> {
        self.bytes += data.len() as u64;
        Ok(())
    }

    fn whole(&mut self) {
        self.is_whole = true;
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let shared = &self.shared;
        shared.in_flight.fetch_sub(1, Ordering::Relaxed);
        shared.metrics.in_flight.dec();
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
                    path = self.path.as_deref(),
                    status,
                    duration_ms,
                    bytes = self.bytes,
                    whole = self.is_whole,
                    api_version = self.api_version,
                    limit = self.rejection.map(Rejection::label),
                    release = shared.service.identity.release.as_str(),
                    request_id = self.context.request_id.to_str().unwrap_or_default(),
                    trace_id = self.context.trace_id_in(&mut [0; 32]),
                    "request"
                )
            };
        }
        if self.is_probe {
            line!(debug);
        } else {
            line!(info);
            self.end_span(route);
        }
    }
}
