//! Pages of products that were made for a shopper and are the same for others.
//!
//! Each page view asks the product service, and most of the time its answer is the list of before. A page that is made
//! of the same list, by the same supplier, for the same place and choice, is then the page of before.

use std::{fmt, io::Write as _};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use quick_cache::{Weighter, sync::Cache};
use sava_service::quality::{self, Quality};

use crate::{
    catalog::{ListId, ProductId, ProductQuery},
    reference::ReferenceBase,
    release::ApiVersion,
};

/// All kept pages together; at first none is.
const MAX_KEPT_BYTES: u64 = 2 << 20;
/// About as many pages take that room.
const N_PAGES: usize = 64;
/// What a page takes beside its body and key: its headers.
const HEADER_BYTES: usize = 1024;

/// All that a page of products depends on and that is not the same for the whole life of the process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PageKey {
    /// The products, their order, and the store.
    pub list: ListId,
    /// Who supplied them: the footer says it.
    pub supplier: Option<String>,
    pub api_version: ApiVersion,
    pub subject: Subject,
    /// Where the page is: its references begin with that.
    pub place: ReferenceBase,
    /// The pieces in the shopper's cart.
    pub n_pieces: u32,
    pub coding: Coding,
}

/// What a page shows of the products.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    /// The products that are chosen, and the page of them.
    List(ProductQuery, usize),
    /// A product, and the list that the way back leads to.
    Product(ProductId, Option<(ProductQuery, usize)>),
}

/// How the body of a page is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Coding {
    Identity,
    Gzip,
}

/// A page as it is sent.
#[derive(Clone, Debug)]
pub(crate) struct RenderedPage {
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// The pages that were made last and asked for most.
pub(crate) struct RenderedPages {
    kept: Cache<PageKey, RenderedPage, ByBytes>,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<PageKey, RenderedPage> for ByBytes {
    fn weight(&self, key: &PageKey, page: &RenderedPage) -> u64 {
        let n_bytes = HEADER_BYTES + size_of::<PageKey>() + key.n_text_bytes() + page.body.len();
        u64::try_from(n_bytes).unwrap_or(u64::MAX)
    }
}

impl RenderedPages {
    #[must_use]
    pub(crate) fn new() -> Self {
        Self { kept: Cache::with_weighter(N_PAGES, MAX_KEPT_BYTES, ByBytes) }
    }

    /// The page of that key, if it is kept.
    #[must_use]
    pub(crate) fn get(&self, key: &PageKey) -> Option<RenderedPage> {
        self.kept.get(key)
    }

    /// Keeps `page`, for which others go where there is no room.
    pub(crate) fn keep(&self, key: PageKey, page: &RenderedPage) {
        self.kept.insert(key, page.clone());
    }
}

impl fmt::Debug for RenderedPages {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RenderedPages").field("kept", &self.kept.len()).finish_non_exhaustive()
    }
}

impl PageKey {
    /// The bytes of its texts, all of which a request may choose.
    fn n_text_bytes(&self) -> usize {
        let choice = match &self.subject {
            Subject::List(choice, _) | Subject::Product(_, Some((choice, _))) => Some(choice),
            Subject::Product(_, None) => None,
        };
        let choice =
            choice.map_or(0, |choice| choice.q.len() + choice.category.as_ref().map_or(0, String::len));
        choice + self.supplier.as_ref().map_or(0, String::len) + self.place.n_bytes()
    }
}

impl Coding {
    /// The coding for whoever sends these headers (RFC 9110 §12.5.3): gzip where it is named and liked as much as none.
    #[must_use]
    pub(crate) fn wanted(headers: &HeaderMap) -> Self {
        let quality = |name| {
            let lists = headers.get_all(header::ACCEPT_ENCODING).iter().map(HeaderValue::as_bytes);
            quality::named(lists, &[name]).unwrap_or(Quality::NONE)
        };
        let gzip = quality("gzip");
        if gzip.is_acceptable() && gzip >= quality("identity") { Self::Gzip } else { Self::Identity }
    }
}

impl RenderedPage {
    /// The same page in `coding`, where it has none yet.
    ///
    /// # Panics
    /// Never: memory takes all that is written.
    #[must_use]
    pub(crate) fn coded(mut self, coding: Coding) -> Self {
        if coding == Coding::Gzip {
            let mut encoder = GzEncoder::new(Vec::with_capacity(self.body.len() / 4), Compression::fast());
            let written = encoder.write_all(&self.body).and_then(|()| encoder.finish());
            self.body = written.expect("memory takes all that is written").into();
            self.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            self.headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
        }
        self
    }

    /// The answer that it is.
    #[must_use]
    pub(crate) fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.headers_mut() = self.headers;
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(accepted: &'static str, expected: Coding) {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(accepted));
        assert_eq!(Coding::wanted(&headers), expected, "{accepted}");
    }

    #[test]
    fn gzip_is_for_those_who_name_it() {
        check("gzip, deflate, br, zstd", Coding::Gzip);
        check("br;q=1.0, gzip;q=0.8, *;q=0.1", Coding::Gzip);
        check("identity;q=0.5, gzip", Coding::Gzip);
        check("identity, gzip;q=0.5", Coding::Identity);
        check("gzip;q=0", Coding::Identity);
        check("br", Coding::Identity);
        check("", Coding::Identity);
        assert_eq!(Coding::wanted(&HeaderMap::new()), Coding::Identity);
    }
}
