//! Logs: text for people, JSON for collectors; each line of a request's work carries the request's ids.

use std::{fmt, io::IsTerminal as _, panic};

use tracing::{Event, Subscriber};
use tracing_subscriber::{
    filter::Targets,
    fmt::{
        self as lines, FmtContext, FormatEvent, FormatFields,
        format::{Format, Full, Json, Writer},
    },
    layer::SubscriberExt as _,
    registry::LookupSpan,
    util::SubscriberInitExt as _,
};

use crate::{settings::LogFormat, trace};

/// Starts logging to stdout, at the given levels. Panics are logged too.
pub fn start(format: Option<LogFormat>, levels: Targets) {
    let format =
        format.unwrap_or(if std::io::stdout().is_terminal() { LogFormat::Text } else { LogFormat::Json });
    let subscriber = tracing_subscriber::registry().with(levels);
    match format {
        LogFormat::Text => {
            subscriber.with(lines::layer().event_format(Text(Format::default()))).init();
        }
        LogFormat::Json => {
            let json =
                Format::default().json().flatten_event(true).with_current_span(false).with_span_list(false);
            subscriber.with(lines::layer().json().event_format(WithIds(json))).init();
        }
    }
    panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        let message = panic.payload_as_str().unwrap_or("no message");
        tracing::error!(location, message = "panicked", reason = message);
    }));
}

/// tracing-subscriber's JSON with `request_id` and `trace_id` where a request is being answered.
struct WithIds(Format<Json>);

impl<S, N> FormatEvent<S, N> for WithIds
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        ctx: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let Some(context) = trace::current() else { return self.0.format_event(ctx, writer, event) };
        let mut line = String::new();
        self.0.format_event(ctx, Writer::new(&mut line), event)?;
        let object = line.trim_end().strip_suffix('}').unwrap_or(&line);
        // A request id has no character that JSON would escape.
        let request_id = context.request_id.to_str().unwrap_or_default();
        let trace_id = context.span.trace_id;
        writeln!(writer, r#"{object},"request_id":"{request_id}","trace_id":"{trace_id:032x}"}}"#)
    }
}

/// tracing-subscriber's text with the same.
struct Text(Format<Full>);

impl<S, N> FormatEvent<S, N> for Text
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        ctx: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let Some(context) = trace::current() else { return self.0.format_event(ctx, writer, event) };
        let mut line = String::new();
        self.0.format_event(ctx, Writer::new(&mut line), event)?;
        let request_id = context.request_id.to_str().unwrap_or_default();
        let trace_id = context.span.trace_id;
        writeln!(writer, "{} request_id={request_id} trace_id={trace_id:032x}", line.trim_end())
    }
}
