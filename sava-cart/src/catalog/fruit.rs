//! The fruit: what the store sells when the product service was never reachable, so that there is always a shop.

use super::product::{Product, ProductId};
use crate::{catalog::Store, money::Money};

/// A kind of fruit; garlic is the joke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fruit {
    /// A bag of apples.
    Apples,
    /// A net of oranges.
    Oranges,
    /// A papaya or two.
    Papayas,
    /// Is no fruit.
    Garlic,
}

impl Fruit {
    /// All there is.
    pub const ALL: [Self; 4] = [Self::Apples, Self::Oranges, Self::Papayas, Self::Garlic];

    /// Its id in paths and carts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Apples => "apples",
            Self::Oranges => "oranges",
            Self::Papayas => "papayas",
            Self::Garlic => "garlic",
        }
    }

    /// The fruit of that id.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fruit| fruit.name() == name)
    }

    /// The fruit as a product of `store`, at its own price: the same number of major units in every currency, and a
    /// hundred times that where a unit is worth about a cent (the yen and other currencies without decimals).
    #[must_use]
    pub fn product(self, store: &Store) -> Product {
        let (title, description, cents) = match self {
            Self::Apples => {
                ("Apples", "Six, a little shy. They keep the doctor away and the shop open.", 250)
            }
            Self::Oranges => ("Oranges", "A net of five. Not to be compared with apples.", 300),
            Self::Papayas => ("Papayas", "Two, ripe on the day that you forget them.", 450),
            Self::Garlic => ("Garlic", "Not a fruit. Nobody has had the heart to tell it.", 120),
        };
        let scale = 10_i64.pow(u32::from(store.currency.decimals().saturating_sub(2)));
        let price = Money { amount: cents * scale, currency: store.currency };
        Product {
            id: ProductId::Fruit(self),
            title: title.to_owned(),
            description: description.to_owned(),
            price,
            price_text: store.format(price),
            picture: None,
            rating: None,
            category: Some("fruit".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fruit_is_priced_in_every_currency() {
        let price = |language: &str, currency: &str| {
            Fruit::Apples.product(&Store::new("x", "X", language, currency.parse().unwrap())).price_text
        };
        assert_eq!(price("en-IE", "EUR"), "€2.50");
        assert_eq!(price("en-GB", "GBP"), "£2.50");
        assert_eq!(price("ja-JP", "JPY"), "￥250");
        assert_eq!(price("en-KW", "KWD"), "KWD\u{a0}2.500");
    }
}
