//! What was seen of a store front: the samples of the last minute, what they add up to, and what happened.
//!
//! Times are since the watch began, so that nothing here asks a clock.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use fastrand::Rng;
use sava_theme::NOBODY;

use super::sample::Sample;
use crate::tally::{Failure, Figures, Tally, by_version};

/// Shares are those of so long.
pub(super) const NOW: Duration = Duration::from_secs(5);

/// Latencies and errors are those of so long; samples are kept for it.
pub(super) const SPAN: Duration = Duration::from_mins(1);

/// A pod that has not answered for so long is not listed.
const POD_LISTED: Duration = Duration::from_secs(10);

/// After so long without any answer the shop is closed, and what was lost in it is not laid to a rollout.
const CLOSED: Duration = Duration::from_secs(3);

/// Errors are over after so long without one.
const CALM: Duration = Duration::from_secs(8);

/// Events that are kept.
const KEPT_EVENTS: usize = 100;

/// Samples of a share that can be said to have changed, at the least.
const ENOUGH: usize = 40;

/// One of the two services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Service {
    Storefront,
    Product,
}

pub(super) const SERVICES: [Service; 2] = [Service::Storefront, Service::Product];

impl Service {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Storefront => "Store front",
            Self::Product => "Product service",
        }
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) at: Duration,
    /// `+` came, `−` went, `↗` and `↘` changed its share, `!` is bad, `✓` is good again.
    pub(super) mark: char,
    pub(super) text: String,
}

/// A release as it is shown.
#[derive(Clone, Debug)]
pub(super) struct Release {
    pub(super) name: String,
    /// Of the last [`NOW`], from 0 to 1.
    pub(super) share: f64,
    /// Of the last [`SPAN`].
    pub(super) figures: Figures,
    /// Those that answered lately.
    pub(super) pods: BTreeSet<String>,
}

/// A sample as a mark: the release, and whether it failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) release: String,
    pub(super) failed: bool,
}

/// What is remembered of a release.
#[derive(Debug)]
struct Known {
    last: Duration,
    is_gone: bool,
    /// The share that was told last.
    told: Option<f64>,
}

/// What is remembered of a service.
#[derive(Debug, Default)]
struct Memory {
    releases: BTreeMap<String, Known>,
    last_error: Option<Duration>,
}

/// Samples without an answer since the last one that had one.
#[derive(Debug, Default)]
struct Outage {
    n: u64,
    since: Duration,
    last: Duration,
}

/// What was seen of a store front.
#[derive(Debug)]
pub(super) struct Watched {
    samples: VecDeque<(Duration, Sample)>,
    /// Samples ever taken.
    pub(super) n_samples: u64,
    lost: u64,
    outage: Outage,
    memory: [Memory; 2],
    /// Oldest first.
    pub(super) events: VecDeque<Event>,
    /// Events ever.
    n_events: usize,
    rng: Rng,
}

impl Watched {
    pub(super) fn new() -> Self {
        Self {
            samples: VecDeque::new(),
            n_samples: 0,
            lost: 0,
            outage: Outage::default(),
            memory: <_>::default(),
            events: VecDeque::new(),
            n_events: 0,
            rng: Rng::with_seed(0),
        }
    }

    /// Takes in a sample that came at `at`.
    pub(super) fn add(&mut self, at: Duration, mut sample: Sample) {
        self.n_samples += 1;
        // Whoever asks close to another is given its sample of the product service: it counts once.
        let is_same = |(_, other): &(Duration, Sample)| {
            other.number == sample.number && other.storefront_pod == sample.storefront_pod
        };
        if sample.number.is_some() && self.samples.iter().any(is_same) {
            sample.seen.product = None;
            sample.seen.fault = None;
        }
        if sample.is_answered {
            self.lost += self.outage.n + u64::from(sample.seen.fault.is_some());
            self.outage = Outage::default();
        } else {
            if self.outage.n == 0 {
                self.outage.since = at.saturating_sub(sample.seen.latency);
            }
            self.outage.n += 1;
            self.outage.last = at;
        }
        for service in SERVICES {
            self.note(service, at, &sample);
        }
        self.samples.push_back((at, sample));
        while self.samples.front().is_some_and(|(then, _)| *then + SPAN < at) {
            self.samples.pop_front();
        }
    }

    /// Requests without a good answer since the count began. Those of a shop that has closed are not among them.
    pub(super) fn lost(&self) -> u64 {
        self.lost + if self.is_closed() { 0 } else { self.outage.n }
    }

