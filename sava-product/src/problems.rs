//! The problems that the API answers with (RFC 9457): answers, OpenAPI and documentation are made of their kinds.

use axum::response::{IntoResponse as _, Response};
use http::{Method, StatusCode};
use sava_service::{
    Problem, excerpt,
    problem::{Kind, METHOD_NOT_ALLOWED, OVERLOADED, SERVER_KINDS, UNKNOWN_ROUTE},
};

use crate::{
    catalog::Catalog,
    headers::add_common,
    query::{BadQuery, MAX_QUOTED},
    release::Release,
    routes::Route,
};

const UNKNOWN_LOCALE: Kind = Kind {
    name: "unknown-locale",
    status: StatusCode::NOT_FOUND,
    title: "Unknown locale",
    meaning: "There is no store of that locale. The member locales lists those there are; a language is not a locale.",
};
const UNKNOWN_PRODUCT: Kind = Kind {
    name: "unknown-product",
    status: StatusCode::NOT_FOUND,
    title: "Unknown product",
    meaning: "The store has no product with that id.",
};
const UNKNOWN_IMAGE: Kind = Kind {
    name: "unknown-image",
    status: StatusCode::NOT_FOUND,
    title: "Unknown image",
    meaning: "There is no picture of that name. Names are in img of version 2 and image.src of version 3.",
};
const NOT_ACCEPTABLE: Kind = Kind {
    name: "not-acceptable",
    status: StatusCode::NOT_ACCEPTABLE,
    title: "Not acceptable",
    meaning: "Accept asks for nothing that this release has. The member mediaTypes lists what there is.",
};
const BAD_QUERY: Kind = Kind {
    name: "bad-query",
    status: StatusCode::BAD_REQUEST,
    title: "Bad query",
    meaning: "A parameter of the query is unknown or wrong. The member parameter names it, detail says what would be right.",
};

/// The kinds of the API alone; the server around it has [`SERVER_KINDS`].
const OWN_KINDS: [Kind; 5] = [UNKNOWN_LOCALE, UNKNOWN_PRODUCT, UNKNOWN_IMAGE, NOT_ACCEPTABLE, BAD_QUERY];

/// All kinds, those of the server around the API included.
pub(crate) fn kinds() -> impl Iterator<Item = Kind> {
    OWN_KINDS.into_iter().chain(SERVER_KINDS)
}

/// What the server answers to a problem of its own: as the API does to its.
#[must_use]
pub fn respond(problem: Problem) -> Response {
    add_common(problem.into_response())
}

/// No store is at that locale.
#[must_use]
pub(crate) fn unknown_locale(locale: &str, catalog: &Catalog) -> Problem {
    let locales: Vec<_> = catalog.stores().iter().map(|store| store.data.locale.clone()).collect();
    let detail =
        format!("There is no store {:?}; there are: {}.", excerpt(locale, MAX_QUOTED), locales.join(", "));
    UNKNOWN_LOCALE.problem(detail).with("locales", locales)
}

/// The store has no such product.
#[must_use]
pub(crate) fn unknown_product(id: &str, locale: &str) -> Problem {
    UNKNOWN_PRODUCT.problem(format!("The store {locale} has no product {:?}.", excerpt(id, MAX_QUOTED)))
}

/// There is no such picture.
#[must_use]
pub(crate) fn unknown_image(file: &str) -> Problem {
    UNKNOWN_IMAGE.problem(format!("There is no picture {:?}.", excerpt(file, MAX_QUOTED)))
}

/// Nothing is at that path.
#[must_use]
pub(crate) fn unknown_route(path: &str) -> Problem {
    let routes: Vec<_> = Route::ALL.into_iter().map(Route::path).collect();
    let detail =
        format!("There is nothing at {}; there are: {}.", excerpt(path, MAX_QUOTED), routes.join(", "));
    UNKNOWN_ROUTE.problem(detail)
}

/// The API is read only.
#[must_use]
pub(crate) fn method_not_allowed(method: &Method) -> Problem {
    let method = excerpt(method.as_str(), MAX_QUOTED);
    METHOD_NOT_ALLOWED.problem(format!("{method} is not allowed: the API is read only."))
}

/// The client accepts none of the media types there are.
#[must_use]
pub(crate) fn not_acceptable(release: &Release) -> Problem {
    let versions = release.api_versions.iter().rev().map(|version| version.media_type());
    let types: Vec<_> =
        versions.chain(["application/vnd.sava+json", "application/json"]).map(str::to_owned).collect();
    let detail = format!(
        "Release {} has none of the media types that Accept asks for; it has: {}.",
        release.version,
        types.join(", ")
    );
    NOT_ACCEPTABLE.problem(detail).with("mediaTypes", types)
}

/// A query that cannot be answered.
#[must_use]
pub(crate) fn bad_query(query: BadQuery) -> Problem {
    BAD_QUERY.problem(query.detail).with("parameter", excerpt(&query.parameter, MAX_QUOTED))
}

/// More takes time at once than this instance takes on.
#[must_use]
pub(crate) fn overloaded() -> Problem {
    OVERLOADED.problem("This instance has as many searches as it takes. Please try again in a second.")
}
