//! The products on sale: asked of the product service at every page view, and there whatever it does.

mod client;
pub mod fruit;
mod in_flight;
mod pictures;
pub mod product;
mod reader;
pub mod shelf;
pub mod store;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use sava_service::Readiness;
use time::OffsetDateTime;

pub use fruit::Fruit;
pub use pictures::PictureFile;
pub use product::{Picture, Product, ProductId, Rating};
pub use shelf::Shelf;
pub use store::Store;

use self::{
    client::{Answer, Client, DEADLINE, Failure, Request},
    in_flight::InFlight,
    pictures::Pictures,
};
use crate::{metrics::ShopMetrics, release::ApiVersion, resolver::Resolver, settings::Settings};

/// What a page shows: the products, how fresh they are, and who supplied them.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The products and the store. Parsed once: page views of an unchanged catalog share it.
    pub shelf: Arc<Shelf>,
    /// How fresh they are.
    pub freshness: Freshness,
    /// Who supplied them; nobody did where it is fruit.
    pub served_by: Option<ServedBy>,
    /// What went wrong in asking for them now, for a header that tells those who watch a canary.
    pub fault: Option<ProductFault>,
}

/// What the product service did wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductFault {
    /// In a few words, such as `status 500`.
    pub what: String,
    /// The release that answered so, where one did and said who it is.
    pub release: Option<String>,
}

/// How fresh a listing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// The product service just said so.
    Fresh,
    /// It does not answer now; this is its last good answer, of that time.
    Stale {
        /// When it was last confirmed.
        since: OffsetDateTime,
    },
    /// It never answered: this is fruit.
    Fruit,
}

/// The product service that supplied an answer, by its own words (`X-Sava-…`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServedBy {
    /// Its release; `None` where it did not say.
    pub release: Option<String>,
    /// Its instance (pod).
    pub instance: Option<String>,
    /// The version of the API that the answer is in.
    pub api_version: ApiVersion,
}

impl Listing {
    /// The product of that id, if it is on sale. Fruit always is.
    #[must_use]
    pub fn product(&self, id: ProductId) -> Option<&Product> {
        self.shelf.product(id)
    }

    /// Whether prices are confirmed: an order needs that.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.freshness == Freshness::Fresh
    }
}

impl ProductFault {
    fn of(failure: &Failure) -> Self {
        match failure {
            Failure::Status(status, release) => {
                Self { what: format!("status {}", status.as_u16()), release: release.clone() }
            }
            other => Self { what: other.label().replace('_', " "), release: None },
        }
    }
}

impl Freshness {
    /// `fresh`, `stale`, `fruit`: as metrics say it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Stale { .. } => "stale",
            Self::Fruit => "fruit",
        }
    }
}

/// The largest list that is read.
const MAX_LIST_BYTES: usize = 8 << 20;
/// The largest answer about stores that is read.
const MAX_STORES_BYTES: usize = 256 << 10;
/// In a canary page views alternate between releases: so many of their answers are kept, each by its entity tag, so
/// that none is parsed twice.
const MAX_KNOWN: usize = 4;
/// So many titles of products that are gone are remembered.
const MAX_GONE: usize = 1000;
/// How often the product service is asked about the store itself.
const STORE_INTERVAL: Duration = Duration::from_secs(30);
/// The same where it did not tell.
const STORE_RETRY: Duration = Duration::from_secs(2);
/// The list does not wait longer for what is said about the store.
const STORE_DEADLINE: Duration = Duration::from_millis(700);

/// The products of the product service: a handle, cheap to clone.
#[derive(Clone, Debug)]
pub struct Catalog {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
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
    flight: InFlight<Listing>,
    /// Held only to read or write, never over an await.
    memory: Mutex<Memory>,
}

/// What is remembered of earlier answers.
#[derive(Debug)]
struct Memory {
    /// What is sold when the product service was never reachable.
    fruit: Arc<Shelf>,
    /// The last good answer, and when it was last confirmed.
    last_good: Option<(Known, OffsetDateTime)>,
    /// Answers that a 304 can stand for, the latest last.
    known: Vec<Known>,
    /// What products were called that are not in the latest list any more, so that they can be named where they are
    /// missed.
    gone: HashMap<ProductId, String>,
    /// The store as the product service described it, and when it was asked.
    store: Option<Store>,
    /// When it is to be asked about the store; `None` is at once.
    store_due: Option<Instant>,
    /// How fresh the listing before was, so that the log tells of changes alone.
    was: Option<&'static str>,
}

/// An answer that was read.
#[derive(Clone, Debug)]
struct Known {
    /// `None` where it had none, or must be read again.
    etag: Option<HeaderValue>,
    shelf: Arc<Shelf>,
    api_version: ApiVersion,
    served_by: ServedBy,
}

