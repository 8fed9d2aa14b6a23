//! What is remembered of the product service's earlier answers.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use axum::http::HeaderValue;
use sava_service::etag;
use time::OffsetDateTime;

use super::{
    cached_list::CachedList,
    listing::{FaultKind, Freshness, Listing},
    parts::Parts,
    product::ProductId,
    product_list::ProductList,
    store::Store,
};

/// In a canary page views alternate between releases: this many of their answers are kept, each by its entity tag, so
/// that none is parsed twice.
const MAX_KNOWN: usize = 4;
/// The memory that their products may take together, by [`ProductList::n_bytes`]; the latest answer is kept whatever it takes.
const MAX_KNOWN_BYTES: usize = 32 << 20;
/// This many titles of products that are gone are remembered.
const MAX_GONE: usize = 1000;
/// How often the product service is asked about the store itself.
const STORE_INTERVAL: Duration = Duration::from_secs(30);
/// How often it is asked whether a list that was too long still is, and for its categories.
const TOO_LONG_INTERVAL: Duration = Duration::from_mins(1);
/// How soon it is asked again where it did not tell.
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
    /// The answers to queries of a list that is too long to be held.
    parts: Parts,
    /// Until when the list is known to be too long; `None` where it is not.
    too_long_until: Option<Instant>,
    /// The categories of a list that is too long, and whether there are more.
    categories: (BTreeSet<String>, bool),
    /// When they are to be asked for; `None` is at once.
    categories_due: Option<Instant>,
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

impl Memory {
    pub(super) fn new(locale: &str) -> Self {
        Self {
            locale: locale.to_owned(),
            fruit: Arc::new(ProductList::of_fruit(Store::default_of(locale))),
            last_good: None,
            known: Vec::new(),
            parts: Parts::default(),
            too_long_until: None,
            categories: (BTreeSet::new(), false),
            categories_due: None,
            gone: HashMap::new(),
            store: None,
            store_due: None,
            was: None,
        }
    }

    /// The listing of `known`, which the product service has just confirmed.
    pub(super) fn confirm(&mut self, known: &CachedList) -> Listing {
        self.parts.clear();
        self.too_long_until = None;
        self.remember_titles(&known.list);
        self.last_good = Some((known.clone(), OffsetDateTime::now_utc()));
        known.listing(Freshness::Fresh)
    }

    /// The listing of `known`, with which the product service has just answered a query of a list that is too long.
    pub(super) fn confirm_part(&mut self, query: &str, known: &CachedList) -> Listing {
        let before = self.parts.answer(query).map(|before| Arc::clone(&before.list));
        if let Some(before) = before.filter(|before| !Arc::ptr_eq(before, &known.list)) {
            self.remember_gone(&before, &known.list);
        }
        self.parts.remember(query, known);
        known.listing(Freshness::Fresh)
    }

    /// Whether the list is known to be too long.
    pub(super) fn is_too_long(&self) -> bool {
        self.too_long_until.is_some_and(|until| Instant::now() < until)
    }

    /// The list was found to be too long; whether that is news.
    pub(super) fn note_too_long(&mut self) -> bool {
        self.known.clear();
        self.too_long_until.replace(Instant::now() + TOO_LONG_INTERVAL).is_none()
    }

    /// The answer to `query` of a list that is too long, if it is remembered.
    pub(super) fn part(&self, query: &str) -> Option<&CachedList> {
        self.parts.answer(query)
    }

    /// The categories of a list that is too long, and whether there are more.
    pub(super) const fn categories(&self) -> &(BTreeSet<String>, bool) {
        &self.categories
    }

    /// Whether it is time to ask for them.
    pub(super) fn are_categories_due(&self) -> bool {
        self.categories_due.is_none_or(|due| due <= Instant::now())
    }

    /// Keeps the categories that the product service has.
    pub(super) fn learn_categories(&mut self, categories: (BTreeSet<String>, bool)) {
        self.categories_due = Some(Instant::now() + TOO_LONG_INTERVAL);
        if self.categories != categories {
            // They are a part of each list.
            self.parts.clear();
            self.categories = categories;
        }
    }

    /// The product service could not be asked for its categories.
    pub(super) fn retry_categories(&mut self) {
        self.categories_due = Some(Instant::now() + STORE_RETRY);
    }

    /// The listing where the product service does not answer.
    pub(super) fn fall_back(&mut self) -> Listing {
        match &self.parts.merged().or_else(|| self.last_good.clone()) {
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
            self.parts.clear();
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
        self.gone.get(&id).map(String::as_str).or_else(|| self.parts.title(id))
    }

    /// Keeps the titles of those products of the last good answer that `now` does not have.
    fn remember_titles(&mut self, now: &Arc<ProductList>) {
        let Some((before, _)) = &self.last_good else { return };
        if !Arc::ptr_eq(&before.list, now) {
            let before = Arc::clone(&before.list);
            self.remember_gone(&before, now);
        }
    }

    /// Keeps the titles of those products of `before` that `now` does not have.
    fn remember_gone(&mut self, before: &ProductList, now: &ProductList) {
        self.gone.retain(|id, _| now.product(*id).is_none());
        for product in &before.products {
            if self.gone.len() < MAX_GONE && now.product(product.id).is_none() {
                self.gone.insert(product.id, product.title.clone());
            }
        }
    }
}
