//! The suites, in the order in which they run: what fails soonest comes first.

use xshell::{Shell, cmd};

use super::{
    Need,
    need::{
        self, ACTIONLINT, AXE, CARGO_CYCLONEDX, CARGO_DENY, CARGO_NEXTEST, CARGO_SHEAR, CHROMIUM, DOCKER,
        DOCKER_COMPOSE, DOCKER_REGISTRY, FAKETIME, GRAFANA_SCHEMA, HAPROXY, HCL, JQ, KUBECTL,
        KUBERNETES_MODELS, KUBERNETES_VALIDATE, LIGHTHOUSE, PACT, PGBOUNCER, POSTGRESQL, PROMETHEUS,
        SCHEMATHESIS, STRACE, TYPESCRIPT, VALGRIND,
    },
    runner::{Count, check, nextest},
};
use crate::{docker::Docker, engine::Engine, tool, workspace};

/// A group of tests.
pub(super) struct Suite {
    pub name: &'static str,
    pub about: &'static str,
    /// Whether it runs with `--quick`, too.
    pub is_quick: bool,
    /// What the machine must have for it.
    pub needs: &'static [&'static Need],
    /// Runs it, in the root of the repository: an error is a failure, too.
    pub run: fn(&Shell) -> anyhow::Result<Count>,
}

/// The suite that looks at dependencies.
pub(super) const LICENSES: &str = "licenses";

/// All packages are always chosen together, and tests narrowed by profile: so each dependency is compiled once, with the
/// same features, for all suites.
pub(super) const SUITES: &[Suite] = &[
    Suite {
        name: "format",
        about: "rustfmt has nothing to change",
        is_quick: true,
        needs: &[],
        run: |shell| Ok(check(&cmd!(shell, "cargo fmt --all --check"))),
    },
    Suite {
        name: "lints",
        about: "clippy has nothing to say, nor has TypeScript of the pages' scripts",
        is_quick: true,
        needs: &[&TYPESCRIPT],
        run: |shell| {
            let (lints, tsc) = (["--", "--deny", "warnings"], need::typescript()?);
            let scripts = ["sava-cart/assets/release", "sava-product/templates"];
            let scripts =
                scripts.map(|directory| check(&cmd!(shell, "{tsc} --project {directory}/jsconfig.json")));
            let clippy = check(&cmd!(shell, "cargo clippy --workspace --all-targets {lints...}"));
            Ok(scripts.into_iter().fold(clippy, |sum, count| sum + count))
        },
    },
    Suite {
        name: LICENSES,
        about: "each dependency has a license, a source and a version that deny.toml allows",
        is_quick: true,
        needs: &[&CARGO_DENY],
        run: |shell| {
            let deny = need::cargo_deny()?;
            Ok(check(&cmd!(shell, "{deny} --all-features check bans licenses sources")))
        },
    },
    Suite {
        name: "dependencies",
        about: "each dependency is used by the crate that names it",
        is_quick: true,
        needs: &[&CARGO_SHEAR],
        run: |shell| {
            let shear = need::cargo_shear()?;
            Ok(check(&cmd!(shell, "{shear}")))
        },
    },
    Suite {
        name: "build",
        about: "everything compiles",
        is_quick: true,
        needs: &[],
        run: |shell| Ok(check(&cmd!(shell, "cargo build --workspace --all-targets"))),
    },
    Suite {
        name: "unit",
        about: "each crate by itself",
        is_quick: true,
        needs: &[&CARGO_NEXTEST, &POSTGRESQL],
        run: |shell| {
            let examples = check(&cmd!(shell, "cargo test --workspace --doc"));
            Ok(examples + nextest(shell, "unit", &[])?)
        },
    },
    Suite {
        name: "processes",
        about: "the real binaries together",
        is_quick: true,
        needs: &[
            &ACTIONLINT,
            &CARGO_NEXTEST,
            &FAKETIME,
            &GRAFANA_SCHEMA,
            &HAPROXY,
            &JQ,
            &KUBECTL,
            &KUBERNETES_MODELS,
            &KUBERNETES_VALIDATE,
            &PACT,
            &PGBOUNCER,
            &POSTGRESQL,
            &PROMETHEUS,
            &SCHEMATHESIS,
            &STRACE,
            &TYPESCRIPT,
        ],
        run: |shell| nextest(shell, "processes", &[]),
    },
    Suite {
        name: "instructions",
        about: "a request costs what it is committed to cost",
        is_quick: false,
        needs: &[&VALGRIND],
        run: |shell| {
            let bench = tool::BENCH.build(shell)?;
            Ok(check(&cmd!(shell, "{bench} --instructions --check")))
        },
    },
    Suite {
        name: "browser",
        about: "a real browser shops",
        is_quick: false,
        needs: &[&AXE, &CARGO_NEXTEST, &CHROMIUM, &KUBECTL, &LIGHTHOUSE],
        run: |shell| nextest(shell, "browser", &[]),
    },
    Suite {
        name: "images",
        about: "a real Docker engine builds, publishes and runs the images",
        is_quick: false,
        needs: &[
            &CARGO_CYCLONEDX,
            &CARGO_NEXTEST,
            &CHROMIUM,
            &DOCKER,
            &DOCKER_COMPOSE,
            &DOCKER_REGISTRY,
            &HCL,
        ],
        run: images,
    },
];

fn images(shell: &Shell) -> anyhow::Result<Count> {
    let docker = Docker::find()?;
    let engine = Engine::ready(&docker, &workspace::target().join("docker"))?;
    let mut environment = engine.environment();
    environment.push(("DOCKER", docker.client().display().to_string()));
    // Through the host's network, as the machine itself reaches the package registry perhaps only by it.
    environment.push(("BUILD_OPTIONS", "--network=host".to_owned()));
    let build = cmd!(docker.shell, "cargo xtask publish --build-only").envs(environment.iter().cloned());
    Ok(check(&build) + nextest(shell, "images", &environment)?)
}
