//! `cargo xtask soak`: the fault campaign.

#![expect(clippy::print_stdout, reason = "a command speaks to the person who runs it")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::{Parser, ValueEnum as _};
use sava_soak::{Effort, Report, Run};

/// Runs shops under faults, and compares what shoppers were promised with what is kept.
#[derive(Parser)]
#[command(name = "cargo xtask soak", bin_name = "cargo xtask soak", version)]
struct Arguments {
    /// The runs, one after the other; all of them where none is named
    #[arg(value_enum)]
    runs: Vec<Run>,

    /// How long each is
    #[arg(long, value_enum, default_value = "full")]
    effort: Effort,

    /// What all random choices come from; another each time where it is not given
    #[arg(long)]
    seed: Option<u64>,

    /// Write the figures into this page: a row for each run, in the table between `<!-- figures: full -->` (or `short`)
    /// and `<!-- end of figures -->`
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let runs = if arguments.runs.is_empty() { Run::value_variants().to_vec() } else { arguments.runs };
    let mut is_well = true;
    for run in runs {
        let seed = arguments.seed.unwrap_or_else(|| fastrand::u64(..1_000_000_000));
        println!("{} with seed {seed}…", run.name());
        let report =
            run.start(arguments.effort, seed).await.with_context(|| format!("{} seed {seed}", run.name()))?;
        println!("{report}\n");
        is_well &= report.findings.is_empty();
        // At once, not at the end: the runs take more than an hour.
        if let Some(page) = &arguments.write {
            write(page, &report, arguments.effort).with_context(|| page.display().to_string())?;
        }
    }
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn write(page: &Path, report: &Report, effort: Effort) -> anyhow::Result<()> {
    let text = fs::read_to_string(page)?;
    Ok(fs::write(page, report.note(&text, effort)?)?)
}
