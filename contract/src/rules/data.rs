//! What is served is a sound catalog.

use std::collections::BTreeSet;

use crate::{
    Rule, Server,
    objection::{Checked, applies, demand},
    price::Price,
};

pub(super) const RULES: &[Rule] = &[
    Rule::new("data/ids-are-unique", "no two products of a store have one id", |server| {
        let mut seen = BTreeSet::new();
        for product in server.products()? {
            demand!(seen.insert(product.id), "two products have the id {}", product.id);
        }
        Ok(())
    }),
    Rule::new(
        "data/products-are-of-their-store",
        "every product says that it is of the store that lists it",
        |server| {
            let locale = server.store()?.locale.as_str();
            for product in &server.list(server.newest_known())?.values {
                demand!(
                    product["locale"] == locale,
                    "product {} is of {}, in the list of {locale}",
                    product["id"],
                    product["locale"]
                );
            }
            Ok(())
        },
    ),
    Rule::new("data/prices-are-sound", "no price is negative or above 10¹² minor units", |server| {
        let currency = server.store()?.currency.as_str();
        let (least, most) = (Price::of_minor(0, currency), Price::of_minor(1_000_000_000_000, currency));
        for product in server.products()? {
            let sound = product.price.is_some_and(|price| price >= least && price <= most);
            demand!(sound, "product {} costs {:?}", product.id, product.price.map(|price| price.to_string()));
        }
        Ok(())
    }),
    Rule::new(
        "data/prices-are-plain-numbers",
        "prices are written as plain decimals, whatever the file has (1e2 is 100)",
        |server| {
            let body = String::from_utf8_lossy(&server.list(1)?.body).into_owned();
            for piece in body.split("\"price\":").skip(1) {
                let number: String =
                    piece.trim_start().chars().take_while(|c| !matches!(c, ',' | '}')).collect();
                let number = number.trim();
                let plain = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
                demand!(
                    plain || !number.starts_with(|c: char| c.is_ascii_digit()),
                    "a price is written {number}"
                );
            }
            Ok(())
        },
    ),
    Rule::new("data/titles-are-texts", "every product has a title", |server| {
        for product in server.products()? {
            demand!(!product.title.trim().is_empty(), "product {} has no title", product.id);
        }
        Ok(())
    }),
    Rule::new("data/aliases-answer", "a store's aliases answer its list", |server| {
        let mut any = false;
        for store in server.stores()? {
            let list = server.send(&server.get(&format!("/products/{}", store.locale)))?;
            for alias in
                store.whole["aliases"].as_array().into_iter().flatten().filter_map(|alias| alias.as_str())
            {
                any = true;
                let answer = server.send(&server.get(&format!("/products/{alias}")))?;
                answer.is(200)?;
                demand!(answer.body == list.body, "{} differs from {}", answer.asked, list.asked);
            }
        }
        applies!(any, "no store lists an alias");
        Ok(())
    }),
    Rule::new(
        "data/catalog-has-a-digest",
        "/version tells which catalog is served: a digest, from where, loaded when",
        |server| {
            let catalog = catalog(server)?;
            for member in ["digest", "source", "loadedAt"] {
                let text = catalog[member].as_str().unwrap_or_default();
                demand!(!text.is_empty(), "the catalog of /version has no {member}: {catalog}");
            }
            Ok(())
        },
    ),
    Rule::new("data/catalog-load-time-is-rfc-3339", "the time is one of RFC 3339", |server| {
        let catalog = catalog(server)?;
        let time = catalog["loadedAt"].as_str().unwrap_or_default();
        let bytes = time.as_bytes();
        let is_time = bytes.len() >= 20
            && bytes.is_ascii()
            && (bytes[4], bytes[7], bytes[10], bytes[13], bytes[16]) == (b'-', b'-', b'T', b':', b':')
            && (time.ends_with('Z') || time[19..].contains(['+', '-']));
        demand!(is_time, "loadedAt is {time:?}");
        Ok(())
    }),
];

fn catalog(server: &Server) -> Checked<serde_json::Value> {
    let answer = server.send(&server.get("/version"))?;
    let catalog = answer.is(200)?.json()?["catalog"].clone();
    demand!(catalog.is_object(), "/version has no catalog");
    Ok(catalog)
}
