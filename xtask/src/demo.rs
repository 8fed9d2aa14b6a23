//! `cargo xtask demo SCENE`: a scene of continuous delivery on this machine, without a cluster.

use std::{
    ffi::OsString,
    process::{Command, ExitCode},
};

use anyhow::Context as _;
use clap::Args;

use crate::workspace;

/// Play a scene on this machine: `cargo xtask demo canary|rollback|bad-release|media-type`
///
/// All arguments are those of `sava-demo`; `cargo xtask demo --help` lists them.
#[derive(Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Demo {
    /// Scene, and options such as --step and --open
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "SCENE or option")]
    arguments: Vec<OsString>,
}

impl Demo {
    /// Builds the services and the stage, and plays. It is a program of its own, so that this one builds quickly.
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        // Apart, as the tests build them: together their dependencies have other features and are built again.
        for packages in
            [&["--package", "sava-product", "--package", "sava-cart"][..], &["--package", "sava-tests"]]
        {
            workspace::run(workspace::cargo().args(["build", "--quiet", "--bins"]).args(packages))?;
        }
        let stage = workspace::target().join("debug/sava-demo");
        let mut command = Command::new(&stage);
        let status = command.args(&self.arguments).env("SAVA_TESTS_BUILT", "1").status();
        let status = status.with_context(|| format!("{} does not start", stage.display()))?;
        Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
    }
}
