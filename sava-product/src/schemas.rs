//! The published JSON Schemas of the versions: `/schemas/v1.json` and so on.

use axum::{
    extract::{Request, State},
    response::Response,
};
use http::{HeaderMap, HeaderValue};
use sava_service::Problem;

use crate::{
    app::App, document::Document, headers::answer_with, problems, products::segment, representation::Version,
};

/// The schema of a version, as text.
#[must_use]
pub fn text(version: Version) -> &'static str {
    match version {
        Version::V1 => include_str!("../schemas/v1.json"),
        Version::V2 => include_str!("../schemas/v2.json"),
        Version::V3 => include_str!("../schemas/v3.json"),
    }
}

/// `GET /schemas/{file}`: the schema of a version that this release serves.
pub async fn show_schema(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let file = segment(&request, 2);
    let version = file
        .strip_suffix(".json")
        .and_then(|name| app.release.api_versions.iter().copied().find(|version| version.name() == name));
    let version = version.ok_or_else(|| problems::unknown_route(request.uri().path()))?;
    let content_type = HeaderValue::from_static("application/schema+json");
    let document = Document::new(content_type, text(version).as_bytes());
    Ok(answer_with(&document, request.headers(), app.default_headers(HeaderMap::with_capacity(12))).await)
}
