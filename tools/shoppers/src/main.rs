//! Pretend shoppers: a steady trickle of traffic for a canary, and its judge.
//!
//! `sava-shoppers URL…` browses, searches, fills carts and checks out, at a bounded rate, and says at the end
//! by release what it saw and whether the new release is worse than the old. `sava-shoppers watch URL` shows who serves.

mod histogram;
mod journey;
mod mix;
mod pace;
mod page;
mod report;
mod signals;
mod storefront;
mod tally;
mod verdict;
mod watch;

use std::{
    io::{IsTerminal as _, Write as _},
    process::ExitCode,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use clap::{Parser, Subcommand, ValueEnum};
use fastrand::Rng;
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use reqwest::Url;

use journey::{Run, Shopper};
use mix::Mix;
use pace::Pace;
use report::{Comparison, Report};
use signals::Signals;
use tally::{Tally, by_version};
use verdict::{Finding, Standard};
use watch::Watch;

/// The release of the shoppers, which their image bears.
const VERSION: &str = "3.0.0";

/// Requests a second that are never exceeded: this is a trickle to judge by, not a load test.
const FASTEST: f64 = 200.0;

/// Shoppers who are in the shops at the same time, at most.
const MOST_SHOPPERS: usize = 64;

/// Send pretend shoppers to store fronts, and judge the releases that serve them
///
/// Exit code: 0 the new release is not worse; 1 it is worse; 2 wrong usage, or a store front that cannot be reached;
/// 3 too little data to tell.
#[derive(Parser, Debug)]
#[command(
    name = "sava-shoppers",
    version = VERSION,
    max_term_width = 100,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
struct Settings {
    /// What to do instead of shopping
    #[command(subcommand)]
    command: Option<Command>,

    /// Where the store fronts are; a path prefix is kept. Load goes there and nowhere else
    #[arg(required = true, value_name = "URL", value_parser = storefront::url)]
    urls: Vec<Url>,

    /// Requests a second of all shoppers together, up to 200
    #[arg(long, default_value = "5", value_parser = rate)]
    rate: f64,

    /// What they come for, as weights
    #[arg(long, default_value = "browse=6,search=2,fill=1,buy=1")]
    mix: Mix,

    /// How long a store front may take to be there, such as 30s; 0s: it must be there at once
    #[arg(long, default_value = "30s", value_name = "DURATION", value_parser = humantime::parse_duration)]
    wait: Duration,

    /// How long they shop, such as 30s or 5m [default: until Ctrl-C or SIGTERM]
    #[arg(long = "for", value_name = "DURATION", value_parser = humantime::parse_duration)]
    duration: Option<Duration>,

    /// The old release [default: the newest but the candidate]
    #[arg(long, value_name = "RELEASE")]
    baseline: Option<String>,

    /// The new release [default: the newest that answers]
    #[arg(long, value_name = "RELEASE")]
    candidate: Option<String>,

    /// How sure the verdict "worse" must be, between 0.5 and 1
    #[arg(long, default_value = "0.99", value_parser = confidence)]
    confidence: f64,

    /// By how much a release must be slower, in percent of the median or of the 95th percentile
    #[arg(long, default_value = "10", value_name = "PERCENT", value_parser = clap::value_parser!(u16).range(..=1000))]
    tolerance: u16,

    /// Answers of each release without which nothing good is said of it
    #[arg(long, default_value = "50", value_name = "COUNT")]
    enough: u64,

    /// How the verdict is written
    #[arg(long, default_value = "text")]
    format: Format,
}

/// What the program does beside shopping.
#[derive(Debug, Subcommand)]
enum Command {
    Watch(Watch),
}

/// How the verdict is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// One JSON object.
    Json,
}

/// Sends the shoppers, until the time is over, Ctrl-C or SIGTERM, and prints the verdict.
#[tokio::main]
async fn main() -> ExitCode {
    let settings = Settings::parse();
    if let Some(Command::Watch(watch)) = &settings.command {
        return match watch.run().await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error),
        };
    }
    match shop_and_judge(&settings).await {
        Ok(report) => {
            let text = match settings.format {
                Format::Text if std::io::stdout().is_terminal() => format!("{report:#}"),
                Format::Text => report.to_string(),
                Format::Json => serde_json::to_string_pretty(&report).unwrap_or_default(),
            };
            // A pipe that was closed before the verdict came is nothing to panic about.
            let _closed = writeln!(anstream::stdout(), "{text}");
            ExitCode::from(match report.finding {
                Finding::NotWorse => 0,
                Finding::Worse => 1,
                Finding::TooLittleData => 3,
            })
        }
        Err(error) => fail(&error),
    }
}

fn fail(error: &anyhow::Error) -> ExitCode {
    eprintln!("sava-shoppers: {error:#}");
    ExitCode::from(2)
}

