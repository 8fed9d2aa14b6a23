//! How traces are recorded, carried and exported: OpenTelemetry's own variables
//! (<https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>).

use std::{fmt, str::FromStr, time::Duration};

use axum::http::{HeaderName, HeaderValue, Uri};
use clap::{ArgAction, Args};
use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use opentelemetry_sdk::{
    propagation::{BaggagePropagator, TraceContextPropagator},
    trace::Sampler as SdkSampler,
};
use percent_encoding::percent_decode_str;

/// Settings of traces; flattened into those of a service.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Traces")]
pub(crate) struct TraceSettings {
    /// URL of a collector, usually with port 4318, or 4317 for grpc: traces are sent there by OTLP
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    otlp_endpoint: Option<Endpoint>,

    /// URL for traces alone, as it is: over HTTP the other gets /v1/traces added
    #[arg(long, env = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")]
    otlp_traces_endpoint: Option<Endpoint>,

    /// How traces are sent: http/protobuf or grpc
    #[arg(long, env = "OTEL_EXPORTER_OTLP_PROTOCOL", default_value = "http/protobuf")]
    pub(super) otlp_protocol: Protocol,

    /// Headers for the collector, as a key that it asks for: NAME=VALUE, separated by commas, percent-encoded
    #[arg(long, env = "OTEL_EXPORTER_OTLP_HEADERS", hide_env_values = true)]
    pub(super) otlp_headers: Option<Headers>,

    /// Milliseconds that sending a batch may take
    #[arg(long, env = "OTEL_EXPORTER_OTLP_TIMEOUT", default_value = "10000", value_parser = milliseconds)]
    pub(super) otlp_timeout: Duration,

    /// Name of the service in traces [default: the program's]
    #[arg(long, env = "OTEL_SERVICE_NAME")]
    pub(super) otel_service_name: Option<String>,

    /// What traces say of this process as well: NAME=VALUE, separated by commas, percent-encoded
    #[arg(long, env = "OTEL_RESOURCE_ATTRIBUTES")]
    pub(super) otel_resource_attributes: Option<Attributes>,

    /// Which traces are recorded: `always_on`, `always_off`, `traceidratio`, or each of them with `parentbased_` before it, for
    /// what the caller has not decided
    #[arg(long, env = "OTEL_TRACES_SAMPLER", default_value = "parentbased_always_on")]
    otel_traces_sampler: Sampler,

    /// Share of traces that traceidratio records: 0 to 1 [default: 1]
    #[arg(long, env = "OTEL_TRACES_SAMPLER_ARG", value_parser = ratio)]
    otel_traces_sampler_arg: Option<f64>,

    /// How traces go on to other services: tracecontext and baggage, separated by commas, or none
    #[arg(long, env = "OTEL_PROPAGATORS", default_value = "tracecontext,baggage")]
    otel_propagators: Propagators,

    /// Record and export nothing, whatever else is set: true or false
    #[arg(long, env = "OTEL_SDK_DISABLED", default_value_t = false, action = ArgAction::Set)]
    otel_sdk_disabled: bool,
}

impl TraceSettings {
    /// The URL to which traces are sent; `None` where they are not.
    pub(super) fn url(&self) -> Option<String> {
        if self.otel_sdk_disabled {
            return None;
        }
        match (&self.otlp_traces_endpoint, &self.otlp_endpoint, self.otlp_protocol) {
            (Some(Endpoint(url)), _, _) | (None, Some(Endpoint(url)), Protocol::Grpc) => {
                Some(url.to_string())
            }
            (None, Some(Endpoint(base)), Protocol::HttpProtobuf) => {
                Some(format!("{}/v1/traces", base.to_string().trim_end_matches('/')))
            }
            (None, None, _) => None,
        }
    }

    pub(super) fn sampler(&self) -> SdkSampler {
        let ratio = self.otel_traces_sampler_arg.unwrap_or(1.0);
        match self.otel_traces_sampler {
            Sampler::AlwaysOn => SdkSampler::AlwaysOn,
            Sampler::AlwaysOff => SdkSampler::AlwaysOff,
            Sampler::Ratio => SdkSampler::TraceIdRatioBased(ratio),
            Sampler::ParentOrOn => SdkSampler::ParentBased(Box::new(SdkSampler::AlwaysOn)),
            Sampler::ParentOrOff => SdkSampler::ParentBased(Box::new(SdkSampler::AlwaysOff)),
            Sampler::ParentOrRatio => SdkSampler::ParentBased(Box::new(SdkSampler::TraceIdRatioBased(ratio))),
        }
    }

    pub(super) fn propagator(&self) -> TextMapCompositePropagator {
        let mut propagators: Vec<Box<dyn TextMapPropagator + Send + Sync>> = Vec::new();
        if self.otel_propagators.has_trace_context {
            propagators.push(Box::new(TraceContextPropagator::new()));
        }
        if self.otel_propagators.has_baggage {
            propagators.push(Box::new(BaggagePropagator::new()));
        }
        TextMapCompositePropagator::new(propagators)
    }
}

