//! The suites, in the order in which they run: what fails soonest comes first.

use super::{
    Need,
    need::{
        self, AXE, CARGO_CYCLONEDX, CARGO_DENY, CARGO_SHEAR, CHROMIUM, DOCKER, DOCKER_COMPOSE,
        DOCKER_REGISTRY, FAKETIME, HAPROXY, HCL, KUBECTL, LIGHTHOUSE, NPM, PACT, POSTGRESQL, PROMTOOL,
        SCHEMATHESIS, STRACE,
    },
    runner::{Count, check, test, test_in},
};
use crate::{
    docker::Docker,
    engine::Engine,
    workspace::{self, cargo},
};

/// A group of tests.
pub(super) struct Suite {
    pub name: &'static str,
    pub about: &'static str,
    /// Whether it runs with `--quick`, too.
    pub is_quick: bool,
    /// What the machine must have for it.
    pub needs: &'static [&'static Need],
    /// Runs it: an error is a failure, too.
    pub run: fn() -> anyhow::Result<Count>,
}

/// The suite that looks at dependencies.
pub(super) const LICENSES: &str = "licenses";

/// Packages are always chosen by `--workspace` and narrowed by target: so each dependency is compiled once, with the
/// same features, for all suites.
pub(super) const SUITES: &[Suite] = &[
    Suite {
        name: "format",
        about: "rustfmt has nothing to change",
        is_quick: true,
        needs: &[],
        run: || check(cargo().args(["fmt", "--all", "--check"])),
    },
    Suite {
        name: "lints",
        about: "clippy has nothing to say",
        is_quick: true,
        needs: &[],
        run: || check(cargo().args(["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"])),
    },
    Suite {
        name: LICENSES,
        about: "each dependency has a license, a source and a version that deny.toml allows",
        is_quick: true,
        needs: &[&CARGO_DENY],
        run: || check(need::cargo_deny()?.args(["--all-features", "check", "bans", "licenses", "sources"])),
    },
    Suite {
        name: "dependencies",
        about: "each dependency is used by the crate that names it",
        is_quick: true,
        needs: &[&CARGO_SHEAR],
        run: || check(&mut need::cargo_shear()?),
    },
    Suite {
        name: "build",
        about: "everything compiles",
        is_quick: true,
        needs: &[],
        run: || check(cargo().args(["build", "--workspace", "--all-targets"])),
    },
    Suite {
        name: "unit",
        about: "each crate by itself",
        is_quick: true,
        needs: &[&POSTGRESQL],
        run: || Ok(test(&["--lib", "--bins"], &[])? + test(&["--doc"], &[])?),
    },
    Suite {
        name: "processes",
        about: "the real binaries together",
        is_quick: true,
        needs: &[&FAKETIME, &HAPROXY, &KUBECTL, &NPM, &PACT, &POSTGRESQL, &PROMTOOL, &SCHEMATHESIS, &STRACE],
        run: || test(&["--test", "*"], &["--skip", "browser::", "--skip", "images::"]),
    },
    Suite {
        name: "browser",
        about: "a real browser shops",
        is_quick: false,
        needs: &[&CHROMIUM, &AXE, &LIGHTHOUSE, &KUBECTL],
        run: || test(&["--test", "*"], &["browser::"]),
    },
    Suite {
        name: "images",
        about: "a real Docker engine builds, publishes and runs the images",
        is_quick: false,
        needs: &[&CHROMIUM, &DOCKER, &DOCKER_COMPOSE, &DOCKER_REGISTRY, &CARGO_CYCLONEDX, &HCL],
        run: images,
    },
];

fn images() -> anyhow::Result<Count> {
    let docker = Docker::find()?;
    let engine = Engine::ready(&docker, &workspace::target().join("docker"))?;
    let mut environment = engine.environment();
    environment.push(("DOCKER", docker.client().display().to_string()));
    // Through the host's network, as the machine itself reaches the package registry perhaps only by it.
    environment.push(("BUILD_OPTIONS", "--network=host".to_owned()));
    let mut build = cargo();
    build.args(["xtask", "publish", "--build-only"]).envs(environment.iter().cloned());
    let count = check(&mut build)?;
    Ok(count + test_in(&["--test", "*"], &["images::"], &environment)?)
}
