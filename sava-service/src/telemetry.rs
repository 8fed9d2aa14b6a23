//! Logs: text for people, JSON for collectors; each line of a request's work carries the request's ids.
//!
//! A thread of its own writes them. Where nobody reads stdout, a pipe is full after 64 KiB, and whoever writes then waits
//! for ever: here lines are dropped instead, and counted.

mod json;
mod text;

use std::{
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
use tracing::Level;
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{
    filter::Targets, fmt as lines, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use self::{json::Json, text::Text};
use crate::settings::LogFormat;

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
    let with_ids = levels.would_enable("sava::access", &Level::DEBUG);
    let subscriber = tracing_subscriber::registry().with(levels);
    match format {
        LogFormat::Text => {
            let lines = lines::layer().event_format(Text::new(with_ids)).with_ansi(has_colours());
            subscriber.with(lines.with_writer(stdout)).init();
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

/// Whether colours help: on a terminal, or where somebody who passes the lines on says so, unless they are refused
/// (no-color.org, bixense.com/clicolors).
fn has_colours() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !is_set("NO_COLOR") && (io::stdout().is_terminal() || is_set("CLICOLOR_FORCE"))
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
