//! What is counted: the products there are, reloads of the catalog, and requests by what they asked for.

use std::time::SystemTime;

use prometheus::{
    IntCounter, IntGauge, IntGaugeVec, Registry, register_int_counter_vec_with_registry,
    register_int_gauge_vec_with_registry, register_int_gauge_with_registry,
};

use crate::{api_version::ApiVersion, catalog::Catalog, negotiation::RangeKind};

/// The metrics of the API.
pub struct ApiMetrics {
    products: IntGaugeVec,
    loaded_at: IntGauge,
    reloads: IntCounter,
    failed_reloads: IntCounter,
    /// By version and by what was asked for: all label values are known beforehand, and so are few.
    requests: [[IntCounter; ASKED.len()]; ApiVersion::ALL.len()],
    not_acceptable: IntCounter,
}

/// The kinds of media ranges, and the labels that they have.
const ASKED: [(RangeKind, &str); 6] = [
    (RangeKind::Nothing, "none"),
    (RangeKind::Anything, "*/*"),
    (RangeKind::Application, "application/*"),
    (RangeKind::Json, "application/json"),
    (RangeKind::Vendor, "application/vnd.sava+json"),
    (RangeKind::Version, "version"),
];

impl ApiMetrics {
    /// Registers the metrics.
    ///
    /// # Panics
    /// When they are registered already, or their names are wrong; both are fixed.
    #[must_use]
    pub fn new(registry: &Registry) -> Self {
        let once = "registered once";
        let products = register_int_gauge_vec_with_registry!(
            "sava_products",
            "Products in the catalog that is served, by store.",
            &["locale"],
            registry
        )
        .expect(once);
        let loaded_at = register_int_gauge_with_registry!(
            "sava_catalog_loaded_timestamp_seconds",
            "When the catalog that is served was loaded, in seconds since 1970.",
            registry
        )
        .expect(once);
        let reloads = register_int_counter_vec_with_registry!(
            "sava_catalog_reloads_total",
            "Changes of the data that were loaded, or failed to.",
            &["result"],
            registry
        )
        .expect(once);
        let requests = register_int_counter_vec_with_registry!(
            "sava_api_requests_total",
            "Requests for products by the API version that was negotiated and the kind of media range by which.",
            &["api_version", "asked"],
            registry
        )
        .expect(once);
        let counter = |version: &str, asked: &str| requests.with_label_values(&[version, asked]);
        Self {
            products,
            loaded_at,
            reloads: reloads.with_label_values(&["loaded"]),
            failed_reloads: reloads.with_label_values(&["failed"]),
            requests: ApiVersion::ALL.map(|version| ASKED.map(|(_, asked)| counter(version.name(), asked))),
            not_acceptable: counter("none", "not acceptable"),
        }
    }

    /// Another catalog is served.
    pub fn serves(&self, catalog: &Catalog) {
        self.products.reset();
        for store in catalog.stores() {
            let count = i64::try_from(store.len()).unwrap_or(i64::MAX);
            self.products.with_label_values(&[&store.data.locale]).set(count);
        }
        let since = catalog.loaded_at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.loaded_at.set(i64::try_from(since.as_secs()).unwrap_or(i64::MAX));
    }

    /// A change of the data was loaded.
    pub(crate) fn reloaded(&self, catalog: &Catalog) {
        self.reloads.inc();
        self.serves(catalog);
    }

    /// A change of the data could not be loaded.
    pub(crate) fn reload_failed(&self) {
        self.failed_reloads.inc();
    }

    /// A request was negotiated.
    pub(crate) fn negotiated(&self, version: ApiVersion, asked: RangeKind) {
        if let Some(kind) = ASKED.iter().position(|(kind, _)| *kind == asked) {
            self.requests[version.index()][kind].inc();
        }
    }

    /// A request accepts nothing that there is.
    pub(crate) fn not_acceptable(&self) {
        self.not_acceptable.inc();
    }
}
