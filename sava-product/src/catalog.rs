//! The catalog: all stores and their products, read from a data file into the form that answers requests.
//!
//! A catalog never changes; a reload makes a new one, and requests that are under way keep the one they began with.

mod codes;
mod data_file;
mod draft;
mod embedded;
mod field;
mod fields;
mod file;
mod index;
mod mistake;
mod outline;
mod pictures;
mod pieces;
mod reader;
mod source;
mod store;

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use http::HeaderValue;
use serde::Serialize;

pub use self::source::{LoadError, Source};
pub(crate) use self::{
    draft::{Draft, ImageDraft, Money, Rating, StoreDraft},
    field::Field,
    index::Index,
    pictures::Pictures,
    store::{List, Store},
};
#[cfg(any(test, feature = "fuzz"))]
pub(crate) use self::{mistake::MAX_TOLD, source::Contents};
use crate::document::{Document, Tag};

/// All that the shop has, at one point in time.
#[derive(Debug)]
pub struct Catalog {
    /// In the order of the data file.
    stores: Vec<Arc<Store>>,
    /// Positions of stores by each name that they answer to, in lower case.
    names: HashMap<String, usize>,
    /// The pictures of products.
    pub(crate) pictures: Pictures,
    /// The list of stores, as `/products` gives it.
    pub(crate) index: Document,
    /// Where it comes from: `embedded`, or the data directory.
    pub(crate) source: String,
    /// `sha256:` and the hash of the data file, as `sha256sum` tells it.
    pub(crate) digest: String,
    /// What tells its data, pictures included, from other data.
    pub(crate) version: Tag,
    /// When it was loaded, by a clock of years from 1970 to 9999.
    pub(crate) loaded_at: SystemTime,
}

/// A store as `/products` tells it.
#[derive(Serialize)]
struct IndexEntry<'store> {
    code: &'store str,
    aliases: &'store [String],
    name: &'store str,
    language: &'store str,
    currency: &'static str,
    /// Relative to `/products`, so that it holds below any prefix.
    link: String,
}

impl Catalog {
    fn new(stores: Vec<Store>, pictures: Pictures, source: String, digest: String, version: Tag) -> Self {
        let mut names = HashMap::new();
        for (position, store) in stores.iter().enumerate() {
            names.insert(store.data.locale.clone(), position);
            names.extend(store.data.aliases.iter().map(|alias| (alias.clone(), position)));
        }
        let entries: Vec<_> = stores
            .iter()
            .map(|store| IndexEntry {
                code: &store.data.locale,
                aliases: &store.data.aliases,
                name: &store.data.name,
                language: &store.data.language,
                currency: store.data.currency.code(),
                link: format!("products/{}", store.data.locale),
            })
            .collect();
        let index = serde_json::to_vec(&entries).expect("text is JSON");
        let index = Document::new(HeaderValue::from_static("application/json"), index);
        let stores = stores.into_iter().map(Arc::new).collect();
        let loaded_at = with_four_digits(SystemTime::now());
        Self { stores, names, pictures, index, source, digest, version, loaded_at }
    }

    /// The store of a locale, by its code or an alias, in whatever case.
    #[must_use]
    pub(crate) fn store(&self, locale: &str) -> Option<&Arc<Store>> {
        let locale = if locale.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(locale.to_ascii_lowercase())
        } else {
            Cow::Borrowed(locale)
        };
        self.names.get(&*locale).map(|position| &self.stores[*position])
    }

    /// All stores, in the order of the data file.
    #[must_use]
    pub(crate) fn stores(&self) -> &[Arc<Store>] {
        &self.stores
    }
}

/// The time that is nearest to `time` among those that are written with a year of four digits (RFC 3339).
fn with_four_digits(time: SystemTime) -> SystemTime {
    /// 9999-12-31T23:59:59Z, in seconds since 1970.
    const LAST: Duration = Duration::from_secs(253_402_300_799);
    time.clamp(SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH + LAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_such_as_can_be_written() {
        let written = |time| humantime::format_rfc3339_seconds(with_four_digits(time)).to_string();
        let day = Duration::from_hours(24);
        assert_eq!(written(SystemTime::UNIX_EPOCH - day), "1970-01-01T00:00:00Z");
        assert_eq!(written(SystemTime::UNIX_EPOCH + 4_000_000 * day), "9999-12-31T23:59:59Z");
        assert_eq!(written(SystemTime::UNIX_EPOCH + day), "1970-01-02T00:00:00Z");
    }
}
