//! Lines of the log for people: the time of day rather than a timestamp, and a request in a row of a terminal.

use std::{
    fmt,
    time::{SystemTime, UNIX_EPOCH},
};

use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::{Format, Full, Writer},
        time::FormatTime,
    },
    registry::LookupSpan,
};

use crate::trace;

/// `02:34:09 GET /products/{locale} 200 0.05 ms v3`; every other line is tracing-subscriber's own, with the ids of the
/// request that is being answered. They are added to the line: a span around each request would hold them too, and costs
/// each line, and each request, more.
pub(super) struct Text {
    format: Format<Full, TimeOfDay>,
    /// Whether each request is told with its ids, and not only one that failed.
    with_ids: bool,
}

impl Text {
    pub(super) fn new(with_ids: bool) -> Self {
        Self { format: Format::default().with_timer(TimeOfDay), with_ids }
    }
}

impl<S, N> FormatEvent<S, N> for Text
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        if event.metadata().target() == "sava::access" {
            let mut access = Access::default();
            event.record(&mut access);
            if !access.method.is_empty() {
                return access.write(&mut writer, self.with_ids);
            }
        }
        let Some(request) = trace::current() else {
            return self.format.format_event(context, writer, event);
        };
        let mut line = String::new();
        self.format.format_event(context, Writer::new(&mut line), event)?;
        line.truncate(line.trim_end().len());
        let (request_id, trace_id) = (request.request_id.to_str().unwrap_or_default(), request.trace_id());
        writeln!(writer, "{line} request_id={request_id} trace_id={trace_id}")
    }
}

/// Hours, minutes and seconds of UTC.
struct TimeOfDay;

impl FormatTime for TimeOfDay {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() % 86_400;
        write!(writer, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
    }
}

/// What is told of a request.
#[derive(Default)]
struct Access {
    method: String,
    route: String,
    path: String,
    status: u64,
    duration_ms: f64,
    is_cut: bool,
    api_version: String,
    limit: String,
    request_id: String,
    trace_id: String,
}

impl Access {
    fn write(&self, writer: &mut Writer<'_>, with_ids: bool) -> fmt::Result {
        TimeOfDay.format_time(writer)?;
        // There is a path only where no route says it.
        let place = if self.path.is_empty() { &self.route } else { &self.path };
        write!(writer, " {} {place} ", self.method)?;
        let colour = match self.status {
            500.. => "31",
            400.. => "33",
            _ => "32",
        };
        if writer.has_ansi_escapes() {
            write!(writer, "\x1b[{colour}m{}\x1b[0m", self.status)?;
        } else {
            write!(writer, "{}", self.status)?;
        }
        write!(writer, " {:.2} ms", self.duration_ms)?;
        for part in [&self.api_version, &self.limit].into_iter().filter(|part| !part.is_empty()) {
            write!(writer, " {part}")?;
        }
        if self.is_cut {
            write!(writer, " cut")?;
        }
        if with_ids || self.status >= 500 {
            write!(writer, " request_id={} trace_id={}", self.request_id, self.trace_id)?;
        }
        writeln!(writer)
    }
}

impl Visit for Access {
    fn record_str(&mut self, field: &Field, value: &str) {
        let place = match field.name() {
            "method" => &mut self.method,
            "route" => &mut self.route,
            "path" => &mut self.path,
            "api_version" => &mut self.api_version,
            "limit" => &mut self.limit,
            "request_id" => &mut self.request_id,
            "trace_id" => &mut self.trace_id,
            _ => return,
        };
        value.clone_into(place);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "status" {
            self.status = value;
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if field.name() == "duration_ms" {
            self.duration_ms = value;
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        if field.name() == "whole" {
            self.is_cut = !value;
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}
