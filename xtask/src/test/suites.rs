//! The suites, in the order in which they run: what fails soonest comes first.

use super::{
    Need,
    need::{self, AXE, CARGO_DENY, CHROMIUM, KUBECTL, LIGHTHOUSE, PACT, POSTGRESQL, PROMTOOL, SCHEMATHESIS},
    runner::{Count, check, test},
};
use crate::workspace::cargo;

/// A group of tests.
pub(super) struct Suite {
    pub name: &'static str,
    pub about: &'static str,
    /// Whether `--quick` leaves it out.
    pub slow: bool,
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
        slow: false,
        needs: &[],
        run: || check(cargo().args(["fmt", "--all", "--check"])),
    },
    Suite {
        name: "lints",
        about: "clippy has nothing to say",
        slow: false,
        needs: &[],
        run: || check(cargo().args(["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"])),
    },
    Suite {
        name: LICENSES,
        about: "each dependency has a license, a source and a version that deny.toml allows",
        slow: false,
        needs: &[&CARGO_DENY],
        run: || check(need::cargo_deny()?.args(["--all-features", "check", "bans", "licenses", "sources"])),
    },
    Suite {
        name: "build",
        about: "everything compiles",
        slow: false,
        needs: &[],
        run: || check(cargo().args(["build", "--workspace", "--all-targets"])),
    },
    Suite {
        name: "unit",
        about: "each crate by itself",
        slow: false,
        needs: &[&POSTGRESQL],
        run: || Ok(test(&["--lib", "--bins"], &[])? + test(&["--doc"], &[])?),
    },
    Suite {
        name: "processes",
        about: "the real binaries together",
        slow: false,
        needs: &[&KUBECTL, &PACT, &POSTGRESQL, &PROMTOOL, &SCHEMATHESIS],
        run: || test(&["--test", "*"], &["--skip", "browser::", "--skip", "images::"]),
    },
    Suite {
        name: "browser",
        about: "a real browser shops",
        slow: true,
        needs: &[&CHROMIUM, &AXE, &LIGHTHOUSE, &KUBECTL],
        run: || test(&["--test", "*"], &["browser::"]),
    },
];
