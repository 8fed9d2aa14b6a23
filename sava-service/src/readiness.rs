//! Whether a service is ready for traffic, and why not.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Why the service is not ready, by the name of the check; ready when no check has a reason.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    /// Held only to read or write one entry, never over an await.
    checks: Arc<Mutex<BTreeMap<&'static str, Check>>>,
}

/// The state of one check.
#[derive(Clone, Debug)]
pub(crate) struct Check {
    /// Whether the check keeps traffic away; otherwise it is only reported.
    pub(crate) required: bool,
    /// `Ok`, or the reason why not.
    pub(crate) state: Result<(), String>,
}

impl Readiness {
    /// Sets the state of the check `name`, which keeps traffic away while it fails.
    pub(crate) fn require(&self, name: &'static str, state: Result<(), String>) {
        self.set(name, Check { required: true, state });
    }

    /// Sets the state of the check `name`, which `/readyz?verbose` reports and nothing more: degraded, but serving.
    pub fn report(&self, name: &'static str, state: Result<(), String>) {
        self.set(name, Check { required: false, state });
    }

    /// All checks and their states, by name.
    #[must_use]
    pub(crate) fn checks(&self) -> BTreeMap<&'static str, Check> {
        self.checks.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether traffic should come here.
    #[must_use]
    pub(crate) fn is_ready(&self) -> bool {
        self.checks().values().all(|check| !check.required || check.state.is_ok())
    }

    fn set(&self, name: &'static str, check: Check) {
        self.checks.lock().unwrap_or_else(PoisonError::into_inner).insert(name, check);
    }
}
