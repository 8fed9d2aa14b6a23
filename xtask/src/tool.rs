//! Commands that are programs of the workspace: `cargo xtask demo` builds `sava-demo` and becomes it. They are programs
//! of their own, so that this one, which everything begins with, builds quickly.

use std::{
    ffi::OsString,
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Command, ExitCode},
};

use anyhow::Context as _;
use clap::Args;
use xshell::{Shell, cmd};

use crate::{
    test::{Need, need},
    workspace,
};

/// A program of the workspace.
pub(crate) struct Tool {
    /// Its package and its name.
    package: &'static str,
    program: &'static str,
    /// The packages whose programs it starts.
    starts: &'static [&'static str],
    /// Whether it and they are built for speed, by the profile `release`.
    is_fast: bool,
    /// What the machine must have for it.
    needs: &'static [&'static Need],
}

/// All arguments are the program's own, `--help` included.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Arguments and options; `--help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENT or option")]
    arguments: Vec<OsString>,
}

const SHOP: &[&str] = &["sava-product", "sava-cart", "sava-shoppers"];

pub(crate) const BENCH: Tool = Tool {
    package: "sava-bench",
    program: "sava-bench",
    starts: &["sava-product", "sava-cart"],
    is_fast: true,
    needs: &[&need::NGINX, &need::JSON_SERVER, &need::VALGRIND],
};

pub(crate) const CLASSROOM: Tool =
    Tool { package: "sava-demo", program: "sava-classroom", starts: SHOP, is_fast: false, needs: &[] };

pub(crate) const CONTRACT: Tool =
    Tool { package: "sava-contract", program: "sava-contract", starts: &[], is_fast: false, needs: &[] };

pub(crate) const DEMO: Tool =
    Tool { package: "sava-demo", program: "sava-demo", starts: SHOP, is_fast: false, needs: &[] };

pub(crate) const SCREENSHOTS: Tool = Tool {
    package: "sava-demo",
    program: "screenshots",
    starts: SHOP,
    is_fast: false,
    needs: &[&need::CHROMIUM, &need::FONTS, &need::LIGHTHOUSE, &need::PROMETHEUS, &need::UPLOT, &need::WEBP],
};

pub(crate) const SOAK: Tool = Tool {
    package: "sava-soak",
    program: "sava-soak",
    starts: SHOP,
    is_fast: false,
    needs: &[&need::FAKETIME, &need::KUBECTL, &need::PGBOUNCER, &need::POSTGRESQL, &need::STRACE],
};

pub(crate) const VIEW_COST: Tool = Tool {
    package: "sava-demo",
    program: "view-cost",
    starts: SHOP,
    is_fast: false,
    needs: &[&need::CHROMIUM],
};

impl Tool {
    /// Builds it and what it starts, and becomes it, where the caller stands: so it alone hears Ctrl-C, ends with a code
    /// of its own, and file names mean what they say.
    pub(crate) fn run(&self, arguments: &Arguments) -> anyhow::Result<ExitCode> {
        need::install(self.needs)?;
        let program = self.build(&workspace::shell()?)?;
        let mut command = Command::new(&program);
        command.args(&arguments.arguments).env("SAVA_TESTS_BUILT", "1").env("PATH", need::path()?);
        let error = command.exec();
        Err(error).with_context(|| format!("{} does not start", program.display()))
    }

    /// Builds it and what it starts; where it is then.
    pub(crate) fn build(&self, shell: &Shell) -> anyhow::Result<PathBuf> {
        let profile: &[&str] = if self.is_fast { &["--release"] } else { &[] };
        // Apart, as the tests' harness builds them: together, what they depend on has other features and is built again.
        for packages in [self.starts, &[self.package]] {
            if !packages.is_empty() {
                let packages = packages.iter().flat_map(|package| ["--package", package]);
                cmd!(shell, "cargo build --bins {profile...} {packages...}").quiet().run()?;
            }
        }
        let folder = workspace::target().join(if self.is_fast { "release" } else { "debug" });
        Ok(folder.join(self.program))
    }
}
