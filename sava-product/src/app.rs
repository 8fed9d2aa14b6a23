//! What the handlers share.

use std::{
    ops::Deref,
    sync::{Arc, OnceLock},
};

use arc_swap::ArcSwap;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, header};
use sava_service::{Problem, server::ApiVersion};

use tokio::sync::Semaphore;

use crate::{
    catalog::{Catalog, Store},
    headers::X_SAVA_MEDIA_TYPE,
    metrics::Metrics,
    negotiation::{self, Form},
    pages::Pages,
    problems,
    query::{Query, Selection, select},
    release::Release,
    representation::Version,
    settings::ApiSettings,
};

/// Up to so many products filters are quick.
const CHEAP_STORE: usize = 2000;
/// How many queries may filter large stores at once.
const SEARCHES: usize = 2;

/// The state of the API; a handle that is cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Shared>);

/// What the handles lead to.
pub struct Shared {
    /// Which release this is.
    pub release: &'static Release,
    /// The numbers of the API versions that it serves.
    served: Vec<u8>,
    /// What is sold now; a reload puts another in its place.
    pub catalog: Arc<ArcSwap<Catalog>>,
    /// What is counted.
    metrics: Metrics,
    /// How long lists and products may be kept.
    pub cache_control: HeaderValue,
    /// Held by each query that filters a large store.
    searches: Arc<Semaphore>,
    /// None where they could not be made.
    pages: OnceLock<Option<Pages>>,
}

impl Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// The version that a request asks for, and the type that answers it.
#[derive(Clone, Copy, Debug)]
pub struct Representation {
    /// The version.
    pub version: Version,
    /// Its own type, or `application/json`.
    pub form: Form,
}

impl Representation {
    /// Its media type.
    #[must_use]
    pub fn content_type(self) -> HeaderValue {
        match self.form {
            Form::Vendor => self.version.content_type(),
            Form::Plain => HeaderValue::from_static("application/json"),
        }
    }

    /// Marks an answer with the version that it is in, for the access log and for faults that hit one version.
    #[must_use]
    pub fn mark(self, mut response: Response) -> Response {
        response.extensions_mut().insert(ApiVersion(self.version.name()));
        response
    }

    /// What tells its ETags from those of the same product or list in another representation.
    #[must_use]
    pub fn etag_form(self) -> &'static str {
        match self.form {
            Form::Vendor => self.version.vendor_form(),
            Form::Plain => self.version.plain_form(),
        }
    }
}

impl App {
    /// The state for these settings, with what is sold.
    ///
    /// # Panics
    /// Never: digits can be the value of a header.
    #[must_use]
    pub fn new(settings: &ApiSettings, catalog: Arc<ArcSwap<Catalog>>, metrics: Metrics) -> Self {
        let cache_control = match settings.cache_max_age.as_secs() {
            0 => HeaderValue::from_static("no-cache"),
            seconds => HeaderValue::try_from(format!("public, max-age={seconds}")).expect("digits"),
        };
        let release = settings.release;
        let served = release.api_versions.iter().map(|version| version.number()).collect();
        Self(Arc::new(Shared {
            release,
            served,
            catalog,
            metrics,
            cache_control,
            searches: Arc::new(Semaphore::new(SEARCHES)),
            pages: OnceLock::new(),
        }))
    }

    /// The representation that the client asks for.
    ///
    /// # Errors
    /// The problem that tells it which there are, when none is acceptable to it.
    pub fn negotiate(&self, headers: &HeaderMap) -> Result<Representation, Problem> {
        let accept = headers.get_all(header::ACCEPT).iter().map(HeaderValue::as_bytes);
        let choice = negotiation::negotiate(accept, &self.served).ok();
        let Some((version, choice)) =
            choice.and_then(|choice| Some((Version::from_number(choice.version)?, choice)))
        else {
            self.metrics.not_acceptable();
            return Err(problems::not_acceptable(self.release));
        };
        self.metrics.negotiated(version, choice.asked);
        Ok(Representation { version, form: choice.form })
    }

    /// The products of `store` that `query` selects. In a large store filters take time, so that is not done on the
    /// threads that serve, and only a few at once.
    ///
    /// # Errors
    /// When it takes too long.
    pub async fn select(&self, store: &Arc<Store>, query: Query) -> Result<Selection, Problem> {
        let is_cheap = query.filters.is_empty() && query.search.is_none() || store.len() <= CHEAP_STORE;
        if is_cheap {
            return select(store, &query).map_err(problems::bad_query);
        }
        let permit = self.searches.clone().acquire_owned().await;
        let store = store.clone();
        let selection = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            select(&store, &query)
        });
        match selection.await {
            Ok(selection) => selection.map_err(problems::bad_query),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    /// The pages, made when they are first asked for.
    ///
    /// # Errors
    /// When they cannot be made, which tests rule out.
    pub fn pages(&self) -> Result<&Pages, Problem> {
        let made = self
            .pages
            .get_or_init(|| Pages::new(self.release).inspect_err(|error| tracing::error!("{error:#}")).ok());
        made.as_ref().ok_or_else(problems::internal)
    }

    /// `headers` with those of an answer that has no version.
    #[must_use]
    pub fn default_headers(&self, mut headers: HeaderMap) -> HeaderMap {
        headers.insert(header::CACHE_CONTROL, self.cache_control.clone());
        headers
    }

    /// The headers of an answer in `version`.
    #[must_use]
    pub fn version_headers(&self, version: Version) -> HeaderMap {
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
