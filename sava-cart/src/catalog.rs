//! The products on sale: asked of the product service at every page view, and there whatever it does.

mod cached_list;
pub(crate) mod fruit;
pub(crate) mod listing;
mod memory;
mod parts;
mod pictures;
pub(crate) mod product;
pub(crate) mod product_list;
mod product_query;
pub(crate) mod reader;
mod sort;
pub(crate) mod store;
mod words;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use bytes::Bytes;
use sava_service::{
    Readiness,
    server::{X_SAVA_INSTANCE, X_SAVA_RELEASE},
};
use tokio::sync::Semaphore;

pub(crate) use fruit::Fruit;
pub(crate) use listing::{FaultKind, ProductFault, ServedBy};
pub use listing::{Freshness, Listing};
pub(crate) use pictures::PictureFile;
pub use product::Product;
pub(crate) use product::ProductId;
pub(crate) use product_list::ListId;
#[cfg(test)]
pub(crate) use product_list::ProductList;
pub use product_query::ProductQuery;
pub use sort::Sort;
pub(crate) use store::Store;

use self::{
    cached_list::CachedList, memory::Memory, pictures::Pictures, product_list::MAX_CATEGORIES,
    reader::ReadList,
};
use crate::{
    metrics::ShopMetrics,
    product_service::{
        client::{Client, Failure, Request, Response},
        endpoint::{DEADLINE, Endpoint},
        sampler::Sampler,
        single_flight::SingleFlight,
        statement::{stated, stated_version},
    },
    release::{ApiVersion, Feature, Release},
};

/// The largest list that is held whole: some 5,000 products with three lines of description each. A slow processor reads
/// it within the deadline, and what is made of it fits the manifests' memory several times, whatever it is. Of a longer
/// one pages are asked for one by one, and no page is larger.
const MAX_LIST_BYTES: usize = 2 << 20;
/// The largest answer about stores that is read.
const MAX_STORES_BYTES: usize = 256 << 10;
/// How many products a query selects, of which a page is the answer.
const X_TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");
/// How many products of a list that is too long a sample asks for: about a page.
const SAMPLED_PRODUCTS: usize = 12;
/// The list does not wait longer for what is said about the store.
const STORE_DEADLINE: Duration = Duration::from_millis(700);

/// A query of a list, for where that is too long to be held.
struct PartQuery {
    /// Form-encoded.
    parameters: String,
    /// Whether it selects all products.
    is_everything: bool,
    /// Whether it looks for a text.
    is_search: bool,
}

/// The products of the product service: a handle, cheap to clone.
#[derive(Clone, Debug)]
pub struct Catalog {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// The store's code.
    locale: String,
    /// Whether pages of this release show categories.
    has_categories: bool,
    /// The path of the list, below the product service's base.
    list_path: String,
    /// What this release asks for.
    accept: HeaderValue,
    client: Client,
    /// The release that the product service is asked to be, where this is a preview.
    preview: Option<String>,
    /// Asks for what takes the product service time: where it has none for searches, the shop goes on.
    searches: Client,
    pictures: Pictures,
    metrics: ShopMetrics,
    readiness: Readiness,
    /// The list that is being asked for now.
    flight: SingleFlight<Option<Listing>>,
    /// Held while a list is read, and by what was read until it is taken.
    turn_to_read: Arc<Semaphore>,
    /// Held only to read or write, never over an await.
    memory: Mutex<Memory>,
}

impl Catalog {
    /// The catalog of the store `locale`, as `release` asks for it.
    ///
    /// # Panics
    /// Never: the release's `Accept` header is plain ASCII.
    #[must_use]
    pub fn new(
        locale: &str,
        release: &Release,
        endpoint: &Endpoint,
        metrics: ShopMetrics,
        readiness: Readiness,
    ) -> Self {
        let client = |what| Client::new(what, endpoint.clone(), metrics.clone());
        Self {
            inner: Arc::new(Inner {
                locale: locale.to_owned(),
                has_categories: release.has(Feature::Categories),
                list_path: format!("products/{locale}"),
                accept: HeaderValue::from_str(&release.accept()).expect("plain ASCII"),
                client: client("lists"),
                preview: endpoint.preview().map(str::to_owned),
                searches: client("searches"),
                pictures: Pictures::new(client("pictures")),
                metrics,
                readiness,
                flight: SingleFlight::under_way(),
                turn_to_read: Arc::new(Semaphore::new(1)),
                memory: Mutex::new(Memory::new(locale)),
            }),
        }
    }

