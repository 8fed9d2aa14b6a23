//! `cargo xtask soak`: the fault campaign.

use std::{ffi::OsString, process::ExitCode};

use clap::Args;

use crate::{
    demo,
    test::need::{self, FAKETIME, POSTGRESQL, STRACE},
};

/// Shop under faults, with an oracle that remembers what shoppers were promised
///
/// All arguments are those of `sava-soak`; `cargo xtask soak --help` lists them.
#[derive(Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Soak {
    /// Runs, and options such as --seed and --effort
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "RUN or option")]
    arguments: Vec<OsString>,
}

impl Soak {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        need::install(&[&FAKETIME, &POSTGRESQL, &STRACE])?;
        demo::play("sava-soak", "sava-soak", &self.arguments)
    }
}
