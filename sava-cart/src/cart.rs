//! The shopping cart: product ids and quantities in a signed cookie, so that any replica of any release serves any
//! shopper. Prices are not in it.

use axum::http::{HeaderMap, HeaderValue};

use crate::{catalog::ProductId, cookies::Cookies};

const PURPOSE: &str = "cart";
const MAX_AGE: time::Duration = time::Duration::days(30);

/// The most lines of a cart.
pub const MAX_LINES: usize = 50;
/// The most pieces of a line.
pub const MAX_QUANTITY: u32 = 99;

/// A shopping cart: lines in the order in which they were added, each product once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cart {
    lines: Vec<Line>,
}

/// So many pieces of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Of what.
    pub id: ProductId,
    /// How many: 1 to [`MAX_QUANTITY`].
    pub quantity: u32,
}

/// A limit that a change of the cart met; the text is for the shopper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Limit {
    /// The cart has [`MAX_LINES`] lines; nothing was added.
    #[error("A cart holds at most {MAX_LINES} different products. Remove one to add another.")]
    Lines,
    /// The line has [`MAX_QUANTITY`] pieces; it was filled up to that.
    #[error("You can have at most {MAX_QUANTITY} pieces of a product.")]
    Quantity,
}

impl Cart {
    /// The cart of a request. Whatever is not a cart that this store signed is an empty one.
    #[must_use]
    pub fn read(cookies: &Cookies, headers: &HeaderMap) -> Self {
        cookies.read(headers, PURPOSE).and_then(|value| Self::parse(&value)).unwrap_or_default()
    }

    /// The `Set-Cookie` header that keeps this cart; an empty cart removes the cookie.
    #[must_use]
    pub fn set_cookie(&self, cookies: &Cookies) -> HeaderValue {
        let value = (!self.is_empty()).then(|| self.to_value());
        cookies.set(PURPOSE, value.as_deref(), MAX_AGE)
    }

    /// Its lines.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// How many pieces are in it.
    #[must_use]
    pub fn n_pieces(&self) -> u32 {
        self.lines.iter().map(|line| line.quantity).sum()
    }

    /// How many pieces of that product are in it.
    #[must_use]
    pub fn quantity(&self, id: ProductId) -> u32 {
        self.lines.iter().find(|line| line.id == id).map_or(0, |line| line.quantity)
    }

    /// Adds so many pieces.
    ///
    /// # Errors
    /// The limit that was met.
    pub fn add(&mut self, id: ProductId, quantity: u32) -> Result<(), Limit> {
        self.set(id, self.quantity(id).saturating_add(quantity))
    }

    /// Sets how many pieces of that product there are; 0 removes the line.
    ///
    /// # Errors
    /// The limit that was met.
    pub fn set(&mut self, id: ProductId, quantity: u32) -> Result<(), Limit> {
        if quantity == 0 {
            self.remove(id);
            return Ok(());
        }
        let kept = quantity.min(MAX_QUANTITY);
        if let Some(line) = self.lines.iter_mut().find(|line| line.id == id) {
            line.quantity = kept;
        } else if self.lines.len() < MAX_LINES {
            self.lines.push(Line { id, quantity: kept });
        } else {
            return Err(Limit::Lines);
        }
        if kept < quantity { Err(Limit::Quantity) } else { Ok(()) }
    }

    /// Removes the line of that product, if there is one.
    pub fn remove(&mut self, id: ProductId) {
        self.lines.retain(|line| line.id != id);
    }

    /// `v1~3*2~garlic*1`: a version that says how the rest is read, then each line.
    fn to_value(&self) -> String {
        let lines = self.lines.iter().map(|line| format!("~{}*{}", line.id, line.quantity));
        std::iter::once("v1".to_owned()).chain(lines).collect()
    }

    /// Reads what [`Self::to_value`] wrote. A line that cannot be read is left out: a later release may know ids
    /// that this one does not.
    fn parse(value: &str) -> Option<Self> {
        let lines = value.strip_prefix("v1")?.split('~').skip(1);
        let mut cart = Self::default();
        for line in lines.take(MAX_LINES) {
            let Some((id, quantity)) = line.split_once('*') else { continue };
            if let (Ok(id), Ok(quantity)) = (id.parse(), quantity.parse())
                && (1..=MAX_QUANTITY).contains(&quantity)
                && cart.quantity(id) == 0
            {
                cart.lines.push(Line { id, quantity });
            }
        }
        Some(cart)
    }
}
