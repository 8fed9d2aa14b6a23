//! An order: a record that no later change of a product or a price touches.

use time::OffsetDateTime;

use crate::{address::Address, catalog::ProductId, money::Money};

/// An order as it was placed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Order {
    /// Its number, which is in its URL: random, so that numbers tell nothing of other orders.
    pub number: String,
    /// The store that it was placed in.
    pub locale: String,
    pub shopper: String,
    /// The key of the form that placed it: a form places one order, however often it is sent.
    pub form_key: String,
    /// When it was placed, to the millisecond.
    pub placed_at: OffsetDateTime,
    pub address: Address,
    /// For the courier; empty where the shopper wrote none, or the release took none.
    pub note: String,
    pub lines: Vec<OrderLine>,
    /// What it costs, VAT included.
    pub total: Money,
}

impl Order {
    /// A number for a new order: the store's code and ten characters of Crockford's base 32, 50 random bits.
    ///
    /// # Panics
    /// When the operating system has no random numbers.
    #[must_use]
    pub(crate) fn new_number(locale: &str) -> String {
        let mut bytes = [0; 10];
        getrandom::fill(&mut bytes).expect("the operating system has random numbers");
        let characters: String =
            bytes.iter().map(|byte| char::from(CROCKFORD[usize::from(byte % 32)])).collect();
        format!("{}-{}-{}", locale.to_ascii_uppercase(), &characters[..5], &characters[5..])
    }

    /// Whether `text` is a number that [`Self::new_number`] may have made, for a store with a code of up to 16
    /// characters: no other needs to be looked for.
    #[must_use]
    pub(crate) fn is_number(text: &str) -> bool {
        let is_group = |group: &str| group.len() == 5 && group.bytes().all(|b| CROCKFORD.contains(&b));
        let is_store = |code: &str| {
            (1..=16).contains(&code.len())
                && code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-')
        };
        let mut parts = text.rsplitn(3, '-');
        let (last, first, store) = (parts.next(), parts.next(), parts.next());
        last.is_some_and(is_group) && first.is_some_and(is_group) && store.is_some_and(is_store)
    }
}

/// Crockford's base 32: no letters that are read as digits.
const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A line of an order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OrderLine {
    pub id: ProductId,
    /// Its title at the time.
    pub title: String,
    pub quantity: u32,
    /// The price of one at the time.
    pub price: Money,
}

impl OrderLine {
    #[must_use]
    pub(crate) fn total(&self) -> Money {
        self.price.times(self.quantity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_store_are_numbers() {
        for store in ["ie", "uk", "en-gb-oxendict", "a-store-of-16-ch", "7"] {
            for _ in 0..100 {
                let number = Order::new_number(store);
                assert!(Order::is_number(&number), "{number}");
            }
        }
    }

    #[test]
    fn what_was_never_given_out_is_not_a_number() {
        for odd in [
            "",
            "-",
            "--",
            "IE",
            "IE-0123",
            "-01234-56789",
            "01234-56789",
            "IE-01234-5678",
            "IE-01234-567890",
            "IE-01234-5678U",
            "IE-01234-5678é",
            "ie-01234-56789",
            "IE-abcde-fghjk",
            "IE-01234-56789 ",
            "IE-01234-5678\0",
            "\0-01234-56789",
            "I E-01234-56789",
            "A-STORE-OF-17-CHS-01234-56789",
        ] {
            assert!(!Order::is_number(odd), "{odd:?}");
        }
    }
}