    /// Counts the lost requests from here on.
    pub(super) fn reset(&mut self) {
        self.lost = 0;
        self.outage.n = self.outage.n.min(u64::from(self.is_closed()));
    }

    /// Whether nobody has answered for a while.
    pub(super) fn is_closed(&self) -> bool {
        self.outage.n > 0 && self.outage.last.saturating_sub(self.outage.since) >= CLOSED
    }

    /// The releases of a service that answered in the last minute, newest first, but those that do so no longer last. Not by
    /// share: two of a half each would change places all the time.
    pub(super) fn releases(&mut self, service: Service, now: Duration) -> Vec<Release> {
        let (span, lately) = (self.tally(now.saturating_sub(SPAN)), self.tally(now.saturating_sub(NOW)));
        let n_lately: u64 = releases(&lately, service).values().map(Figures::answers).sum();
        let mut shown: Vec<_> = by_version(releases(&span, service))
            .into_iter()
            .rev()
            .map(|(release, figures)| Release {
                name: release.to_owned(),
                share: share(releases(&lately, service).get(release).map_or(0, Figures::answers), n_lately),
                figures: figures.clone(),
                pods: self.pods(service, release, now),
            })
            .collect();
        shown.sort_by_key(|release| release.share == 0.0);
        shown
    }

    /// The last samples of a service, oldest first.
    pub(super) fn marks(&self, service: Service, count: usize) -> Vec<Mark> {
        let mark = |(_, sample): &(Duration, Sample)| {
            Some(Mark {
                release: release(sample, service)?.to_owned(),
                failed: failed(sample, service).is_some(),
            })
        };
        let mut marks: Vec<_> = self.samples.iter().rev().filter_map(mark).take(count).collect();
        marks.reverse();
        marks
    }

    /// Notices what happened by then: what came is noticed with the sample that shows it, what did not come is here.
    pub(super) fn notice(&mut self, now: Duration) {
        for service in SERVICES {
            self.notice_gone(service, now);
            self.notice_shares(service, now);
            let memory = &mut self.memory[service as usize];
            if memory.last_error.is_some_and(|last| last + CALM < now) {
                memory.last_error = None;
                self.happened(now, '✓', format!("{}: no errors for {} s", service.name(), CALM.as_secs()));
            }
        }
    }

    /// The events after the first `told` ever, which are told then.
    pub(super) fn events_since(&self, told: &mut usize) -> Vec<Event> {
        let n = (self.n_events - std::mem::replace(told, self.n_events)).min(self.events.len());
        self.events.range(self.events.len() - n..).cloned().collect()
    }

    fn happened(&mut self, at: Duration, mark: char, text: String) {
        self.n_events += 1;
        self.events.push_back(Event { at, mark, text });
        if self.events.len() > KEPT_EVENTS {
            self.events.pop_front();
        }
    }

    /// A release that is new or back, and errors that begin.
    fn note(&mut self, service: Service, at: Duration, sample: &Sample) {
        let Some(release) = release(sample, service) else { return };
        let name = service.name();
        let is_first = self.memory[service as usize].releases.is_empty();
        if release != NOBODY {
            let memory = &mut self.memory[service as usize];
            let known = memory.releases.get_mut(release);
            let was_gone = known.as_ref().is_none_or(|known| known.is_gone);
            if let Some(known) = known {
                known.last = at;
                known.is_gone = false;
            }
            if was_gone {
                // Of the first it is not known what it had before.
                let told = (!is_first).then_some(0.0);
                memory.releases.insert(release.to_owned(), Known { last: at, is_gone: false, told });
                self.happened(at, '+', format!("{name} {release} appeared"));
            }
        }
        if let Some(reason) = failed(sample, service) {
            let memory = &mut self.memory[service as usize];
            let began = memory.last_error.is_none();
            memory.last_error = Some(at);
            if began {
                self.happened(at, '!', format!("{name} {release}: errors began ({reason})"));
            }
        }
    }

