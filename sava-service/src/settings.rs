//! The settings that both services have, and how settings are read: each a flag and an environment variable.

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    process,
    time::Duration,
};

use bytesize::ByteSize;
use clap::{ArgAction, Args, CommandFactory, FromArgMatches, ValueEnum};
use tracing_subscriber::filter::{LevelFilter, Targets};

use crate::{
    faults::{Delay, Faults, Rate},
    trace::TraceSettings,
};

mod read;

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for collectors.
    Json,
}

/// Settings of the server; flatten them into a service's own.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Server")]
pub struct ServiceSettings {
    /// Address and port of the service; [::] takes IPv4 too, and it alone where IPv6 is off; port 0 takes a free one and logs it
    #[arg(long, env = "LISTEN", value_parser = address)]
    pub listen: SocketAddr,

    /// Address and port of metrics, probes and faults; never exposed to shoppers
    #[arg(long, env = "ADMIN_LISTEN", value_parser = address)]
    pub(crate) admin_listen: SocketAddr,

    /// Form of the log lines [default: text on a terminal, else json]
    #[arg(long, env = "LOG_FORMAT")]
    pub log_format: Option<LogFormat>,

    /// Levels of the log: error, warn, info, debug, trace or off; also by module, as in `info,sava_cart=debug`
    #[arg(long, env = "RUST_LOG", default_value = "info", value_parser = levels)]
    pub log_levels: Targets,

    /// How traces are recorded and exported.
    #[command(flatten)]
    pub(crate) traces: TraceSettings,

    /// Age after which a connection is closed, with its next answer or while it waits, so that traffic spreads again; 0s: never
    #[arg(long, env = "MAX_CONNECTION_AGE", default_value = "5s", value_parser = duration, help_heading = "Life")]
    pub(crate) max_connection_age: Duration,

    /// After SIGTERM: not ready, but still serving, for this long
    #[arg(long, env = "SHUTDOWN_DELAY", default_value = "0s", value_parser = duration, help_heading = "Life")]
    pub(crate) shutdown_delay: Duration,

    /// What is still open this long after draining began is cut
    #[arg(long, env = "DRAIN_TIMEOUT", default_value = "8s", value_parser = duration, help_heading = "Life")]
    pub(crate) drain_timeout: Duration,

    /// Time for a whole header, from its first byte
    #[arg(long, env = "HEADER_TIMEOUT", default_value = "10s", value_parser = positive_duration, help_heading = "Limits")]
    pub(crate) header_timeout: Duration,

    /// Time for a request's content and its answer
    #[arg(long, env = "REQUEST_TIMEOUT", default_value = "30s", value_parser = positive_duration, help_heading = "Limits")]
    pub(crate) request_timeout: Duration,

    /// Time that a connection may wait for its next request
    #[arg(long, env = "IDLE_TIMEOUT", default_value = "75s", value_parser = positive_duration, help_heading = "Limits")]
    pub(crate) idle_timeout: Duration,

    /// Size of a request's content
    #[arg(long, env = "MAX_BODY", default_value = "16KiB", value_parser = size, help_heading = "Limits")]
    pub(crate) max_body: ByteSize,

    /// Connections open at the same time; one more takes the place of the longest idle one, or is answered 503. As many
    /// fit 128 MiB of memory, whatever they send
    #[arg(long, env = "MAX_CONNECTIONS", default_value = "1024", value_parser = count, help_heading = "Limits")]
    pub(crate) max_connections: usize,

    /// Requests in flight at the same time; one more is answered 503
    #[arg(long, env = "MAX_IN_FLIGHT", default_value = "512", value_parser = count, help_heading = "Limits")]
    pub max_in_flight: usize,

    /// Delay each answer: 200ms, or drawn from a range such as 100ms..1s
    #[arg(long, env = "FAULT_DELAY", help_heading = "Faults on purpose")]
    pub(crate) fault_delay: Option<Delay>,

    /// Answer this share of requests with 500: 0.1 or 10%
    #[arg(long, env = "FAULT_ERROR_RATE", help_heading = "Faults on purpose")]
    pub(crate) fault_error_rate: Option<Rate>,

    /// Whether /faults of the admin port sets them, for this machine or pod: true or false
    #[arg(long, env = "ADMIN_FAULTS", default_value_t = true, action = ArgAction::Set, help_heading = "Faults on purpose")]
    pub(crate) admin_faults: bool,
}

impl ServiceSettings {
    /// The faults of the release, with those of the settings over them.
    pub(crate) fn faults_over(&self, release: &Faults) -> Faults {
        Faults {
            delay: self.fault_delay.or(release.delay),
            error_rate: self.fault_error_rate.unwrap_or(release.error_rate),
            ..release.clone()
        }
    }
}

