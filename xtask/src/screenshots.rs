//! `cargo xtask screenshots`: the pictures of the README.

use std::process::ExitCode;

use clap::Args;

use crate::workspace;

/// Make the pictures of the README and the contact sheets of all states
#[derive(Args)]
pub(crate) struct Screenshots {}

/// Makes them, below `docs/screenshots/`.
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    workspace::run(workspace::cargo().args(["run", "--package", "sava-tests", "--bin", "screenshots"]))?;
    Ok(ExitCode::SUCCESS)
}
