//! Logs: text for people, JSON for collectors; each line of a request's work carries the request's ids.
//!
//! A thread of its own writes them. Where nobody reads stdout, a pipe is full after 64 KiB, and whoever writes then waits
//! for ever: here lines are dropped instead, and counted.

mod json;

use std::{
    fmt,
    io::{self, IsTerminal as _},
    panic,
    sync::mpsc,
    thread,
    time::Duration,
};

use prometheus::{
    IntCounter, Registry,
    core::{Collector, Desc},
    proto::MetricFamily,
};
use tracing::{Event, Subscriber};
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{
    filter::Targets,
    fmt::{
        self as lines, FmtContext, FormatEvent, FormatFields,
        format::{Format, Writer},
    },
    layer::SubscriberExt as _,
    registry::LookupSpan,
    util::SubscriberInitExt as _,
};

use self::json::Json;
use crate::{settings::LogFormat, trace};

/// Lines that wait to be written: 2 MB at the most of the usual length.
const MAX_WAITING: usize = 4096;

/// How long the end waits for the lines before it to be written.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Keeps the log going. What waits to be written when it is dropped is written first, for a second at most.
#[must_use]
#[derive(Debug)]
pub struct Logs(Option<WorkerGuard>);

impl Drop for Logs {
    fn drop(&mut self) {
        let guard = self.0.take();
        let (done, is_done) = mpsc::channel();
        // Apart: where stdout is full, the guard's own drop prints to it that it is.
        thread::spawn(move || {
            drop(guard);
            done.send(())
        });
        let _ = is_done.recv_timeout(LAST_LINES);
    }
}

/// Starts logging to stdout, at the given levels. Panics are logged too.
///
/// # Panics
/// When it is started twice.
pub fn start(format: Option<LogFormat>, levels: Targets, registry: &Registry) -> Logs {
    let format = format.unwrap_or(if io::stdout().is_terminal() { LogFormat::Text } else { LogFormat::Json });
    let (stdout, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(MAX_WAITING)
        .thread_name("log")
        .finish(io::stdout());
    let dropped = DroppedLines::new(stdout.error_counter());
    registry.register(Box::new(dropped)).expect("registered once");
    let subscriber = tracing_subscriber::registry().with(levels);
    match format {
        LogFormat::Text => {
            let format = WithIds(Format::default());
            subscriber.with(lines::layer().event_format(format).with_writer(stdout)).init();
        }
        LogFormat::Json => {
            subscriber.with(lines::layer().event_format(Json).with_writer(stdout)).init();
        }
    }
    panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        let message = panic.payload_as_str().unwrap_or("no message");
        tracing::error!(location, message = "panicked", reason = message);
    }));
    Logs(Some(guard))
}

/// A format of tracing-subscriber with `request_id` and `trace_id` where a request is being answered. They are added to
/// the line: a span around each request would hold them too, and costs each line, and each request, more.
struct WithIds<F>(F);

impl<F, S, N> FormatEvent<S, N> for WithIds<F>
where
    F: FormatEvent<S, N>,
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let Some(request) = trace::current() else {
            return self.0.format_event(context, writer, event);
        };
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        line.truncate(line.trim_end().len());
        let (request_id, trace_id) = (request.request_id.to_str().unwrap_or_default(), request.trace_id());
        writeln!(writer, "{line} request_id={request_id} trace_id={trace_id}")
    }
}

/// The lines that were dropped, as a metric.
struct DroppedLines {
    dropped: ErrorCounter,
    counter: IntCounter,
}

impl DroppedLines {
    fn new(dropped: ErrorCounter) -> Self {
        let help = "Lines of the log that were dropped because nobody read them in time.";
        let counter = IntCounter::new("sava_log_lines_dropped_total", help).expect("a valid name");
        Self { dropped, counter }
    }
}

impl Collector for DroppedLines {
    fn desc(&self) -> Vec<&Desc> {
        self.counter.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let dropped = u64::try_from(self.dropped.dropped_lines()).unwrap_or(u64::MAX);
        self.counter.inc_by(dropped.saturating_sub(self.counter.get()));
        self.counter.collect()
    }
}
