//! The orders in which products are shown.

use std::cmp::Ordering;

use sava_service::collation;

use super::product::Product;

/// An order of products.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sort {
    /// As the product service has it.
    Featured,
    /// The lowest price first.
    Cheapest,
    /// The highest price first.
    Dearest,
    /// The best rated first; those without a rating last.
    Rating,
    /// As in a dictionary.
    Title,
}

impl Sort {
    pub(crate) const ALL: [Self; 5] =
        [Self::Featured, Self::Cheapest, Self::Dearest, Self::Rating, Self::Title];

    /// The order of two products; none where they stay as the product service has them.
    pub(super) fn compare(self, one: &Product, other: &Product) -> Ordering {
        match self {
            Self::Featured => Ordering::Equal,
            Self::Cheapest => one.price.amount.cmp(&other.price.amount),
            Self::Dearest => other.price.amount.cmp(&one.price.amount),
            Self::Rating => {
                let stars = |product: &Product| product.rating.map_or(-1.0, |rating| rating.stars);
                stars(other).total_cmp(&stars(one))
            }
            Self::Title => collation::compare(&one.title, &other.title),
        }
    }

    /// What asks the product service for it.
    pub(super) const fn parameters(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Featured => &[],
            Self::Cheapest => &[("_sort", "price")],
            Self::Dearest => &[("_sort", "price"), ("_order", "desc")],
            Self::Rating => &[("_sort", "rating.stars"), ("_order", "desc"), ("rating.stars_gte", "0")],
            Self::Title => &[("_sort", "title")],
        }
    }
}
