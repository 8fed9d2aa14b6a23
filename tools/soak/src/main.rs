//! `cargo xtask soak`: the fault campaign.

#![expect(clippy::print_stdout, reason = "a command speaks to the person who runs it")]

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::{Parser, ValueEnum as _};
use sava_soak::{Effort, Report, Run, markdown};

/// Runs shops under faults, and compares what shoppers were promised with what is kept.
#[derive(Parser)]
#[command(name = "cargo xtask soak", bin_name = "cargo xtask soak")]
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

    /// Write the figures into this page, between its marks `<!-- figures -->` and `<!-- end of figures -->`
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let runs = if arguments.runs.is_empty() { Run::value_variants().to_vec() } else { arguments.runs };
    let mut reports: Vec<Report> = Vec::new();
    for run in runs {
        let seed = arguments.seed.unwrap_or_else(|| fastrand::u64(..1_000_000_000));
        println!("{} with seed {seed}…", run.name());
        let report =
            run.start(arguments.effort, seed).await.with_context(|| format!("{} seed {seed}", run.name()))?;
        println!("{report}\n");
        reports.push(report);
    }
    if let Some(page) = arguments.write {
        write(&page, &markdown(&reports))?;
    }
    let is_well = reports.iter().all(|report| report.findings.is_empty());
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn write(page: &PathBuf, figures: &str) -> anyhow::Result<()> {
    const START: &str = "<!-- figures -->\n";
    const END: &str = "<!-- end of figures -->";
    let text = std::fs::read_to_string(page).with_context(|| page.display().to_string())?;
    let marks = || format!("{} has no marks for figures", page.display());
    let (before, rest) = text.split_once(START).with_context(marks)?;
    let (_, after) = rest.split_once(END).with_context(marks)?;
    std::fs::write(page, format!("{before}{START}\n{figures}\n{END}{after}"))?;
    Ok(())
}