    /// What is on sale now: all of it, or, where that is too much to be held, the products of this `page` (from 1, of
    /// `size` products) of `query`. It has an answer within the deadline of the product service whatever happens.
    pub async fn page(&self, query: &ProductQuery, page: usize, size: usize) -> Listing {
        self.list(&PartQuery {
            parameters: query.parameters(page, size),
            is_everything: query.is_everything(),
            is_search: !query.q.is_empty(),
        })
        .await
    }

    /// The same with those of these ids.
    pub(crate) async fn products(&self, ids: impl IntoIterator<Item = ProductId>) -> Listing {
        let ids = ids.into_iter().filter(|id| matches!(id, ProductId::Product(_)));
        let parameters: Vec<_> = ids.map(|id| format!("id={id}")).collect();
        if parameters.is_empty() {
            return self.page(&ProductQuery::ALL, 1, 1).await;
        }
        let parameters = parameters.join("&");
        self.list(&PartQuery { parameters, is_everything: false, is_search: false }).await
    }

    /// A sampler of the list, which asks for it as pages of `release` do.
    #[must_use]
    pub(crate) fn sampler(&self, release: &Release, endpoint: &Endpoint) -> Sampler {
        let catalog = self.clone();
        Sampler::new(release, endpoint, move || catalog.path())
    }

    /// The list that is asked for, whole or as the answer to `parameters`: below the product service's base.
    fn path(&self) -> String {
        let inner = &self.inner;
        if inner.memory().is_too_long() {
            format!("{}?{}", inner.list_path, ProductQuery::ALL.parameters(1, SAMPLED_PRODUCTS))
        } else {
            inner.list_path.clone()
        }
    }

    async fn list(&self, query: &PartQuery) -> Listing {
        let inner = &self.inner;
        if !inner.memory().is_too_long() {
            // Once for all who ask at the same time.
            let whole = inner.flight.join(|| {
                let inner = Arc::clone(inner);
                async move { inner.whole_list().await }
            });
            if let Some(listing) = whole.await {
                return listing;
            }
        }
        inner.part_of_list(query).await
    }

    /// The store, as far as it is known without asking again: for pages that show no products.
    #[must_use]
    pub fn store(&self) -> Store {
        self.inner.memory().store().clone()
    }

    /// What the product of that id was called when it was on sale, if this process saw that; else its number.
    #[must_use]
    pub fn title_of_gone(&self, id: ProductId) -> String {
        self.inner.memory().title_of_gone(id).map_or_else(|| format!("Product {id}"), ToOwned::to_owned)
    }

    /// The picture in that file, where `file` is the [`Picture::file`] of a product; `None` where there is none, or
    /// none that can be had now.
    pub async fn image(&self, file: &str) -> Option<PictureFile> {
        self.inner.pictures.get(file).await
    }
}

impl Inner {
    /// The list; `None` where it is too long to be held.
    async fn whole_list(&self) -> Option<Listing> {
        let result = self.ask(None, Instant::now() + DEADLINE).await;
        if let Err(Failure::TooLarge(n_bytes)) = result {
            if self.memory().note_too_long() {
                tracing::info!(
                    n_bytes,
                    "the product list is too long to be held: pages are asked for one by one"
                );
            }
            return None;
        }
        Some(self.conclude(result.map(|known| self.memory().confirm(&known))))
    }

    /// The answer to a query of a list that is too long to be held.
    async fn part_of_list(&self, query: &PartQuery) -> Listing {
        let deadline = Instant::now() + DEADLINE;
        if self.has_categories && self.memory().are_categories_due() {
            match self.ask_for_categories(deadline.min(Instant::now() + STORE_DEADLINE)).await {
                Ok(categories) => self.memory().learn_categories(categories),
                Err(failure) => {
                    tracing::debug!(%failure, "the product service does not tell its categories");
                    self.memory().retry_categories();
                }
            }
        }
        let known = self.ask(Some(query), deadline).await;
        if query.is_everything
            && let Some(n_products) = known.as_ref().ok().and_then(|known| known.list.n_selected)
        {
            self.metrics.catalog_was_read(n_products, 0);
        }
        self.conclude(known.map(|known| self.memory().confirm_part(&query.parameters, &known)))
    }

