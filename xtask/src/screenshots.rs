//! `cargo xtask screenshots`: the pictures of the README and of the tutorial.

use std::process::ExitCode;

use clap::Args;

use crate::workspace;

/// Make the pictures of the README and of the tutorial, and the contact sheets of all states
#[derive(Args)]
pub(crate) struct Screenshots {
    /// Only these
    #[arg(value_parser = ["releases", "states", "tutorial"])]
    only: Option<String>,
}

impl Screenshots {
    /// Makes them, below `docs/screenshots/`.
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let mut screenshots = workspace::cargo();
        screenshots.args(["run", "--package", "sava-tests", "--bin", "screenshots", "--"]).args(&self.only);
        workspace::run(&mut screenshots)?;
        Ok(ExitCode::SUCCESS)
    }
}
