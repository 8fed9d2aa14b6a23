//! Indexes: the products of a store in the order of each field, made once, when the catalog is loaded.

use std::{borrow::Cow, cmp::Ordering, ops::Range};

use super::{draft::Draft, field::Field};
use crate::decimal::Decimal;

/// The products of a store in the order of one field.
///
/// Products of equal value are a group. Groups are numbered from the least value, and that number is the rank of each
/// product in it: to compare values, compare ranks. Products without the field are the last group.
#[derive(Debug)]
pub struct Index {
    /// The positions of the products; those of a group in the order of the file.
    order: Vec<u32>,
    /// The rank of each product, by position.
    ranks: Vec<u32>,
    /// Where in `order` each group begins, and at last its length.
    starts: Vec<u32>,
    /// The value of each group, for numbers.
    numbers: Vec<Decimal>,
    /// How many groups have a value: all, or all but the last.
    groups: u32,
}

impl Index {
    /// The indexes of all fields, by [`Field::index`].
    pub(super) fn of_all(locale: &str, drafts: &[Draft<'_>]) -> Vec<Self> {
        Field::ALL.map(|field| Self::new(field, locale, drafts)).into()
    }

    fn new(field: Field, locale: &str, drafts: &[Draft<'_>]) -> Self {
        if field.is_number() {
            let numbers: Vec<_> = drafts.iter().map(|draft| number(draft, field)).collect();
            let mut index = Self::sorted(&numbers, Ord::cmp);
            let first = |group: &[u32]| numbers[group[0] as usize];
            index.numbers = (0..index.groups).filter_map(|rank| first(index.group(rank))).collect();
            index
        } else {
            let texts: Vec<_> = drafts.iter().map(|draft| text(draft, field, locale)).collect();
            Self::sorted(&texts, |one, other| collate(one, other))
        }
    }

    fn sorted<T>(values: &[Option<T>], compare: impl Fn(&T, &T) -> Ordering) -> Self {
        let compare = |one: u32, other: u32| match (&values[one as usize], &values[other as usize]) {
            (Some(one), Some(other)) => compare(one, other),
            (one, other) => one.is_none().cmp(&other.is_none()),
        };
        let mut order: Vec<u32> = (0..).take(values.len()).collect();
        // Stable, so that equal ones keep the order of the file.
        order.sort_by(|one, other| compare(*one, *other));
        let mut ranks = vec![0; order.len()];
        let mut starts = Vec::new();
        let mut rank = 0;
        for (place, position) in (0..).zip(&order) {
            let is_new = place == 0 || compare(order[place as usize - 1], *position).is_ne();
            if is_new {
                rank = starts.len();
                starts.push(place);
            }
            ranks[*position as usize] = u32::try_from(rank).unwrap_or(u32::MAX);
        }
        let has_missing = order.last().is_some_and(|position| values[*position as usize].is_none());
        let groups = u32::try_from(starts.len() - usize::from(has_missing)).unwrap_or(u32::MAX);
        starts.push(u32::try_from(order.len()).unwrap_or(u32::MAX));
        starts.shrink_to_fit();
        Self { order, ranks, starts, numbers: Vec::new(), groups }
    }

    /// How many groups there are, that of the products without the field included.
    #[must_use]
    pub fn all_groups(&self) -> u32 {
        u32::try_from(self.starts.len() - 1).unwrap_or(u32::MAX)
    }

    /// How many groups there are whose products have the field; their ranks are the first.
    #[must_use]
    pub fn groups(&self) -> u32 {
        self.groups
    }

    /// The products of a group, in the order of the file.
    #[must_use]
    pub fn group(&self, rank: u32) -> &[u32] {
        self.groups_in(rank..rank + 1)
    }

    /// The products of these groups, in the order of the field.
    #[must_use]
    pub fn groups_in(&self, ranks: Range<u32>) -> &[u32] {
        &self.order[self.start(ranks.start)..self.start(ranks.end)]
    }

    /// How many products come before those of a group.
    #[must_use]
    pub fn start(&self, rank: u32) -> usize {
        self.starts[rank as usize] as usize
    }

    /// The rank of the product at `position`.
    #[must_use]
    pub fn rank(&self, position: u32) -> u32 {
        self.ranks[position as usize]
    }

    /// The value of a group of numbers.
    #[must_use]
    pub fn number(&self, rank: u32) -> Decimal {
        self.numbers[rank as usize]
    }

    /// The rank of the first group for which `is_below` does not hold; `is_below` holds for none after that.
    #[must_use]
    pub fn partition(&self, mut is_below: impl FnMut(u32) -> bool) -> u32 {
        let (mut low, mut high) = (0, self.groups);
        while low < high {
            let middle = low.midpoint(high);
            if is_below(middle) { low = middle + 1 } else { high = middle }
        }
        low
    }
}

fn number(draft: &Draft<'_>, field: Field) -> Option<Decimal> {
    match field {
        Field::Id => Some(Decimal::from_units(draft.id, 0)),
        Field::Price => Some(draft.price.major_units()),
        Field::Stars => draft.rating.map(|rating| rating.stars),
        Field::Reviews => draft.rating.map(|rating| Decimal::from_units(rating.reviews.into(), 0)),
        _ => None,
    }
}

fn text<'draft>(draft: &'draft Draft<'_>, field: Field, locale: &'draft str) -> Option<Cow<'draft, str>> {
    match field {
        Field::Locale => Some(locale.into()),
        Field::Title => Some((&*draft.title).into()),
        Field::Description => Some((&*draft.description).into()),
        Field::Img => draft.image.as_ref().map(|image| image.path().into()),
        Field::Alt => draft.image.as_ref().map(|image| (&*image.alt).into()),
        Field::Category => draft.category.as_deref().map(Cow::Borrowed),
        _ => None,
    }
}

