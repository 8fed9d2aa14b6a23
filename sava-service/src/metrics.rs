//! Prometheus metrics: one registry a process, read on the admin port.

use prometheus::{Registry, TextEncoder};

/// The registry of a process; services register their own metrics in it.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// Register a service's own metrics here.
    pub registry: Registry,
}

impl Metrics {
    /// A registry with what every service reports: build info and process metrics.
    ///
    /// # Panics
    /// Never: the names are fixed and registered once.
    #[must_use]
    pub fn new() -> Self {
        let registry = Registry::new();
        #[cfg(target_os = "linux")]
        registry
            .register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))
            .expect("registered once");
        Self { registry }
    }

    /// The metrics in the Prometheus text format.
    #[must_use]
    pub fn text(&self) -> String {
        TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_default()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}
