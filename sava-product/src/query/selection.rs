//! The products that a query selects. A page in the order of one field costs a walk over that page alone, however
//! many products there are; filters cost a look at each product's ranks.

#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod by_looking;

use std::{borrow::Cow, cmp::Ordering, ops::Range};

use super::{
    bad_query::BadQuery,
    matching::{Clock, Wanted, wanted},
    parameters::{Query, SortKey, Window},
};
use crate::catalog::{Index, Store};

/// The products that a query selects.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Selection {
    /// Those that are given, in their order.
    pub positions: Vec<u32>,
    /// How many there are without the window.
    pub total: usize,
}

/// Selects the products of `store` that `query` asks for.
///
/// # Errors
/// When a pattern takes too long.
pub(crate) fn select(store: &Store, query: &Query) -> Result<Selection, BadQuery> {
    let mut clock = Clock::start();
    let mut wanted = wanted(store, query, &mut clock)?;
    let first = query.sort.first().copied();
    let (walk, ranks, is_whole) = match first {
        Some(key) => {
            // What is wanted of the sorted field is a part of the walk already.
            let of_key = wanted.iter().position(|wanted| wanted.field == key.field);
            let ranks = of_key
                .map_or(0..store.index_of(key.field).all_groups(), |of_key| wanted[of_key].ranks.clone());
            if let Some(of_key) = of_key.filter(|of_key| wanted[*of_key].is_whole()) {
                wanted.swap_remove(of_key);
            }
            (Walk::Field(key), ranks, wanted.is_empty())
        }
        None => (Walk::File, 0..0, wanted.is_empty()),
    };
    let walker = Walker { store, wanted, query, window: bounds(query.window), ranks };
    match walk {
        Walk::Field(key) if is_whole && query.search.is_none() => Ok(walker.page_of_field(key)),
        Walk::Field(key) => walker.filtered_by_field(key, &mut clock),
        Walk::File if is_whole && query.search.is_none() => Ok(walker.page_of_file()),
        Walk::File => walker.filtered_in_file(&mut clock),
    }
}

/// Which order the products are walked in.
enum Walk {
    File,
    Field(SortKey),
}

/// The first product that is given and the one after the last, counted from 0.
fn bounds(window: Window) -> Range<usize> {
    match window {
        Window::All => 0..usize::MAX,
        Window::Slice { start, end } => start..end.unwrap_or(usize::MAX),
        Window::Page { page, limit } => {
            let start = (page - 1).saturating_mul(limit);
            start..start.saturating_add(limit)
        }
    }
}

struct Walker<'query> {
    store: &'query Store,
    wanted: Vec<Wanted>,
    query: &'query Query,
    window: Range<usize>,
    /// The groups of the sorted field that are walked.
    ranks: Range<u32>,
}

