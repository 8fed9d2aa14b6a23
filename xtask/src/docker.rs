//! The Docker client: which one to call, and calls of it.

use std::path::{Path, PathBuf};

use anyhow::bail;
use xshell::{Cmd, Shell, cmd};

use crate::workspace;

/// A Docker client that can build with `BuildKit`.
pub(crate) struct Docker {
    client: PathBuf,
    /// Whether it builds with buildx, which can also push attestations and other platforms.
    pub(crate) has_buildx: bool,
    /// A shell in the root of the repository, with the variables that say which engine is meant.
    pub(crate) shell: Shell,
}

impl Docker {
    /// The client named by `DOCKER`, else the first `docker` on the `PATH` that can build: one with buildx, or one
    /// from before version 23, which brings `BuildKit` itself.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let shell = workspace::shell()?;
        shell.set_var("DOCKER_BUILDKIT", "1");
        let candidates: Vec<PathBuf> = match std::env::var_os("DOCKER") {
            Some(client) => vec![client.into()],
            None => std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
                .map(|folder| folder.join("docker"))
                .filter(|client| client.is_file())
                .collect(),
        };
        for client in &candidates {
            let has_buildx = succeeds(cmd!(shell, "{client} buildx version"));
            if has_buildx || major_version(&shell, client).is_some_and(|major| major < 23) {
                return Ok(Self { client: client.clone(), has_buildx, shell });
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
        self.succeeds(["version", "--format", "{{.Server.Version}}"])
    }

    /// `docker ARGS…`.
    pub(crate) fn command<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Cmd<'_> {
        let client = &self.client;
        cmd!(self.shell, "{client} {args...}").quiet()
    }

    /// Whether `docker ARGS…` succeeds; it prints nothing.
    pub(crate) fn succeeds<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> bool {
        succeeds(self.command(args))
    }
}

fn succeeds(command: Cmd<'_>) -> bool {
    command.quiet().ignore_stdout().ignore_stderr().run().is_ok()
}

/// The major version of the client.
fn major_version(shell: &Shell, client: &PathBuf) -> Option<u32> {
    let text = cmd!(shell, "{client} --version").quiet().ignore_stderr().read().ok()?;
    text.split_whitespace().nth(2)?.split('.').next()?.parse().ok()
}
