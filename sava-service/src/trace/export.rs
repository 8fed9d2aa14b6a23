//! Spans on their way to a collector: OTLP over HTTP with JSON
//! (<https://opentelemetry.io/docs/specs/otlp/#otlphttp>), in batches, and never in a request's way.
//!
//! This is all of OTLP that two small services need, in a fraction of what the SDK adds to a binary.

use std::{
    borrow::Cow,
    env,
    str::FromStr,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, bail, ensure};
use axum::http::{Method, Request, Uri, header};
use bytes::Bytes;
use hickory_resolver::TokioResolver;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use prometheus::{IntCounter, Registry};
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    sync::{mpsc, oneshot},
    time::{sleep, timeout},
};

use super::SpanContext;
use crate::Identity;

/// Spans that wait for the next batch; more are dropped and counted.
const MAX_WAITING: usize = 4096;
/// Spans of one batch.
const MAX_BATCH: usize = 512;
/// How long a span waits at most.
const INTERVAL: Duration = Duration::from_secs(1);
/// For one batch: connecting, sending, the collector's answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// A collector's answer is not longer than this.
const MAX_ANSWER: usize = 64 << 10;

/// Where a collector listens, such as `http://otel-collector:4318`: the base to which `/v1/traces` is added, as the
/// specification of `OTEL_EXPORTER_OTLP_ENDPOINT` says. Without TLS: it is in the same cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    host: String,
    port: u16,
    path: String,
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let takes = || "takes an http:// URL, such as http://otel-collector:4318".to_owned();
        let uri: Uri = text.parse().map_err(|_| takes())?;
        let host = uri.host().filter(|host| !host.is_empty() && uri.scheme_str() == Some("http"));
        Ok(Self {
            host: host.ok_or_else(takes)?.to_owned(),
            port: uri.port_u16().unwrap_or(80),
            path: format!("{}/v1/traces", uri.path().trim_end_matches('/')),
        })
    }
}

/// A span that has ended.
#[derive(Debug)]
pub(crate) struct Span {
    pub(crate) context: SpanContext,
    pub(crate) parent: Option<u64>,
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) begun: Instant,
    pub(crate) ended: Instant,
    pub(crate) is_error: bool,
    pub(crate) attributes: Vec<(&'static str, Attribute)>,
}

/// Which side of a call a span is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Server = 2,
    Client = 3,
}

/// The value of an attribute.
#[derive(Debug)]
pub(crate) enum Attribute {
    Text(Cow<'static, str>),
    Number(u16),
}

/// Takes spans; a handle.
#[derive(Clone, Debug)]
pub(crate) struct Exporter {
    queue: mpsc::Sender<Message>,
    dropped: IntCounter,
}

#[derive(Debug)]
enum Message {
    Span(Span),
    /// Send what there is, then say so.
    Flush(oneshot::Sender<()>),
}

impl Exporter {
    /// Starts a task that sends to `endpoint`.
    pub(crate) fn start(endpoint: Endpoint, identity: &Identity, registry: &Registry) -> Self {
        let counter = |name: &str, help: &str| {
            let counter = IntCounter::new(name, help).expect("a fixed, valid name");
            crate::metrics::register(registry, counter.clone());
            counter
        };
        let dropped = counter("sava_spans_dropped_total", "Spans that no collector got.");
        let exported = counter("sava_spans_exported_total", "Spans that the collector took.");
        let (queue, spans) = mpsc::channel(MAX_WAITING);
        let batches = Batches {
            endpoint,
            resource: resource(identity),
            service: identity.service,
            exported,
            dropped: dropped.clone(),
            is_failing: false,
        };
        tokio::spawn(batches.send_all(spans));
        Self { queue, dropped }
    }

    /// Takes a span, unless too many wait.
    pub(crate) fn export(&self, span: Span) {
        if span.context.is_sampled() && self.queue.try_send(Message::Span(span)).is_err() {
            self.dropped.inc();
        }
    }

    /// Waits until what was taken is sent, or given up.
    pub(crate) async fn flush(&self) {
        let (done, is_done) = oneshot::channel();
        if self.queue.send(Message::Flush(done)).await.is_ok() {
            let _ = timeout(TIMEOUT, is_done).await;
        }
    }
}

struct Batches {
    endpoint: Endpoint,
    resource: Value,
    service: &'static str,
    exported: IntCounter,
    dropped: IntCounter,
    /// Said once, not every second.
    is_failing: bool,
}

impl Batches {
    async fn send_all(mut self, mut messages: mpsc::Receiver<Message>) {
        let mut batch = Vec::new();
        while let Some(first) = messages.recv().await {
            let mut next = Some(first);
            let mut flushed = None;
            let end = sleep(INTERVAL);
            tokio::pin!(end);
            while let Some(message) = next.take() {
                match message {
                    Message::Span(span) => batch.push(span),
                    Message::Flush(done) => {
                        flushed = Some(done);
                        break;
                    }
                }
                if batch.len() == MAX_BATCH {
                    break;
                }
                next = tokio::select! {
                    message = messages.recv() => message,
                    () = &mut end => None,
                };
            }
            self.send(&mut batch).await;
            if let Some(done) = flushed {
                let _ = done.send(());
            }
        }
    }

