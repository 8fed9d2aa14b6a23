//! The products on sale: asked of the product service at every page view, and there whatever it does.

pub(crate) mod fruit;
pub(crate) mod listing;
mod memory;
mod pictures;
pub(crate) mod product;
pub(crate) mod product_list;
mod reader;
pub(crate) mod store;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
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
pub(crate) use product_list::ProductList;
pub(crate) use store::Store;

use self::{
    memory::{CachedList, Memory},
    pictures::Pictures,
    reader::ReadList,
};
use crate::{
    metrics::ShopMetrics,
    product_service::{
        client::{Client, Failure, Request, Response},
        endpoint::{DEADLINE, Endpoint},
        single_flight::SingleFlight,
        statement::{stated, stated_version},
    },
    release::{ApiVersion, Release},
};

/// The largest list that is read.
const MAX_LIST_BYTES: usize = 8 << 20;
/// The largest answer about stores that is read.
const MAX_STORES_BYTES: usize = 256 << 10;
/// The list does not wait longer for what is said about the store.
const STORE_DEADLINE: Duration = Duration::from_millis(700);

/// The products of the product service: a handle, cheap to clone.
#[derive(Clone, Debug)]
pub struct Catalog {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// The store's code.
    locale: String,
    /// The path of the list, below the product service's base.
    list_path: String,
    /// What this release asks for.
    accept: HeaderValue,
    client: Client,
    pictures: Pictures,
    metrics: ShopMetrics,
    readiness: Readiness,
    /// The list that is being asked for now.
    flight: SingleFlight<Listing>,
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
                list_path: format!("products/{locale}"),
                accept: HeaderValue::from_str(&release.accept()).expect("plain ASCII"),
                client: client("lists"),
                pictures: Pictures::new(client("pictures")),
                metrics,
                readiness,
                flight: SingleFlight::under_way(),
                turn_to_read: Arc::new(Semaphore::new(1)),
                memory: Mutex::new(Memory::new(locale)),
            }),
        }
    }

    /// What is on sale now: asks the product service, once for all who ask at the same time, and has an answer within
    /// its deadline whatever happens.
    pub async fn list(&self) -> Listing {
        let inner = &self.inner;
        inner
            .flight
            .join(|| {
                let inner = Arc::clone(inner);
                async move { inner.list().await }
            })
            .await
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
    async fn list(&self) -> Listing {
        let result = self.ask(Instant::now() + DEADLINE).await;
        let mut memory = self.memory();
        let listing = match &result {
            Ok(known) => memory.confirm(known),
            Err(failure) => Listing { fault: Some(ProductFault::of(failure)), ..memory.fall_back() },
        };
        if memory.is_news(&listing) {
            self.report(&listing, result.err().as_ref());
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
        tracing::warn!(%failure, "the product service gives no products: {shown}");
        self.readiness.report("products", Err(format!("{failure}: {shown}")));
    }

    /// Asks for the list, and for the store where that is not known or was not asked about for a while.
    async fn ask(&self, deadline: Instant) -> Result<CachedList, Failure> {
        let (is_store_due, if_none_match) = {
            let memory = self.memory();
            (memory.is_store_due(), memory.etags())
        };
        let list = Request {
            resource: "list",
            path: &self.list_path,
            accept: &self.accept,
            if_none_match,
            max_bytes: MAX_LIST_BYTES,
            deadline,
        };
        if is_store_due {
            let store_deadline = deadline.min(Instant::now() + STORE_DEADLINE);
            let (answer, store) = tokio::join!(self.client.get(&list), self.ask_for_store(store_deadline));
            match store {
                Ok(store) => self.memory().describe_store(store),
                Err(failure) => {
                    tracing::debug!(%failure, "the product service does not tell about its stores");
                    self.memory().retry_store();
                }
            }
            self.read(answer.map_err(|failure| self.of_the_list(failure))?, deadline).await
        } else {
            let answer = self.client.get(&list).await;
            self.read(answer.map_err(|failure| self.of_the_list(failure))?, deadline).await
        }
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

    async fn read(&self, answer: Response, deadline: Instant) -> Result<CachedList, Failure> {
        let etag = answer.headers.get(header::ETAG).filter(|etag| etag.len() <= 128);
        if answer.status == StatusCode::NOT_MODIFIED {
            return self.unchanged(&answer, etag);
        }
        let described = self.memory().described_store().cloned();
        let is_default = matches!(self.locale.as_str(), "ie" | "uk");
        let store = described.clone().unwrap_or_else(|| Store::default_of(&self.locale));
        let is_guess = described.is_none() || (store == Store::default_of(&self.locale) && !is_default);
        let reading = self.read_apart(answer.body, store, is_guess, deadline).await;
        let reading = reading.inspect_err(|_| self.client.reject())?;
        reading.log_problems();
        self.metrics.catalog_was_read(reading.list.products.len(), reading.n_skipped());
        let api_version = stated_version(&answer.headers).unwrap_or(reading.api_version);
        let known = CachedList {
            // While the store is not described the list is read each time, so that it is right once it is.
            etag: etag.filter(|_| described.is_some()).cloned(),
            list: Arc::new(reading.list),
            api_version,
            served_by: served_by(&answer.headers, api_version),
        };
        if known.etag.is_some() {
            self.memory().remember(&known);
        }
        Ok(known)
    }

    /// Nothing is parsed: the answer is one that is known.
    fn unchanged(&self, answer: &Response, etag: Option<&HeaderValue>) -> Result<CachedList, Failure> {
        let memory = self.memory();
        let known = memory.unchanged(etag);
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
