//! Whether a new release is worse than the old, at a stated confidence.
//!
//! Two questions are asked of what the shoppers saw: does the new release fail more often (Fisher's exact test of
//! two proportions, which holds for the few errors of a small canary too), and is it slower (the rank test of Mann
//! and Whitney, which asks nothing of how latencies are distributed). Both are one-sided, and the error that the
//! stated confidence leaves is divided between them and between the services that are judged (Bonferroni), so that
//! it is the chance of a false alarm of the whole run.

use serde::Serialize;
use statrs::stats_tests::{
    Alternative, fishers_exact,
    mannwhitneyu::{MannWhitneyUMethod, mannwhitneyu},
};

use crate::tally::Figures;

/// How sure a verdict must be, and what it takes for a difference that matters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standard {
    /// The confidence of the verdict "worse", between 0 and 1: the chance of a false alarm is what is missing to 1.
    pub(crate) confidence: f64,
    /// By how much the median or the 95th percentile must have grown for "slower", as a share: in a long run a rank
    /// test finds differences that nobody minds.
    pub(crate) tolerance: f64,
    /// The same in milliseconds: on a loopback 0.3 ms are a large share of very little.
    pub(crate) tolerance_ms: f64,
    /// Answers that each release must have given before "not worse" is said.
    pub(crate) enough: u64,
    /// How many services are judged in this run.
    pub(crate) n_services: u32,
}

/// What was found of a new release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Finding {
    /// It is worse: stop it.
    Worse,
    /// It is not worse, as far as this many answers can tell.
    NotWorse,
    /// There were too few answers to tell.
    TooLittleData,
}

/// The new release beside the old.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Verdict {
    /// The old release.
    pub(crate) baseline: String,
    /// The new one.
    pub(crate) candidate: String,
    /// What was found.
    pub(crate) finding: Finding,
    /// The chance of this many more errors if the releases were alike.
    pub(crate) errors_p: f64,
    /// Whether it fails more often.
    pub(crate) more_errors: bool,
    /// The chance of latencies so much higher if the releases were alike; none where one has no latencies.
    pub(crate) latency_p: Option<f64>,
    /// Whether it is slower, by more than the tolerance.
    pub(crate) slower: bool,
    /// What each chance had to stay below.
    pub(crate) level: f64,
}

impl Verdict {
    /// Judges `candidate` against `baseline`, each a release and what was seen of it.
    #[must_use]
    pub(crate) fn of(baseline: (&str, &Figures), candidate: (&str, &Figures), standard: &Standard) -> Self {
        let level = (1.0 - standard.confidence) / (2.0 * f64::from(standard.n_services.max(1)));
        let ((old_name, old), (new_name, new)) = (baseline, candidate);
        let errors_p = chance_of_errors(old, new);
        let latency_p = chance_of_latency(old, new);
        let more_errors = errors_p < level;
        let slower = latency_p.is_some_and(|p| p < level)
            && [0.5, 0.95].iter().any(|&share| {
                let (before, after) = (old.percentile(share), new.percentile(share));
                after - before > (before * standard.tolerance).max(standard.tolerance_ms)
            });
        let finding = if more_errors || slower {
            Finding::Worse
        } else if old.answers().min(new.answers()) < standard.enough {
            Finding::TooLittleData
        } else {
            Finding::NotWorse
        };
        Self {
            baseline: old_name.to_owned(),
            candidate: new_name.to_owned(),
            finding,
            errors_p,
            more_errors,
            latency_p,
            slower,
            level,
        }
    }
}

/// The one-sided chance, by Fisher's exact test, of the new release's errors or more of them.
fn chance_of_errors(old: &Figures, new: &Figures) -> f64 {
    let table = [new.errors, new.answers() - new.errors, old.errors, old.answers() - old.errors];
    if new.errors == 0 || old.answers() == 0 {
        return 1.0;
    }
    fishers_exact(&table, Alternative::Greater).unwrap_or(1.0)
}

