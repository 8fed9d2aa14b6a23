//! A cart at the prices of a listing: what it costs, and what of it cannot be priced.

use crate::{
    cart::{self, Cart, CartLine},
    catalog::{Listing, Product},
    money::Money,
};

/// A cart with the prices of a listing: what the cart and the checkout show.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Quote {
    /// The lines whose product is in the listing.
    pub lines: Vec<QuoteLine>,
    /// The lines whose product is not: it is gone, or, where the listing is not fresh, its price is not known now.
    pub missing: Vec<CartLine>,
    /// What [`Self::lines`] cost, VAT included.
    pub total: Money,
    /// The total as the store's language writes it; in words where not all prices are known.
    pub total_text: String,
}

/// A line of a cart with its price.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct QuoteLine {
    pub product: Product,
    pub quantity: u32,
    pub total: Money,
    /// The same, written as the store's language does.
    pub total_text: String,
}

impl Quote {
    /// The cart at the listing's prices.
    #[must_use]
    pub(crate) fn new(cart: &Cart, listing: &Listing) -> Self {
        let store = &listing.list.store;
        let mut quote = Self {
            lines: Vec::with_capacity(cart.lines().len()),
            missing: Vec::new(),
            total: Money::zero(store.currency),
            total_text: String::new(),
        };
        for line in cart.lines() {
            let product = listing.product(line.id);
            let total = product.map(|product| product.price.times(line.quantity));
            match (product, total.and_then(|total| quote.total.plus(total))) {
                (Some(product), Some(sum)) => {
                    let total = product.price.times(line.quantity);
                    quote.total = sum;
                    quote.lines.push(QuoteLine {
                        product: product.clone(),
                        quantity: line.quantity,
                        total,
                        total_text: store.format(total),
                    });
                }
                _ => quote.missing.push(*line),
            }
        }
        quote.total_text = if quote.missing.is_empty() || listing.is_fresh() {
            store.format(quote.total)
        } else {
            "not known now".to_owned()
        };
        quote
    }

    /// The prices in a form's hidden field, so that the shopper orders what was shown and nothing else:
    /// `v1 EUR 3*2@2500 garlic*1@120`.
    #[must_use]
    pub(crate) fn seen(&self) -> String {
        let lines = self
            .lines
            .iter()
            .map(|line| format!(" {}*{}@{}", line.product.id, line.quantity, line.product.price.amount));
        std::iter::once(format!("v1 {}", self.total.currency)).chain(lines).collect()
    }
}

/// The total of [`Quote::seen`].
pub(crate) fn seen_total(seen: &str) -> Option<Money> {
    let mut words = seen.strip_prefix("v1 ")?.split(' ');
    let mut total = Money::zero(words.next()?.parse().ok()?);
    for line in words.take(cart::MAX_LINES) {
        let (_, line) = line.split_once('*')?;
        let (quantity, amount) = line.split_once('@')?;
        let price = Money { amount: amount.parse().ok()?, ..total };
        total = total.plus(price.times(quantity.parse().ok()?))?;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        catalog::{Freshness, Fruit, ProductId, ProductList, Store},
        money::Currency,
    };

    #[test]
    fn a_quote_prices_what_is_there_and_names_what_is_not() {
        let list = Arc::new(ProductList::of_fruit(Store::default_of("ie")));
        let listing = Listing { list, freshness: Freshness::Fresh, served_by: None, fault: None };
        let mut cart = Cart::default();
        cart.add(ProductId::Fruit(Fruit::Apples), 3).unwrap();
        cart.add(ProductId::Product(7), 1).unwrap();
        cart.add(ProductId::Fruit(Fruit::Garlic), 1).unwrap();
        let quote = Quote::new(&cart, &listing);
        assert_eq!(quote.total_text, "€8.70");
        assert_eq!(quote.missing.iter().map(|line| line.id).collect::<Vec<_>>(), [ProductId::Product(7)]);
        assert_eq!(quote.seen(), "v1 EUR apples*3@250 garlic*1@120");
        assert_eq!(seen_total(&quote.seen()), Some(quote.total));
    }

    #[test]
    fn what_was_seen_is_read_carefully() {
        assert_eq!(seen_total("v1 EUR"), Some(Money::zero(Currency::EUR)));
        for odd in ["", "v2 EUR 3*1@2", "v1", "v1 XXX 3*1@2", "v1 EUR 3", "v1 EUR 3*1@x", "v1 EUR 3*-1@2"] {
            assert_eq!(seen_total(odd), None, "{odd}");
        }
        assert!(seen_total("v1 EUR 3*4294967295@9223372036854775807 3*1@9223372036854775807").is_some());
    }
}
