//! The Docker client: which one to call, and calls that say what failed.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail, ensure};

/// A Docker client that can build with `BuildKit`.
pub(crate) struct Docker {
    client: PathBuf,
    /// Whether it builds with buildx, which can also push attestations and other platforms.
    pub(crate) has_buildx: bool,
}

impl Docker {
    /// The client named by `DOCKER`, else the first `docker` on the `PATH` that can build: one with buildx, or one
    /// from before version 23, which brings `BuildKit` itself.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let candidates: Vec<PathBuf> = match std::env::var_os("DOCKER") {
            Some(client) => vec![client.into()],
            None => std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
                .map(|folder| folder.join("docker"))
                .filter(|client| client.is_file())
                .collect(),
        };
        for client in &candidates {
            let has_buildx = succeeds(Command::new(client).args(["buildx", "version"]));
            if has_buildx || major_version(client).is_some_and(|major| major < 23) {
                return Ok(Self { client: client.clone(), has_buildx });
            }
        }
        match candidates.as_slice() {
            [] => bail!(
                "no docker client on the PATH: install Docker (https://docs.docker.com/engine/install/)"
            ),
            _ => bail!(
                "none of {candidates:?} can build with BuildKit: install the buildx plugin, or name another client in DOCKER"
            ),
        }
    }

    /// The program.
    pub(crate) fn client(&self) -> &Path {
        &self.client
    }

    /// Whether an engine answers.
    pub(crate) fn has_engine(&self) -> bool {
        succeeds(&mut self.command(["version", "--format", "{{.Server.Version}}"]))
    }

    /// `docker ARGS…`, with `BuildKit`.
    pub(crate) fn command<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::new(&self.client);
        command.env("DOCKER_BUILDKIT", "1").args(args);
        command
    }

    /// Runs `docker ARGS…` with its output on the terminal.
    pub(crate) fn run<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> anyhow::Result<()> {
        let mut command = self.command(args);
        let status = command.status().with_context(|| format!("cannot start {command:?}"))?;
        ensure!(status.success(), "{command:?} failed with {status}");
        Ok(())
    }

    /// What `docker ARGS…` prints; its own message where it fails.
    pub(crate) fn output<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> anyhow::Result<String> {
        output(&mut self.command(args))
    }
}

/// What the command prints; its own message where it fails.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The major version of the client.
fn major_version(client: &PathBuf) -> Option<u32> {
    let output = Command::new(client).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.split_whitespace().nth(2)?.split('.').next()?.parse().ok()
}
