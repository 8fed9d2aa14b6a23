//! Indexes: the products of a store in the order of each field, made once, when the catalog is loaded.

use std::{borrow::Cow, cmp::Ordering, ops::Range};

use sava_service::collation;

use crate::decimal::Decimal;

/// The products of a store in the order of one field.
///
/// Products of equal value are a group. Groups are numbered from the least value, and that number is the rank of each
/// product in it: to compare values, compare ranks. Products without the field are the last group.
#[derive(Debug)]
pub(crate) struct Index {
    /// The positions of the products; those of a group in the order of the file.
    order: Vec<u32>,
    /// The rank of each product, by position.
    ranks: Vec<u32>,
    /// Where in `order` each group begins, and at last its length.
    starts: Vec<u32>,
    /// The value of each group, for numbers: in units of the decimal place `places`.
    units: Vec<u64>,
    places: u32,
    /// How many groups have a value: all, or all but the last.
    groups: u32,
}

impl Index {
    /// The index of a field of numbers, which are in units of the decimal place `places`.
    pub(super) fn of_numbers(values: &[Option<u64>], places: u32) -> Self {
        let value = |position: u32| values[position as usize];
        let mut index = Self::sorted(
            values.len(),
            |position| value(position).is_some(),
            |one, other| value(one).cmp(&value(other)),
        );
        index.units = (0..index.groups).filter_map(|rank| value(index.group(rank)[0])).collect();
        index.units.shrink_to_fit();
        index.places = places;
        index
    }

    /// The index of a field of text, which `text` tells by position. Those that are not borrowed are asked for again and
    /// again rather than kept: thousands of descriptions would be much.
    pub(super) fn of_texts<'text>(length: usize, text: impl Fn(u32) -> Option<Cow<'text, str>>) -> Self {
        let is_missing = |kept: &IndexedText<'_>| matches!(kept, IndexedText::Missing);
        let kept: Vec<_> = (0..)
            .take(length)
            .map(|position| match text(position) {
                Some(Cow::Borrowed(text)) => IndexedText::Text(text),
                Some(Cow::Owned(_)) => IndexedText::Elsewhere,
                None => IndexedText::Missing,
            })
            .collect();
        let text_of = |position: u32| match kept[position as usize] {
            IndexedText::Text(text) => Cow::Borrowed(text),
            IndexedText::Elsewhere => text(position).unwrap_or_default(),
            IndexedText::Missing => Cow::Borrowed(""),
        };
        Self::sorted(
            length,
            |position| !is_missing(&kept[position as usize]),
            |one, other| collation::compare(&text_of(one), &text_of(other)),
        )
    }

    /// `compare` is only asked of products that have the field.
    fn sorted(
        length: usize,
        has_field: impl Fn(u32) -> bool,
        compare: impl Fn(u32, u32) -> Ordering,
    ) -> Self {
        let mut order: Vec<u32> = Vec::with_capacity(length);
        let all = (0..).take(length);
        order.extend(all.clone().filter(|position| has_field(*position)));
        // Stable, so that equal ones keep the order of the file.
        order.sort_by(|one, other| compare(*one, *other));
        let n_with_field = order.len();
        order.extend(all.filter(|position| !has_field(*position)));
        let mut ranks = vec![0; length];
        let mut starts = Vec::new();
        let mut rank = 0;
        for (place, position) in order.iter().enumerate() {
            let is_new = place == 0
                || place == n_with_field
                || place < n_with_field && compare(order[place - 1], *position).is_ne();
            if is_new {
                rank = starts.len();
                starts.push(u32::try_from(place).unwrap_or(u32::MAX));
            }
            ranks[*position as usize] = u32::try_from(rank).unwrap_or(u32::MAX);
        }
        let has_missing = n_with_field < length;
        let groups = u32::try_from(starts.len() - usize::from(has_missing)).unwrap_or(u32::MAX);
        starts.push(u32::try_from(length).unwrap_or(u32::MAX));
        starts.shrink_to_fit();
        Self { order, ranks, starts, units: Vec::new(), places: 0, groups }
    }

    /// How many groups there are, that of the products without the field included.
    #[must_use]
    pub(crate) fn all_groups(&self) -> u32 {
        u32::try_from(self.starts.len() - 1).unwrap_or(u32::MAX)
    }

    /// How many groups there are whose products have the field; their ranks are the first.
    #[must_use]
    pub(crate) fn groups(&self) -> u32 {
        self.groups
    }

    /// The products of a group, in the order of the file.
    #[must_use]
    pub(crate) fn group(&self, rank: u32) -> &[u32] {
        self.groups_in(rank..rank + 1)
    }

    /// The products of these groups, in the order of the field.
    #[must_use]
    pub(crate) fn groups_in(&self, ranks: Range<u32>) -> &[u32] {
        &self.order[self.start(ranks.start)..self.start(ranks.end)]
    }

    /// How many products come before those of a group.
    #[must_use]
    pub(crate) fn start(&self, rank: u32) -> usize {
        self.starts[rank as usize] as usize
    }

    /// The rank of the product at `position`.
    #[must_use]
    pub(crate) fn rank(&self, position: u32) -> u32 {
        self.ranks[position as usize]
    }

    /// The value of a group of numbers.
    #[must_use]
    pub(crate) fn number(&self, rank: u32) -> Decimal {
        Decimal::from_units(self.units[rank as usize], self.places)
    }

    /// The rank of the first group for which `is_below` does not hold; `is_below` holds for none after that.
    #[must_use]
    pub(crate) fn partition(&self, mut is_below: impl FnMut(u32) -> bool) -> u32 {
        let (mut low, mut high) = (0, self.groups);
        while low < high {
            let middle = low.midpoint(high);
            if is_below(middle) { low = middle + 1 } else { high = middle }
        }
        low
    }
}

/// A text while an index is made.
enum IndexedText<'text> {
    Text(&'text str),
    /// Where it is, it has escapes.
    Elsewhere,
    /// The product has no such field.
    Missing,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_walked_in_the_order_of_their_values() {
        let index = Index::of_numbers(&[Some(3), Some(1), None, Some(3), Some(2)], 0);
        assert_eq!(index.groups_in(0..index.all_groups()), [1, 4, 0, 3, 2]);
        assert_eq!((index.groups(), index.all_groups()), (3, 4));
        assert_eq!(index.group(2), [0, 3]);
        assert_eq!((index.rank(3), index.rank(2)), (2, 3));
        assert_eq!(index.partition(|rank| rank < 2), 2);
        assert_eq!(index.partition(|_| true), 3);
    }

    #[test]
    fn no_products_make_an_empty_index() {
        let index = Index::of_numbers(&[], 0);
        assert_eq!((index.groups(), index.all_groups()), (0, 0));
        assert!(index.groups_in(0..0).is_empty());
    }
}
