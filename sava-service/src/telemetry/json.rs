//! A line of the log as JSON.
//!
//! tracing-subscriber's own formatter takes 24,500 instructions for a request's line: it hands each quote and comma of it
//! through `fmt::Write` to `io::Write`, which checks each for UTF-8. This one writes the same line, as a test holds, into
//! a buffer that the thread keeps.

use std::{cell::Cell, fmt, io::Write as _, time::SystemTime};

use serde::Serialize;
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_log::NormalizeEvent as _;
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::Writer,
        time::{FormatTime as _, SystemTime as Clock},
    },
    registry::LookupSpan,
};

use crate::trace;

thread_local! {
    static LINE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// A buffer that has become larger than this is not kept.
const MAX_KEPT: usize = 16 << 10;

/// An object a line: time, level, the event's fields, its target, and the ids of the request that is being answered.
pub(super) struct Json;

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        // Taken rather than borrowed: what a field's `Debug` logs has a line of its own.
        let mut line = LINE.take();
        line.clear();
        write(&mut line, event, SystemTime::now());
        let result = writer.write_str(str::from_utf8(&line).map_err(|_| fmt::Error)?);
        if line.capacity() <= MAX_KEPT {
            LINE.set(line);
        }
        result
    }
}

fn write(line: &mut Vec<u8>, event: &Event<'_>, now: SystemTime) {
    let normalized = event.normalized_metadata();
    let metadata = normalized.as_ref().unwrap_or_else(|| event.metadata());
    line.extend_from_slice(br#"{"timestamp":""#);
    write_time(line, now);
    line.extend_from_slice(br#"","level":""#);
    line.extend_from_slice(metadata.level().as_str().as_bytes());
    line.push(b'"');
    event.record(&mut Fields(line));
    line.extend_from_slice(br#","target":"#);
    write_value(line, metadata.target());
    trace::with_current(|request| {
        line.extend_from_slice(br#","request_id":""#);
        // It has no character that JSON would escape.
        line.extend_from_slice(request.context.request_id.as_bytes());
        line.extend_from_slice(br#"","trace_id":""#);
        line.extend_from_slice(request.context.trace_id_in(&mut [0; 32]).as_bytes());
        line.push(b'"');
    });
    line.extend_from_slice(b"}\n");
}

/// In RFC 3339, to the microsecond.
fn write_time(line: &mut Vec<u8>, now: SystemTime) {
    /// 10000-01-01, in seconds since 1970: humantime goes as far.
    const END: u64 = 253_402_300_800;
    if now.duration_since(SystemTime::UNIX_EPOCH).is_ok_and(|since_1970| since_1970.as_secs() < END) {
        let _ = write!(line, "{}", humantime::format_rfc3339_micros(now));
    } else {
        let mut text = String::new();
        let _ = Clock.format_time(&mut Writer::new(&mut text));
        line.extend_from_slice(text.as_bytes());
    }
}

fn write_value<T: Serialize + ?Sized>(line: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(line, value).expect("memory takes all that is written");
}

/// Writes the fields of an event behind what a line has already.
struct Fields<'line>(&'line mut Vec<u8>);

impl Fields<'_> {
    fn write<T: Serialize + ?Sized>(&mut self, field: &Field, value: &T) {
        self.0.extend_from_slice(b",\"");
        // The name of a field is one in Rust, or such names and dots: nothing is to be escaped.
        self.0.extend_from_slice(field.name().as_bytes());
        self.0.extend_from_slice(b"\":");
        write_value(self.0, value);
    }
}

impl Visit for Fields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.write(field, &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.write(field, &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.write(field, &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.write(field, &value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.write(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.write(field, &format_args!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Arc, Mutex},
        time::Duration,
    };

    use tracing_subscriber::{fmt as lines, layer::SubscriberExt as _};

    use super::*;

    /// What is logged, in this format and in tracing-subscriber's own, without the times.
    fn logged(log: impl Fn()) -> [String; 2] {
        let [own, theirs] = [(); 2].map(|()| Arc::new(Mutex::new(Vec::new())));
        let into = |lines: &Arc<Mutex<Vec<u8>>>| {
            let lines = Arc::clone(lines);
            move || Shared(Arc::clone(&lines))
        };
        let json = lines::format().json().flatten_event(true).with_current_span(false).with_span_list(false);
        let subscriber = tracing_subscriber::registry()
            .with(lines::layer().event_format(Json).with_writer(into(&own)))
            .with(lines::layer().json().event_format(json).with_writer(into(&theirs)));
        tracing::subscriber::with_default(subscriber, log);
        [own, theirs].map(|lines| {
            let text = String::from_utf8(lines.lock().unwrap().clone()).unwrap();
            let is_time = |text: &str| text.len() == 27 && text.starts_with("20") && text.ends_with('Z');
            let lines = text.lines().map(|line| {
                let line = line.strip_prefix(r#"{"timestamp":""#).expect("a time comes first");
                let (time, rest) = line.split_once('"').unwrap();
                assert!(is_time(time), "{time}");
                format!("{rest}\n")
            });
            lines.collect()
        })
    }

    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_are_those_of_tracing_subscriber() {
        let [own, theirs] = logged(|| {
            tracing::info!("nothing else");
            tracing::warn!(target: "sava::access", text = "ä \" \\ \n \u{1} </script>", of = %'"', "to {}", "quote");
            tracing::error!(i = -1, u = u64::MAX, f = 0.1, none = None::<u8>, some = Some(1.5), yes = true);
            tracing::debug!(nan = f64::NAN, big = u128::MAX, list = ?["a", "\""], dotted.name = 1);
            tracing::info!(error = %std::io::Error::other("\"quoted\""), long = "x".repeat(100_000));
        });
        assert_eq!(own, theirs);
        assert_eq!(own.lines().count(), 5);
    }

    #[test]
    fn any_clock_has_a_time() {
        let time = |now: SystemTime| {
            let mut line = Vec::new();
            write_time(&mut line, now);
            String::from_utf8(line).unwrap()
        };
        let seconds = Duration::from_secs;
        assert_eq!(
            time(SystemTime::UNIX_EPOCH + Duration::from_micros(1_000_001)),
            "1970-01-01T00:00:01.000001Z"
        );
        assert_eq!(time(SystemTime::UNIX_EPOCH + seconds(253_402_300_799)), "9999-12-31T23:59:59.000000Z");
        for far in [SystemTime::UNIX_EPOCH - seconds(1), SystemTime::UNIX_EPOCH + seconds(253_402_300_800)] {
            assert!(!time(far).is_empty());
        }
    }
}
