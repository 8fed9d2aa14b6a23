//! What a request was negotiated to: a version of the API, and the media type that it goes out as.

use axum::response::Response;
use http::HeaderValue;
use sava_service::server;

use crate::{api_version::ApiVersion, negotiation::MediaType};

/// The version that a request asks for, and the type that answers it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Representation {
    /// The version.
    pub version: ApiVersion,
    /// Its own type, or `application/json`.
    pub media_type: MediaType,
}

impl Representation {
    /// Its media type.
    #[must_use]
    pub(crate) fn content_type(self) -> HeaderValue {
        match self.media_type {
            MediaType::Vendor => self.version.content_type(),
            MediaType::Plain => HeaderValue::from_static("application/json"),
        }
    }

    /// Marks an answer with the version that it is in, for the access log and for faults that hit one version.
    #[must_use]
    pub(crate) fn mark(self, mut response: Response) -> Response {
        response.extensions_mut().insert(server::NegotiatedVersion(self.version.name()));
        response
    }

    /// What tells its ETags from those of the same product or list in another representation.
    #[must_use]
    pub(crate) fn etag_suffix(self) -> &'static str {
        match self.media_type {
            MediaType::Vendor => self.version.vendor_etag_suffix(),
            MediaType::Plain => self.version.plain_etag_suffix(),
        }
    }
}
