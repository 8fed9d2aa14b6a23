//! `cargo xtask screenshots`: the pictures of the README and of the tutorial, and how fast the pages are.

use std::process::{Command, ExitCode};

use clap::Args;

use crate::{
    test::need::{self, CHROMIUM, FONTS, LIGHTHOUSE},
    workspace,
};

/// Make the pictures of the README and of the tutorial and the contact sheets, and measure the pages' speed
#[derive(Args)]
pub(crate) struct Screenshots {
    /// Only these
    #[arg(value_parser = ["releases", "states", "release-view", "tutorial", "speed"])]
    only: Option<String>,
}

impl Screenshots {
    /// Makes them, below `docs/screenshots/`.
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        need::install(&[&CHROMIUM, &FONTS, &LIGHTHOUSE])?;
        // All together, as the tests build them: by itself a package has other features and is built again.
        workspace::run(workspace::cargo().args(["build", "--workspace", "--bins"]))?;
        let studio = workspace::target().join("debug/screenshots");
        workspace::run(Command::new(studio).args(&self.only).env("SAVA_TESTS_BUILT", "1"))?;
        Ok(ExitCode::SUCCESS)
    }
}
