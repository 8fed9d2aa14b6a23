//! The faults that are on now, and which request they hit.

use std::{
    process,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use axum::http::StatusCode;
use prometheus::{
    IntCounterVec, IntGauge, IntGaugeVec, Registry, register_int_counter_vec_with_registry,
    register_int_gauge_vec_with_registry, register_int_gauge_with_registry,
};
use tokio::time::Instant;

use super::{Delay, Faults, Rate};
use crate::Readiness;

/// The faults of a process; clones share them.
#[derive(Clone)]
pub(crate) struct FaultControl {
    shared: Arc<Inner>,
}

struct Inner {
    /// Whether requests are hit: all that a healthy process pays for this module.
    hits_requests: AtomicBool,
    /// Held only for the moment of one decision.
    state: Mutex<FaultState>,
    readiness: Readiness,
    active: IntGaugeVec,
    injected: IntCounterVec,
    leaked: IntGauge,
}

struct FaultState {
    faults: Faults,
    until: Option<Instant>,
    random: fastrand::Rng,
    /// The order in which this block of 100 requests draws its injections.
    block: [u8; BLOCK],
    drawn: usize,
    /// Hundredths of a request that the blocks so far still owe, of errors and of hangs.
    owed: [u16; 2],
    /// How many of this block are errors and how many hang.
    due: [u16; 2],
    leak: Vec<Vec<u8>>,
}

const BLOCK: usize = 100;

/// What happens to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Injection {
    pub delay: Option<Duration>,
    pub(crate) end: Option<Failure>,
}

/// How a request ends that does not end well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    Error(StatusCode),
    Hang,
}

impl FaultControl {
    /// Starts with `faults`.
    pub(crate) fn new(faults: Faults, readiness: Readiness, registry: &Registry) -> Self {
        let once = "registered once";
        let active = register_int_gauge_vec_with_registry!(
            "sava_fault_active",
            "Whether a fault on purpose is on (1) or not (0), by kind.",
            &["kind"],
            registry
        )
        .expect(once);
        let injected = register_int_counter_vec_with_registry!(
            "sava_faults_injected_total",
            "Requests that a fault on purpose has hit, by kind.",
            &["kind"],
            registry
        )
        .expect(once);
        let leaked = register_int_gauge_with_registry!(
            "sava_fault_leaked_bytes",
            "Memory that a fault on purpose holds.",
            registry
        )
        .expect(once);
        for kind in ["delay", "error", "hang", "exit", "leak"] {
            injected.with_label_values(&[kind]);
        }
        let control = Self {
            shared: Arc::new(Inner {
                hits_requests: AtomicBool::new(false),
                state: Mutex::new(FaultState::new(Faults::NONE)),
                readiness,
                active,
                injected,
                leaked,
            }),
        };
        control.apply(faults);
        control
    }

