//! The JSON Schemas of the versions (2020-12), as sava-product publishes them at `/schemas/v1.json` and so on.
//!
//! They are published open, so that a reader which validates does not break when a member is added. The
//! contract closes them: what a version does not name may not be in it, or a v2 list would pass for a v1 list.

use jsonschema::Validator;
use serde_json::{Value, json};

/// A schema could not be read or compiled, which no release of this program can be with.
const SOUND: &str = "the schemas that are built in are sound";

/// The published schema of a version; `None` for a version that this program does not know.
#[must_use]
pub fn published(version: u8) -> Option<&'static str> {
    match version {
        1 => Some(include_str!("../schemas/v1.json")),
        2 => Some(include_str!("../schemas/v2.json")),
        3 => Some(include_str!("../schemas/v3.json")),
        _ => None,
    }
}

/// Whether members that a schema does not name are let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Members {
    /// As the schemas are published.
    Any,
    /// None but those that the version names.
    Named,
}

/// What is wrong with a product of a version, one line for each mistake; empty where nothing is.
///
/// # Panics
/// For a version that [`published`] does not know.
#[must_use]
pub fn mistakes(version: u8, members: Members, products: &[Value]) -> Vec<String> {
    let validator = compile(version, members);
    products
        .iter()
        .enumerate()
        .flat_map(|(index, product)| {
            let id = product.get("id").map_or_else(|| format!("at {index}"), ToString::to_string);
            let said: Vec<String> = validator
                .iter_errors(product)
                .map(|error| format!("product {id}{}: {error}", error.instance_path()))
                .collect();
            said
        })
        .collect()
}

fn compile(version: u8, members: Members) -> Validator {
    let mut schema: Value = serde_json::from_str(published(version).expect(SOUND)).expect(SOUND);
    if members == Members::Named
        && let Some(definitions) = schema["$defs"].as_object_mut()
    {
        for definition in definitions.values_mut().filter(|definition| definition["type"] == "object") {
            definition["unevaluatedProperties"] = json!(false);
        }
    }
    schema.as_object_mut().expect(SOUND).remove("anyOf");
    schema["$ref"] = json!("#/$defs/product");
    jsonschema::draft202012::new(&schema).expect(SOUND)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(version: u8) -> Value {
        match version {
            1 => json!({"id": 3, "title": "t", "description": "d", "price": 25, "locale": "ie"}),
            2 => json!({"id": 3, "title": "t", "description": "d", "price": 25, "locale": "ie",
                "img": "/images/a.svg"}),
            _ => json!({"id": 3, "title": "t", "description": "d", "locale": "ie",
                "price": {"amount": 2500, "currency": "EUR"},
                "image": {"src": "/images/a.svg", "alt": "a", "width": 640, "height": 480},
                "rating": {"stars": 4.2, "reviews": 21}, "category": "home"}),
        }
    }

    #[test]
    fn each_version_accepts_its_own_products_only() {
        for version in 1..=3 {
            for other in 1..=3 {
                let mistakes = mistakes(version, Members::Named, &[product(other)]);
                // Version 2 without a picture is version 1, so that a v1 product is a v2 product.
                let fits = version == other || (version, other) == (2, 1);
                assert_eq!(mistakes.is_empty(), fits, "v{other} as v{version}: {mistakes:?}");
            }
        }
    }

    #[test]
    fn published_schemas_are_open_and_sound() {
        for version in 1..=3 {
            let schema: Value = serde_json::from_str(published(version).unwrap()).unwrap();
            assert!(jsonschema::meta::is_valid(&schema));
            let list = json!([product(version)]);
            assert!(jsonschema::draft202012::is_valid(&schema, &list));
            assert!(jsonschema::draft202012::is_valid(&schema, &list[0]));
            let mut more = product(version);
            more["sku"] = json!("new");
            assert!(mistakes(version, Members::Any, &[more.clone()]).is_empty());
            let said = mistakes(version, Members::Named, &[more]);
            assert!(said[0].contains("sku") && said[0].contains("product 3"), "{said:?}");
        }
    }

    #[test]
    fn every_mistake_is_told_with_its_place() {
        let wrong = json!({"id": 7, "title": "", "description": "d", "locale": "ie",
            "price": {"amount": 2.5, "currency": "eur"}, "rating": {"stars": 6, "reviews": 1}});
        let said = mistakes(3, Members::Any, &[wrong]);
        for place in ["/title", "/price/amount", "/price/currency", "/rating/stars"] {
            assert!(
                said.iter().any(|line| line.starts_with(&format!("product 7{place}"))),
                "{place}: {said:?}"
            );
        }
    }
}
