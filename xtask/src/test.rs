//! `cargo xtask test`: everything that says whether this tree is good.

pub(crate) mod need;
mod runner;
mod suites;

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::bail;
use clap::Args;
use xshell::Shell;

use crate::workspace;

pub(crate) use need::Need;
use runner::Count;
use suites::{SUITES, Suite};

/// Run the tests: format, lints, licenses, unit tests, real processes, instructions a request, a real browser, images in a
/// real Docker engine
///
/// What a test needs and this machine lacks is installed when this runs as root on Debian or Ubuntu; elsewhere the
/// packages are named. Nothing is skipped silently.
#[derive(Args)]
pub(crate) struct Test {
    /// Leave out what needs a browser, a Docker engine or the release profile, and say so
    #[arg(long)]
    quick: bool,

    /// Only these suites
    #[arg(value_name = "SUITE", value_parser = SUITES.iter().map(|suite| suite.name).collect::<Vec<_>>())]
    suites: Vec<String>,
}

/// How a suite went.
struct SuiteResult {
    suite: &'static str,
    count: Count,
    time: Duration,
}

impl Test {
    /// Runs the suites one after the other, all of them, whatever fails, and says how it went.
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let (chosen, left_out): (Vec<&Suite>, Vec<&Suite>) =
            SUITES.iter().partition(|suite| self.is_chosen(suite));
        need::install(chosen.iter().flat_map(|suite| suite.needs))?;
        let shell = workspace::shell()?;
        let done = chosen.iter().map(|suite| run(suite, &shell)).collect::<Vec<_>>();
        println!("\n{}", summary(&done));
        if !left_out.is_empty() {
            let names = left_out.iter().map(|suite| suite.name).collect::<Vec<_>>().join(", ");
            println!("Not run: {names}. To run one: cargo xtask test NAME.");
        }
        if done.iter().any(|done| done.suite == suites::LICENSES) {
            println!(
                "Advisories on dependencies were not checked: their database is not in a package registry."
            );
        }
        let total = done.iter().fold(Count::default(), |total, done| total + done.count);
        println!("{} passed, {} failed", total.passed, total.failed);
        if total.passed == 0 {
            bail!("no test ran");
        }
        Ok(if total.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn is_chosen(&self, suite: &Suite) -> bool {
        let is_named = self.suites.iter().any(|name| name == suite.name);
        (is_named || self.suites.is_empty()) && (suite.is_quick || !self.quick)
    }
}

fn run(suite: &Suite, shell: &Shell) -> SuiteResult {
    println!("\n=== {}: {} ===", suite.name, suite.about);
    let started = Instant::now();
    let count = (suite.run)(shell).unwrap_or_else(|error| {
        println!("{}: {error:#}", suite.name);
        Count::FAILED
    });
    SuiteResult { suite: suite.name, count, time: started.elapsed() }
}

fn summary(done: &[SuiteResult]) -> String {
    use std::fmt::Write as _;

    let mut table = format!("{:<12} {:>7} {:>7} {:>9}\n", "suite", "passed", "failed", "time");
    for SuiteResult { suite, count, time } in done {
        let seconds = time.as_secs();
        let time = format!("{}:{:02} min", seconds / 60, seconds % 60);
        let _ = writeln!(table, "{suite:<12} {:>7} {:>7} {time:>9}", count.passed, count.failed);
    }
    table
}
