//! The settings that both services have: each a flag and an environment variable.

use std::{net::SocketAddr, time::Duration};

use clap::{Args, CommandFactory, FromArgMatches, ValueEnum};

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
    /// Address and port of the service
    #[arg(long, env = "LISTEN")]
    pub listen: SocketAddr,

    /// Address and port of metrics, probes and faults; never exposed to shoppers
    #[arg(long, env = "ADMIN_LISTEN")]
    pub admin_listen: SocketAddr,

    /// Age after which a connection is closed with its next answer, so that traffic spreads again
    #[arg(long, env = "MAX_CONNECTION_AGE", default_value = "5s", value_parser = humantime::parse_duration)]
    pub max_connection_age: Duration,

    /// After SIGTERM: not ready, but still serving, for this long
    #[arg(long, env = "SHUTDOWN_DELAY", default_value = "0s", value_parser = humantime::parse_duration)]
    pub shutdown_delay: Duration,

    /// What is still open this long after draining began is cut
    #[arg(long, env = "DRAIN_TIMEOUT", default_value = "8s", value_parser = humantime::parse_duration)]
    pub drain_timeout: Duration,

    /// Form of the log lines [default: text on a terminal, else json]
    #[arg(long, env = "LOG_FORMAT")]
    pub log_format: Option<LogFormat>,
}

/// Parses the process's arguments and environment; `defaults` are the addresses that differ by service.
/// A mistake is a message on stderr and exit code 2.
pub fn parse<S: CommandFactory + FromArgMatches>(listen: &'static str, admin_listen: &'static str) -> S {
    let command = S::command()
        .mut_arg("listen", |arg| arg.default_value(listen))
        .mut_arg("admin_listen", |arg| arg.default_value(admin_listen));
    let matches = command.get_matches();
    S::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}
