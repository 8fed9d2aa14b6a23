//! What the shoppers saw, counted by release.

use std::{collections::BTreeMap, time::Duration};

use fastrand::Rng;
use semver::Version;

/// Latencies that are kept of a release: enough for the percentiles and the rank test, and bounded however long
/// the run.
const KEPT_LATENCIES: usize = 2_000;

/// What was seen of one release.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    /// Answers that were errors.
    pub(crate) errors: u64,
    n_good: u64,
    /// A uniform sample of the good answers' latencies, in milliseconds (Vitter's algorithm R).
    latencies: Vec<f64>,
}

impl Figures {
    /// Counts a good answer that took `latency_ms`.
    pub(crate) fn answer(&mut self, latency_ms: f64, rng: &mut Rng) {
        self.n_good += 1;
        if self.latencies.len() < KEPT_LATENCIES {
            self.latencies.push(latency_ms);
        } else if let Ok(place) = usize::try_from(rng.u64(..self.n_good))
            && let Some(kept) = self.latencies.get_mut(place)
        {
            *kept = latency_ms;
        }
    }

    /// Counts an error.
    pub(crate) fn error(&mut self) {
        self.errors += 1;
    }

    /// All answers, errors included.
    #[must_use]
    pub(crate) fn answers(&self) -> u64 {
        self.n_good + self.errors
    }

    /// Latencies of good answers in milliseconds, in no order.
    #[must_use]
    pub(crate) fn latencies(&self) -> &[f64] {
        &self.latencies
    }

    /// The latency in milliseconds that a share of the good answers stays within; 0 where there are none.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a place in a list of at most 2,000"
    )]
    pub(crate) fn percentile(&self, share: f64) -> f64 {
        let mut sorted = self.latencies.clone();
        sorted.sort_by(f64::total_cmp);
        let place = (sorted.len() as f64 * share).ceil() as usize;
        sorted.get(place.saturating_sub(1)).copied().unwrap_or_default()
    }
}

/// One answer, as a shopper saw it.
#[derive(Clone, Debug)]
pub(crate) struct Observation {
    /// The store-front release that answered; none where nobody did.
    pub(crate) storefront: Option<String>,
    /// The product release behind it; none where the answer names none.
    pub(crate) product: Option<String>,
    /// From the request to the last byte of the answer.
    pub(crate) latency: Duration,
    /// How much of it the product service took; none where the answer does not say.
    pub(crate) product_latency: Option<Duration>,
    /// What was wrong with the answer.
    pub(crate) fault: Option<Failure>,
}

/// What was wrong with an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The store front's: a 5xx, no answer, a page that is not what was asked for.
    Storefront(String),
    /// The product service's: the page came, but from what the store front had kept.
    Product(String),
}

/// All answers of a run.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// By store-front release.
    pub(crate) storefronts: BTreeMap<String, Figures>,
    /// By product release.
    pub(crate) products: BTreeMap<String, Figures>,
    /// Requests that nobody answered: they cannot be laid to a release.
    pub(crate) unanswered: u64,
    /// All requests.
    pub(crate) requests: u64,
    /// How often what went wrong, by its description; at most [`KEPT_FAULTS`] kinds.
    pub(crate) faults: BTreeMap<String, u64>,
}

/// Kinds of faults that are counted apart.
const KEPT_FAULTS: usize = 20;

impl Tally {
    /// Counts a visit.
    pub(crate) fn count(&mut self, visit: &Observation, rng: &mut Rng) {
        self.requests += 1;
        let latency_ms = millis(visit.latency);
        let storefront_failed = matches!(visit.fault, Some(Failure::Storefront(_)));
        let product_failed = matches!(visit.fault, Some(Failure::Product(_)));
        match &visit.storefront {
            Some(release) => note(&mut self.storefronts, release, storefront_failed, latency_ms, rng),
            None => self.unanswered += 1,
        }
        // What the store front itself got wrong says nothing of the product release behind it.
        if let Some(release) = &visit.product
            && !storefront_failed
        {
            let latency_ms = visit.product_latency.map_or(latency_ms, millis);
            note(&mut self.products, release, product_failed, latency_ms, rng);
        }
        if let Some(Failure::Storefront(what) | Failure::Product(what)) = &visit.fault
            && (self.faults.len() < KEPT_FAULTS || self.faults.contains_key(what))
        {
            *self.faults.entry(what.clone()).or_default() += 1;
        }
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

fn note(
    releases: &mut BTreeMap<String, Figures>,
    release: &str,
    failed: bool,
    latency_ms: f64,
    rng: &mut Rng,
) {
    let figures = releases.entry(release.to_owned()).or_default();
    if failed {
        figures.error();
    } else {
        figures.answer(latency_ms, rng);
    }
}

/// The releases, oldest first by version (semver.org, §11); those without a version come first.
#[must_use]
pub(crate) fn by_version(releases: &BTreeMap<String, Figures>) -> Vec<(&str, &Figures)> {
    let mut sorted: Vec<_> = releases.iter().map(|(name, figures)| (name.as_str(), figures)).collect();
    sorted.sort_by_key(|(name, _)| Version::parse(name).ok());
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visit(fault: Option<Failure>) -> Observation {
        Observation {
            storefront: Some("3.0.0".to_owned()),
            product: Some("2.0.1".to_owned()),
            latency: Duration::from_millis(7),
            product_latency: None,
            fault,
        }
    }

    #[test]
    fn faults_are_laid_to_the_service_that_made_them() {
        let mut tally = Tally::default();
        let mut rng = Rng::with_seed(1);
        tally.count(&visit(None), &mut rng);
        tally.count(&visit(Some(Failure::Product("kept list".to_owned()))), &mut rng);
        tally.count(&visit(Some(Failure::Storefront("500".to_owned()))), &mut rng);
        tally.count(&Observation { storefront: None, product: None, ..visit(None) }, &mut rng);
        assert_eq!((tally.storefronts["3.0.0"].answers(), tally.storefronts["3.0.0"].errors), (3, 1));
        assert_eq!((tally.products["2.0.1"].answers(), tally.products["2.0.1"].errors), (2, 1));
        assert_eq!((tally.unanswered, tally.requests), (1, 4));
    }

    #[test]
    fn kept_latencies_are_bounded_and_still_tell_the_percentiles() {
        let mut figures = Figures::default();
        let mut rng = Rng::with_seed(1);
        for tick in 0..100_000_u32 {
            figures.answer(f64::from(tick % 1_000), &mut rng);
        }
        assert_eq!(figures.latencies().len(), KEPT_LATENCIES);
        assert!((figures.percentile(0.5) - 500.0).abs() < 60.0, "{}", figures.percentile(0.5));
    }

    #[test]
    fn releases_are_in_the_order_of_their_versions() {
        let releases: BTreeMap<_, _> = ["10.0.0", "2.0.2-slow", "2.0.2", "unversioned", "2.0.1"]
            .map(|name| (name.to_owned(), Figures::default()))
            .into();
        let names: Vec<_> = by_version(&releases).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["unversioned", "2.0.1", "2.0.2-slow", "2.0.2", "10.0.0"]);
    }
}