/// The one-sided chance, by the test of Mann and Whitney, of the new release's latencies or higher ones.
fn chance_of_latency(old: &Figures, new: &Figures) -> Option<f64> {
    mannwhitneyu(
        new.latencies(),
        old.latencies(),
        MannWhitneyUMethod::AsymptoticInclContinuityCorrection,
        Alternative::Greater,
    )
    .ok()
    .map(|(_, p)| p)
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::*;

    const STANDARD: Standard =
        Standard { confidence: 0.99, tolerance: 0.1, tolerance_ms: 1.0, enough: 50, n_services: 1 };

    /// A release that fails at a rate and is slower by a factor than 4 to 40 ms with a long tail.
    struct Simulated {
        error_rate: f64,
        slowness: f64,
    }

    const GOOD: Simulated = Simulated { error_rate: 0.01, slowness: 1.0 };

    /// A canary at a fifth of 900 answers.
    fn run(rng: &mut Rng, old: &Simulated, new: &Simulated) -> Verdict {
        let mut figures = [Figures::default(), Figures::default()];
        for _ in 0..900 {
            let which = usize::from(rng.f64() < 0.2);
            let release = [old, new][which];
            if rng.f64() < release.error_rate {
                figures[which].error();
            } else {
                let tail = if rng.f64() < 0.05 { 8.0 } else { 1.0 };
                figures[which].answer((4.0 + 8.0 * rng.f64() * rng.f64()) * tail * release.slowness, rng);
            }
        }
        let [old, new] = &figures;
        Verdict::of(("1.0.3", old), ("2.0.1", new), &STANDARD)
    }

    fn alarms(n_runs: u64, new: &Simulated) -> usize {
        (0..n_runs)
            .filter(|&seed| run(&mut Rng::with_seed(seed), &GOOD, new).finding == Finding::Worse)
            .count()
    }

    #[test]
    fn good_release_raises_an_alarm_in_fewer_than_one_of_twenty_runs() {
        let n_alarms = alarms(300, &GOOD);
        assert!(n_alarms < 300 / 20, "{n_alarms} false alarms in 300 runs");
    }

    #[test]
    fn error_rate_of_a_tenth_is_found() {
        let n_alarms = alarms(100, &Simulated { error_rate: 0.1, ..GOOD });
        assert!(n_alarms >= 95, "found in {n_alarms} of 100 runs");
    }

    #[test]
    fn half_as_slow_again_is_found() {
        let n_alarms = alarms(100, &Simulated { slowness: 1.5, ..GOOD });
        assert!(n_alarms >= 95, "found in {n_alarms} of 100 runs");
    }

    #[test]
    fn difference_within_the_tolerance_is_no_alarm() {
        let mut rng = Rng::with_seed(7);
        let (mut old, mut new) = (Figures::default(), Figures::default());
        for _ in 0..2_000 {
            old.answer(20.0 + rng.f64(), &mut rng);
            new.answer(21.0 + rng.f64(), &mut rng);
        }
        let verdict = Verdict::of(("1.0.3", &old), ("2.0.1", &new), &STANDARD);
        assert!(verdict.latency_p.unwrap() < verdict.level, "the rank test sees it");
        assert_eq!(verdict.finding, Finding::NotWorse);
    }

    #[test]
    fn few_answers_are_too_little_data_unless_they_are_bad_enough() {
        let mut rng = Rng::with_seed(7);
        let (mut old, mut new, mut bad) = (Figures::default(), Figures::default(), Figures::default());
        for _ in 0..500 {
            old.answer(5.0, &mut rng);
        }
        for _ in 0..8 {
            new.answer(5.0, &mut rng);
            bad.error();
        }
        let finding = |new| Verdict::of(("1.0.3", &old), ("2.0.1", new), &STANDARD).finding;
        assert_eq!(finding(&new), Finding::TooLittleData);
        assert_eq!(finding(&bad), Finding::Worse);
    }

    #[test]
    fn more_services_judged_ask_more_of_each() {
        let mut rng = Rng::with_seed(7);
        let old = Figures::default();
        let mut new = Figures::default();
        new.answer(1.0, &mut rng);
        let both = Standard { n_services: 2, ..STANDARD };
        let level = |standard| Verdict::of(("1", &old), ("2", &new), standard).level;
        assert!((level(&STANDARD) - 0.005).abs() < 1e-12);
        assert!((level(&both) - 0.0025).abs() < 1e-12);
    }
}
