//! What is remembered of a list that is too long to be held: the answers to the latest queries of it.

use std::{collections::BTreeMap, sync::Arc};

use time::OffsetDateTime;

use super::{cached_list::CachedList, product::ProductId, product_list::ProductList, store::Store};

/// The most answers that are kept.
const MAX_PARTS: usize = 64;
/// The memory that their products may take together, by [`ProductList::n_bytes`].
const MAX_PARTS_BYTES: usize = 4 << 20;

/// The latest answers.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// The latest last.
    kept: Vec<Part>,
    /// The products of all of them, once that was asked for.
    merged: Option<Arc<ProductList>>,
}

#[derive(Debug)]
struct Part {
    query: String,
    answer: CachedList,
    confirmed: OffsetDateTime,
}

impl Parts {
    /// The answer to `query`, if it is remembered.
    pub(super) fn answer(&self, query: &str) -> Option<&CachedList> {
        self.kept.iter().find(|part| part.query == query).map(|part| &part.answer)
    }

    /// Remembers the answer to `query`, for which older ones have to go where there are too many or they are too large.
    pub(super) fn remember(&mut self, query: &str, answer: &CachedList) {
        let before = self.kept.iter().position(|part| part.query == query);
        let before = before.map(|place| self.kept.remove(place));
        if before.is_none_or(|before| !Arc::ptr_eq(&before.answer.list, &answer.list)) {
            self.merged = None;
        }
        let confirmed = OffsetDateTime::now_utc();
        self.kept.push(Part { query: query.to_owned(), answer: answer.clone(), confirmed });
        while self.kept.len() > MAX_PARTS || (self.kept.len() > 1 && self.n_bytes() > MAX_PARTS_BYTES) {
            self.kept.remove(0);
            self.merged = None;
        }
    }

    /// The products of all answers, each as it was said last, the answer that came last, and when the oldest of them
    /// was confirmed; `None` where nothing is remembered.
    pub(super) fn merged(&mut self) -> Option<(CachedList, OffsetDateTime)> {
        let (latest, oldest) = (self.kept.last()?, self.kept.iter().map(|part| part.confirmed).min()?);
        let list = self.merged.get_or_insert_with(|| Arc::new(merge(&self.kept, &latest.answer.list.store)));
        Some((CachedList { list: Arc::clone(list), ..latest.answer.clone() }, oldest))
    }

    /// What the product of that id is called in one of the answers.
    pub(super) fn title(&self, id: ProductId) -> Option<&str> {
        self.kept.iter().rev().find_map(|part| Some(&*part.answer.list.product(id)?.title))
    }

    /// Forgets all of it.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    fn n_bytes(&self) -> usize {
        self.kept.iter().map(|part| part.answer.list.n_bytes()).sum()
    }
}

fn merge(parts: &[Part], store: &Store) -> ProductList {
    let mut merged = ProductList::empty(store.clone());
    let products = parts.iter().flat_map(|part| &part.answer.list.products);
    let by_id: BTreeMap<_, _> = products.map(|product| (product.id, product)).collect();
    for product in by_id.into_values() {
        // Each id is there once.
        let _added = merged.add(product.clone());
    }
    merged
}
