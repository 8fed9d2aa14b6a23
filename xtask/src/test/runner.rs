//! Runs the command of a suite and counts what it says.

use std::{
    io::{BufRead as _, BufReader, IsTerminal as _},
    ops::Add,
    process::{Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};

use super::need;
use crate::workspace;

/// How long one command may take; beyond it something hangs.
const LIMIT: Duration = Duration::from_mins(40);

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
pub(super) fn check(command: &mut Command) -> anyhow::Result<Count> {
    println!("$ {}", workspace::display(command));
    let status = command.stdin(Stdio::null()).status().with_context(|| workspace::display(command))?;
    Ok(if status.success() { Count::PASSED } else { Count::FAILED })
}

/// Runs `cargo test` over the whole workspace and counts by what its test binaries say at their ends.
///
/// # Errors
/// When it fails without a failed test (it does not compile, or a test binary crashes), ignores a test, or hangs.
pub(super) fn test(targets: &[&str], arguments: &[&str]) -> anyhow::Result<Count> {
    test_in(targets, arguments, &[])
}

/// The same with additions to its environment.
pub(super) fn test_in(
    targets: &[&str],
    arguments: &[&str],
    environment: &[(&str, String)],
) -> anyhow::Result<Count> {
    let mut command = workspace::cargo();
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    command.args(["test", "--workspace", "--no-fail-fast"]).args(targets);
    if std::io::stdout().is_terminal() {
        command.args(["--color", "always"]);
    }
    // The suite `build` comes first, and each test process would otherwise ask cargo again.
    command.arg("--").args(arguments).env("SAVA_TESTS_BUILT", "1").env("PATH", need::path()?);
    println!("$ {}", workspace::display(&command));

    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let stdout = child.stdout.take().context("its output is a pipe")?;
    let (lines, inbox) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            println!("{line}");
            if lines.send(line).is_err() {
                return;
            }
        }
    });
    let deadline = Instant::now() + LIMIT;
    let mut count = Count::default();
    let mut ignored = 0;
    loop {
        match inbox.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                if let Some(result) = TestResult::parse(&line) {
                    count = count + result.count;
                    ignored += result.ignored;
                }
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                child.kill()?;
                bail!("it did not end within {} min", LIMIT.as_secs() / 60);
            }
        }
    }
    let status = child.wait()?;
    if ignored > 0 {
        println!("{ignored} ignored: an ignored test counts as a failed one");
        count.failed += ignored;
    }
    if !status.success() && count.failed == 0 {
        println!("cargo test failed ({status}), though no test did");
        count.failed += 1;
    }
    Ok(count)
}

/// The line with which a test binary ends.
#[derive(Debug, PartialEq, Eq)]
struct TestResult {
    count: Count,
    ignored: usize,
}

impl TestResult {
    fn parse(line: &str) -> Option<Self> {
        // `test result: ok. 5 passed; 0 failed; 0 ignored; 0 measured; …`, the verdict perhaps coloured.
        let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
        let number = |what: &str| {
            counts.split("; ").find_map(|part| part.strip_suffix(what)?.trim().parse::<usize>().ok())
        };
        Some(Self {
            count: Count { passed: number("passed")?, failed: number("failed")? },
            ignored: number("ignored")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_line_is_counted() {
        let line = "test result: \u{1b}[31mFAILED\u{1b}[m. 12 passed; 3 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.07s";
        let expected = TestResult { count: Count { passed: 12, failed: 3 }, ignored: 1 };
        assert_eq!(TestResult::parse(line), Some(expected));
    }

    #[test]
    fn other_lines_are_not() {
        for line in ["", "running 5 tests", "test harness::x ... ok", "test result: "] {
            assert_eq!(TestResult::parse(line), None, "{line}");
        }
    }
}
