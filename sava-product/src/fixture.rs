//! Catalogs for the unit tests.

use std::{fs, path::Path, sync::Arc};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::catalog::{Catalog, LoadError, Source, Store};

/// A data directory with this text as its `db.json`.
pub(crate) fn data(db: impl AsRef<[u8]>) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("db.json"), db).unwrap();
    directory
}

/// What loading a data directory gives.
pub(crate) fn load(directory: &Path) -> Result<Catalog, LoadError> {
    Source::Directory(directory.to_owned()).load()
}

/// The catalog of this text.
pub(crate) fn catalog(db: &str) -> Catalog {
    load(data(db).path()).unwrap_or_else(|error| panic!("{error}"))
}

/// An Irish store with these products; what they lack is filled in.
pub(crate) fn store(products: impl IntoIterator<Item = Value>) -> Arc<Store> {
    let products: Vec<_> = products
        .into_iter()
        .enumerate()
        .map(|(place, mut product)| {
            let given = product.as_object_mut().unwrap();
            let defaults =
                json!({"id": place + 1, "locale": "ie", "title": "t", "description": "d", "price": 1});
            for (name, value) in defaults.as_object().unwrap() {
                given.entry(name).or_insert(value.clone());
            }
            product
        })
        .collect();
    let stores = json!([{"locale": "ie", "name": "Ireland", "language": "en-IE", "currency": "EUR"}]);
    Arc::clone(&catalog(&json!({"stores": stores, "products": products}).to_string()).stores()[0])
}
