//! What a run found, for people and for programs.

use std::{
    collections::BTreeMap,
    fmt::{self, Display},
    time::Duration,
};

use anstyle::{Ansi256Color, AnsiColor, Style};
use sava_theme::Sign;
use serde::Serialize;

use crate::{
    histogram::Axis,
    tally::{Figures, Tally, by_version},
    verdict::{Finding, Standard, Verdict},
};

/// What a run found.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    /// The judgement over both services: the worst of the two.
    pub(crate) finding: Finding,
    /// How sure "worse" is.
    pub(crate) confidence: f64,
    /// How long the shoppers shopped.
    pub(crate) seconds: f64,
    /// All requests.
    pub(crate) requests: u64,
    /// Requests that nobody answered: they cannot be laid to a release.
    pub(crate) unanswered: u64,
    /// The releases of the store front.
    pub(crate) storefront: ServiceReport,
    /// The releases of the product service.
    pub(crate) product: ServiceReport,
    /// What went wrong, and how often.
    pub(crate) faults: BTreeMap<String, u64>,
}

/// The releases of one service that answered.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServiceReport {
    /// Oldest first.
    pub(crate) releases: Vec<ReleaseFigures>,
    /// The newest against the one before; none where only one release answered.
    pub(crate) verdict: Option<Verdict>,
}

/// One release, in figures; latencies are those of good answers.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReleaseFigures {
    /// Its version.
    pub(crate) release: String,
    /// Answers.
    pub(crate) requests: u64,
    /// Errors among them.
    pub(crate) errors: u64,
    /// Their share.
    pub(crate) error_rate: f64,
    /// Median latency.
    pub(crate) p50_ms: f64,
    /// 95th percentile.
    pub(crate) p95_ms: f64,
    /// 99th percentile.
    pub(crate) p99_ms: f64,
    /// A sample of the latencies themselves, for a picture.
    #[serde(skip)]
    latencies_ms: Vec<f64>,
}

/// Which releases are compared; by version order where it is not said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Comparison {
    /// The old one.
    pub(crate) baseline: Option<String>,
    /// The new one.
    pub(crate) candidate: Option<String>,
}

impl Report {
    /// Judges a run. `standard.n_services` is set here, by what there is to judge.
    #[must_use]
    pub(crate) fn of(tally: &Tally, choice: &Comparison, standard: &Standard, took: Duration) -> Self {
        let pairs = [compared(&tally.storefronts, choice), compared(&tally.products, choice)];
        let n_services = pairs.iter().flatten().map(|_| 1).sum();
        let standard = Standard { n_services, ..*standard };
        let [storefront, product] = pairs.map(|pair| pair.map(|(old, new)| Verdict::of(old, new, &standard)));
        let findings: Vec<_> = [&storefront, &product].into_iter().flatten().map(|v| v.finding).collect();
        let finding = if findings.contains(&Finding::Worse) {
            Finding::Worse
        } else if findings.is_empty() || findings.contains(&Finding::TooLittleData) {
            Finding::TooLittleData
        } else {
            Finding::NotWorse
        };
        Self {
            finding,
            confidence: standard.confidence,
            seconds: took.as_secs_f64(),
            requests: tally.requests,
            unanswered: tally.unanswered,
            storefront: ServiceReport { releases: figures(&tally.storefronts), verdict: storefront },
            product: ServiceReport { releases: figures(&tally.products), verdict: product },
            faults: tally.faults.clone(),
        }
    }
}

type Named<'a> = (&'a str, &'a Figures);

/// The old and the new release: those chosen, else the newest and the one before it.
fn compared<'a>(
    releases: &'a BTreeMap<String, Figures>,
    choice: &Comparison,
) -> Option<(Named<'a>, Named<'a>)> {
    let sorted = by_version(releases);
    let named = |name: &str| sorted.iter().copied().find(|(release, _)| *release == name);
    let candidate = if let Some(name) = choice.candidate.as_deref() {
        named(name)?
    } else {
        let baseline = choice.baseline.as_deref();
        sorted.iter().copied().rfind(|(release, _)| Some(*release) != baseline)?
    };
    let baseline = match choice.baseline.as_deref() {
        Some(name) => named(name)?,
        None => sorted.iter().copied().rfind(|(release, _)| *release != candidate.0)?,
    };
    Some((baseline, candidate))
}

