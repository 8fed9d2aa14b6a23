//! The problems that the API answers with (RFC 9457): each kind has one title, one status and one explanation.

use axum::response::{IntoResponse as _, Response};
use http::{Method, StatusCode};
use sava_service::Problem;

use crate::{catalog::Catalog, headers::add_common, query::BadQuery, release::Release};

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

/// What a client sent, so that a message cannot be made long.
fn shortened(text: &str) -> String {
    const MOST: usize = 80;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
