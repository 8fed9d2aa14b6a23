//! Stores to measure with.

use std::fs;

use serde_json::json;
use tempfile::TempDir;

/// The shop's own catalog.
pub(crate) const OWN: &str = include_str!("../../../data/db.json");

/// A data directory with one store of this many products.
pub(crate) fn with(products: u32) -> anyhow::Result<TempDir> {
    let folder = tempfile::tempdir()?;
    let products: Vec<_> = (1..=products)
        .map(|id| {
            // Prices in no order, from 0.01 to 1,000.
            let cents = id.wrapping_mul(2_654_435_761) % 100_000 + 1;
            json!({
                "id": id,
                "locale": "ie",
                "title": format!("Hand-thrown mug number {id}"),
                "description": "A mug like the one before it, and yet not quite.",
                "price": f64::from(cents) / 100.0,
                "category": "home",
            })
        })
        .collect();
    let stores =
        json!([{ "locale": "ie", "aliases": [], "name": "Ireland", "language": "en-IE", "currency": "EUR" }]);
    let file = fs::File::create(folder.path().join("db.json"))?;
    serde_json::to_writer(std::io::BufWriter::new(file), &json!({ "stores": stores, "products": products }))?;
    Ok(folder)
}
