//! What every handler of the store front is given.

use std::{io, ops::Deref, sync::Arc};

use axum::http::HeaderMap;
use sava_service::{Identity, Metrics, Readiness, Resolver};

use crate::{
    catalog::Catalog,
    cookies::{Cookies, key::Key},
    dark_launch::DarkLaunches,
    marks::Marks,
    metrics::ShopMetrics,
    orders::{Database, Orders},
    product_service::{Endpoint, sampler::Sampler},
    release::Release,
    rendered::RenderedPages,
    settings::Settings,
};

/// The state of the store front: a handle, cheap to clone.
#[derive(Clone, Debug)]
pub struct AppState {
    parts: Arc<Parts>,
}

/// What the state is made of.
#[derive(Debug)]
pub struct Parts {
    pub(crate) settings: Settings,
    /// The release that this process is.
    pub(crate) release: &'static Release,
    /// Who answers, for the footer.
    pub(crate) identity: Identity,
    pub(crate) catalog: Catalog,
    /// Pages of products that shoppers share.
    pub(crate) pages: RenderedPages,
    /// Samples of the product service, for the release view.
    pub(crate) sampler: Sampler,
    /// What those see who ask for a release that shoppers do not get.
    pub(crate) dark_launches: DarkLaunches,
    /// What a presenter says of it.
    pub(crate) marks: Arc<Marks>,
    pub(crate) orders: Orders,
    pub(crate) metrics: ShopMetrics,
    /// The cookies of this store.
    pub(crate) cookies: Cookies,
}

impl Deref for AppState {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

impl AppState {
    /// The state of a store front with these settings, whose orders are in `database`. It waits for nothing: whether the product service and the
    /// database are there shows when they are asked, and `readiness` reports it.
    ///
    /// # Errors
    /// When there is no way to a product service by https.
    pub fn new(
        settings: &Settings,
        database: &Database,
        identity: &Identity,
        readiness: &Readiness,
        metrics: &Metrics,
    ) -> io::Result<Self> {
        let metrics = ShopMetrics::new(&metrics.registry);
        let key = settings.cookie_key.clone().unwrap_or_else(|| Key::beside(database.file()));
        let (locale, release) = (settings.locale.as_str(), settings.release);
        let authorities = settings.product_service_ca.clone().unwrap_or_default();
        let endpoint = Endpoint::new(&settings.product_service, Resolver::of_the_system(), &authorities)?;
        let catalog = Catalog::new(locale, release, &endpoint, metrics.clone(), readiness.clone());
        let parts = Parts {
            release,
            identity: identity.clone(),
            sampler: catalog.sampler(release, &endpoint),
            dark_launches: DarkLaunches::new(&settings.preview_releases, locale, release, &endpoint),
            marks: Arc::new(Marks::new()),
            catalog,
            pages: RenderedPages::new(),
            orders: Orders::new(database, release.schema, &metrics)?,
            metrics,
            cookies: Cookies::new(key, locale, settings.is_public_https()),
            settings: settings.clone(),
        };
        Ok(Self { parts: Arc::new(parts) })
    }

    /// The products as those see them whose requests have these headers.
    pub(crate) fn catalog_for(&self, headers: &HeaderMap) -> &Catalog {
        self.dark_launches.asked_for(headers).map_or(&self.catalog, |launch| &launch.catalog)
    }

    /// Reports to `readiness`, metrics and the log whether orders can be written; never ends.
    pub fn watch_orders(&self, readiness: Readiness) -> impl Future<Output = ()> + use<> {
        self.orders.clone().watch(readiness, self.metrics.clone())
    }

    /// Contracts the orders' table, where this release does: before anything is served.
    ///
    /// # Errors
    /// When orders of older releases stand in the way; nothing is changed then.
    pub async fn contract_orders(&self) -> anyhow::Result<()> {
        Ok(self.orders.contract().await?)
    }

    /// Closes the orders' database.
    pub async fn close(&self) {
        self.orders.close().await;
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
