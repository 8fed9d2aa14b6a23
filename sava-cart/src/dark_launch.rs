//! Dark launches: releases of the product service that shoppers do not get, and that those see who ask for one by
//! `X-Sava-Preview`.

use std::sync::Arc;

use axum::http::HeaderMap;
use prometheus::Registry;
use sava_service::Readiness;

use crate::{
    catalog::Catalog,
    metrics::ShopMetrics,
    product_service::{Endpoint, PreviewRelease, preview_release::X_SAVA_PREVIEW, sampler::Sampler},
    release::Release,
};

/// What a release shows of the product service to those who preview it. It is remembered apart: nothing of it gets into
/// the pages, the metrics or the readiness that shoppers have.
#[derive(Clone, Debug)]
pub(crate) struct DarkLaunch {
    pub release: PreviewRelease,
    pub catalog: Catalog,
    pub sampler: Sampler,
}

/// The dark launches that the operator allows: usually none. A handle, cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct DarkLaunches(Arc<[DarkLaunch]>);

impl DarkLaunches {
    /// Those of `releases`, each asked for at `endpoint` as pages of `release` ask for the store `locale`.
    pub(crate) fn new(
        releases: &[PreviewRelease],
        locale: &str,
        release: &Release,
        endpoint: &Endpoint,
    ) -> Self {
        let launch = |preview: &PreviewRelease| {
            let endpoint = endpoint.previewing(preview);
            let metrics = ShopMetrics::new(&Registry::new());
            let catalog = Catalog::new(locale, release, &endpoint, metrics, Readiness::default());
            let sampler = catalog.sampler(release, &endpoint);
            DarkLaunch { release: preview.clone(), catalog, sampler }
        };
        Self(releases.iter().map(launch).collect())
    }

    /// Whether there are any.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The one that a request with these headers asks for. What is not allowed, and a header that is there twice, which
    /// two routers may read differently, ask for none.
    pub(crate) fn asked_for(&self, headers: &HeaderMap) -> Option<&DarkLaunch> {
        if self.is_empty() {
            return None;
        }
        let mut values = headers.get_all(X_SAVA_PREVIEW).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return None };
        self.0.iter().find(|launch| launch.release.as_str().as_bytes() == value.as_bytes())
    }
}
