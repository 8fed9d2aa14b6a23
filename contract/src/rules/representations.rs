//! What a product looks like in each version, and that the versions tell of the same products.

use serde_json::Value;

use crate::{
    Rule, Server,
    http::shorten,
    objection::{Checked, applies, demand},
    price::Price,
    schema::{Members, mistakes},
    server::media_type,
};

pub(super) const RULES: &[Rule] = &[
    Rule::new("representations/v1-list-is-an-array", "the v1 list is an array of products", |s| {
        list_is_an_array(s, 1)
    }),
    Rule::new("representations/v2-list-is-an-array", "the v2 list is an array of products", |s| {
        list_is_an_array(s, 2)
    }),
    Rule::new("representations/v3-list-is-an-array", "the v3 list is an array of products", |s| {
        list_is_an_array(s, 3)
    }),
    Rule::new(
        "representations/v1-keeps-its-schema",
        "v1: id, title, description, price in major units, locale",
        |s| keeps_schema(s, 1),
    ),
    Rule::new("representations/v2-keeps-its-schema", "v2: v1 and img", |s| keeps_schema(s, 2)),
    Rule::new(
        "representations/v3-keeps-its-schema",
        "v3: price as amount and currency, image, rating, category",
        |s| keeps_schema(s, 3),
    ),
    Rule::new(
        "representations/v1-has-no-other-members",
        "v1 has no member of a newer version, nor any that v1 does not name",
        |s| has_no_others(s, 1),
    ),
    Rule::new(
        "representations/v2-has-no-other-members",
        "v2 has no member of v3, nor any that v2 does not name",
        |s| has_no_others(s, 2),
    ),
    Rule::new("representations/v3-has-no-other-members", "v3 has no member that v3 does not name", |s| {
        has_no_others(s, 3)
    }),
    Rule::new(
        "representations/v1-product-is-as-in-the-list",
        "one product in v1 is what the v1 list has",
        |s| product_as_in_list(s, 1),
    ),
    Rule::new(
        "representations/v2-product-is-as-in-the-list",
        "one product in v2 is what the v2 list has",
        |s| product_as_in_list(s, 2),
    ),
    Rule::new(
        "representations/v3-product-is-as-in-the-list",
        "one product in v3 is what the v3 list has",
        |s| product_as_in_list(s, 3),
    ),
    Rule::new(
        "representations/absent-is-not-null",
        "what a product does not have is absent, never null",
        |server| {
            for version in known(server) {
                for product in &server.list(version)?.values {
                    let null = product.as_object().and_then(|o| o.iter().find(|(_, value)| value.is_null()));
                    demand!(
                        null.is_none(),
                        "v{version}: {} is null in {product}",
                        null.map_or("", |(n, _)| n)
                    );
                }
            }
            Ok(())
        },
    ),
    Rule::new(
        "representations/versions-have-the-same-products",
        "every version lists the same products in the same order",
        |server| same_in_all(server, |product| product["id"].clone()),
    ),
    Rule::new(
        "representations/versions-agree-on-texts",
        "title and description are the same in every version",
        |server| {
            same_in_all(server, |product| {
                Value::from([product["title"].clone(), product["description"].clone()].to_vec())
            })
        },
    ),
    Rule::new(
        "representations/versions-agree-on-prices",
        "v3's minor units are v1's and v2's major units, exactly",
        |server| {
            server.has_a_choice()?;
            let newest = server.products()?;
            for version in known(server) {
                for (one, other) in server.list(version)?.products.iter().zip(newest) {
                    demand!(
                        one.price.is_some() && one.price == other.price,
                        "product {}: {:?} in v{version}, {:?} in v{}",
                        one.id,
                        one.price.map(|p| p.to_string()),
                        other.price.map(|p| p.to_string()),
                        server.newest_known()
                    );
                }
            }
            Ok(())
        },
    ),
    Rule::new(
        "representations/price-is-a-number",
        "v1's and v2's price is a JSON number, no text, with no more decimals than the currency has",
        |server| {
            let currency = &server.store()?.currency;
            for version in known(server).filter(|version| *version < 3) {
                let list = server.list(version)?;
                for (value, product) in list.values.iter().zip(&list.products) {
                    let price = &value["price"];
                    demand!(price.is_number(), "v{version}: product {} costs {price}", product.id);
                    demand!(
                        product.price.is_some_and(|price| price.fits(currency)),
                        "v{version}: product {} costs {price}: too fine for {currency}",
                        product.id
                    );
                }
            }
            Ok(())
        },
    ),
    Rule::new(
        "representations/v3-price-is-in-minor-units",
        "v3's amount is a whole number of the currency's minor units",
        |server| {
            server.serves(3)?;
            for product in &server.list(3)?.values {
                let amount = &product["price"]["amount"];
                demand!(amount.is_u64(), "product {}: amount {amount}", product["id"]);
            }
            Ok(())
        },
    ),
    Rule::new("representations/v3-currency-is-the-stores", "v3's currency is the store's", |server| {
        server.serves(3)?;
        let currency = server.store()?.currency.as_str();
        for product in &server.list(3)?.values {
            let said = &product["price"]["currency"];
            demand!(said == currency, "product {}: {said}, in a store of {currency}", product["id"]);
        }
        Ok(())
    }),
    Rule::new("representations/v2-img-is-v3-image-src", "v2's img is v3's image.src", |server| {
        server.serves(3)?;
        for (old, new) in server.list(2)?.values.iter().zip(&server.list(3)?.values) {
            let (old, new, id) = (&old["img"], &new["image"]["src"], &old["id"]);
            demand!(old == new, "product {id}: {old} in v2, {new} in v3");
        }
        Ok(())
    }),
    Rule::new(
        "representations/img-is-below-the-base",
        "img and image.src are paths below the API's base, where the picture is",
        |server| {
            let paths = pictures(server)?;
            demand!(
                paths.iter().all(|path| path.starts_with("/images/")),
                "{:?} is not below /images/",
                paths.iter().find(|path| !path.starts_with("/images/"))
            );
            Ok(())
        },
    ),
    Rule::new("representations/image-has-a-text", "v3's image says in words what it shows", |server| {
        server.serves(3)?;
        for product in server.list(3)?.values.iter().filter(|product| product.get("image").is_some()) {
            let alt = product["image"]["alt"].as_str().unwrap_or_default();
            demand!(!alt.trim().is_empty(), "product {}: the picture has no text", product["id"]);
        }
        Ok(())
    }),
    Rule::new(
        "representations/lists-are-one-version",
        "an answer is of the version that its headers say, on every query",
        |server| {
            for version in known(server) {
                let request = server.get_list_in(version)?.raw_query("_limit=3&_sort=title");
                let answer = server.send(&request)?;
                answer.is_of_version(version)?;
                let wrong = mistakes(version, Members::Named, &answer.array()?);
                demand!(wrong.is_empty(), "{}: {}", answer.story(), few(&wrong));
            }
            Ok(())
        },
    ),
    Rule::new(
        "representations/json-is-the-newest-version",
        "application/json has the newest version's members",
        |server| {
            let version = server.release.newest();
            applies!(version == server.newest_known(), "this program does not know v{version}");
            let answer = server.send(&server.get_list()?.accept("application/json"))?;
            let wrong = mistakes(version, Members::Named, &answer.array()?);
            demand!(wrong.is_empty(), "{}: {}", answer.story(), few(&wrong));
            Ok(())
        },
    ),
    Rule::new(
        "representations/json-is-utf-8",
        "JSON is UTF-8 without a byte order mark (RFC 8259 §8.1)",
        |server| {
            let body = &server.list(server.newest_known())?.body;
            demand!(!body.starts_with(b"\xEF\xBB\xBF"), "the list begins with a byte order mark");
            demand!(std::str::from_utf8(body).is_ok(), "the list is not UTF-8");
            Ok(())
        },
    ),
];