fn figures(releases: &BTreeMap<String, Figures>) -> Vec<ReleaseFigures> {
    let line = |(release, figures): (&str, &Figures)| ReleaseFigures {
        release: release.to_owned(),
        requests: figures.answers(),
        errors: figures.errors,
        error_rate: share(figures.errors, figures.answers()),
        p50_ms: figures.percentile(0.5),
        p95_ms: figures.percentile(0.95),
        p99_ms: figures.percentile(0.99),
        latencies_ms: figures.latencies().to_vec(),
    };
    by_version(releases).into_iter().map(line).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a share that is shown with two digits")]
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// `{}` is for logs and programs; `{:#}` is for a terminal, with colours and a picture of the latencies.
impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paint = |style: Style, text: String| {
            if f.alternate() { format!("{style}{text}{style:#}") } else { text }
        };
        let mut lines = vec![format!(
            "{} requests in {:.0} s, {} unanswered",
            self.requests, self.seconds, self.unanswered
        )];
        for (name, service) in [("store front", &self.storefront), ("product service", &self.product)] {
            if service.releases.is_empty() {
                continue;
            }
            lines.push(format!(
                "\n{name:<18}{:>10}{:>9}{:>9}{:>10}{:>10}{:>10}",
                "requests", "errors", "", "p50", "p95", "p99"
            ));
            for line in &service.releases {
                let errors = format!("{:>9}{:>8.2}%", line.errors, line.error_rate * 100.0);
                lines.push(format!(
                    "  {}{:>10}{}{:>7.1} ms{:>7.1} ms{:>7.1} ms",
                    paint(colour(&line.release), format!("{:<16}", line.release)),
                    line.requests,
                    if line.errors > 0 { paint(BAD, errors) } else { errors },
                    line.p50_ms,
                    line.p95_ms,
                    line.p99_ms
                ));
            }
            if f.alternate() {
                lines.extend(service.picture());
            }
            lines.push(match &service.verdict {
                Some(verdict) => format!("  {verdict}"),
                None => "  only one release answered: nothing to compare".to_owned(),
            });
        }
        lines.extend(self.faults.iter().map(|(what, n)| format!("\n{n} × {what}")));
        let confidence = self.confidence * 100.0;
        lines.push(match self.finding {
            Finding::Worse => paint(BAD, format!("\nWORSE, at {confidence} % confidence: do not release it")),
            Finding::NotWorse => paint(GOOD, format!("\nNOT WORSE, at {confidence} % confidence")),
            Finding::TooLittleData => "\nTOO LITTLE DATA to tell".to_owned(),
        });
        f.write_str(&lines.join("\n"))
    }
}

const BAD: Style = AnsiColor::Red.on_default().bold();
const GOOD: Style = AnsiColor::Green.on_default().bold();

/// The colour of a release in the shop.
fn colour(release: &str) -> Style {
    Style::new().bold().fg_color(Some(Ansi256Color(Sign::of_release(release).indexed).into()))
}

/// How wide the picture of the latencies is.
const PICTURE: usize = 60;

impl ServiceReport {
    /// The latencies of each release, in two rows on one axis.
    fn picture(&self) -> Vec<String> {
        let Some(axis) = Axis::of(self.releases.iter().flat_map(|release| &release.latencies_ms)) else {
            return Vec::new();
        };
        let rows = self.releases.iter().flat_map(|release| {
            let [upper, lower] = axis.rows(&release.latencies_ms, PICTURE);
            let (style, name) = (colour(&release.release), &release.release);
            [format!("  {:<16}{style}{upper}{style:#}", ""), format!("  {name:<16}{style}{lower}{style:#}")]
        });
        let (from, to) = (format!("{:.1} ms", axis.from_ms), format!("{:.1} ms", axis.to_ms));
        let scale = format!("  {:<16}{from}{to:>width$}", "", width = PICTURE - from.len());
        rows.chain([scale]).collect()
    }
}

