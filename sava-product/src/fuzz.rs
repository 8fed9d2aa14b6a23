//! What a fuzzer calls with bytes of any kind: each panics where the code does, and where it breaks a promise.
//! `fuzz/` has cargo-fuzz's targets and a corpus for each; the tests here go over that and mutations of it.
#![expect(clippy::missing_panics_doc, reason = "a panic is how a target tells what it has found")]

use std::sync::LazyLock;

use form_urlencoded::Serializer;
use http::{HeaderMap, HeaderValue, header};
use serde_json::{Value as Json, json};

use crate::{
    Catalog, LoadError,
    api_version::ApiVersion,
    catalog::{Contents, MAX_TOLD},
    encoding::Coding,
    negotiation::negotiate,
    query::{Query, by_looking, select},
};

/// The products that queries are held against.
static PRODUCTS: LazyLock<(Vec<Json>, Catalog)> = LazyLock::new(|| {
    let products = json!([
        {"id": 7, "title": "Axe", "price": 25, "category": "garden", "rating": {"stars": 4.5, "reviews": 10}},
        {"id": 1, "title": "beard oil", "price": 9.99, "category": "style"},
        {"id": 3, "title": "Candle", "price": 25.5, "category": "home"},
        {"id": 4, "title": "Désert cap", "price": 25, "category": "style", "rating": {"stars": 3, "reviews": 2}},
        {"id": 9, "title": "Espresso", "price": 2},
        {"id": 9_007_199_254_740_991_u64, "title": "axe", "price": 100, "category": "Garden"},
    ]);
    let Json::Array(mut products) = products else { unreachable!("it is written as an array") };
    for product in &mut products {
        product["locale"] = "ie".into();
        product["description"] = "smells of a \"forest\"".into();
    }
    let stores = json!([{"locale": "ie", "name": "Ireland", "language": "en-IE", "currency": "EUR"}]);
    let file = json!({"stores": stores, "products": products}).to_string();
    let catalog = Contents::of(file.as_bytes()).parse().unwrap_or_else(|error| panic!("{error}"));
    (products, catalog)
});

/// The lines of `Accept` and `Accept-Encoding`: what is chosen is served and acceptable by itself, in whatever order the
/// lines come.
pub fn accept(data: &[u8]) {
    let lines: Vec<&[u8]> = data.split(|byte| *byte == b'\n').collect();
    let choice = negotiate(lines.iter().copied(), &ApiVersion::ALL);
    assert_eq!(choice, negotiate(lines.iter().rev().copied(), &ApiVersion::ALL));
    if let Ok(choice) = choice {
        let alone = negotiate(lines.iter().copied(), &[choice.version]);
        assert_eq!(alone.map(|alone| alone.version), Ok(choice.version));
    }
    let lines = lines.iter().filter_map(|line| HeaderValue::from_bytes(line).ok());
    let headers: HeaderMap = lines.map(|line| (header::ACCEPT_ENCODING, line)).collect();
    let coding = Coding::negotiate(&headers, 10_000, &Coding::OF_PAGES);
    assert!(Coding::OF_PAGES.contains(&coding));
}

/// The query of a list: what the indexes select is what looking at each product does.
pub fn query(data: &[u8]) {
    let (products, catalog) = &*PRODUCTS;
    let Ok(query) = Query::parse(&String::from_utf8_lossy(data)) else { return };
    assert_eq!(select(&catalog.stores()[0], &query), Ok(by_looking::select(products, &query)));
}

/// A pattern, and a text to search: a text is found in itself, and a pattern that is taken is matched.
pub fn pattern(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let read = |name| Query::parse(&Serializer::new(String::new()).append_pair(name, &text).finish());
    if let Ok(Query { search: Some(search), .. }) = read("q") {
        assert!(search.are_in(&["-", &text]), "{text:?} is not found in itself");
    }
    if let Ok(query) = read("title_like") {
        let (products, catalog) = &*PRODUCTS;
        assert_eq!(select(&catalog.stores()[0], &query), Ok(by_looking::select(products, &query)));
    }
}

/// A data file: its mistakes are told up to a number, or each of its products is there, by its id and as JSON.
pub fn data_file(data: &[u8]) {
    let catalog = match Contents::of(data).parse() {
        Ok(catalog) => catalog,
        Err(LoadError::Mistakes(_, mistakes)) => {
            assert!(
                (1..=MAX_TOLD).contains(&mistakes.reported.len())
                    && mistakes.reported.len() <= mistakes.total
            );
            return;
        }
        Err(error) => panic!("{error}"),
    };
    for store in catalog.stores() {
        for version in ApiVersion::ALL {
            let list: Vec<Json> =
                serde_json::from_slice(&store.array(version, store.positions())).expect("JSON");
            assert_eq!(list.len(), store.len());
            for (position, product) in store.positions().zip(&list) {
                let id = product["id"].as_u64().expect("an id is a number");
                assert_eq!(store.position(id), Some(position));
                let alone = store.product(version, position);
                assert_eq!(alone.len(), store.product_length(version, position));
                assert_eq!(serde_json::from_slice::<Json>(&alone).ok().as_ref(), Some(product));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use sava_corpus::try_all;

    #[test]
    fn accept() {
        try_all("accept", 10_000, super::accept);
    }

    #[test]
    fn query() {
        try_all("query", 300, super::query);
    }

    #[test]
    fn pattern() {
        try_all("pattern", 50, super::pattern);
    }

    #[test]
    fn data_file() {
        try_all("data_file", 100, super::data_file);
    }
}
