//! `cargo xtask bench`: what a request costs, as ratios within one run.

use std::process::ExitCode;

use crate::{
    test::need::{self, JSON_SERVER, NGINX},
    workspace::{self, cargo},
};

/// Measure processor time a request, against a bare axum server, nginx and json-server, in about five minutes
#[derive(clap::Args)]
pub(crate) struct Bench {
    /// Requests of a server in each of its turns
    #[arg(long, default_value_t = 4000, value_parser = clap::value_parser!(u32).range(4..=1_000_000))]
    requests: u32,

    /// Turns of each server; the median of the ratios counts
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..=1000))]
    turns: u32,
}

impl Bench {
    /// Builds what is measured by the release profile, and measures.
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        need::install(&[&NGINX, &JSON_SERVER])?;
        let packages = ["sava-product", "sava-cart", "sava-bench"].map(|package| ["--package", package]);
        workspace::run(cargo().args(["build", "--release"]).args(packages.as_flattened()))?;
        let release = workspace::target().join("release");
        let mut bench = std::process::Command::new(release.join("sava-bench"));
        bench.arg("--binaries").arg(&release);
        if let Some(folder) = JSON_SERVER.folder() {
            bench.arg("--json-server").arg(folder.join("node_modules/json-server/lib/cli/bin.js"));
        }
        bench.args(["--requests", &self.requests.to_string(), "--turns", &self.turns.to_string()]);
        workspace::run(&mut bench)?;
        Ok(ExitCode::SUCCESS)
    }
}