impl Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { baseline, candidate, .. } = self;
        match self.finding {
            Finding::Worse => {
                let how = match (self.more_errors, self.slower) {
                    (true, true) => "fails more often and is slower",
                    (true, false) => "fails more often",
                    _ => "is slower",
                };
                write!(f, "{candidate} {how} than {baseline}")?;
            }
            Finding::NotWorse => write!(f, "{candidate} is not worse than {baseline}")?,
            Finding::TooLittleData => {
                write!(f, "too few answers to compare {candidate} with {baseline}")?;
            }
        }
        write!(f, " (errors p = {:.2e}", self.errors_p)?;
        if let Some(p) = self.latency_p {
            write!(f, ", latency p = {p:.2e}")?;
        }
        write!(f, ", each against {:.4}", self.level)?;
        if self.finding == Finding::Worse {
            let p = self.latency_p.filter(|_| self.slower).unwrap_or(1.0);
            let p = if self.more_errors { p.min(self.errors_p) } else { p };
            write!(f, "; the chance of this by luck: {}", in_words(p))?;
        }
        f.write_str(")")
    }
}

/// A small chance in words.
fn in_words(p: f64) -> String {
    if p < 1e-6 {
        return "below 1 in a million".to_owned();
    }
    // One digit says enough.
    let digits = 10_f64.powf((1.0 / p).log10().floor());
    format!("about 1 in {}", (1.0 / p / digits).round() * digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn releases(names: &[&str]) -> BTreeMap<String, Figures> {
        names.iter().map(|name| ((*name).to_owned(), Figures::default())).collect()
    }

    #[track_caller]
    fn check(names: &[&str], baseline: Option<&str>, candidate: Option<&str>, pair: Option<(&str, &str)>) {
        let choice =
            Comparison { baseline: baseline.map(str::to_owned), candidate: candidate.map(str::to_owned) };
        let releases = releases(names);
        let found = compared(&releases, &choice).map(|(old, new)| (old.0, new.0));
        assert_eq!(found, pair);
    }

    #[test]
    fn newest_is_compared_with_the_one_before_unless_told() {
        let all = &["1.0.3", "2.0.1", "3.0.0"];
        check(all, None, None, Some(("2.0.1", "3.0.0")));
        check(all, Some("1.0.3"), None, Some(("1.0.3", "3.0.0")));
        check(all, Some("3.0.0"), None, Some(("3.0.0", "2.0.1")));
        check(all, Some("1.0.3"), Some("2.0.1"), Some(("1.0.3", "2.0.1")));
        check(&["1.0.3"], None, None, None);
        check(all, Some("4.0.0"), None, None);
    }

    #[test]
    fn nothing_to_compare_is_too_little_data() {
        let standard =
            Standard { confidence: 0.99, tolerance: 0.1, tolerance_ms: 1.0, enough: 50, n_services: 1 };
        let report = Report::of(&Tally::default(), &Comparison::default(), &standard, Duration::from_secs(1));
        assert_eq!(report.finding, Finding::TooLittleData);
        assert!(report.to_string().ends_with("TOO LITTLE DATA to tell"));
    }

    #[test]
    fn chances_are_told_in_words() {
        assert_eq!(in_words(4.16e-14), "below 1 in a million");
        assert_eq!(in_words(0.0031), "about 1 in 300");
        assert_eq!(in_words(0.000_1), "about 1 in 10000");
    }

    #[test]
    fn terminal_gets_colours_and_a_picture_and_a_log_gets_neither() {
        let mut rng = fastrand::Rng::with_seed(1);
        let mut tally = Tally::default();
        for (release, latency_ms) in [("2.0.1", 2.0), ("2.0.2-slow", 800.0)] {
            let figures = tally.products.entry(release.to_owned()).or_default();
            (0..100).for_each(|_| figures.answer(latency_ms, &mut rng));
        }
        let standard =
            Standard { confidence: 0.99, tolerance: 0.1, tolerance_ms: 1.0, enough: 50, n_services: 1 };
        let report = Report::of(&tally, &Comparison::default(), &standard, Duration::from_secs(1));
        let (log, terminal) = (format!("{report}"), format!("{report:#}"));
        assert!(!log.contains(['\x1b', '█']), "{log}");
        assert!(log.contains("the chance of this by luck: below 1 in a million)"), "{log}");
        assert!(terminal.contains("\x1b[1m\x1b[38;5;208m2.0.1") && terminal.contains("2.0 ms"), "{terminal}");
        let plain = anstream::adapter::strip_str(&terminal).to_string();
        let slow = plain.lines().find(|line| line.starts_with("  2.0.2-slow") && line.ends_with('█'));
        assert_eq!(slow.map(|line| line.chars().count()), Some(18 + PICTURE), "{plain}");
    }
}
