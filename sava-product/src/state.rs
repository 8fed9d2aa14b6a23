//! The state that all handlers share, and what `/version` tells of it.

use std::sync::Arc;

use arc_swap::ArcSwap;
use http::{HeaderMap, HeaderValue, header};
use sava_service::{Identity, Problem, server::Signature};
use serde_json::{Value, json};

use crate::{
    api_version::ApiVersion,
    catalog::{Catalog, Store},
    documents::Documents,
    headers::X_SAVA_MEDIA_TYPE,
    metrics::ApiMetrics,
    negotiation, problems,
    query::{Query, Selection, Window, select},
    release::Release,
    representation::Representation,
    searches::Searches,
    settings::ApiSettings,
};

/// Up to this many products filters are quick.
const MAX_CHEAP_PRODUCTS: usize = 2000;

/// The state of the API; cheap to clone.
#[derive(Clone)]
pub struct AppState {
    /// Which release this is.
    pub(crate) release: &'static Release,
    /// What is sold now; a reload puts another in its place.
    pub(crate) catalog: Arc<ArcSwap<Catalog>>,
    /// What does not change while the release runs.
    pub(crate) documents: Arc<Documents>,
    /// What is counted.
    metrics: Arc<ApiMetrics>,
    /// What the server around the API adds to each answer.
    pub(crate) signature: Arc<Signature>,
    /// How long lists and products may be kept.
    cache_control: HeaderValue,
    /// Where the queries run that take time.
    searches: Searches,
}

impl AppState {
    /// The state for these settings, with what is sold.
    ///
    /// # Errors
    /// When a document cannot be made, which tests rule out for each release.
    ///
    /// # Panics
    /// Never: digits can be the value of a header.
    pub fn new(
        settings: &ApiSettings,
        identity: &Identity,
        catalog: Arc<ArcSwap<Catalog>>,
        metrics: Arc<ApiMetrics>,
    ) -> anyhow::Result<Self> {
        let cache_control = match settings.cache_max_age.as_secs() {
            0 => HeaderValue::from_static("no-cache"),
            seconds => HeaderValue::try_from(format!("public, max-age={seconds}")).expect("digits"),
        };
        Ok(Self {
            release: settings.release,
            catalog,
            documents: Arc::new(Documents::new(settings.release)?),
            metrics,
            signature: Arc::new(Signature::new(identity)),
            cache_control,
            searches: Searches::new(),
        })
    }

    /// What answers `/version`, made for each request: the release, the versions of the API, and which catalog is
    /// sold from.
    pub fn version(&self) -> Arc<dyn Fn(&Identity) -> Value + Send + Sync> {
        let state = self.clone();
        Arc::new(move |identity| {
            let catalog = state.catalog.load();
            let api_versions: Vec<_> =
                state.release.api_versions.iter().copied().map(ApiVersion::name).collect();
            json!({
                "service": identity.service,
                "release": identity.release,
                "instance": identity.instance,
                "revision": identity.revision,
                "apiVersions": api_versions,
                "catalog": {
                    "digest": catalog.digest,
                    "loadedAt": humantime::format_rfc3339_seconds(catalog.loaded_at).to_string(),
                    "source": catalog.source,
                },
            })
        })
    }

    /// The representation that the client asks for.
    ///
    /// # Errors
    /// The problem that tells it which there are, when none is acceptable to it.
    pub(crate) fn negotiate(&self, headers: &HeaderMap) -> Result<Representation, Problem> {
        let accept = headers.get_all(header::ACCEPT).iter().map(HeaderValue::as_bytes);
        let Ok(choice) = negotiation::negotiate(accept, self.release.api_versions) else {
            self.metrics.not_acceptable();
            return Err(problems::not_acceptable(self.release));
        };
        self.metrics.negotiated(choice.version, choice.asked);
        Ok(Representation { version: choice.version, media_type: choice.media_type })
    }

    /// The products of `store` that the query string `query` selects, and which of them it wants. Patterns take time to
    /// compile, and filters in a large store to apply: those are [`Searches`].
    ///
    /// # Errors
    /// When the query is wrong, takes too long, or too many take long already.
    pub(crate) async fn select(
        &self,
        store: &Arc<Store>,
        query: &str,
    ) -> Result<(Window, Selection), Problem> {
        if !Query::has_pattern(query) {
            let parsed = Query::parse(query).map_err(problems::bad_query)?;
            if parsed.filters.is_empty() || store.len() <= MAX_CHEAP_PRODUCTS {
                let selection = select(store, &parsed).map_err(problems::bad_query)?;
                return Ok((parsed.window, selection));
            }
        }
        let (store, query) = (Arc::clone(store), query.to_owned());
        let search = self.searches.run(move || {
            let parsed = Query::parse(&query)?;
            Ok((parsed.window, select(&store, &parsed)?))
        });
        search.await?.map_err(problems::bad_query)
    }

    /// `headers` with those of an answer that has no version.
    #[must_use]
    pub(crate) fn default_headers(&self, mut headers: HeaderMap) -> HeaderMap {
        headers.insert(header::CACHE_CONTROL, self.cache_control.clone());
        headers
    }

    /// The headers of an answer in `version`.
    #[must_use]
    pub(crate) fn version_headers(&self, version: ApiVersion) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(16);
        headers.insert(X_SAVA_MEDIA_TYPE, version.sava_media_type());
        headers.insert(header::CACHE_CONTROL, self.cache_control.clone());
        let newest = self.release.newest();
        if version < newest
            && let Some(since) = version.deprecated()
        {
            headers.insert("deprecation", since);
            headers.append(header::LINK, newest.successor_link());
        }
        headers
    }
}