    async fn send(&mut self, batch: &mut Vec<Span>) {
        if batch.is_empty() {
            return;
        }
        let count = batch.len() as u64;
        let body = self.body(batch);
        batch.clear();
        let sent = timeout(TIMEOUT, post(&self.endpoint, body)).await.context("no answer in time").flatten();
        match sent {
            Ok(()) => {
                self.exported.inc_by(count);
                self.is_failing = false;
            }
            Err(error) => {
                self.dropped.inc_by(count);
                if !self.is_failing {
                    tracing::warn!("traces are lost, the collector does not take them: {error:#}");
                }
                self.is_failing = true;
            }
        }
    }

    /// `ExportTraceServiceRequest` in its JSON form: ids in hexadecimal, 64-bit numbers as text.
    fn body(&self, batch: &[Span]) -> Bytes {
        let (now, wall) = (Instant::now(), SystemTime::now());
        let nanos = |instant: Instant| {
            let time = wall.checked_sub(now.saturating_duration_since(instant)).unwrap_or(wall);
            time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos().to_string()
        };
        let spans: Vec<Value> = batch
            .iter()
            .map(|span| {
                let attributes: Vec<Value> =
                    span.attributes.iter().map(|(key, value)| attribute(key, value)).collect();
                json!({
                    "traceId": format!("{:032x}", span.context.trace_id),
                    "spanId": format!("{:016x}", span.context.span_id),
                    "parentSpanId": span.parent.map_or_else(String::new, |parent| format!("{parent:016x}")),
                    "flags": span.context.flags,
                    "name": span.name,
                    "kind": span.kind as u8,
                    "startTimeUnixNano": nanos(span.begun),
                    "endTimeUnixNano": nanos(span.ended),
                    "attributes": attributes,
                    "status": if span.is_error { json!({ "code": 2 }) } else { json!({}) },
                })
            })
            .collect();
        let request = json!({ "resourceSpans": [{
            "resource": { "attributes": self.resource },
            "scopeSpans": [{ "scope": { "name": self.service }, "spans": spans }],
        }]});
        request.to_string().into()
    }
}

/// What is the same for all spans of a process: the standard attributes, and those of `OTEL_RESOURCE_ATTRIBUTES`.
fn resource(identity: &Identity) -> Value {
    let mut attributes = vec![
        ("service.name".to_owned(), identity.service.to_owned()),
        ("service.version".to_owned(), identity.release.clone()),
        ("service.instance.id".to_owned(), identity.instance.clone()),
    ];
    let of_pod = [("k8s.pod.name", "POD_NAME"), ("k8s.namespace.name", "POD_NAMESPACE")];
    for (key, variable) in of_pod {
        if let Some(value) = env::var(variable).ok().filter(|value| !value.is_empty()) {
            attributes.push((key.to_owned(), value));
        }
    }
    for pair in env::var("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default().split(',') {
        if let Some((key, value)) = pair.split_once('=') {
            attributes.push((key.trim().to_owned(), value.trim().to_owned()));
        }
    }
    let attributes =
        attributes.into_iter().map(|(key, value)| attribute(&key, &Attribute::Text(value.into())));
    attributes.collect()
}

fn attribute(key: &str, value: &Attribute) -> Value {
    let value = match value {
        Attribute::Text(text) => json!({ "stringValue": text }),
        Attribute::Number(number) => json!({ "intValue": number.to_string() }),
    };
    json!({ "key": key, "value": value })
}

/// Sends one batch over a connection of its own: once a second that is no cost, and finds a collector that moved.
async fn post(endpoint: &Endpoint, body: Bytes) -> anyhow::Result<()> {
    let Endpoint { host, port, path } = endpoint;
    let stream = connect(host.trim_matches(['[', ']']), *port)
        .await
        .with_context(|| format!("cannot connect to {host}:{port}"))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(header::HOST, format!("{host}:{port}"))
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, "sava")
        .header(header::CONNECTION, "close")
        .body(Full::new(body))?;
    let answer = async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let _ = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
        anyhow::Ok(status)
    };
    let (status, _) = tokio::join!(answer, connection);
    let status = status?;
    ensure!(status.is_success(), "{host}:{port} answers {status}");
    Ok(())
}

/// Resolves in Rust: the C library's resolver is not in a static binary.
async fn connect(host: &str, port: u16) -> anyhow::Result<TcpStream> {
    let addresses = match host.parse() {
        Ok(address) => vec![address],
        Err(_) => TokioResolver::builder_tokio()?.build()?.lookup_ip(host).await?.iter().collect(),
    };
    for address in addresses {
        if let Ok(stream) = TcpStream::connect((address, port)).await {
            return Ok(stream);
        }
    }
    bail!("no address of {host} takes connections")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_bases() {
        let endpoint = |text: &str| text.parse::<Endpoint>();
        let read = endpoint("http://collector:4318").unwrap();
        assert_eq!((read.host.as_str(), read.port, read.path.as_str()), ("collector", 4318, "/v1/traces"));
        assert_eq!(endpoint("http://[::1]/otlp/").unwrap().path, "/otlp/v1/traces");
        for wrong in ["https://collector:4318", "collector:4318", "/v1", ""] {
            assert!(endpoint(wrong).unwrap_err().contains("http://otel-collector:4318"), "{wrong}");
        }
    }
}