    /// The listing that is shown, which is another where the product service failed.
    fn conclude(&self, result: Result<Listing, Failure>) -> Listing {
        let mut memory = self.memory();
        let (listing, failure) = match result {
            Ok(listing) => (listing, None),
            Err(failure) => {
                (Listing { fault: Some(ProductFault::of(&failure)), ..memory.fall_back() }, Some(failure))
            }
        };
        if memory.is_news(&listing) {
            self.report(&listing, failure.as_ref());
        }
        self.metrics.listed(listing.freshness.label());
        listing
    }

    /// Reports to the log and to readiness that the freshness changed.
    fn report(&self, listing: &Listing, failure: Option<&Failure>) {
        let Some(failure) = failure else {
            let served_by = listing.served_by.as_ref();
            tracing::info!(
                n_products = listing.list.products.len(),
                preview = self.preview,
                release = served_by.and_then(|served_by| served_by.release.as_deref()),
                instance = served_by.and_then(|served_by| served_by.instance.as_deref()),
                api_version = served_by.map(|served_by| served_by.api_version.as_str()),
                "products come from the product service"
            );
            return self.readiness.report("products", Ok(()));
        };
        let shown = match listing.freshness {
            Freshness::Fruit => "fruit is on sale",
            Freshness::Fresh | Freshness::Stale { .. } => "its last good answer is shown",
        };
        let preview = self.preview.as_deref();
        tracing::warn!(preview, %failure, "the product service gives no products: {shown}");
        self.readiness.report("products", Err(format!("{failure}: {shown}")));
    }

    /// Asks for the list, or for what answers the `query` of it, and for the store where that is not known or was not
    /// asked about for a while.
    async fn ask(&self, query: Option<&PartQuery>, deadline: Instant) -> Result<CachedList, Failure> {
        let (is_store_due, if_none_match) = {
            let memory = self.memory();
            let etags =
                query.map_or_else(|| memory.etags(), |query| memory.part(&query.parameters)?.etag.clone());
            (memory.is_store_due(), etags)
        };
        let path = query.map_or_else(
            || self.list_path.clone(),
            |query| format!("{}?{}", self.list_path, query.parameters),
        );
        let list = Request {
            resource: "list",
            path: &path,
            accept: &self.accept,
            if_none_match,
            max_bytes: MAX_LIST_BYTES,
            deadline,
        };
        if is_store_due {
            let store_deadline = deadline.min(Instant::now() + STORE_DEADLINE);
            let (answer, store) =
                tokio::join!(self.client_of(query).get(&list), self.ask_for_store(store_deadline));
            match store {
                Ok(store) => self.memory().describe_store(store),
                Err(failure) => {
                    tracing::debug!(%failure, "the product service does not tell about its stores");
                    self.memory().retry_store();
                }
            }
            self.read(query, answer.map_err(|failure| self.of_the_list(failure))?, deadline).await
        } else {
            let answer = self.client_of(query).get(&list).await;
            self.read(query, answer.map_err(|failure| self.of_the_list(failure))?, deadline).await
        }
    }

    /// The client that asks: each has a breaker of its own.
    fn client_of(&self, query: Option<&PartQuery>) -> &Client {
        if query.is_some_and(|query| query.is_search) { &self.searches } else { &self.client }
    }

    /// What `failure` means of the list: where there is no such list there is no such store.
    fn of_the_list(&self, failure: Failure) -> Failure {
        match failure {
            Failure::Status(StatusCode::NOT_FOUND, release) => {
                Failure::UnknownStore(self.locale.clone(), release)
            }
            other => other,
        }
    }

