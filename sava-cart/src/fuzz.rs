//! What a fuzzer calls with bytes of any kind: each panics where the code does, and where it breaks a promise.
//! `fuzz/` has cargo-fuzz's targets and a corpus for each; the tests here go over that and mutations of it.
#![expect(clippy::missing_panics_doc, reason = "a panic is how a target tells what it has found")]

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::{
    address::{Address, AddressForm, Field, country::Country},
    cart::{Cart, MAX_LINES, MAX_QUANTITY},
    catalog::{
        Store,
        reader::{self, raw_product::MAX_TITLE_CHARS},
    },
    checkout::CheckoutForm,
    client::{Client, proxies},
    cookies::{Cookies, key::Key},
    pages::list_query::ListQuery,
    pending,
    quote::seen_total,
    release::{DEFAULT, Release},
    shopper::ShopperId,
};

/// What a client puts before the address that a trusted proxy adds: it passes for nobody else.
pub fn client(data: &[u8]) {
    let address = |text: &str| text.parse::<IpAddr>().expect("an address");
    let trusted = [proxies("10.0.0.0/8").expect("a network")];
    let (peer, true_address) = (address("10.0.0.1"), address("198.51.100.1"));
    let at = |address| Client::of(address, &HeaderMap::new(), &[]);
    let behind = |name: HeaderName, added: &str| {
        let line = HeaderValue::from_bytes(&[data, added.as_bytes()].concat()).ok()?;
        let headers = HeaderMap::from_iter([(name, line)]);
        assert_eq!(Client::of(true_address, &headers, &trusted), at(true_address));
        Some(Client::of(peer, &headers, &trusted))
    };
    if let Some(client) = behind(HeaderName::from_static("x-forwarded-for"), ", 198.51.100.1") {
        assert_eq!(client, at(true_address));
    }
    for added in [", for=198.51.100.1", ", for=\"198.51.100.1:80\";host=\"shop\""] {
        if let Some(client) = behind(header::FORWARDED, added) {
            assert!([at(true_address), at(peer)].contains(&client), "{client}");
        }
    }
}

/// The lines of `Cookie`: what is read of a cart is within its limits, and is what is kept of it. Then a value that this
/// store signed itself.
pub fn cookie(data: &[u8]) {
    let key = Key::parse(&"5a".repeat(64)).expect("64 bytes in hex");
    let cookies = Cookies::new(key, "ie", false);
    let lines = data.split(|byte| *byte == b'\n').filter_map(|line| HeaderValue::from_bytes(line).ok());
    read_cookies(&cookies, &lines.map(|line| (header::COOKIE, line)).collect());
    let is_of_cookie = |byte: &&u8| byte.is_ascii_graphic() && !b"\",;\\".contains(byte);
    let value: Vec<u8> = data.iter().filter(is_of_cookie).take(1000).copied().collect();
    let value = String::from_utf8(value).expect("it is ASCII");
    for purpose in ["cart", "pending", "shopper"] {
        let set = cookies.set(purpose, Some(&value), time::Duration::days(1));
        let headers = HeaderMap::from_iter([(header::COOKIE, given(&set))]);
        assert_eq!(cookies.read(&headers, purpose).unwrap_or_default(), value);
        read_cookies(&cookies, &headers);
    }
}

fn read_cookies(cookies: &Cookies, headers: &HeaderMap) {
    let cart = Cart::read(cookies, headers);
    assert!(cart.lines().len() <= MAX_LINES);
    assert!(cart.lines().iter().all(|line| (1..=MAX_QUANTITY).contains(&line.quantity)));
    let kept = HeaderMap::from_iter([(header::COOKIE, given(&cart.set_cookie(cookies)))]);
    assert_eq!(Cart::read(cookies, &kept), cart);
    let _ = pending::read(cookies, headers, &cart);
    if let Some(shopper) = ShopperId::read(cookies, headers) {
        let kept = HeaderMap::from_iter([(header::COOKIE, given(&shopper.set_cookie(cookies)))]);
        assert_eq!(ShopperId::read(cookies, &kept), Some(shopper));
    }
}

/// What a browser sends back of a `Set-Cookie` header.
fn given(set: &HeaderValue) -> HeaderValue {
    let pair = set.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    HeaderValue::from_bytes(pair).expect("a part of a header")
}

/// The checkout's form: an address that is taken is within the limits of its fields, and is taken again as it was written.
pub fn form(data: &[u8]) {
    let Ok(CheckoutForm { address, seen, .. }) = serde_urlencoded::from_bytes(data) else { return };
    let _ = seen_total(&seen);
    for region in ["IE", "GB", "US", ""] {
        let country = Country::of_region(region);
        let Ok(written) = address.address(&country) else { continue };
        let Address { name, email, street, town, county, postcode } = written.clone();
        let fields = [
            (Field::Name, &name),
            (Field::Email, &email),
            (Field::Address, &street),
            (Field::Town, &town),
            (Field::County, &county),
            (Field::Postcode, &postcode),
        ];
        for (field, text) in fields {
            assert!(
                text.chars().count() <= field.max_chars() && !text.contains(char::is_control),
                "{text:?}"
            );
        }
        let again = AddressForm { name, email, address: street, town, county, postcode };
        assert_eq!(again.address(&country), Ok(written));
    }
}

/// The query of the store front's list: the choice that is read is the one that a link to it makes.
pub fn list_query(data: &[u8]) {
    let release = Release::find(DEFAULT).expect("it is in the table");
    let choice = ListQuery::read(release, &String::from_utf8_lossy(data));
    assert_eq!(ListQuery::read(release, &choice.query()), choice);
}

/// An answer of the product service: what is read of a list is fit to be shown, each product once.
pub fn product_list(data: &[u8]) {
    let deadline = Instant::now() + Duration::from_mins(1);
    for is_guess in [false, true] {
        let Ok(read) = reader::read_list(data, &Store::default_of("ie"), is_guess, deadline) else {
            continue;
        };
        for product in &read.list.products {
            let n_chars = product.title.chars().count();
            assert!((1..=MAX_TITLE_CHARS).contains(&n_chars), "{n_chars}: {:?}", product.title);
            assert!(std::ptr::eq(read.list.product(product.id).expect("it is there"), product));
            assert_eq!(product.price.currency, read.list.store.currency);
            assert!(product.price.amount >= 0 && !product.price_text.is_empty());
            let file = product.picture.as_ref().map_or("", |picture| &picture.file);
            assert!(!file.contains(['/', '\\']) && !file.starts_with('.'), "{file:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use sava_corpus::try_all;

    #[test]
    fn client() {
        try_all("client", 20_000, super::client);
    }

    #[test]
    fn cookie() {
        try_all("cookie", 500, super::cookie);
    }

    #[test]
    fn form() {
        try_all("form", 5000, super::form);
    }

    #[test]
    fn list_query() {
        try_all("list_query", 10_000, super::list_query);
    }

    #[test]
    fn product_list() {
        try_all("product_list", 1000, super::product_list);
    }
}
