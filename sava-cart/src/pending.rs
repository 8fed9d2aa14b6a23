//! An order of which it is not known whether it was taken. Its form's key is kept with the cart that it was of, in a
//! signed cookie: so whatever way the shopper takes back to the checkout, that cart is ordered once.

use axum::http::{HeaderMap, HeaderValue};

use crate::{cart::Cart, cookies::Cookies, orders::form_key::is_form_key};

const PURPOSE: &str = "pending";
/// As long as somebody may come back to a cart and wonder.
const MAX_AGE: time::Duration = time::Duration::days(30);

/// The key of the form that may have ordered `cart` before, if one may have.
#[must_use]
pub(crate) fn read(cookies: &Cookies, headers: &HeaderMap, cart: &Cart) -> Option<String> {
    let value = cookies.read(headers, PURPOSE)?;
    let (key, of_cart) = value.strip_prefix("v1~")?.split_once('~')?;
    // Another cart is another order, whatever became of the first.
    (is_form_key(key) && of_cart == cart.to_value()).then(|| key.to_owned())
}

/// The `Set-Cookie` header that remembers the form's key for the cart.
#[must_use]
pub(crate) fn set_cookie(cookies: &Cookies, key: &str, cart: &Cart) -> HeaderValue {
    cookies.set(PURPOSE, Some(&format!("v1~{key}~{}", cart.to_value())), MAX_AGE)
}

/// The `Set-Cookie` header that forgets it.
#[must_use]
pub(crate) fn forget(cookies: &Cookies) -> HeaderValue {
    cookies.set(PURPOSE, None, MAX_AGE)
}

#[cfg(test)]
mod tests {
    use axum::http::header;

    use super::*;
    use crate::{catalog::ProductId, cookies::key::Key, orders::form_key::new_form_key};

    #[test]
    fn the_key_is_that_of_the_same_cart_alone() {
        let cookies = Cookies::new(Key::generate(), "ie", false);
        let key = new_form_key();
        let mut cart = Cart::default();
        cart.add(ProductId::Product(3), 2).unwrap();
        let set = set_cookie(&cookies, &key, &cart);
        let pair = set.to_str().unwrap().split(';').next().unwrap().to_owned();
        let headers = HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_str(&pair).unwrap())]);
        assert_eq!(read(&cookies, &headers, &cart), Some(key));
        assert_eq!(read(&cookies, &HeaderMap::new(), &cart), None);
        cart.add(ProductId::Product(3), 1).unwrap();
        assert_eq!(read(&cookies, &headers, &cart), None);
    }

    #[test]
    fn the_largest_cart_can_be_remembered() {
        let cookies = Cookies::new(Key::generate(), "ie", false);
        let mut cart = Cart::default();
        for number in 0..crate::cart::MAX_LINES {
            cart.set(ProductId::Product(u64::MAX - number as u64), 99).unwrap();
        }
        assert!(set_cookie(&cookies, &new_form_key(), &cart).len() < 4096);
    }
}
