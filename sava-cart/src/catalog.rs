//! The products on sale: asked of the product service at every page view, and there whatever it does.

pub mod fruit;
pub mod product;
pub mod shelf;
pub mod store;

use std::sync::Arc;

use bytes::Bytes;
use time::OffsetDateTime;

pub use fruit::Fruit;
pub use product::{Picture, Product, ProductId, Rating};
pub use shelf::Shelf;
pub use store::Store;

use crate::release::ApiVersion;

/// What a page shows: the products, how fresh they are, and who supplied them.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The products and the store. Parsed once: page views of an unchanged catalog share it.
    pub shelf: Arc<Shelf>,
    /// How fresh they are.
    pub freshness: Freshness,
    /// Who supplied them; nobody did where it is fruit.
    pub served_by: Option<ServedBy>,
}

/// How fresh a listing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// The product service just said so.
    Fresh,
    /// It does not answer now; this is its last good answer, of that time.
    Stale {
        /// When it was last confirmed.
        since: OffsetDateTime,
    },
    /// It never answered: this is fruit.
    Fruit,
}

/// The product service that supplied an answer, by its own words (`X-Sava-…`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServedBy {
    /// Its release; `None` where it did not say.
    pub release: Option<String>,
    /// Its instance (pod).
    pub instance: Option<String>,
    /// The version of the API that the answer is in.
    pub api_version: ApiVersion,
}

/// A picture's bytes.
#[derive(Clone, Debug)]
pub struct PictureFile {
    /// What was supplied.
    pub bytes: Bytes,
    /// Its media type: always an image.
    pub media_type: &'static str,
    /// A strong entity tag of the bytes.
    pub etag: String,
}

impl Listing {
    /// The product of that id, if it is on sale. Fruit always is.
    #[must_use]
    pub fn product(&self, id: ProductId) -> Option<&Product> {
        self.shelf.product(id)
    }

    /// Whether prices are confirmed: an order needs that.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.freshness == Freshness::Fresh
    }
}

/// The products of the product service: a handle, cheap to clone.
#[derive(Clone, Debug)]
pub struct Catalog {
    /// What is sold when the product service was never reachable.
    fruit: Arc<Shelf>,
}

impl Catalog {
    /// The catalog of the store with the code `locale`.
    #[must_use]
    pub fn new(locale: &str) -> Self {
        Self { fruit: Arc::new(Shelf::of_fruit(Store::default_of(locale))) }
    }

    /// What is on sale now: asks the product service, within its deadline, and always has an answer.
    pub async fn list(&self) -> Listing {
        Listing { shelf: Arc::clone(&self.fruit), freshness: Freshness::Fruit, served_by: None }
    }

    /// The picture in that file, where `file` is the [`Picture::file`] of a product; `None` where there is none, or
    /// none that can be had now.
    pub async fn image(&self, _file: &str) -> Option<PictureFile> {
        None
    }
}
