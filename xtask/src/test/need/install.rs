//! Gets what is lacking, and knows where it lies then.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use xshell::{Cmd, Shell, cmd};

use super::{
    CARGO_CYCLONEDX, CARGO_DENY, CARGO_NEXTEST, CARGO_SHEAR, KUBECTL, NPM, Need, PYTHON, Source, TYPESCRIPT,
};
use crate::workspace::{self, find};

/// Installs what is lacking.
///
/// # Errors
/// When this user or this system cannot install it: the message names the packages.
pub(crate) fn install<'a>(needs: impl IntoIterator<Item = &'a &'a Need>) -> anyhow::Result<()> {
    let mut lacking: Vec<&Need> = Vec::new();
    for need in needs {
        if need.is_met() {
            continue;
        }
        let installer = match need.source {
            Source::Debian(_) | Source::Cargo { .. } => None,
            Source::Python { .. } => Some(&PYTHON),
            Source::Npm { .. } => Some(&NPM),
        };
        for need in installer.into_iter().chain([*need]) {
            if !need.is_met() && lacking.iter().all(|known| known.name != need.name) {
                lacking.push(need);
            }
        }
    }
    let shell = workspace::shell()?;
    install_debian(&shell, &lacking)?;
    lacking.iter().try_for_each(|need| need.install(&shell))
}

/// The `PATH` with the programs of [`KUBECTL`] behind those of the machine.
pub(crate) fn path() -> anyhow::Result<OsString> {
    let own = KUBECTL.folder().context("it has a folder")?.join("bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    Ok(std::env::join_paths(std::env::split_paths(&path).chain([own]))?)
}

/// cargo-deny: the machine's, or the one that was installed for the tests.
///
/// # Errors
/// When there is neither.
pub(crate) fn cargo_deny() -> anyhow::Result<PathBuf> {
    CARGO_DENY.program("cargo-deny")
}

/// cargo-nextest: the machine's, or the one that was installed for the tests.
///
/// # Errors
/// When there is neither.
pub(crate) fn cargo_nextest() -> anyhow::Result<PathBuf> {
    CARGO_NEXTEST.program("cargo-nextest")
}

/// cargo-shear, in the version of the tests.
///
/// # Errors
/// When it was not installed.
pub(crate) fn cargo_shear() -> anyhow::Result<PathBuf> {
    CARGO_SHEAR.program("cargo-shear")
}

/// TypeScript's compiler, in the version of the tests.
///
/// # Errors
/// When there is no folder for it.
pub(crate) fn typescript() -> anyhow::Result<PathBuf> {
    Ok(TYPESCRIPT.folder().context("it has a folder")?.join("node_modules/.bin/tsc"))
}

/// cargo-cyclonedx: the machine's, or one that is compiled for the project.
///
/// # Errors
/// When it cannot be installed.
pub(crate) fn cargo_cyclonedx() -> anyhow::Result<PathBuf> {
    install(&[&CARGO_CYCLONEDX])?;
    CARGO_CYCLONEDX.program("cargo-cyclonedx")
}

impl Need {
    /// `target/tools/NAME`, for what is installed there.
    fn folder(&self) -> Option<PathBuf> {
        match self.source {
            Source::Debian(_) => None,
            Source::Cargo { package: name, .. }
            | Source::Python { package: name, .. }
            | Source::Npm { name, .. } => Some(workspace::target().join("tools").join(name)),
        }
    }

    /// One of its programs: the machine's, where that will do, else the installed one.
    fn program(&self, name: &str) -> anyhow::Result<PathBuf> {
        if (self.found)()
            && let Some(program) = find(name)
        {
            return Ok(program);
        }
        let program = self.folder().context("it has a folder")?.join("bin").join(name);
        anyhow::ensure!(program.is_file(), "{name} is not installed");
        Ok(program)
    }

    /// What says that it is installed as it should be: the text of its lock file, or its version.
    fn stamp(&self) -> Option<&'static str> {
        match self.source {
            Source::Debian(_) => None,
            Source::Cargo { version: stamp, .. }
            | Source::Python { requirements: stamp, .. }
            | Source::Npm { lock: stamp, .. } => Some(stamp),
        }
    }

    fn is_met(&self) -> bool {
        let installed = || {
            let stamp = fs::read_to_string(self.folder()?.join("stamp")).ok()?;
            Some(self.stamp()? == stamp)
        };
        (self.found)() || installed().unwrap_or(false)
    }

    /// Installs what comes from another registry than Debian's.
    fn install(&self, shell: &Shell) -> anyhow::Result<()> {
        let (Some(folder), Some(stamp)) = (self.folder(), self.stamp()) else { return Ok(()) };
        println!("Installing {} into {}…", self.name, folder.display());
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        self.fetch(shell, &folder).with_context(|| format!("{} cannot be installed", self.name))?;
        fs::write(folder.join("stamp"), stamp)?;
        Ok(())
    }

    fn fetch(&self, shell: &Shell, folder: &Path) -> anyhow::Result<()> {
        match self.source {
            Source::Debian(_) => {}
            Source::Cargo { package, version } => {
                cmd!(shell, "cargo install --quiet --locked {package} --version {version} --root {folder}")
                    .run()?;
            }
            Source::Python { requirements, .. } => {
                cmd!(shell, "python3 -m venv {folder}").run()?;
                let (pip, list) = (folder.join("bin/pip"), folder.join("requirements.txt"));
                fs::write(&list, requirements)?;
                cmd!(shell, "{pip} install --quiet --require-hashes --requirement {list}").run()?;
            }
            Source::Npm { manifest, lock, .. } => {
                fs::write(folder.join("package.json"), manifest)?;
                fs::write(folder.join("package-lock.json"), lock)?;
                let quietly = ["--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"];
                cmd!(shell, "npm ci {quietly...} --prefix {folder}").run()?;
            }
        }
        Ok(())
    }
}

fn install_debian(shell: &Shell, lacking: &[&Need]) -> anyhow::Result<()> {
    let packages = lacking
        .iter()
        .filter_map(|need| match need.source {
            Source::Debian(packages) => Some(packages),
            Source::Cargo { .. } | Source::Python { .. } | Source::Npm { .. } => None,
        })
        .flatten()
        .collect::<Vec<_>>();
    if packages.is_empty() {
        return Ok(());
    }
    if !(rustix::process::geteuid().is_root() && find("apt-get").is_some()) {
        let what = lacking.iter().map(|need| need.name).collect::<Vec<_>>().join(", ");
        let names = packages.iter().copied().copied().collect::<Vec<_>>().join(" ");
        bail!(
            "this machine lacks {what}: install Debian's packages {names}, or your system's equivalents, or run this \
             as root on Debian or Ubuntu, where it installs them itself"
        );
    }
    // A test starts its own database on its own port: the package's need not run.
    let postgresql = "/etc/postgresql-common/createcluster.conf";
    if packages.contains(&&"postgresql") && !fs::exists(postgresql)? {
        fs::create_dir_all("/etc/postgresql-common")?;
        fs::write(postgresql, "create_main_cluster = false\n")?;
    }
    // With this run level, services that come with a package are not started.
    let apt = |command: Cmd<'_>| command.env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1").run();
    apt(cmd!(shell, "apt-get update --quiet --quiet"))?;
    apt(cmd!(shell, "apt-get install --quiet --quiet --yes --no-install-recommends {packages...}"))?;
    Ok(())
}