async fn shop_and_judge(settings: &Settings) -> anyhow::Result<Report> {
    // First of all: process 1 has no default for a signal, and would not end.
    let mut signals = Signals::new()?;
    let run = Run { pace: Pace::new(settings.rate), tally: Mutex::default() };
    let start = Instant::now();
    let end = async {
        match settings.duration {
            Some(duration) => tokio::time::sleep(duration).await,
            None => std::future::pending().await,
        }
    };
    let shop = async {
        for url in &settings.urls {
            storefront::reach(url, settings.wait).await?;
        }
        let until = match settings.duration {
            Some(duration) => format!("for {}", humantime::format_duration(duration)),
            None => "until Ctrl-C or SIGTERM".to_owned(),
        };
        eprintln!("The shoppers are in: {} requests a second, {until}.", settings.rate);
        tokio::select! {
            result = keep_busy(settings, &run) => result,
            () = show_progress(&run, start) => Ok(()),
            () = end => Ok(()),
        }
    };
    tokio::select! {
        result = shop => result?,
        () = signals.next() => {}
    }
    if std::io::stderr().is_terminal() {
        eprintln!();
    }
    let tally = run.tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    let choice = Comparison { baseline: settings.baseline.clone(), candidate: settings.candidate.clone() };
    let standard = Standard {
        confidence: settings.confidence,
        tolerance: f64::from(settings.tolerance) / 100.0,
        tolerance_ms: 1.0,
        enough: settings.enough,
        n_services: 1,
    };
    Ok(Report::of(&tally, &choice, &standard, start.elapsed()))
}

/// Keeps as many shoppers in the shops as the rate needs: each goes on one errand at a time, and a new one comes
/// for each that leaves.
async fn keep_busy(settings: &Settings, run: &Run) -> anyhow::Result<()> {
    let mut rng = Rng::new();
    let mut inside = FuturesUnordered::new();
    let mut visit = |n: usize| {
        let mut shopper = Shopper::new(run, rng.fork())?;
        let errand = settings.mix.draw(&mut rng);
        let home = &settings.urls[n % settings.urls.len()];
        anyhow::Ok(async move { shopper.run(errand, home).await })
    };
    // Each has about four turns a second, so that errands come to their end; where an answer takes longer than
    // that, the rate is not reached, which is kind to a slow shop.
    let n_shoppers = rounded_up(settings.rate / 4.0).clamp(2, MOST_SHOPPERS);
    let mut n_errands = 0;
    while n_errands < n_shoppers {
        inside.push(visit(n_errands)?);
        n_errands += 1;
    }
    while inside.next().await.is_some() {
        inside.push(visit(n_errands)?);
        n_errands += 1;
    }
    Ok(())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "up to 200")]
fn rounded_up(rate: f64) -> usize {
    rate.ceil() as usize
}

/// Says once a second on a terminal's stderr what has been seen so far.
async fn show_progress(run: &Run, start: Instant) {
    if !std::io::stderr().is_terminal() {
        return std::future::pending().await;
    }
    let mut every = tokio::time::interval(Duration::from_secs(1));
    loop {
        every.tick().await;
        let line = {
            let tally = run.tally.lock().unwrap_or_else(PoisonError::into_inner);
            progress(&tally, start.elapsed())
        };
        // A line that wraps cannot be written over.
        let width = ratatui::crossterm::terminal::size().map_or(80, |(columns, _)| usize::from(columns));
        eprint!("\r\x1b[2K{}", fit(&line, width.saturating_sub(1)));
    }
}

/// As much of a line as fits, which `…` says where it is not all.
fn fit(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return line.to_owned();
    }
    line.chars().take(width.saturating_sub(1)).chain("…".chars().take(width)).collect()
}

fn progress(tally: &Tally, elapsed: Duration) -> String {
    let mut parts = vec![format!("{} s", elapsed.as_secs()), format!("{} requests", tally.requests)];
    for (name, releases) in [("store front", &tally.storefronts), ("product", &tally.products)] {
        parts.extend(by_version(releases).into_iter().map(|(release, figures)| match figures.errors {
            0 => format!("{name} {release}: {}", figures.answers()),
            errors => format!("{name} {release}: {} ({errors} errors)", figures.answers()),
        }));
    }
    if tally.unanswered > 0 {
        parts.push(format!("unanswered: {}", tally.unanswered));
    }
    parts.join("  ")
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate: &f64| *rate >= 0.1 && *rate <= FASTEST);
    rate.ok_or_else(|| format!("takes requests a second, from 0.1 to {FASTEST}"))
}

fn confidence(text: &str) -> Result<f64, String> {
    let confidence = text.parse().ok().filter(|confidence: &f64| *confidence >= 0.5 && *confidence < 1.0);
    confidence.ok_or_else(|| "takes a share from 0.5 to below 1, such as 0.99".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_cut_to_the_width() {
        let line = "23 s  460 requests  store front 3.0.0: 460";
        assert_eq!(fit(line, 80), line);
        assert_eq!(fit(line, 20), "23 s  460 requests …");
        assert_eq!((fit(line, 1), fit(line, 0)), ("…".to_owned(), String::new()));
    }

    #[test]
    fn rate_is_bounded() {
        assert!(rate("50").is_ok());
        for wrong in ["0", "-1", "201", "NaN", "fast"] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }
}
