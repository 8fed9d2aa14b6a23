//! `cargo xtask classroom`: a control plane for practice, without a cluster.

use std::{ffi::OsString, process::ExitCode};

use clap::Args;

use crate::demo::play;

/// Start a stand-in for a cluster, for the tutorial with nothing but kubectl: `cargo xtask classroom --students 20`
///
/// All arguments are those of `sava-classroom`; `cargo xtask classroom --help` lists them.
#[derive(Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Classroom {
    /// Options such as --students
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "option")]
    arguments: Vec<OsString>,
}

impl Classroom {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        play("sava-demo", "sava-classroom", &self.arguments)
    }
}
