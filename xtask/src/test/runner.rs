//! Runs the command of a suite and counts what passed.

use std::{fs, ops::Add};

use anyhow::{Context as _, ensure};
use roxmltree::Document;
use xshell::{Cmd, Shell, cmd};

use super::need;
use crate::workspace;

/// How many tests passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub passed: usize,
    pub failed: usize,
}

impl Count {
    const PASSED: Self = Self { passed: 1, failed: 0 };
    /// A failure of what is one test by itself, or could not run at all.
    pub(super) const FAILED: Self = Self { passed: 0, failed: 1 };
}

impl Add for Count {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { passed: self.passed + other.passed, failed: self.failed + other.failed }
    }
}

/// Runs a command that is one test: it passes when it exits with 0.
pub(super) fn check(command: &Cmd<'_>) -> Count {
    match command.run() {
        Ok(()) => Count::PASSED,
        Err(error) => {
            println!("{error}");
            Count::FAILED
        }
    }
}

/// Runs the tests of a profile of `.config/nextest.toml`, with additions to their environment, and counts by the JUnit
/// report that cargo-nextest writes.
///
/// # Errors
/// When it cannot run, or fails though no test did: it does not compile, or a limit of time was reached.
pub(super) fn nextest(shell: &Shell, profile: &str, environment: &[(&str, String)]) -> anyhow::Result<Count> {
    let report = workspace::target().join("nextest").join(profile).join("junit.xml");
    if report.exists() {
        // One of an earlier run says nothing of this one.
        fs::remove_file(&report)?;
    }
    let nextest = need::cargo_nextest()?;
    // An ignored test is run like any other. The suite `build` comes first, and each test would otherwise ask cargo again.
    let result = cmd!(shell, "{nextest} nextest run --workspace --profile {profile} --run-ignored all")
        .envs(environment.iter().map(|(name, value)| (*name, value)))
        .env("SAVA_TESTS_BUILT", "1")
        .env("PATH", need::path()?)
        .run();
    let count = fs::read_to_string(&report)
        .with_context(|| format!("no test ran: {} is not there", report.display()))
        .and_then(|report| count(&report))?;
    if count.failed == 0 {
        result?;
    }
    Ok(count)
}

/// What a JUnit report counts.
fn count(report: &str) -> anyhow::Result<Count> {
    let report = Document::parse(report)?;
    let suites = report.root_element();
    ensure!(suites.has_tag_name("testsuites"), "it is not a JUnit report");
    let number = |name: &str| -> anyhow::Result<usize> {
        Ok(suites.attribute(name).with_context(|| format!("it has no number of {name}"))?.parse()?)
    };
    let failed = number("failures")? + number("errors")?;
    Ok(Count { passed: number("tests")? - failed, failed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn report_is_counted() {
        let report =
            r#"<?xml version="1.0"?><testsuites name="nextest-run" tests="7" failures="2" errors="1"/>"#;
        assert_eq!(count(report).expect("it is a report"), Count { passed: 4, failed: 3 });
    }

    #[test]
    fn other_texts_are_not() {
        for text in ["", "<html/>", r#"<testsuites tests="7"/>"#] {
            assert!(count(text).is_err(), "{text}");
        }
    }
}