/// Parses the process's arguments and environment; `defaults` are the addresses that differ by service.
/// Mistakes are messages on stderr, all of them at once, and exit code 2. `--release help` tells of the `releases`, each a
/// version with its meaning, and ends with 0.
///
/// An environment variable that is empty counts as unset. A setting whose value `--help` hides (`hide_env_values`) is
/// a secret: its value is in no message, and it may stand in a file that the variable with `_FILE` names.
#[must_use]
pub fn parse<S: CommandFactory + FromArgMatches>(
    listen: &'static str,
    admin_listen: &'static str,
    releases: &[(&str, &str)],
) -> S {
    if read::asks_for_releases(std::env::args_os()) {
        // Nobody who closes a pipe wants the rest.
        let _closed = io::stdout().write_all(table(releases).as_bytes());
        process::exit(0);
    }
    let command = S::command()
        .mut_arg("listen", |arg| arg.default_value(listen).required(false))
        .mut_arg("admin_listen", |arg| arg.default_value(admin_listen).required(false));
    let read = read::read(command, std::env::args_os(), |name| std::env::var_os(name));
    let matches = read.unwrap_or_else(|wrong| wrong.exit());
    S::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

fn table(releases: &[(&str, &str)]) -> String {
    let width = releases.iter().map(|(version, _)| version.len()).max().unwrap_or_default();
    let line = |(version, meaning): &(&str, &str)| format!("{version:width$}  {meaning}\n");
    releases.iter().map(line).collect::<Vec<_>>().concat()
}

/// A duration such as `500ms`, `30s` or `5m`; for a setting's `value_parser`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|_| "takes a duration such as 500ms, 30s or 5m".to_owned())
}

/// A duration such as `500ms`, `30s` or `5m` that is not zero; for a setting's `value_parser`.
///
/// # Errors
/// What it takes, for any other text.
pub fn positive_duration(text: &str) -> Result<Duration, String> {
    duration(text)
        .ok()
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| "takes a duration longer than 0, such as 500ms, 30s or 5m".to_owned())
}

/// A size such as `16KiB`; for a setting's `value_parser`.
pub(crate) fn size(text: &str) -> Result<ByteSize, String> {
    text.parse().map_err(|_| "takes a size such as 512B, 16KiB or 8MiB".to_owned())
}

fn count(text: &str) -> Result<usize, String> {
    // A semaphore has no more permits than this, and no machine has as many sockets.
    let range = 1..=usize::MAX >> 3;
    text.parse()
        .ok()
        .filter(|count| range.contains(count))
        .ok_or_else(|| "takes a whole number from 1 on".to_owned())
}

/// Levels by target, as `Targets` reads them, but for what it takes and never means: a bare word that is not a level turns on
/// everything of a target of that name, and with that nothing else, errors included.
fn levels(text: &str) -> Result<Targets, String> {
    let is_level = |word: &str| word.parse::<LevelFilter>().is_ok();
    let is_target = |word: &str| TARGETS.contains(&word.split("::").next().unwrap_or_default());
    let mut directives = Vec::new();
    for directive in text.split(',').map(str::trim).filter(|directive| !directive.is_empty()) {
        let is_meant = match directive.split_once('=') {
            None => is_level(directive) || is_target(directive),
            // A target is a path of Rust; a crate's name has no hyphens there.
            Some((target, level)) => is_level(level) && !target.is_empty() && !target.contains(['-', ' ']),
        };
        if !is_meant {
            return Err(LEVELS.to_owned());
        }
        directives.push(directive);
    }
    directives.join(",").parse().ok().filter(|_| !directives.is_empty()).ok_or_else(|| LEVELS.to_owned())
}

/// The crates here that log, and the target of requests.
const TARGETS: [&str; 4] = ["sava", "sava_product", "sava_cart", "sava_service"];

const LEVELS: &str =
    "takes a level (error, warn, info, debug, trace, off) or levels by module, such as info,sava_cart=debug";

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "takes an address and a port, such as 0.0.0.0:8080 or [::]:8080".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_levels() {
        for right in [
            "warn",
            " info ",
            "INFO",
            "off",
            "info, sava_cart=debug",
            "sava_product",
            "warn,hyper=trace",
            "sava::access=off",
        ] {
            assert!(levels(right).is_ok(), "{right}");
        }
        assert_eq!(levels(" info , sava_cart=debug ").unwrap(), levels("info,sava_cart=debug").unwrap());
        for wrong in [
            "warning",
            "fatal",
            "verbose",
            "sava-cart=debug",
            "info,warning",
            "sava_cart=warning",
            " ",
            ",",
            "=info",
            "hyper",
        ] {
            let message = levels(wrong).unwrap_err();
            assert!(message.contains("takes a level"), "{wrong}: {message}");
        }
    }
}