impl Catalog {
    /// The catalog of the store that `settings` name.
    ///
    /// # Panics
    /// Never: the release's `Accept` header is plain ASCII.
    #[must_use]
    pub fn new(settings: &Settings, resolver: Resolver, metrics: ShopMetrics, readiness: Readiness) -> Self {
        let locale = settings.locale.as_str();
        let memory = Memory {
            fruit: Arc::new(Shelf::of_fruit(Store::default_of(locale))),
            last_good: None,
            known: Vec::new(),
            gone: HashMap::new(),
            store: None,
            store_due: None,
            was: None,
        };
        Self {
            shared: Arc::new(Shared {
                locale: locale.to_owned(),
                list_path: format!("products/{locale}"),
                accept: HeaderValue::from_str(&settings.release.accept()).expect("plain ASCII"),
                client: Client::new(&settings.product_service, resolver, metrics.clone()),
                pictures: Pictures::new(),
                metrics,
                readiness,
                flight: InFlight::new(),
                memory: Mutex::new(memory),
            }),
        }
    }

    /// What is on sale now: asks the product service, once for all who ask at the same time, and has an answer within
    /// its deadline whatever happens.
    pub async fn list(&self) -> Listing {
        let shared = &self.shared;
        shared
            .flight
            .join(|| {
                let shared = Arc::clone(shared);
                async move { shared.list().await }
            })
            .await
    }

    /// The store, as far as it is known without asking again: for pages that show no products.
    #[must_use]
    pub fn store(&self) -> Store {
        let memory = self.shared.memory();
        let last_good = memory.last_good.as_ref().map(|(known, _)| known.shelf.store.clone());
        last_good.unwrap_or_else(|| memory.fruit.store.clone())
    }

    /// What the product of that id was called when it was on sale, as far as this process saw it.
    #[must_use]
    pub fn title_of_gone(&self, id: ProductId) -> Option<String> {
        self.shared.memory().gone.get(&id).cloned()
    }

    /// The picture in that file, where `file` is the [`Picture::file`] of a product; `None` where there is none, or
    /// none that can be had now.
    pub async fn image(&self, file: &str) -> Option<PictureFile> {
        self.shared.pictures.get(&self.shared.client, file).await
    }
}

impl Shared {
    async fn list(&self) -> Listing {
        let result = self.ask(Instant::now() + DEADLINE).await;
        let mut memory = self.memory();
        let listing = match &result {
            Ok(known) => {
                memory.remember_titles(&known.shelf);
                memory.last_good = Some((known.clone(), OffsetDateTime::now_utc()));
                listing(known, Freshness::Fresh)
            }
            Err(failure) => {
                let listing = match &memory.last_good {
                    Some((known, since)) => listing(known, Freshness::Stale { since: *since }),
                    None => Listing {
                        shelf: Arc::clone(&memory.fruit),
                        freshness: Freshness::Fruit,
                        served_by: None,
                        fault: None,
                    },
                };
                Listing { fault: Some(ProductFault::of(failure)), ..listing }
            }
        };
        let label = listing.freshness.label();
        if memory.was.replace(label) != Some(label) {
            self.tell(&listing, result.err().as_ref());
        }
        self.metrics.listed(listing.freshness);
        listing
    }