    /// What did not come is judged by what was to be expected: a release with share p that is missing from n samples in a
    /// row is there with a chance of (1 − p)^n only.
    fn notice_gone(&mut self, service: Service, now: Duration) {
        let mut gone = Vec::new();
        for (release, known) in
            self.memory[service as usize].releases.iter().filter(|(_, known)| !known.is_gone)
        {
            let answered = |(_, sample): &&(Duration, Sample)| {
                self::release(sample, service).is_some_and(|release| release != NOBODY)
            };
            let missed = self.samples.iter().filter(|(at, _)| *at > known.last).filter(answered).count();
            let before = self.samples.iter().filter(|(at, _)| *at <= known.last && *at + NOW > known.last);
            let (mut own, mut all) = (0, 0);
            for sample in before.filter(answered) {
                all += 1;
                own += u64::from(self::release(&sample.1, service) == Some(release));
            }
            let expected = share(own, all).clamp(0.01, 0.99);
            if missed > 8 && count(missed) * (1.0 - expected).ln() < 0.001_f64.ln() {
                gone.push(release.clone());
            }
        }
        for release in gone {
            if let Some(known) = self.memory[service as usize].releases.get_mut(&release) {
                known.is_gone = true;
            }
            self.happened(now, '−', format!("{} {release} is gone", service.name()));
        }
    }

    /// A share that has changed is told once it is steady: when both halves of the last seconds agree. It is that of the
    /// later half, where nothing is of before the change.
    fn notice_shares(&mut self, service: Service, now: Duration) {
        let lately: Vec<_> = self
            .samples
            .iter()
            .filter(|(at, _)| *at + NOW > now)
            .filter_map(|(_, it)| release(it, service))
            .collect();
        if lately.len() < ENOUGH {
            return;
        }
        let (before, after) = lately.split_at(lately.len() / 2);
        let of = |part: &[&str], release: &str| {
            count(part.iter().filter(|it| **it == release).count()) / count(part.len())
        };
        let mut told = Vec::new();
        for (release, known) in
            self.memory[service as usize].releases.iter().filter(|(_, known)| !known.is_gone)
        {
            let (share, n) = (of(&lately, release), count(lately.len()));
            let spread = |p: f64, n: f64| (p.clamp(0.02, 0.98) * (1.0 - p.clamp(0.02, 0.98)) / n).sqrt();
            let is_steady = (of(before, release) - of(after, release)).abs() < 2.0 * spread(share, n / 4.0);
            let has_changed = known.told.is_none_or(|told| {
                (share - told).abs() >= 0.08 && (share - told).abs() > 3.5 * spread(told, n)
            });
            if is_steady && has_changed {
                told.push((release.clone(), known.told, of(after, release)));
            }
        }
        for (release, before, share) in told {
            if let Some(known) = self.memory[service as usize].releases.get_mut(&release) {
                known.told = Some(share);
            }
            if let Some(before) = before {
                let (mark, verb) = if share > before { ('↗', "rose") } else { ('↘', "fell") };
                let about = (share * 20.0).round() * 5.0;
                self.happened(now, mark, format!("{} {release} {verb} to about {about} %", service.name()));
            }
        }
    }

    fn tally(&mut self, since: Duration) -> Tally {
        let mut tally = Tally::default();
        for (_, sample) in self.samples.iter().filter(|(at, _)| *at >= since) {
            tally.count(&sample.seen, &mut self.rng);
        }
        tally
    }

    fn pods(&self, service: Service, release: &str, now: Duration) -> BTreeSet<String> {
        let lately = self.samples.iter().filter(|(at, _)| *at + POD_LISTED > now).map(|(_, sample)| sample);
        let own = lately.filter(|sample| self::release(sample, service) == Some(release));
        own.filter_map(|sample| match service {
            Service::Storefront => sample.storefront_pod.clone(),
            Service::Product => sample.product_pod.clone(),
        })
        .collect()
    }
}

fn releases(tally: &Tally, service: Service) -> &BTreeMap<String, Figures> {
    match service {
        Service::Storefront => &tally.storefronts,
        Service::Product => &tally.products,
    }
}

fn release(sample: &Sample, service: Service) -> Option<&str> {
    match service {
        Service::Storefront => sample.seen.storefront.as_deref(),
        Service::Product => sample.seen.product.as_deref(),
    }
}

fn failed(sample: &Sample, service: Service) -> Option<&str> {
    match (service, sample.seen.fault.as_ref()?) {
        (Service::Storefront, Failure::Storefront(reason)) | (Service::Product, Failure::Product(reason)) => {
            Some(reason)
        }
        _ => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a minute's samples")]
fn count(n: usize) -> f64 {
    n as f64
}

#[expect(clippy::cast_precision_loss, reason = "a minute's samples")]
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
