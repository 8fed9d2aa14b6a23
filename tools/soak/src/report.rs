//! What a run found.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    time::Duration,
};

/// What a run did, and what it found.
#[derive(Clone, Debug)]
pub struct Report {
    /// The run, as it is named on the command line.
    pub run: &'static str,
    /// What its random choices came from.
    pub seed: u64,
    /// How long it took.
    pub took: Duration,
    /// What was done, counted.
    pub figures: BTreeMap<&'static str, u64>,
    /// What must not have happened and did; empty where all went well.
    pub findings: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { run, seed, took, .. } = self;
        writeln!(formatter, "{run}, seed {seed}, {:.0} s", took.as_secs_f64())?;
        for (name, count) in &self.figures {
            writeln!(formatter, "  {count:>9} {name}")?;
        }
        if self.findings.is_empty() {
            return write!(formatter, "  nothing found");
        }
        for finding in &self.findings {
            writeln!(formatter, "  FOUND {finding}")?;
        }
        write!(formatter, "  to repeat it: cargo xtask soak {run} --seed {seed}")
    }
}

/// The reports as a table in Markdown.
#[must_use]
pub fn markdown(reports: &[Report]) -> String {
    let mut table =
        "| run | seed | took | what was done | found |\n| --- | --- | --- | --- | --- |\n".to_owned();
    for Report { run, seed, took, figures, findings } in reports {
        let figures: Vec<_> = figures.iter().map(|(name, count)| format!("{count} {name}")).collect();
        let found = if findings.is_empty() { "nothing".to_owned() } else { findings.join("; ") };
        let took = took.as_secs_f64();
        let _ = writeln!(table, "| `{run}` | {seed} | {took:.0} s | {} | {found} |", figures.join(", "));
    }
    table
}
