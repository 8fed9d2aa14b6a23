//! `cargo xtask contract URL`: the contract of the product API, run against a running server.

use std::{
    ffi::OsString,
    process::{Command, ExitCode},
};

use anyhow::Context as _;
use clap::Args;

use crate::workspace;

/// Run the contract of the product API against a running server: `cargo xtask contract URL`
///
/// All arguments are those of `sava-contract`; `cargo xtask contract --help` lists them.
#[derive(Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Contract {
    /// URL of the server, and options
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "URL or option")]
    arguments: Vec<OsString>,
}

impl Contract {
    /// Builds the runner and runs it where the caller stands, so that file names mean what they say. Its exit code
    /// passes: 0 kept, 1 broken, 2 not reachable or not understood.
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        workspace::run(workspace::cargo().args(["build", "--quiet", "--package", "sava-contract"]))?;
        let runner = workspace::target().join("debug/sava-contract");
        let mut command = Command::new(&runner);
        let status = command.args(&self.arguments).status();
        let status = status.with_context(|| format!("{} does not start", runner.display()))?;
        Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
    }
}
