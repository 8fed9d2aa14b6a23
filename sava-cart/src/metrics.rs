//! The store front's own metrics, beside those of every service.

use std::time::Duration;

use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    register_histogram_with_registry, register_int_counter_vec_with_registry,
    register_int_counter_with_registry, register_int_gauge_vec_with_registry,
    register_int_gauge_with_registry,
};

/// The metrics of a store front: a handle, cheap to clone. Each label has a few fixed values.
#[derive(Clone, Debug)]
pub struct ShopMetrics {
    product_requests: IntCounterVec,
    product_seconds: Histogram,
    breaker_open: IntGaugeVec,
    catalog_state: IntGaugeVec,
    listings: IntCounterVec,
    products: IntGauge,
    products_skipped: IntGauge,
    orders: IntCounterVec,
    order_commits: IntCounter,
    orders_writable: IntGauge,
    cart_changes: IntCounterVec,
}

impl ShopMetrics {
    /// Registers the metrics.
    ///
    /// # Panics
    /// When they are registered twice in one registry.
    #[must_use]
    pub fn new(registry: &Registry) -> Self {
        let counter = |name: &str, help: &str, labels: &[&str]| {
            register_int_counter_vec_with_registry!(Opts::new(name, help), labels, registry)
        };
        let gauge =
            |name: &str, help: &str| register_int_gauge_with_registry!(Opts::new(name, help), registry);
        let once = "registered once";
        Self {
            product_requests: counter(
                "sava_cart_product_requests_total",
                "Requests to the product service by what was asked for and what came of it",
                &["resource", "outcome"],
            )
            .expect(once),
            product_seconds: register_histogram_with_registry!(
                HistogramOpts::new(
                    "sava_cart_product_request_seconds",
                    "How long requests to the product service took, retries included"
                )
                .buckets(vec![0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5]),
                registry
            )
            .expect(once),
            breaker_open: register_int_gauge_vec_with_registry!(
                Opts::new(
                    "sava_cart_product_breaker_open",
                    "1 while the product service is not asked for lists, searches or pictures because that failed again and again"
                ),
                &["what"],
                registry
            )
            .expect(once),
            catalog_state: register_int_gauge_vec_with_registry!(
                Opts::new("sava_cart_catalog_state", "1 for the freshness of the latest product list"),
                &["freshness"],
                registry
            )
            .expect(once),
            listings: counter(
                "sava_cart_listings_total",
                "Product lists by their freshness: one for all page views that shared it",
                &["freshness"],
            )
            .expect(once),
            products: gauge("sava_cart_products", "Products on sale").expect(once),
            products_skipped: gauge(
                "sava_cart_products_skipped",
                "Products of the latest list that could not be read and were left out",
            )
            .expect(once),
            orders: counter("sava_cart_orders_total", "Checkouts by what came of them", &["outcome"])
                .expect(once),
            order_commits: register_int_counter_with_registry!(
                "sava_cart_order_commits_total",
                "Commits that wrote orders to SQLite: orders that came together share one",
                registry
            )
            .expect(once),
            orders_writable: gauge("sava_cart_orders_writable", "1 while orders can be written").expect(once),
            cart_changes: counter("sava_cart_cart_changes_total", "Changes of carts", &["change"])
                .expect(once),
        }
    }

    /// A request to the product service ended; `took` where one was made.
    pub(crate) fn product_request(&self, resource: &str, outcome: &str, took: Option<Duration>) {
        self.product_requests.with_label_values(&[resource, outcome]).inc();
        if let Some(took) = took {
            self.product_seconds.observe(took.as_secs_f64());
        }
    }

    /// Whether the breaker of `what` (`lists`, `searches`, `pictures`) is open.
    pub(crate) fn breaker_is_open(&self, what: &str, is_open: bool) {
        self.breaker_open.with_label_values(&[what]).set(i64::from(is_open));
    }

    /// There was a listing of that `freshness`: `fresh`, `stale` or `fruit`.
    pub(crate) fn listed(&self, freshness: &str) {
        self.listings.with_label_values(&[freshness]).inc();
        for label in ["fresh", "stale", "fruit"] {
            self.catalog_state.with_label_values(&[label]).set(i64::from(label == freshness));
        }
    }

    pub(crate) fn catalog_was_read(&self, n_products: usize, n_skipped: usize) {
        self.products.set(i64::try_from(n_products).unwrap_or(i64::MAX));
        self.products_skipped.set(i64::try_from(n_skipped).unwrap_or(i64::MAX));
    }

    pub(crate) fn checked_out(&self, outcome: &str) {
        self.orders.with_label_values(&[outcome]).inc();
    }

    /// Orders that came together are in the database, to stay.
    pub(crate) fn orders_were_committed(&self) {
        self.order_commits.inc();
    }

    #[cfg(test)]
    pub(crate) fn order_commits(&self) -> u64 {
        self.order_commits.get()
    }

    pub(crate) fn orders_are_writable(&self, are_writable: bool) {
        self.orders_writable.set(i64::from(are_writable));
    }

    /// A cart was changed; `change` is one of a few fixed words, such as `add`.
    pub fn cart_changed(&self, change: &'static str) {
        self.cart_changes.with_label_values(&[change]).inc();
    }
}
