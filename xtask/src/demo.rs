//! `cargo xtask demo SCENE`: a scene of continuous delivery on this machine, without a cluster.

use std::{
    ffi::OsString,
    os::unix::process::CommandExt as _,
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
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        play("sava-demo", "sava-demo", &self.arguments)
    }
}

/// Builds the services and a program of `package`, and becomes that: so it alone hears Ctrl-C, and ends as it
/// likes. It is a program of its own, so that this one builds quickly.
pub(crate) fn play(package: &str, program: &str, arguments: &[OsString]) -> anyhow::Result<ExitCode> {
    // Apart, as the tests build them: together their dependencies have other features and are built again.
    for packages in [&["sava-product", "sava-cart", "sava-shoppers"][..], &[package]] {
        let packages = packages.iter().flat_map(|package| ["--package", package]);
        workspace::run(workspace::cargo().args(["build", "--quiet", "--bins"]).args(packages))?;
    }
    let program = workspace::target().join("debug").join(program);
    let error = Command::new(&program).args(arguments).env("SAVA_TESTS_BUILT", "1").exec();
    Err(error).with_context(|| format!("{} does not start", program.display()))
}
