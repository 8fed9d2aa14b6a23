//! A list as the product service sent it, read once and kept.

use std::sync::Arc;

use axum::http::HeaderValue;

use super::{
    listing::{Freshness, Listing, ServedBy},
    product_list::ProductList,
};
use crate::release::ApiVersion;

/// An answer that was read.
#[derive(Clone, Debug)]
pub(super) struct CachedList {
    /// `None` where it had none, or must be read again.
    pub(super) etag: Option<HeaderValue>,
    pub(super) list: Arc<ProductList>,
    pub(super) api_version: ApiVersion,
    pub(super) served_by: ServedBy,
}

impl CachedList {
    pub(super) fn listing(&self, freshness: Freshness) -> Listing {
        let served_by = Some(self.served_by.clone());
        Listing { list: Arc::clone(&self.list), freshness, served_by, fault: None }
    }
}