    /// The faults that are on, with what is left of their time.
    pub(crate) fn current(&self) -> Faults {
        let state = self.state();
        Faults {
            lasting: state.until.map(|until| {
                let left = until.saturating_duration_since(Instant::now());
                Duration::from_secs(left.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX))
            }),
            ..state.faults.clone()
        }
    }

    /// Replaces the faults; those with an end are ended by a task.
    pub(crate) fn set(&self, faults: Faults) {
        tracing::warn!(faults = %describe(&faults), "faults on purpose set");
        let until = self.apply(faults);
        if let Some(until) = until {
            let control = self.clone();
            let end = tokio::time::sleep_until(until);
            tokio::spawn(async move {
                end.await;
                if control.state().until == Some(until) {
                    tracing::warn!("faults on purpose ended, their time is over");
                    control.apply(Faults::NONE);
                }
            });
        }
    }

    /// Whether any request may be hit; cheap.
    pub(crate) fn hits_requests(&self) -> bool {
        self.shared.hits_requests.load(Ordering::Relaxed)
    }

    /// Whether the API version must be known before a injection can be drawn.
    pub(crate) fn waits_for_version(&self) -> bool {
        self.state().faults.api_version.is_some()
    }

    /// Draws the injection of one request; `None` out of scope. May end the process, if that is the injection.
    pub(crate) fn draw(&self, route: &str, api_version: Option<&str>) -> Option<Injection> {
        let mut state = self.state();
        let in_scope = state.faults.hits_requests()
            && state.until.is_none_or(|until| Instant::now() < until)
            && state.faults.route.as_deref().is_none_or(|scope| scope == route)
            && state.faults.api_version.as_deref().is_none_or(|scope| Some(scope) == api_version);
        if !in_scope {
            return None;
        }
        let injection = state.draw();
        let count = |kind| self.shared.injected.with_label_values(&[kind]).inc();
        if let Some(code) = state.faults.exit {
            tracing::error!(code, "exit, a fault on purpose");
            // The thread that writes the log gets the time to.
            thread::sleep(Duration::from_millis(100));
            process::exit(code);
        }
        if state.faults.leak > 0 {
            let size = usize::try_from(state.faults.leak).unwrap_or(usize::MAX);
            // Not zeros: those would be pages that the kernel need not give.
            state.leak.push(vec![0xA5; size]);
            self.shared.leaked.add(i64::try_from(size).unwrap_or(i64::MAX));
            count("leak");
        }
        if injection.delay.is_some() {
            count("delay");
        }
        match injection.end {
            Some(Failure::Error(_)) => count("error"),
            Some(Failure::Hang) => count("hang"),
            None => {}
        }
        Some(injection)
    }

    fn apply(&self, faults: Faults) -> Option<Instant> {
        let shared = &self.shared;
        for (kind, on) in [
            ("delay", faults.delay.is_some()),
            ("error", !faults.error_rate.is_zero()),
            ("hang", !faults.hang.is_zero()),
            ("not_ready", faults.not_ready),
            ("exit", faults.exit.is_some()),
            ("leak", faults.leak > 0),
        ] {
            shared.active.with_label_values(&[kind]).set(i64::from(on));
        }
        let ready = if faults.not_ready { Err("not ready on purpose".to_owned()) } else { Ok(()) };
        if faults.not_ready || shared.readiness.checks().contains_key(NOT_READY) {
            shared.readiness.require(NOT_READY, ready);
        }
        shared.leaked.set(0);
        let mut state = self.state();
        shared.hits_requests.store(faults.hits_requests(), Ordering::Relaxed);
        *state = FaultState::new(faults);
        state.until
    }

    fn state(&self) -> MutexGuard<'_, FaultState> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const NOT_READY: &str = "fault";

/// The faults as JSON, for the log.
pub(crate) fn describe(faults: &Faults) -> String {
    serde_json::to_string(faults).unwrap_or_default()
}

impl FaultState {
    fn new(faults: Faults) -> Self {
        Self {
            until: faults.lasting.map(|lasting| Instant::now() + lasting),
            random: fastrand::Rng::with_seed(faults.seed),
            block: std::array::from_fn(|index| u8::try_from(index).unwrap_or_default()),
            drawn: BLOCK,
            owed: [0; 2],
            due: [0; 2],
            leak: Vec::new(),
            faults,
        }
    }