    /// Tells the log and readiness that the freshness changed.
    fn tell(&self, listing: &Listing, failure: Option<&Failure>) {
        let Some(failure) = failure else {
            let n_products = listing.shelf.products.len();
            tracing::info!(n_products, served_by = ?listing.served_by, "products come from the product service");
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
    async fn ask(&self, deadline: Instant) -> Result<Known, Failure> {
        let store_is_due = self.memory().store_due.is_none_or(|due| due <= Instant::now());
        let if_none_match = self.known_etags();
        let list = Request {
            resource: "list",
            path: &self.list_path,
            accept: &self.accept,
            if_none_match,
            max_bytes: MAX_LIST_BYTES,
            deadline,
        };
        if store_is_due {
            let store_deadline = deadline.min(Instant::now() + STORE_DEADLINE);
            let (answer, store) = tokio::join!(self.client.get(&list), self.ask_for_store(store_deadline));
            self.remember_store(store);
            self.read(&answer?)
        } else {
            self.read(&self.client.get(&list).await?)
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
            Ok(answer) => Ok(reader::read_store(&answer.body, &self.locale)),
            Err(Failure::Status(status, _)) if status.is_client_error() => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    fn remember_store(&self, answer: Result<Option<Store>, Failure>) {
        let mut memory = self.memory();
        let now = Instant::now();
        let store = match answer {
            Ok(Some(store)) => store,
            // An older product service does not describe its stores.
            Ok(None) => memory.store.clone().unwrap_or_else(|| Store::default_of(&self.locale)),
            Err(failure) => {
                tracing::debug!(%failure, "the product service does not tell about its stores");
                memory.store_due = Some(now + STORE_RETRY);
                return;
            }
        };
        memory.store_due = Some(now + STORE_INTERVAL);
        if memory.store.as_ref() != Some(&store) {
            // Prices are read and written by the store's currency and language.
            memory.known.clear();
            memory.fruit = Arc::new(Shelf::of_fruit(store.clone()));
            memory.store = Some(store);
        }
    }

    /// The entity tags of all answers that need not be sent again (RFC 9110 §13.1.2).
    fn known_etags(&self) -> Option<HeaderValue> {
        let memory = self.memory();
        let etags: Vec<_> =
            memory.known.iter().filter_map(|known| known.etag.as_ref()?.to_str().ok()).collect();
        if etags.is_empty() { None } else { HeaderValue::from_str(&etags.join(", ")).ok() }
    }

    fn read(&self, answer: &Answer) -> Result<Known, Failure> {
        let etag = answer.headers.get(header::ETAG).filter(|etag| etag.len() <= 128);
        if answer.status == StatusCode::NOT_MODIFIED {
            return self.unchanged(answer, etag);
        }
        let described = self.memory().store.clone();
        let is_default = matches!(self.locale.as_str(), "ie" | "uk");
        let store = described.clone().unwrap_or_else(|| Store::default_of(&self.locale));
        let is_guess = described.is_none() || (store == Store::default_of(&self.locale) && !is_default);
        let list = reader::read_list(&answer.body, &store, is_guess).map_err(|reason| {
            self.client.reject();
            Failure::Unreadable(reason)
        })?;
        self.metrics.catalog_was_read(list.products.len(), list.n_skipped);
        let api_version = stated_version(&answer.headers).unwrap_or(list.api_version);
        let known = Known {
            // While the store is not described the list is read each time, so that it is right once it is.
            etag: etag.filter(|_| described.is_some()).cloned(),
            shelf: Arc::new(Shelf::new(list.store, list.products)),
            api_version,
            served_by: served_by(&answer.headers, api_version),
        };
        if known.etag.is_some() {
            let mut memory = self.memory();
            memory.known.retain(|other| other.etag != known.etag);
            if memory.known.len() == MAX_KNOWN {
                memory.known.remove(0);
            }
            memory.known.push(known.clone());
        }
        Ok(known)
    }

    /// Nothing is parsed: the answer is one that is known.
    fn unchanged(&self, answer: &Answer, etag: Option<&HeaderValue>) -> Result<Known, Failure> {
        let memory = self.memory();
        let known = match (etag, memory.known.as_slice()) {
            (Some(etag), known) => known.iter().find(|known| is_same_etag(known.etag.as_ref(), etag)),
            (None, [only]) => Some(only),
            (None, _) => None,
        };
        let known =
            known.ok_or_else(|| Failure::Unreadable("it says 304 of what nobody knows".to_owned()))?;
        Ok(Known { served_by: served_by(&answer.headers, known.api_version), ..known.clone() })
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    /// Keeps the titles of those products of the last good answer that `now` does not have.
    fn remember_titles(&mut self, now: &Arc<Shelf>) {
        let Some((before, _)) = &self.last_good else { return };
        if Arc::ptr_eq(&before.shelf, now) {
            return;
        }
        self.gone.retain(|id, _| now.product(*id).is_none());
        for product in &before.shelf.products {
            if self.gone.len() < MAX_GONE && now.product(product.id).is_none() {
                self.gone.insert(product.id, product.title.clone());
            }
        }
    }
}

fn listing(known: &Known, freshness: Freshness) -> Listing {
    let served_by = Some(known.served_by.clone());
    Listing { shelf: Arc::clone(&known.shelf), freshness, served_by, fault: None }
}

/// The weak comparison of RFC 9110 §8.8.3.2, as If-None-Match asks for.
fn is_same_etag(known: Option<&HeaderValue>, etag: &HeaderValue) -> bool {
    let opaque = |etag: &HeaderValue| {
        let bytes = etag.as_bytes();
        bytes.strip_prefix(b"W/").unwrap_or(bytes).to_vec()
    };
    known.is_some_and(|known| opaque(known) == opaque(etag))
}

/// The version that the answer's own headers state.
fn stated_version(headers: &HeaderMap) -> Option<ApiVersion> {
    let stated = [header::CONTENT_TYPE, HeaderName::from_static("x-sava-media-type")];
    let versions = [ApiVersion::V1, ApiVersion::V2, ApiVersion::V3];
    stated.iter().filter_map(|name| headers.get(name)?.to_str().ok()).find_map(|text| {
        versions
            .into_iter()
            .find(|version| text.to_ascii_lowercase().contains(&format!("sava.{}", version.as_str())))
    })
}

fn served_by(headers: &HeaderMap, api_version: ApiVersion) -> ServedBy {
    let stated = |name| stated(headers, name);
    ServedBy { release: stated("x-sava-release"), instance: stated("x-sava-instance"), api_version }
}

/// What another service says of itself goes into a page and a header of ours: plain and short, or not at all.
pub(crate) fn stated(headers: &HeaderMap, name: &str) -> Option<String> {
    let text = headers.get(name)?.to_str().ok()?.trim();
    let is_plain = (1..=100).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    is_plain.then(|| text.to_owned())
}

#[cfg(test)]
mod tests;
