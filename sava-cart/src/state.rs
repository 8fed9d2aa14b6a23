//! What every handler of the store front is given.

use std::sync::Arc;

use sava_service::{Identity, Metrics, Readiness};

use crate::{
    catalog::Catalog,
    cookies::Cookies,
    metrics::ShopMetrics,
    orders::Orders,
    release::Release,
    resolver::Resolver,
    sampler::Sampler,
    settings::{Checked, Settings},
};

/// The state of the store front: cheap to clone.
#[derive(Clone, Debug)]
pub struct AppState {
    /// The settings.
    pub settings: Arc<Settings>,
    /// The release that this process is.
    pub release: &'static Release,
    /// Who answers, for the footer.
    pub identity: Identity,
    /// The products.
    pub catalog: Catalog,
    /// Samples of the product service, for the release view.
    pub sampler: Sampler,
    /// The orders.
    pub orders: Orders,
    /// Its metrics.
    pub metrics: ShopMetrics,
    /// The cookies of this store.
    pub cookies: Cookies,
}

impl AppState {
    /// The state of a store front with these settings. It waits for nothing: whether the product service and the
    /// database are there shows when they are asked, and `readiness` reports it.
    #[must_use]
    pub fn new(
        settings: &Settings,
        checked: &Checked,
        identity: &Identity,
        readiness: &Readiness,
        metrics: &Metrics,
    ) -> Self {
        let metrics = ShopMetrics::new(&metrics.registry);
        let key = checked.cookie_key.clone().unwrap_or_else(|| checked.database.cookie_key());
        let resolver = Resolver::of_the_system();
        Self {
            release: settings.release,
            identity: identity.clone(),
            sampler: Sampler::new(settings, resolver.clone()),
            catalog: Catalog::new(settings, resolver, metrics.clone(), readiness.clone()),
            orders: Orders::new(&checked.database),
            metrics,
            cookies: Cookies::new(key, settings.locale.as_str(), settings.is_public_https()),
            settings: Arc::new(settings.clone()),
        }
    }

    /// What `/version` says.
    #[must_use]
    pub fn version(&self) -> serde_json::Value {
        let accepts: Vec<_> = self.release.accepts.iter().map(|version| version.as_str()).collect();
        serde_json::json!({
            "service": self.identity.service,
            "release": self.identity.release,
            "instance": self.identity.instance,
            "revision": self.identity.revision,
            "locale": self.settings.locale.as_str(),
            "accepts": accepts,
        })
    }
}
