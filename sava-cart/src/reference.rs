//! References from a page of the store front to another of its routes, always relative.
//!
//! The same image works at `/`, under `BASE_PATH`, behind an ingress that strips a prefix and behind
//! `kubectl proxy`, because a page never needs to know where it is: it knows how deep it is below the store
//! front's root, and goes up that far (RFC 3986 §4.2, relative-path references).

use std::fmt;

use crate::catalog::ProductId;

/// A route of the store front that a page can refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route<'a> {
    Home,
    /// One product, by its id.
    Product(ProductId),
    Cart,
    /// Where a form adds a product to the cart.
    CartItems,
    /// The address form, and where it is sent.
    Checkout,
    Orders,
    /// One order, by its number.
    Order(&'a str),
    Release,
    /// A product's picture, by its file name.
    Image(&'a str),
}

/// The paths of all routes below the store front's root, without a slash before them, with the names of their parameters
/// in braces: the router and [`Route`] read them here.
pub(crate) mod path {
    pub(crate) const HOME: &str = "";
    pub(crate) const PRODUCT: &str = "products/{id}";
    pub(crate) const CART: &str = "cart";
    pub(crate) const CART_ITEMS: &str = "cart/items";
    pub(crate) const CART_ITEM: &str = "cart/items/{id}";
    pub(crate) const REMOVE_CART_ITEM: &str = "cart/items/{id}/remove";
    pub(crate) const CHECKOUT: &str = "checkout";
    pub(crate) const ORDERS: &str = "orders";
    pub(crate) const ORDER: &str = "orders/{number}";
    pub(crate) const RELEASE: &str = "release";
    pub(crate) const RELEASE_SAMPLE: &str = "release/sample";
    pub(crate) const RELEASE_CODE: &str = "release/code";
    pub(crate) const RELEASE_MARKS: &str = "release/marks";
    pub(crate) const IMAGE: &str = "images/{file}";
    pub(crate) const ICON: &str = "favicon.ico";
    pub(crate) const ROBOTS: &str = "robots.txt";
}

impl fmt::Display for Route<'_> {
    /// The path below the store front's root, without a slash before it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, parameter): (_, &dyn fmt::Display) = match self {
            Self::Home => (path::HOME, &""),
            Self::Product(id) => (path::PRODUCT, id),
            Self::Cart => (path::CART, &""),
            Self::CartItems => (path::CART_ITEMS, &""),
            Self::Checkout => (path::CHECKOUT, &""),
            Self::Orders => (path::ORDERS, &""),
            Self::Order(number) => (path::ORDER, number),
            Self::Release => (path::RELEASE, &""),
            Self::Image(file) => (path::IMAGE, file),
        };
        match path.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?.1))) {
            Some((before, after)) => write!(formatter, "{before}{parameter}{after}"),
            None => formatter.write_str(path),
        }
    }
}

/// Where a page is: what its references start with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ReferenceBase {
    up: String,
}

impl ReferenceBase {
    /// The place of the page at `path`, a request's path below the store front's root, such as `/orders/7`.
    #[must_use]
    pub(crate) fn at(path: &str) -> Self {
        Self { up: "../".repeat(depth(path)) }
    }

    /// The place of a page at `path`, which is outside the store front's `base` (both from the server's root, the
    /// base with a slash at either end).
    #[must_use]
    pub(crate) fn outside(base: &str, path: &str) -> Self {
        Self { up: "../".repeat(depth(path)) + base.trim_start_matches('/') }
    }

    /// The memory that it takes beside its own size.
    pub(crate) const fn n_bytes(&self) -> usize {
        self.up.len()
    }

    /// The reference from here to `route`.
    #[must_use]
    pub(crate) fn to(&self, route: Route<'_>) -> String {
        match (self.up.as_str(), route) {
            ("", Route::Home) => "./".to_owned(),
            (up, route) => format!("{up}{route}"),
        }
    }
}

/// How many directories below the root `path` is: `/cart` is at none, `/orders/7` one down.
fn depth(path: &str) -> usize {
    path.bytes().filter(|&byte| byte == b'/').count().saturating_sub(1)
}

/// The reference from `path`, which ends in a slash, to the same without it, or none if it has no name to keep.
#[must_use]
pub(crate) fn without_slash(path: &str) -> Option<String> {
    let name = path.strip_suffix('/')?.rsplit('/').next()?;
    (!name.is_empty()).then(|| format!("../{name}"))
}

/// The reference from `base` without its last slash, such as `/shop`, to the base.
#[must_use]
pub(crate) fn with_slash(base: &str) -> String {
    format!("./{}/", base.trim_end_matches('/').rsplit('/').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(from: &str, to: Route<'_>, reference: &str) {
        assert_eq!(ReferenceBase::at(from).to(to), reference);
    }

    const THREE: ProductId = ProductId::Product(3);

    #[test]
    fn references_go_up_as_far_as_the_page_is_deep() {
        check("/", Route::Home, "./");
        check("/", Route::Product(THREE), "products/3");
        check("/cart", Route::Home, "./");
        check("/cart", Route::CartItems, "cart/items");
        check("/products/3", Route::Home, "../");
        check("/products/3", Route::Image("bicycle.svg"), "../images/bicycle.svg");
        check("/cart/items/3/remove", Route::Cart, "../../../cart");
        check("/orders/A1", Route::Order("B2"), "../orders/B2");
    }

    #[test]
    fn a_page_that_is_nowhere_still_finds_home() {
        check("/no/such/page/", Route::Home, "../../../");
        check("//", Route::Cart, "../cart");
        assert_eq!(ReferenceBase::outside("/shop/", "/a/b").to(Route::Cart), "../shop/cart");
        assert_eq!(ReferenceBase::outside("/shop/", "/a").to(Route::Home), "shop/");
    }

    #[test]
    fn slashes_are_mended_relatively() {
        assert_eq!(without_slash("/orders/7/").as_deref(), Some("../7"));
        assert_eq!(without_slash("/cart/").as_deref(), Some("../cart"));
        assert_eq!(without_slash("//"), None);
        assert_eq!(without_slash("/cart"), None);
        assert_eq!(with_slash("/shop/"), "./shop/");
        assert_eq!(with_slash("/a/shop/"), "./shop/");
    }
}
