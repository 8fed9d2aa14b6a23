//! Spans on their way to a collector: OpenTelemetry's SDK and its OTLP exporters, with names resolved as everywhere here.

use std::{
    collections::HashMap,
    env,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use axum::http::{HeaderMap, Uri};
use hyper_util::rt::TokioIo;
use opentelemetry::{KeyValue, trace::TracerProvider as _};
use opentelemetry_otlp::{
    SpanExporter as OtlpExporter, WithExportConfig as _, WithHttpConfig as _, WithTonicConfig as _,
};
use opentelemetry_sdk::{
    Resource,
    error::{OTelSdkError, OTelSdkResult},
    resource::TelemetryResourceDetector,
    trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracer, SdkTracerProvider, SpanData, SpanExporter},
};
use prometheus::{IntCounter, Registry, register_int_counter_with_registry};
use tokio::{net::TcpStream, runtime::Handle};
use tonic::{metadata::MetadataMap, transport::Channel};
use tower::service_fn;

use super::settings::{Attributes, Headers, Protocol, TraceSettings};
use crate::{Identity, Resolver};

/// How long a span waits for others at most, where `OTEL_BSP_SCHEDULE_DELAY` does not say: on stage five seconds are long.
const INTERVAL: Duration = Duration::from_secs(1);
/// The end waits no longer for the last spans to be sent.
const LAST_SPANS: Duration = Duration::from_secs(5);

/// What records spans and exports them; a handle.
#[derive(Clone, Debug)]
pub(super) struct Exporter {
    provider: SdkTracerProvider,
    pub(super) tracer: SdkTracer,
}

impl Exporter {
    /// Exports to `url`; within a tokio runtime.
    pub(super) fn start(
        url: &str,
        settings: &TraceSettings,
        identity: &Identity,
        registry: &Registry,
    ) -> anyhow::Result<Self> {
        let exporter = match settings.otlp_protocol {
            Protocol::HttpProtobuf => by_http(url, settings),
            Protocol::Grpc => by_grpc(url, settings),
        };
        let counter = |name: &str, help: &str| {
            register_int_counter_with_registry!(name, help, registry).expect("registered once")
        };
        let exporter = CountingExporter {
            exporter: Arc::new(exporter.context("traces cannot be exported")?),
            runtime: Handle::current(),
            exported: counter("sava_spans_exported_total", "Spans that the collector took."),
            dropped: counter(
                "sava_spans_dropped_total",
                "Spans that were sent and that the collector did not take.",
            ),
            is_failing: AtomicBool::new(false),
        };
        let mut config = BatchConfigBuilder::default();
        if env::var_os("OTEL_BSP_SCHEDULE_DELAY").is_none() {
            config = config.with_scheduled_delay(INTERVAL);
        }
        let processor = BatchSpanProcessor::builder(exporter).with_batch_config(config.build()).build();
        let provider = SdkTracerProvider::builder()
            .with_sampler(settings.sampler())
            .with_resource(resource(settings, identity))
            .with_span_processor(processor)
            .build();
        Ok(Self { tracer: provider.tracer(identity.service), provider })
    }

    /// Waits until what was recorded is sent, or given up.
    pub(super) async fn end(&self) {
        let provider = self.provider.clone();
        // It blocks, as the SDK's processor is a thread.
        let ended = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(LAST_SPANS)).await;
        if let Ok(Err(error)) = ended {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

fn by_http(url: &str, settings: &TraceSettings) -> anyhow::Result<OtlpExporter> {
    let client = reqwest::Client::builder()
        .dns_resolver(Resolver::of_the_system())
        .timeout(settings.otlp_timeout)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()?;
    let headers = settings.otlp_headers.iter().flat_map(|Headers(headers)| headers);
    let headers: HashMap<_, _> = headers
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()))
        .collect();
    let exporter = OtlpExporter::builder().with_http().with_http_client(client).with_headers(headers);
    Ok(exporter.with_endpoint(url).with_timeout(settings.otlp_timeout).build()?)
}

fn by_grpc(url: &str, settings: &TraceSettings) -> anyhow::Result<OtlpExporter> {
    let endpoint =
        Channel::builder(url.parse()?).connect_timeout(settings.otlp_timeout).timeout(settings.otlp_timeout);
    let channel = endpoint.connect_with_connector_lazy(service_fn(connect));
    let headers = settings.otlp_headers.iter().flat_map(|Headers(headers)| headers.iter().cloned());
    let metadata = MetadataMap::from_headers(headers.collect::<HeaderMap>());
    let exporter = OtlpExporter::builder().with_tonic().with_channel(channel).with_metadata(metadata);
    Ok(exporter.with_timeout(settings.otlp_timeout).build()?)
}

/// Resolves in Rust: the C library's resolver is not in a static binary.
async fn connect(url: Uri) -> anyhow::Result<TokioIo<TcpStream>> {
    let host = url.host().unwrap_or_default();
    let port = url.port_u16().unwrap_or(80);
    let mut failure = None;
    for address in Resolver::of_the_system().resolve(host.trim_matches(['[', ']'])).await? {
        match TcpStream::connect((address, port)).await {
            Ok(stream) => return Ok(TokioIo::new(stream)),
            Err(error) => failure = Some(error),
        }
    }
    Err(failure.map_or_else(|| anyhow::anyhow!("{host} has no address"), Into::into))
}

/// What is the same for all spans of a process: the standard attributes, and those that are set.
fn resource(settings: &TraceSettings, identity: &Identity) -> Resource {
    let mut attributes = vec![
        KeyValue::new("service.name", identity.service),
        KeyValue::new("service.version", identity.release.clone()),
        KeyValue::new("service.instance.id", identity.instance.clone()),
    ];
    for (key, variable) in [("k8s.pod.name", "POD_NAME"), ("k8s.namespace.name", "POD_NAMESPACE")] {
        if let Some(value) = env::var(variable).ok().filter(|value| !value.is_empty()) {
            attributes.push(KeyValue::new(key, value));
        }
    }
    let set = settings.otel_resource_attributes.iter().flat_map(|Attributes(attributes)| attributes);
    attributes.extend(set.map(|(name, value)| KeyValue::new(name.clone(), value.clone())));
    attributes.extend(settings.otel_service_name.clone().map(|name| KeyValue::new("service.name", name)));
    // The last of a name counts.
    Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_attributes(attributes)
        .build()
}

/// An exporter whose work is done by the runtime (the SDK's processor is a thread without one) and counted.
#[derive(Debug)]
struct CountingExporter {
    exporter: Arc<OtlpExporter>,
    runtime: Handle,
    exported: IntCounter,
    dropped: IntCounter,
    /// Said once, not with every batch.
    is_failing: AtomicBool,
}

impl SpanExporter for CountingExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let count = batch.len() as u64;
        let exporter = Arc::clone(&self.exporter);
        let sent = self.runtime.spawn(async move { exporter.export(batch).await }).await;
        let result = sent.unwrap_or_else(|error| Err(OTelSdkError::InternalFailure(error.to_string())));
        match &result {
            Ok(()) => {
                self.exported.inc_by(count);
                self.is_failing.store(false, Ordering::Relaxed);
            }
            Err(error) => {
                self.dropped.inc_by(count);
                if !self.is_failing.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%error, "traces are lost, the collector does not take them");
                }
            }
        }
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        Arc::get_mut(&mut self.exporter).expect("nothing is exported yet").set_resource(resource);
    }
}
