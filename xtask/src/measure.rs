//! `cargo xtask measure`: what the release view costs.

use std::{ffi::OsString, process::ExitCode};

use clap::Args;

use crate::{
    test::need::{self, CHROMIUM},
    workspace,
};

/// Measure what the release view costs over ten minutes: `cargo xtask measure --help`
#[derive(Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Measure {
    /// Options such as --minutes and --rate
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "OPTION")]
    arguments: Vec<OsString>,
}

impl Measure {
    /// Measures; it fails where memory grows.
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        need::install(&[&CHROMIUM])?;
        let mut cargo = workspace::cargo();
        cargo.args(["run", "--package", "sava-demo", "--bin", "measure", "--"]).args(&self.arguments);
        workspace::run(&mut cargo)?;
        Ok(ExitCode::SUCCESS)
    }
}
