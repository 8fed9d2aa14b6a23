//! Pretend shoppers: a steady trickle of traffic for a canary, and its judge.
//!
//! `sava-shoppers URL…` browses, searches, fills carts and checks out, at a bounded rate, and says at the end
//! by release what it saw and whether the new release is worse than the old.

mod journey;
mod mix;
mod pace;
mod page;
mod report;
mod tally;
mod verdict;

use std::{
    io::{IsTerminal as _, Write as _},
    process::ExitCode,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context as _, anyhow, bail};
use clap::{Parser, ValueEnum};
use fastrand::Rng;
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use reqwest::{Response, StatusCode, Url, header};
use tokio::signal::unix::{Signal, SignalKind, signal};

use journey::{Run, Shopper};
use mix::Mix;
use pace::Pace;
use report::{Comparison, Report};
use tally::{Tally, by_version};
use verdict::{Finding, Standard};

/// Requests a second that are never exceeded: this is a trickle to judge by, not a load test.
const FASTEST: f64 = 200.0;

/// Shoppers who are in the shops at the same time, at most.
const MOST_SHOPPERS: usize = 64;

/// Send pretend shoppers to store fronts, and judge the releases that serve them
///
/// Exit code: 0 the new release is not worse; 1 it is worse; 2 wrong usage, or a store front that cannot be reached;
/// 3 too little data to tell.
#[derive(Parser, Debug)]
#[command(name = "sava-shoppers", max_term_width = 100)]
struct Settings {
    /// Where the store fronts are; a path prefix is kept. Load goes there and nowhere else
    #[arg(required = true, value_name = "URL", value_parser = shop)]
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
    match shop_and_judge(&settings).await {
        Ok(report) => {
            let text = match settings.format {
                Format::Text => report.to_string(),
                Format::Json => serde_json::to_string_pretty(&report).unwrap_or_default(),
            };
            // A pipe that was closed before the verdict came is nothing to panic about.
            let _closed = writeln!(std::io::stdout(), "{text}");
            ExitCode::from(match report.finding {
                Finding::NotWorse => 0,
                Finding::Worse => 1,
                Finding::TooLittleData => 3,
            })
        }
        Err(error) => {
            eprintln!("sava-shoppers: {error:#}");
            ExitCode::from(2)
        }
    }
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
            reach(url, settings.wait).await?;
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

/// The signals that end the shopping; the verdict still comes.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("signals cannot be waited for");
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// How often a store front is asked that is not there yet.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// Waits for the store front, and makes sure that it is one, so that a mistyped URL is an error and not a verdict.
async fn reach(url: &Url, wait: Duration) -> anyhow::Result<()> {
    let client = reqwest::Client::builder()
        .user_agent(journey::USER_AGENT)
        .timeout(Duration::from_secs(10))
        .build()
        .context("an HTTP client cannot be made")?;
    eprintln!("Looking for the store front at {url}, up to {}…", humantime::format_duration(wait));
    let start = Instant::now();
    loop {
        let reason = match client.get(url.clone()).send().await {
            Ok(response) if is_on_its_way(&response) => {
                anyhow!("{url} is not there: whatever stands before it answers {}", response.status())
            }
            Ok(response) => return check(url, &response),
            Err(error) => anyhow!(error).context(format!("{url} cannot be reached")),
        };
        if start.elapsed() + ASK_AGAIN > wait {
            return Err(reason);
        }
        tokio::time::sleep(ASK_AGAIN).await;
    }
}

/// Whether a proxy says that nobody is behind it, yet.
fn is_on_its_way(response: &Response) -> bool {
    let gateway = [StatusCode::BAD_GATEWAY, StatusCode::SERVICE_UNAVAILABLE, StatusCode::GATEWAY_TIMEOUT];
    gateway.contains(&response.status()) && !response.headers().contains_key("x-sava-release")
}

/// A store front says its release, and shows pages; sava-product has no pages for whoever asks for nothing special.
fn check(url: &Url, response: &Response) -> anyhow::Result<()> {
    let status = response.status();
    if !response.headers().contains_key("x-sava-release") {
        bail!("{url} is not a store front of sava: its answer ({status}) has no X-Sava-Release");
    }
    let content_type = response.headers().get(header::CONTENT_TYPE);
    let is_page = content_type.is_some_and(|it| it.as_bytes().starts_with(b"text/html"));
    if status.is_success() && !is_page {
        bail!(
            "{url} is not a store front of sava: its answer is not a page; is it the product service's URL?"
        );
    }
    if status.is_client_error() {
        bail!("{url} is not the front page of a store: it answers {status}");
    }
    Ok(())
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
        eprint!("\r\x1b[2K{line}");
    }
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

/// A store front's URL; a path without a slash at its end gets one, as links are resolved against it.
fn shop(text: &str) -> Result<Url, String> {
    let mut url =
        Url::parse(text).map_err(|error| format!("takes URLs such as http://localhost:3000/ ({error})"))?;
    if !matches!(url.scheme(), "http") || !url.has_host() {
        return Err("takes http URLs such as http://localhost:3000/".to_owned());
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
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
    fn shop_keeps_its_prefix_and_gets_its_slash() {
        let url = shop("http://localhost:8001/api/v1/namespaces/n/services/sava-cart-ie:80/proxy").unwrap();
        assert!(url.as_str().ends_with("/proxy/"));
        assert!(shop("localhost:3000").is_err());
    }

    #[test]
    fn rate_is_bounded() {
        assert!(rate("50").is_ok());
        for wrong in ["0", "-1", "201", "NaN", "fast"] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }
}