impl Walker<'_> {
    fn page_of_file(&self) -> Selection {
        let total = self.store.len();
        let all = self.store.positions();
        let within = |place: usize| u32::try_from(place.min(total)).unwrap_or(all.end);
        Selection { positions: (within(self.window.start)..within(self.window.end)).collect(), total }
    }

    /// Nothing is filtered but the sorted field itself, so its index tells where the page begins.
    fn page_of_field(&self, key: SortKey) -> Selection {
        let index = self.store.index_of(key.field);
        let first = index.start(self.ranks.start);
        let last = index.start(self.ranks.end);
        let total = last - first;
        let window = self.window.start.min(total)..self.window.end.min(total);
        let mut positions = Vec::with_capacity(window.len());
        // How many products come before a group in the order of the walk.
        let before =
            |rank: u32| if key.descending { last - index.start(rank + 1) } else { index.start(rank) - first };
        let mut group = if key.descending {
            // The group with the last one before the window's first, in ascending order, is where the walk begins.
            index_of_last(&self.ranks, |rank| before(rank) <= window.start, true)
        } else {
            index_of_last(&self.ranks, |rank| before(rank) <= window.start, false)
        };
        while let Some(rank) = group.filter(|_| positions.len() < window.len()) {
            let members = sorted_by_rest(self.store, &self.query.sort, index.group(rank));
            let skipped = window.start.saturating_sub(before(rank));
            positions.extend(members.iter().skip(skipped).take(window.len() - positions.len()));
            group = if key.descending { rank.checked_sub(1) } else { Some(rank + 1) };
            group = group.filter(|rank| self.ranks.contains(rank));
        }
        Selection { positions, total }
    }

    fn filtered_by_field(&self, key: SortKey, clock: &mut Clock) -> Result<Selection, BadQuery> {
        let index = self.store.index_of(key.field);
        let mut selection = Selection { positions: Vec::new(), total: 0 };
        let mut visit = |rank: u32| -> Result<(), BadQuery> {
            let members = self.filter(index.group(rank).iter().copied(), clock)?;
            self.take(&sorted_by_rest(self.store, &self.query.sort, &members), &mut selection);
            Ok(())
        };
        if key.descending {
            self.ranks.clone().rev().try_for_each(&mut visit)?;
        } else {
            self.ranks.clone().try_for_each(&mut visit)?;
        }
        Ok(selection)
    }

    fn filtered_in_file(&self, clock: &mut Clock) -> Result<Selection, BadQuery> {
        let narrowest =
            self.wanted.iter().min_by_key(|wanted| wanted.at_most(self.store.index_of(wanted.field)));
        let narrowest = narrowest
            .filter(|wanted| wanted.at_most(self.store.index_of(wanted.field)) < self.store.len() / 8);
        let matching = if let Some(wanted) = narrowest {
            let mut candidates = self.store.index_of(wanted.field).groups_in(wanted.ranks.clone()).to_vec();
            candidates.sort_unstable();
            self.filter(candidates.into_iter(), clock)?
        } else {
            self.filter(self.store.positions(), clock)?
        };
        let mut selection = Selection { positions: Vec::new(), total: 0 };
        self.take(&matching, &mut selection);
        Ok(selection)
    }

    fn filter(&self, candidates: impl Iterator<Item = u32>, clock: &mut Clock) -> Result<Vec<u32>, BadQuery> {
        let indexes: Vec<(&Wanted, &Index)> =
            self.wanted.iter().map(|wanted| (wanted, self.store.index_of(wanted.field))).collect();
        let mut matching = Vec::new();
        for position in candidates {
            if !indexes.iter().all(|(wanted, index)| wanted.has(index.rank(position))) {
                continue;
            }
            if let Some(search) = &self.query.search {
                clock.tick("q")?;
                if !search.finds(self.store, position) {
                    continue;
                }
            }
            matching.push(position);
        }
        Ok(matching)
    }

    /// Counts what matches, and takes what of it lies in the window.
    fn take(&self, matching: &[u32], selection: &mut Selection) {
        let skipped = self.window.start.saturating_sub(selection.total);
        let left = self.window.end.saturating_sub(self.window.start) - selection.positions.len();
        selection.positions.extend(matching.iter().skip(skipped).take(left));
        selection.total += matching.len();
    }
}

/// The group in `ranks` at which a walk to the window begins: the last for which `is_before` holds in the order of the
/// walk.
fn index_of_last(ranks: &Range<u32>, is_before: impl Fn(u32) -> bool, descending: bool) -> Option<u32> {
    let (mut low, mut high) = (ranks.start, ranks.end);
    while low < high {
        let middle = low.midpoint(high);
        if is_before(middle) == descending { high = middle } else { low = middle + 1 }
    }
    let found = if descending { Some(low) } else { low.checked_sub(1) };
    found.filter(|rank| ranks.contains(rank))
}

/// Products that are equal in the first key and in the order of the file, sorted by the other keys.
fn sorted_by_rest<'a>(store: &Store, sort: &[SortKey], positions: &'a [u32]) -> Cow<'a, [u32]> {
    let rest: Vec<_> = sort.iter().skip(1).map(|key| (store.index_of(key.field), key.descending)).collect();
    if rest.is_empty() || positions.len() < 2 {
        return positions.into();
    }
    let mut sorted = positions.to_vec();
    sorted.sort_by(|one, other| {
        rest.iter().fold(Ordering::Equal, |order, (index, descending)| {
            order.then_with(|| {
                let order = index.rank(*one).cmp(&index.rank(*other));
                if *descending { order.reverse() } else { order }
            })
        })
    });
    sorted.into()
}

#[cfg(test)]
mod tests;
