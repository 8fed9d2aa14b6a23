//! The settings of sava-product: flags and environment variables, read once, at the start.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand};
use sava_service::settings::ServiceSettings;

use crate::release::{NEWEST, Release};

/// Serves the products of the shop as a versioned JSON API.
#[derive(Debug, Parser)]
#[command(name = "sava-product", version = NEWEST.version)]
pub struct Settings {
    /// What to do instead of serving.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// The settings of the API.
    #[command(flatten)]
    pub api: ApiSettings,

    /// The settings of the server.
    #[command(flatten)]
    pub server: ServiceSettings,
}

impl Settings {
    /// The releases that `--release` takes, each with its meaning.
    #[must_use]
    pub fn releases() -> Vec<(&'static str, &'static str)> {
        Release::meanings()
    }
}

/// What the binary does instead of serving.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Tell whether a data directory would load, with every mistake and its place; for pipelines
    Check {
        /// The directory with db.json and images/
        data: PathBuf,
    },
    /// Ask the running service, by its settings, whether it is ready; for a container's health check
    Health,
}

/// Settings of the API.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "API")]
pub struct ApiSettings {
    /// Release to run as, which decides the API versions that are served; `help` lists them
    #[arg(long, env = "SAVA_RELEASE", default_value = NEWEST.version, value_parser = Release::named)]
    pub release: &'static Release,

    /// Directory with db.json and images/ [default: the catalog in the binary]
    #[arg(long = "data", env = "DATA_DIR", value_name = "DIRECTORY")]
    pub data: Option<PathBuf>,

    /// How long clients may keep a list or a product without asking again; at 0s they ask each time
    #[arg(long, env = "CACHE_MAX_AGE", default_value = "0s", value_parser = humantime::parse_duration)]
    pub cache_max_age: Duration,
}
