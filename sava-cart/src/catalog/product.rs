//! A product as this store front knows it, whatever version of the API it came by.

use std::{fmt, str::FromStr};

use super::fruit::Fruit;
use crate::money::Money;

/// What a product is known by, in paths, in carts and in orders: the product service's number, or the name of a fruit,
/// which no number can collide with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProductId {
    /// A product of the product service.
    Product(u64),
    /// Fruit, which is sold when the product service was never reachable.
    Fruit(Fruit),
}

impl fmt::Display for ProductId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Product(number) => write!(formatter, "{number}"),
            Self::Fruit(fruit) => formatter.write_str(fruit.name()),
        }
    }
}

/// The text is not a product's id.
#[derive(Debug, thiserror::Error)]
#[error("no product has such an id")]
pub struct NoSuchId;

impl FromStr for ProductId {
    type Err = NoSuchId;

    fn from_str(text: &str) -> Result<Self, NoSuchId> {
        if let Some(fruit) = Fruit::named(text) {
            return Ok(Self::Fruit(fruit));
        }
        // One spelling only: a sign or a leading zero would be a second address of the same product.
        let is_plain = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
        text.parse().ok().filter(|_| is_plain).map(Self::Product).ok_or(NoSuchId)
    }
}

/// A product on sale. Its texts are text, not markup.
#[derive(Clone, Debug, PartialEq)]
pub struct Product {
    /// What it is known by.
    pub id: ProductId,
    /// Its name.
    pub title: String,
    /// What it is; may be empty.
    pub description: String,
    /// Its price, VAT included.
    pub price: Money,
    /// The price, written as the store's language does.
    pub price_text: String,
    /// Its picture, where it has one that can be shown.
    pub picture: Option<Picture>,
    /// What buyers think of it, where anybody said.
    pub rating: Option<Rating>,
    /// Its category, where it has one.
    pub category: Option<String>,
}

/// A picture that this store front serves as `images/FILE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// The file's name: one segment of a path, of letters, digits and `-_.`.
    pub file: String,
    /// What is seen in it; empty where the data does not say (v2).
    pub alt: String,
    /// Its width in pixels, where the data says.
    pub width: Option<u32>,
    /// Its height in pixels, where the data says.
    pub height: Option<u32>,
}

/// What buyers think of a product.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rating {
    /// The mean, 0 to 5.
    pub stars: f32,
    /// Of this many reviews.
    pub reviews: u64,
}

/// Whether `file` can be the name of a picture: one segment of a path, with nothing that a URL could read otherwise.
pub(super) fn is_picture_file(file: &str) -> bool {
    (1..=120).contains(&file.len())
        && file.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        && !file.starts_with('.')
        && !file.ends_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_one_spelling() {
        for text in ["3", "18446744073709551615", "garlic"] {
            assert_eq!(text.parse::<ProductId>().unwrap().to_string(), text);
        }
        for text in ["", "03", "0", "+3", "-3", "3.0", "18446744073709551616", "Garlic", "durian", " 3"] {
            assert!(text.parse::<ProductId>().is_err(), "{text}");
        }
    }
}