/// Where a collector listens. Without TLS: it is in the same cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Endpoint(Uri);

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let uri = text.parse::<Uri>().ok();
        let is_right =
            |uri: &Uri| uri.scheme_str() == Some("http") && uri.host().is_some_and(|host| !host.is_empty());
        uri.filter(is_right).map(Self).ok_or_else(|| {
            "takes an http:// URL, such as http://otel-collector:4318; for https, send to a collector beside it"
                .to_owned()
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    HttpProtobuf,
    Grpc,
}

impl FromStr for Protocol {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "http/protobuf" => Ok(Self::HttpProtobuf),
            "grpc" => Ok(Self::Grpc),
            _ => Err("takes http/protobuf or grpc"),
        }
    }
}

/// Headers whose values are no one's business.
#[derive(Clone)]
pub(super) struct Headers(pub(super) Vec<(HeaderName, HeaderValue)>);

/// Says nothing of the values.
impl fmt::Debug for Headers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl FromStr for Headers {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const TAKES: &str = "takes headers, NAME=VALUE separated by commas, their values percent-encoded";
        let headers = pairs(text)
            .ok_or(TAKES)?
            .into_iter()
            .map(|(name, value)| Some((name.parse().ok()?, HeaderValue::from_str(&value).ok()?)));
        headers.collect::<Option<_>>().map(Self).ok_or(TAKES)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Attributes(pub(super) Vec<(String, String)>);

impl FromStr for Attributes {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let takes =
            "takes attributes, NAME=VALUE separated by commas, such as deployment.environment.name=stage";
        pairs(text).map(Self).ok_or(takes)
    }
}

/// `NAME=VALUE,NAME=VALUE`, the values percent-encoded (W3C Baggage §3.3, without its properties).
fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let pairs = text.split(',').filter(|pair| !pair.trim().is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=')?;
        let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
        let name = name.trim();
        (!name.is_empty()).then(|| (name.to_owned(), value.into_owned()))
    });
    pairs.collect()
}

#[derive(Clone, Copy, Debug)]
enum Sampler {
    AlwaysOn,
    AlwaysOff,
    Ratio,
    ParentOrOn,
    ParentOrOff,
    ParentOrRatio,
}

impl FromStr for Sampler {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "always_on" => Ok(Self::AlwaysOn),
            "always_off" => Ok(Self::AlwaysOff),
            "traceidratio" => Ok(Self::Ratio),
            "parentbased_always_on" => Ok(Self::ParentOrOn),
            "parentbased_always_off" => Ok(Self::ParentOrOff),
            "parentbased_traceidratio" => Ok(Self::ParentOrRatio),
            _ => Err("takes always_on, always_off, traceidratio, or one of these after parentbased_"),
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Propagators {
    has_trace_context: bool,
    has_baggage: bool,
}

impl FromStr for Propagators {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut propagators = Self::default();
        for name in text.split(',').map(str::trim) {
            match name {
                "tracecontext" => propagators.has_trace_context = true,
                "baggage" => propagators.has_baggage = true,
                "none" | "" => {}
                _ => return Err("takes tracecontext and baggage, separated by commas, or none"),
            }
        }
        Ok(propagators)
    }
}

fn milliseconds(text: &str) -> Result<Duration, &'static str> {
    let milliseconds = text.parse().ok().filter(|milliseconds| *milliseconds > 0);
    milliseconds.map(Duration::from_millis).ok_or("takes milliseconds, a whole number from 1 on")
}

fn ratio(text: &str) -> Result<f64, &'static str> {
    text.parse()
        .ok()
        .filter(|ratio| (0.0..=1.0).contains(ratio))
        .ok_or("takes a share from 0 to 1, such as 0.1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_urls_without_tls() {
        for right in ["http://collector:4318", "http://[::1]/otlp/"] {
            assert!(right.parse::<Endpoint>().is_ok(), "{right}");
        }
        for wrong in ["https://collector:4318", "collector:4318", "/v1", ""] {
            assert!(wrong.parse::<Endpoint>().unwrap_err().contains("http://otel-collector:4318"), "{wrong}");
        }
    }

    #[test]
    fn pairs_are_percent_encoded() {
        let Attributes(read) = " a = b%2C%20c ,d=e=f,".parse().unwrap();
        let read: Vec<_> = read.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(read, [("a", "b, c"), ("d", "e=f")]);
        for wrong in ["a", "=b", "a=%FF"] {
            assert!(wrong.parse::<Attributes>().is_err(), "{wrong}");
        }
        assert!("a b=c".parse::<Headers>().is_err(), "no name of a header");
    }
}
