//! The problems that the API answers with (RFC 9457): each kind has one title, one status and one explanation.

use axum::response::{IntoResponse as _, Response};
use http::{Method, StatusCode};
use sava_service::Problem;

use crate::{catalog::Catalog, headers::add_common, query::BadQuery, release::Release};

/// A kind of problem, as the documentation explains it.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// The end of its `type`.
    pub name: &'static str,
    /// The status that it comes with.
    pub status: StatusCode,
    /// When it arises, and what helps.
    pub meaning: &'static str,
}

/// What the `type` of each problem begins with. A tag URI (RFC 4151) does not depend on where it is read.
pub const TYPE_PREFIX: &str = "tag:sava.example,2026:";

/// All kinds, those of the server around the API included.
pub const KINDS: &[Kind] = &[
    kind(
        "unknown-locale",
        StatusCode::NOT_FOUND,
        "There is no store of that locale. The member locales lists those there are; a language is not a locale.",
    ),
    kind("unknown-product", StatusCode::NOT_FOUND, "The store has no product with that id."),
    kind(
        "unknown-image",
        StatusCode::NOT_FOUND,
        "There is no picture of that name. Names are in img of version 2 and image.src of version 3.",
    ),
    kind("unknown-route", StatusCode::NOT_FOUND, "There is nothing at that path."),
    kind(
        "method-not-allowed",
        StatusCode::METHOD_NOT_ALLOWED,
        "The API is read only: GET, HEAD and OPTIONS.",
    ),
    kind(
        "not-acceptable",
        StatusCode::NOT_ACCEPTABLE,
        "Accept asks for nothing that this release has. The member mediaTypes lists what there is.",
    ),
    kind(
        "bad-query",
        StatusCode::BAD_REQUEST,
        "A parameter of the query is unknown or wrong. The member parameter names it, detail says what would be right.",
    ),
    kind("bad-request", StatusCode::BAD_REQUEST, "The request is not well-formed HTTP."),
    kind(
        "bad-host",
        StatusCode::BAD_REQUEST,
        "The request has no Host, more than one, or one that is none (RFC 9112, section 3.2).",
    ),
    kind("uri-too-long", StatusCode::URI_TOO_LONG, "The request target is longer than 8 KiB."),
    kind(
        "headers-too-large",
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        "The header section has more than 32 KiB or 64 fields.",
    ),
    kind(
        "content-too-large",
        StatusCode::PAYLOAD_TOO_LARGE,
        "The content of the request is too large; the API needs none.",
    ),
    kind(
        "timeout",
        StatusCode::REQUEST_TIMEOUT,
        "The request did not arrive, or was not answered, in time. Trying again may help.",
    ),
    kind(
        "overloaded",
        StatusCode::SERVICE_UNAVAILABLE,
        "There are too many requests or connections. Try again after the seconds that Retry-After gives.",
    ),
    kind(
        "cross-origin",
        StatusCode::FORBIDDEN,
        "A request that changes something came from a page of another origin.",
    ),
    kind(
        "fault",
        StatusCode::INTERNAL_SERVER_ERROR,
        "This instance was told to fail on purpose, for a demonstration.",
    ),
    kind(
        "internal",
        StatusCode::INTERNAL_SERVER_ERROR,
        "Something went wrong inside; the log knows what, by the answer's X-Request-Id.",
    ),
];

const fn kind(name: &'static str, status: StatusCode, meaning: &'static str) -> Kind {
    Kind { name, status, meaning }
}

/// What the server answers to a problem of its own: as the API does to its.
#[must_use]
pub fn respond(problem: Problem) -> Response {
    add_common(problem.into_response())
}

/// No store is at that locale.
#[must_use]
pub fn unknown_locale(locale: &str, catalog: &Catalog) -> Problem {
    let locales: Vec<_> = catalog.stores().iter().map(|store| store.data.locale.clone()).collect();
    let detail = format!("There is no store {:?}; there are: {}.", shortened(locale), locales.join(", "));
    Problem::new(StatusCode::NOT_FOUND, "tag:sava.example,2026:unknown-locale", "Unknown locale", detail)
        .with("locales", locales)
}

/// The store has no such product.
#[must_use]
pub fn unknown_product(id: &str, locale: &str) -> Problem {
    let detail = format!("The store {locale} has no product {:?}.", shortened(id));
    Problem::new(StatusCode::NOT_FOUND, "tag:sava.example,2026:unknown-product", "Unknown product", detail)
}

/// There is no such picture.
#[must_use]
pub fn unknown_image(file: &str) -> Problem {
    let detail = format!("There is no picture {:?}.", shortened(file));
    Problem::new(StatusCode::NOT_FOUND, "tag:sava.example,2026:unknown-image", "Unknown image", detail)
}

/// Nothing is at that path.
#[must_use]
pub fn unknown_route(path: &str) -> Problem {
    let routes = ["/products", "/products/{locale}", "/products/{locale}/{id}", "/images/{file}", "/docs"];
    let detail = format!("There is nothing at {}; there are: {}.", shortened(path), routes.join(", "));
    Problem::new(StatusCode::NOT_FOUND, "tag:sava.example,2026:unknown-route", "Unknown route", detail)
}

/// The API is read only.
#[must_use]
pub fn method_not_allowed(method: &Method) -> Problem {
    let detail = format!("{} is not allowed: the API is read only.", shortened(method.as_str()));
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "tag:sava.example,2026:method-not-allowed",
        "Method not allowed",
        detail,
    )
}

/// The client accepts none of the media types there are.
#[must_use]
pub fn not_acceptable(release: &Release) -> Problem {
    let versions = release.api_versions.iter().rev().map(|version| version.media_type());
    let types: Vec<_> =
        versions.chain(["application/vnd.sava+json", "application/json"]).map(str::to_owned).collect();
    let detail = format!(
        "Release {} has none of the media types that Accept asks for; it has: {}.",
        release.version,
        types.join(", ")
    );
    Problem::new(StatusCode::NOT_ACCEPTABLE, "tag:sava.example,2026:not-acceptable", "Not acceptable", detail)
        .with("mediaTypes", types)
}

/// A query that cannot be answered.
#[must_use]
pub fn bad_query(query: BadQuery) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "tag:sava.example,2026:bad-query", "Bad query", query.detail)
        .with("parameter", shortened(&query.parameter))
}

/// Something that should not happen; the log knows what.
#[must_use]
pub fn internal() -> Problem {
    let detail = "Something went wrong inside.";
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "tag:sava.example,2026:internal",
        "Internal error",
        detail,
    )
}

/// What a client sent, so that a message cannot be made long.
fn shortened(text: &str) -> String {
    const MOST: usize = 80;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