/// The order of texts: by code point of the lower-cased text, then of the text itself.
#[must_use]
pub fn collate(one: &str, other: &str) -> Ordering {
    let lower = |text: &'_ str| text.chars().flat_map(char::to_lowercase).collect::<Vec<_>>();
    // Most texts differ early, and in ASCII.
    for (a, b) in one.bytes().zip(other.bytes()) {
        if !a.is_ascii() || !b.is_ascii() {
            return lower(one).cmp(&lower(other)).then_with(|| one.cmp(other));
        }
        let order = a.to_ascii_lowercase().cmp(&b.to_ascii_lowercase());
        if order.is_ne() {
            return order;
        }
    }
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn groups_are_walked_in_the_order_of_their_values() {
        let index = Index::sorted(&[Some(3), Some(1), None, Some(3), Some(2)], Ord::cmp);
        assert_eq!(index.groups_in(0..index.all_groups()), [1, 4, 0, 3, 2]);
        assert_eq!((index.groups(), index.all_groups()), (3, 4));
        assert_eq!(index.group(2), [0, 3]);
        assert_eq!((index.rank(3), index.rank(2)), (2, 3));
        assert_eq!(index.partition(|rank| rank < 2), 2);
        assert_eq!(index.partition(|_| true), 3);
    }

    #[test]
    fn no_products_make_an_empty_index() {
        let index = Index::sorted::<u8>(&[], Ord::cmp);
        assert_eq!((index.groups(), index.all_groups()), (0, 0));
        assert!(index.groups_in(0..0).is_empty());
    }

    proptest! {
        #[test]
        fn collation_is_that_of_the_lower_cased_text(one in "[aBéÉİz0 ]{0,5}", other in "[aBéÉİz0 ]{0,5}") {
            let lower = |text: &str| text.chars().flat_map(char::to_lowercase).collect::<String>();
            let expected = lower(&one).cmp(&lower(&other)).then_with(|| one.cmp(&other));
            prop_assert_eq!(collate(&one, &other), expected);
        }
    }
}