    /// One of each 100: the positions of a block are shuffled, the first of them are errors, the next hang.
    /// A rate that is not a whole number of requests of a block is carried over to the next.
    fn draw(&mut self) -> Injection {
        if self.drawn == BLOCK {
            self.drawn = 0;
            self.random.shuffle(&mut self.block);
            for (index, Rate(rate)) in [self.faults.error_rate, self.faults.hang].into_iter().enumerate() {
                let owed = self.owed[index] + rate;
                self.due[index] = owed / 100;
                self.owed[index] = owed % 100;
            }
        }
        let position = u16::from(self.block[self.drawn]);
        self.drawn += 1;
        let [errors, hangs] = self.due;
        let end = if position < errors {
            Some(Failure::Error(self.faults.status))
        } else if position < errors + hangs {
            Some(Failure::Hang)
        } else {
            None
        };
        let delay = self.faults.delay.map(|Delay { min, max }| {
            let span = u64::try_from(max.saturating_sub(min).as_micros()).unwrap_or(u64::MAX - 1);
            min + Duration::from_micros(self.random.u64(0..=span))
        });
        Injection { delay, end }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    fn control(faults: Faults) -> FaultControl {
        FaultControl::new(faults, Readiness::default(), &Registry::new())
    }

    fn errors(control: &FaultControl, requests: usize) -> Vec<usize> {
        let hit = |_: &usize| {
            control.draw("/", None).is_some_and(|injection| matches!(injection.end, Some(Failure::Error(_))))
        };
        (0..requests).filter(hit).collect()
    }

    #[test]
    fn ten_percent_is_ten_of_each_hundred() {
        let control = control(Faults { error_rate: Rate::percent(10), ..Faults::NONE });
        for _ in 0..20 {
            assert_eq!(errors(&control, 100).len(), 10);
        }
    }

    #[test]
    fn fractions_of_a_percent_add_up() {
        let control = control(Faults { error_rate: "0.25%".parse().unwrap(), ..Faults::NONE });
        assert_eq!(errors(&control, 400).len(), 1);
        assert_eq!(errors(&control, 4_000).len(), 10);
    }

    #[test]
    fn seed_chooses_the_requests() {
        let seeded = |seed| {
            let faults = Faults { error_rate: Rate::percent(10), seed, ..Faults::NONE };
            errors(&control(faults), 200)
        };
        assert_eq!(seeded(1), seeded(1));
        assert_ne!(seeded(1), seeded(2));
    }

    #[test]
    fn errors_and_hangs_are_exact_together() {
        let control = control(Faults {
            error_rate: Rate::percent(60),
            hang: Rate::percent(40),
            status: StatusCode::BAD_GATEWAY,
            ..Faults::NONE
        });
        let ends: Vec<_> = (0..100).map(|_| control.draw("/", None).unwrap().end.unwrap()).collect();
        assert_eq!(ends.iter().filter(|end| **end == Failure::Hang).count(), 40);
        assert!(ends.contains(&Failure::Error(StatusCode::BAD_GATEWAY)));
    }

    #[test]
    fn scope_spares_other_requests() {
        let control = control(Faults {
            error_rate: Rate::ALL,
            route: Some(Cow::Borrowed("/products/{locale}")),
            api_version: Some(Cow::Borrowed("v2")),
            ..Faults::NONE
        });
        assert!(control.waits_for_version());
        assert!(control.draw("/products/{locale}", Some("v2")).is_some());
        assert!(control.draw("/products/{locale}", Some("v1")).is_none());
        assert!(control.draw("/products/{locale}", None).is_none());
        assert!(control.draw("/docs", Some("v2")).is_none());
    }

    #[test]
    fn delay_stays_in_its_range() {
        let delay = "100ms..200ms".parse().unwrap();
        let control = control(Faults { delay: Some(delay), ..Faults::NONE });
        let delays: Vec<_> = (0..100).map(|_| control.draw("/", None).unwrap().delay.unwrap()).collect();
        assert!(delays.iter().all(|drawn| (delay.min..=delay.max).contains(drawn)));
        assert!(delays.iter().any(|drawn| *drawn != delays[0]));
    }

    #[test]
    fn leaked_memory_is_given_back_at_the_end() {
        let control = control(Faults { leak: 1024, ..Faults::NONE });
        control.draw("/", None);
        control.draw("/", None);
        assert_eq!(control.shared.leaked.get(), 2048);
        control.apply(Faults::NONE);
        assert_eq!(control.shared.leaked.get(), 0);
        assert!(control.state().leak.is_empty());
        assert!(!control.hits_requests());
    }

    #[tokio::test(start_paused = true)]
    async fn faults_end_by_themselves() {
        let control = control(Faults::NONE);
        let lasting = Some(Duration::from_mins(1));
        control.set(Faults {
            delay: Some("0s".parse().expect("a duration")),
            not_ready: true,
            lasting,
            ..Faults::NONE
        });
        assert!(!control.shared.readiness.is_ready());
        assert_eq!(control.current().lasting, lasting);
        tokio::time::advance(Duration::from_secs(59)).await;
        assert!(control.draw("/", None).is_some());
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(control.draw("/", None).is_none());
        tokio::task::yield_now().await;
        assert!(control.shared.readiness.is_ready());
    }
}
