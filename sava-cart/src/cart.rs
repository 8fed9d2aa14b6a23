//! The shopping cart: product ids and quantities in a signed cookie, so that any replica of any release serves any
//! shopper. Prices are not in it.

use axum::http::{HeaderMap, HeaderValue};

use crate::{catalog::ProductId, cookies::Cookies};

const PURPOSE: &str = "cart";
const MAX_AGE: time::Duration = time::Duration::days(30);

/// The most lines of a cart.
pub(crate) const MAX_LINES: usize = 50;
/// The most pieces of a line.
pub(crate) const MAX_QUANTITY: u32 = 99;

/// A shopping cart: lines in the order in which they were added, each product once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cart {
    lines: Vec<CartLine>,
}

/// A number of pieces of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CartLine {
    pub id: ProductId,
    /// How many: 1 to [`MAX_QUANTITY`].
    pub quantity: u32,
}

/// A limit that a change of the cart met; the text is for the shopper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Limit {
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
    pub(crate) fn read(cookies: &Cookies, headers: &HeaderMap) -> Self {
        cookies.read(headers, PURPOSE).and_then(|value| Self::parse(&value)).unwrap_or_default()
    }

    /// The `Set-Cookie` header that keeps this cart, or that it is empty.
    #[must_use]
    pub(crate) fn set_cookie(&self, cookies: &Cookies) -> HeaderValue {
        let value = (!self.is_empty()).then(|| self.to_value());
        cookies.set(PURPOSE, value.as_deref(), MAX_AGE)
    }

    #[must_use]
    pub(crate) fn lines(&self) -> &[CartLine] {
        &self.lines
    }

    /// The products that are in it.
    pub(crate) fn ids(&self) -> impl Iterator<Item = ProductId> {
        self.lines.iter().map(|line| line.id)
    }

    /// Whether nothing is in it.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// How many pieces are in it.
    #[must_use]
    pub(crate) fn n_pieces(&self) -> u32 {
        self.lines.iter().map(|line| line.quantity).sum()
    }

    /// How many pieces of that product are in it.
    #[must_use]
    pub(crate) fn quantity(&self, id: ProductId) -> u32 {
        self.lines.iter().find(|line| line.id == id).map_or(0, |line| line.quantity)
    }

    /// Adds that many pieces.
    ///
    /// # Errors
    /// The limit that was met.
    pub(crate) fn add(&mut self, id: ProductId, quantity: u32) -> Result<(), Limit> {
        self.set(id, self.quantity(id).saturating_add(quantity))
    }

    /// Sets how many pieces of that product there are; 0 removes the line.
    ///
    /// # Errors
    /// The limit that was met.
    pub(crate) fn set(&mut self, id: ProductId, quantity: u32) -> Result<(), Limit> {
        if quantity == 0 {
            self.remove(id);
            return Ok(());
        }
        let kept = quantity.min(MAX_QUANTITY);
        if let Some(line) = self.lines.iter_mut().find(|line| line.id == id) {
            line.quantity = kept;
        } else if self.lines.len() < MAX_LINES {
            self.lines.push(CartLine { id, quantity: kept });
        } else {
            return Err(Limit::Lines);
        }
        if kept < quantity { Err(Limit::Quantity) } else { Ok(()) }
    }

    /// Removes the line of that product, if there is one.
    pub(crate) fn remove(&mut self, id: ProductId) {
        self.lines.retain(|line| line.id != id);
    }

    /// `v1~3*2~garlic*1`: a version that says how the rest is read, then each line.
    pub(crate) fn to_value(&self) -> String {
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
                cart.lines.push(CartLine { id, quantity });
            }
        }
        Some(cart)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header;

    use super::*;
    use crate::{catalog::Fruit, cookies::key::Key};

    const GARLIC: ProductId = ProductId::Fruit(Fruit::Garlic);

    fn product(number: u64) -> ProductId {
        ProductId::Product(number)
    }

    #[test]
    fn a_cart_comes_back_from_the_browser() {
        let cookies = Cookies::new(Key::generate(), "ie", false);
        let mut cart = Cart::default();
        cart.add(product(3), 2).unwrap();
        cart.add(GARLIC, 1).unwrap();
        cart.add(product(3), 1).unwrap();
        assert_eq!(cart.to_value(), "v1~3*3~garlic*1");
        assert_eq!(cart.n_pieces(), 4);
        let set = cart.set_cookie(&cookies);
        let pair = set.to_str().unwrap().split(';').next().unwrap();
        let headers = HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_str(pair).unwrap())]);
        assert_eq!(Cart::read(&cookies, &headers), cart);
        assert_eq!(Cart::read(&cookies, &HeaderMap::new()), Cart::default());
    }

    #[test]
    fn limits_are_kept_and_told() {
        let mut cart = Cart::default();
        assert_eq!(cart.add(product(1), 100), Err(Limit::Quantity));
        assert_eq!(cart.quantity(product(1)), 99);
        assert_eq!(cart.add(product(1), u32::MAX), Err(Limit::Quantity));
        for number in 2..=50 {
            cart.add(product(number), 99).unwrap();
        }
        assert_eq!(cart.add(product(51), 1), Err(Limit::Lines));
        assert_eq!((cart.lines().len(), cart.quantity(product(51))), (50, 0));
        assert_eq!(cart.set(product(50), 1), Ok(()));
    }

    #[test]
    fn the_fullest_cart_fits_a_cookie() {
        let cookies = Cookies::new(Key::generate(), "ie", true);
        let mut cart = Cart::default();
        for number in 0..50 {
            cart.add(product(u64::MAX - number), 99).unwrap();
        }
        assert!(cart.set_cookie(&cookies).len() < 4096);
        assert_eq!(Cart::parse(&cart.to_value()), Some(cart));
    }

    #[test]
    fn no_pieces_are_no_line() {
        let mut cart = Cart::default();
        cart.add(product(1), 0).unwrap();
        cart.add(product(2), 1).unwrap();
        cart.set(product(2), 0).unwrap();
        cart.remove(product(3));
        assert!(cart.is_empty());
        let cookies = Cookies::new(Key::generate(), "ie", false);
        assert!(cart.set_cookie(&cookies).to_str().unwrap().contains("Max-Age=0"));
    }

    #[test]
    fn lines_that_this_release_does_not_know_are_left_out() {
        let value = "v1~3*2~durian*1~4*0~5*100~6*x~7~3*9~8*1";
        let cart = Cart::parse(value).unwrap();
        let lines: Vec<_> = cart.lines().iter().map(|line| (line.id, line.quantity)).collect();
        assert_eq!(lines, [(product(3), 2), (product(8), 1)]);
        assert_eq!(Cart::parse("v9~3*2"), None);
    }
}
