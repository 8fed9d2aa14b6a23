//! The headers of answers: what all of them carry, and what tells caches and clients of a representation.

use axum::{body::Body, response::Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use sava_service::{
    etag::none_match_fails,
    server::{self, Signature},
};

use crate::{document::Document, encoding::Coding};

/// What all answers vary by.
const VARY: HeaderValue = HeaderValue::from_static("Accept, Accept-Encoding");

/// What a page on another origin may read of an answer.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "Content-Encoding, Deprecation, ETag, Link, X-Request-Id, X-Sava-Instance, X-Sava-Media-Type, X-Sava-Release, \
     X-Total-Count",
);

/// The version that an answer is in.
pub(crate) const X_SAVA_MEDIA_TYPE: HeaderName = HeaderName::from_static("x-sava-media-type");
/// How many products there are on all pages of a query.
pub(crate) const X_TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

/// Adds what every answer of the API carries: what it varies by, and that any page may read it; and that what says
/// nothing of its lifetime, such as an error, is not kept.
#[must_use]
pub(crate) fn add_common(mut response: Response) -> Response {
    let headers = response.headers_mut();
    if !server::is_signed(headers) {
        insert_common(headers);
    }
    response
}

fn insert_common(headers: &mut HeaderMap) {
    headers.insert(header::VARY, VARY);
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

/// Answers with a document, in the coding that the client likes best, or with 304 where it has that already.
/// `more` is what else the headers say.
pub(crate) async fn answer_with(document: &Document, request: &HeaderMap, mut more: HeaderMap) -> Response {
    let is_page = document.content_type.as_bytes().starts_with(b"text/html");
    let codings = if is_page { &Coding::OF_PAGES[..] } else { &Coding::ALL[..] };
    let coding = Coding::negotiate(request, document.bytes.len(), codings);
    let etag = document.etag(coding);
    more.insert(header::ETAG, etag.clone());
    if none_match_fails(request, etag) {
        return not_modified(more);
    }
    if let Some(coding) = coding.header() {
        more.insert(header::CONTENT_ENCODING, coding);
    }
    more.insert(header::CONTENT_TYPE, document.content_type.clone());
    let mut response = Response::new(Body::from(document.encoded(coding).await));
    *response.headers_mut() = more;
    response
}

/// Answers as [`answer_with`] does, with a document whose answers all have the same headers: `make` makes those that it
/// does not know itself, the first time.
pub(crate) async fn answer_with_kept(
    document: &Document,
    request: &HeaderMap,
    signature: &Signature,
    make: impl FnOnce() -> HeaderMap,
) -> Response {
    let coding = Coding::negotiate(request, document.bytes.len(), &Coding::ALL);
    let etag = document.etag(coding);
    let headers = document.headers(coding, || {
        let mut headers = make();
        headers.insert(header::ETAG, etag.clone());
        if let Some(coding) = coding.header() {
            headers.insert(header::CONTENT_ENCODING, coding);
        }
        headers.insert(header::CONTENT_TYPE, document.content_type.clone());
        insert_common(&mut headers);
        signature.sign(&mut headers);
        headers
    });
    let mut headers = headers.clone();
    if none_match_fails(request, etag) {
        headers.remove(header::CONTENT_ENCODING);
        headers.remove(header::CONTENT_TYPE);
        return not_modified(headers);
    }
    let mut response = Response::new(Body::from(document.encoded(coding).await));
    *response.headers_mut() = headers;
    response
}

/// The answer to a client that has the representation already.
#[must_use]
pub(crate) fn not_modified(headers: HeaderMap) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    *response.headers_mut() = headers;
    response
}