/// The versions that are served and known.
fn known(server: &Server) -> impl Iterator<Item = u8> {
    1..=server.newest_known()
}

fn list_is_an_array(server: &Server, version: u8) -> Checked {
    server.list(version).map(drop)
}

/// The first of many mistakes.
fn few(mistakes: &[String]) -> String {
    let more = mistakes.len().saturating_sub(3);
    let said = mistakes.iter().take(3).map(|mistake| shorten(mistake)).collect::<Vec<_>>().join("; ");
    if more == 0 { said } else { format!("{said}; and {more} more") }
}

fn keeps_schema(server: &Server, version: u8) -> Checked {
    let wrong = mistakes(version, Members::Any, &server.list(version)?.values);
    demand!(wrong.is_empty(), "{}", few(&wrong));
    Ok(())
}

fn has_no_others(server: &Server, version: u8) -> Checked {
    let list = server.list(version)?;
    let open = mistakes(version, Members::Any, &list.values);
    applies!(open.is_empty(), "the list does not keep the schema of v{version} in the first place");
    let wrong = mistakes(version, Members::Named, &list.values);
    demand!(wrong.is_empty(), "{}", few(&wrong));
    Ok(())
}

fn product_as_in_list(server: &Server, version: u8) -> Checked {
    let list = server.list(version)?;
    applies!(!list.values.is_empty(), "the store has no products");
    let middle = list.values.len() / 2;
    let path = format!("{}/{}", server.list_path()?, list.products[middle].id);
    let answer = server.send(&server.get(&path).accept(&media_type(version)))?;
    let alone = answer.is(200)?.is_of_version(version)?.json()?;
    demand!(alone == list.values[middle], "{}: {alone}, in the list {}", answer.story(), list.values[middle]);
    Ok(())
}

fn same_in_all(server: &Server, of: fn(&Value) -> Value) -> Checked {
    server.has_a_choice()?;
    let newest = server.newest_known();
    let expected: Vec<Value> = server.list(newest)?.values.iter().map(of).collect();
    for version in known(server) {
        let found: Vec<Value> = server.list(version)?.values.iter().map(of).collect();
        let differing = found.iter().zip(&expected).find(|(one, other)| one != other);
        demand!(
            differing.is_none() && found.len() == expected.len(),
            "v{version} has {} products, v{newest} {}; first difference: {differing:?}",
            found.len(),
            expected.len()
        );
    }
    Ok(())
}

/// All picture paths, without repeats.
pub(super) fn pictures(server: &Server) -> Checked<Vec<String>> {
    server.serves(2)?;
    let mut paths = Vec::new();
    for product in &server.list(2)?.values {
        paths.extend(product["img"].as_str().map(str::to_owned));
    }
    if server.release.newest() >= 3 {
        for product in &server.list(3)?.values {
            paths.extend(product["image"]["src"].as_str().map(str::to_owned));
        }
    }
    paths.sort_unstable();
    paths.dedup();
    applies!(!paths.is_empty(), "no product has a picture");
    Ok(paths)
}

/// The currency's price of a product, for other tables.
pub(super) fn price(product: &crate::server::Product) -> Checked<Price> {
    applies!(product.price.is_some(), "product {} has no price that can be read", product.id);
    Ok(product.price.unwrap_or_else(|| Price::of_minor(0, "EUR")))
}