    /// The store as `/products` describes it. `Ok(None)` where the product service answers but does not tell.
    async fn ask_for_store(&self, deadline: Instant) -> Result<Option<Store>, Failure> {
        let stores = Request {
            resource: "stores",
            path: "products",
            accept: &HeaderValue::from_static("application/json"),
            if_none_match: None,
            max_bytes: MAX_STORES_BYTES,
            deadline,
        };
        match self.client.get(&stores).await {
            Ok(answer) => Ok(reader::read_store(&answer.body, &self.locale, deadline)),
            Err(Failure::Status(status, _)) if status.is_client_error() => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// The categories that products have, and whether there are more: each is the first that comes after the one before.
    async fn ask_for_categories(&self, deadline: Instant) -> Result<(BTreeSet<String>, bool), Failure> {
        let mut categories = BTreeSet::new();
        let mut parameters = vec![("_sort", "category".to_owned()), ("_limit", "1".to_owned())];
        for _ in 0..=MAX_CATEGORIES {
            let query = serde_urlencoded::to_string(&parameters).unwrap_or_default();
            let request = Request {
                resource: "categories",
                path: &format!("{}?{query}", self.list_path),
                accept: &self.accept,
                if_none_match: None,
                max_bytes: MAX_STORES_BYTES,
                deadline,
            };
            let answer = self.client.get(&request).await?;
            let Some(category) = reader::first_category(&answer.body) else { return Ok((categories, false)) };
            // What pages would cut is not one to browse, nor a text for the next request.
            if !reader::is_shown_whole(&category) || categories.len() == MAX_CATEGORIES {
                break;
            }
            if !categories.insert(category.clone()) {
                return Err(Failure::Unreadable("its categories come twice".to_owned()));
            }
            parameters.truncate(2);
            parameters.extend([("category_gte", category.clone()), ("category_ne", category)]);
        }
        Ok((categories, true))
    }

    async fn read(
        &self,
        query: Option<&PartQuery>,
        answer: Response,
        deadline: Instant,
    ) -> Result<CachedList, Failure> {
        let etag = answer.headers.get(header::ETAG).filter(|etag| etag.len() <= 128);
        if answer.status == StatusCode::NOT_MODIFIED {
            return self.unchanged(query, &answer, etag);
        }
        let described = self.memory().described_store().cloned();
        let is_default = matches!(self.locale.as_str(), "ie" | "uk");
        let store = described.clone().unwrap_or_else(|| Store::default_of(&self.locale));
        let is_guess = described.is_none() || (store == Store::default_of(&self.locale) && !is_default);
        let reading = self.read_apart(answer.body, store, is_guess, deadline).await;
        let mut reading = reading.inspect_err(|_| self.client_of(query).reject())?;
        reading.log_problems();
        if query.is_some() {
            let list = &mut reading.list;
            list.n_selected = stated(&answer.headers, &X_TOTAL_COUNT).and_then(|count| count.parse().ok());
            (list.categories, list.has_more_categories) = self.memory().categories().clone();
        } else {
            self.metrics.catalog_was_read(reading.list.products.len(), reading.n_skipped());
        }
        let api_version = stated_version(&answer.headers).unwrap_or(reading.api_version);
        let known = CachedList {
            // While the store is not described the list is read each time, so that it is right once it is.
            etag: etag.filter(|_| described.is_some()).cloned(),
            list: Arc::new(reading.list),
            api_version,
            served_by: served_by(&answer.headers, api_version),
        };
        if query.is_none() && known.etag.is_some() {
            self.memory().remember(&known);
        }
        Ok(known)
    }

    /// Nothing is parsed: the answer is one that is known.
    fn unchanged(
        &self,
        query: Option<&PartQuery>,
        answer: &Response,
        etag: Option<&HeaderValue>,
    ) -> Result<CachedList, Failure> {
        let memory = self.memory();
        let known = query.map_or_else(|| memory.unchanged(etag), |query| memory.part(&query.parameters));
        let known = known.ok_or_else(|| {
            Failure::Unreadable("it says 304 to an entity tag that it was not sent".to_owned())
        })?;
        Ok(CachedList { served_by: served_by(&answer.headers, known.api_version), ..known.clone() })
    }

    /// Reads a list apart from the threads that serve: a long one takes them a tenth of a second. One at a time: where
    /// processors are scarce, one that was given up may not have noticed yet, and holds what it has read so far.
    async fn read_apart(
        &self,
        body: Bytes,
        store: Store,
        is_guess: bool,
        deadline: Instant,
    ) -> Result<ReadList, Failure> {
        let turn = Arc::clone(&self.turn_to_read);
        let read = async {
            let turn = turn.acquire_owned().await.map_err(|error| Failure::Unreadable(error.to_string()))?;
            let read = move || (reader::read_list(&body, &store, is_guess, deadline), turn);
            let read = tokio::task::spawn_blocking(read).await;
            let (reading, _) = read.map_err(|error| Failure::Unreadable(error.to_string()))?;
            reading.map_err(Failure::Unreadable)
        };
        tokio::time::timeout_at(deadline.into(), read).await.unwrap_or(Err(Failure::Timeout))
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn served_by(headers: &HeaderMap, api_version: ApiVersion) -> ServedBy {
    let stated = |name| stated(headers, &name);
    ServedBy { release: stated(X_SAVA_RELEASE), instance: stated(X_SAVA_INSTANCE), api_version }
}

#[cfg(test)]
mod tests;
