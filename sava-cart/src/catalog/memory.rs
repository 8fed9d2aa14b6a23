//! What is remembered of the product service's earlier answers.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::http::HeaderValue;
use sava_service::etag;
use time::OffsetDateTime;

use super::{
    listing::{FaultKind, Freshness, Listing, ServedBy},
    product::ProductId,
    product_list::{self, ProductList},
    store::Store,
};
use crate::release::ApiVersion;

/// In a canary page views alternate between releases: this many of their answers are kept, each by its entity tag, so
/// that none is parsed twice.
const MAX_KNOWN: usize = 4;
/// The memory that their products may take together, by [`ProductList::n_bytes`]; the latest answer is kept whatever it takes.
const MAX_KNOWN_BYTES: usize = product_list::MAX_BYTES;
/// This many titles of products that are gone are remembered.
const MAX_GONE: usize = 1000;
/// How often the product service is asked about the store itself.
const STORE_INTERVAL: Duration = Duration::from_secs(30);
/// The same where it did not tell.
const STORE_RETRY: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct Memory {
    /// The store's code.
    locale: String,
    /// What is sold when the product service was never reachable.
    fruit: Arc<ProductList>,
    /// The last good answer, and when it was last confirmed.
    last_good: Option<(CachedList, OffsetDateTime)>,
    /// Answers that a 304 can stand for, the latest last.
    known: Vec<CachedList>,
    /// What products were called that are not in the latest list any more, so that they can be named where they are
    /// missed.
    gone: HashMap<ProductId, String>,
    /// The store as the product service described it.
    store: Option<Store>,
    /// When it is to be asked about the store; `None` is at once.
    store_due: Option<Instant>,
    /// How fresh the listing before was, and what was wrong then, so that only changes are logged.
    was: Option<(&'static str, Option<FaultKind>)>,
}

/// An answer that was read.
#[derive(Clone, Debug)]
pub(super) struct CachedList {
    /// `None` where it had none, or must be read again.
    pub(super) etag: Option<HeaderValue>,
    pub(super) list: Arc<ProductList>,
    pub(super) api_version: ApiVersion,
    pub(super) served_by: ServedBy,
}

impl Memory {
    pub(super) fn new(locale: &str) -> Self {
        Self {
            locale: locale.to_owned(),
            fruit: Arc::new(ProductList::of_fruit(Store::default_of(locale))),
            last_good: None,
            known: Vec::new(),
            gone: HashMap::new(),
            store: None,
            store_due: None,
            was: None,
        }
    }

    /// The listing of `known`, which the product service has just confirmed.
    pub(super) fn confirm(&mut self, known: &CachedList) -> Listing {
        self.remember_titles(&known.list);
        self.last_good = Some((known.clone(), OffsetDateTime::now_utc()));
        known.listing(Freshness::Fresh)
    }

    /// The listing where the product service does not answer.
    pub(super) fn fall_back(&self) -> Listing {
        match &self.last_good {
            Some((known, since)) => known.listing(Freshness::Stale { since: *since }),
            None => Listing {
                list: Arc::clone(&self.fruit),
                freshness: Freshness::Fruit,
                served_by: None,
                fault: None,
            },
        }
    }

    /// Whether the listing before was of another freshness, or that for another reason: a product service that answers
    /// that there is no such store, or with too long a list, is there.
    pub(super) fn is_news(&mut self, listing: &Listing) -> bool {
        let now = (listing.freshness.label(), listing.fault_kind());
        self.was.replace(now) != Some(now)
    }

    /// The store of the last listing.
    pub(super) fn store(&self) -> &Store {
        let last_good = self.last_good.as_ref().map(|(known, _)| &known.list.store);
        last_good.unwrap_or(&self.fruit.store)
    }

    /// The store as the product service described it, if it has.
    pub(super) fn described_store(&self) -> Option<&Store> {
        self.store.as_ref()
    }

    /// Whether it is time to ask about the store.
    pub(super) fn is_store_due(&self) -> bool {
        self.store_due.is_none_or(|due| due <= Instant::now())
    }

    /// Keeps the store as it was described. An older product service does not describe its stores: it is the one of
    /// before, or the default.
    pub(super) fn describe_store(&mut self, described: Option<Store>) {
        self.store_due = Some(Instant::now() + STORE_INTERVAL);
        let before = || self.store.clone().unwrap_or_else(|| Store::default_of(&self.locale));
        let store = described.unwrap_or_else(before);
        if self.store.as_ref() != Some(&store) {
            // Prices are read and written by the store's currency and language.
            self.known.clear();
            self.fruit = Arc::new(ProductList::of_fruit(store.clone()));
            self.store = Some(store);
        }
    }

    /// The product service could not be asked about the store.
    pub(super) fn retry_store(&mut self) {
        self.store_due = Some(Instant::now() + STORE_RETRY);
    }

    /// The entity tags of all answers that need not be sent again (RFC 9110 §13.1.2).
    pub(super) fn etags(&self) -> Option<HeaderValue> {
        let etags: Vec<_> =
            self.known.iter().filter_map(|known| known.etag.as_ref()?.to_str().ok()).collect();
        if etags.is_empty() { None } else { HeaderValue::from_str(&etags.join(", ")).ok() }
    }

    /// The answer that a 304 with this entity tag stands for.
    pub(super) fn unchanged(&self, etag: Option<&HeaderValue>) -> Option<&CachedList> {
        match (etag, self.known.as_slice()) {
            (Some(etag), known) => {
                known.iter().find(|known| known.etag.as_ref().is_some_and(|known| etag::is_same(known, etag)))
            }
            (None, [only]) => Some(only),
            (None, _) => None,
        }
    }

    /// Keeps `known`, for which older answers have to go where there are too many or they are too large.
    pub(super) fn remember(&mut self, known: &CachedList) {
        self.known.retain(|other| other.etag != known.etag);
        self.known.push(known.clone());
        let n_bytes = |known: &[CachedList]| known.iter().map(|known| known.list.n_bytes()).sum::<usize>();
        while self.known.len() > MAX_KNOWN || (self.known.len() > 1 && n_bytes(&self.known) > MAX_KNOWN_BYTES)
        {
            self.known.remove(0);
        }
    }

    /// What the product of that id was called when it was on sale.
    pub(super) fn title_of_gone(&self, id: ProductId) -> Option<&str> {
        self.gone.get(&id).map(String::as_str)
    }

    /// Keeps the titles of those products of the last good answer that `now` does not have.
    fn remember_titles(&mut self, now: &Arc<ProductList>) {
        let Some((before, _)) = &self.last_good else { return };
        if Arc::ptr_eq(&before.list, now) {
            return;
        }
        self.gone.retain(|id, _| now.product(*id).is_none());
        for product in &before.list.products {
            if self.gone.len() < MAX_GONE && now.product(product.id).is_none() {
                self.gone.insert(product.id, product.title.clone());
            }
        }
    }
}

impl CachedList {
    fn listing(&self, freshness: Freshness) -> Listing {
        let served_by = Some(self.served_by.clone());
        Listing { list: Arc::clone(&self.list), freshness, served_by, fault: None }
    }
}
