//! The published JSON Schemas of the versions: `/schemas/v1.json` and so on.

use axum::{
    extract::{Request, State},
    response::Response,
};
use http::{HeaderMap, HeaderValue};
use sava_service::Problem;

use crate::{document::Document, headers::answer_with, path::parameter, problems, state::AppState};

/// `GET /schemas/{file}`: the schema of a version that this release serves.
pub(crate) async fn show_schema(
    State(state): State<AppState>,
    request: Request,
) -> Result<Response, Problem> {
    let file = parameter(&request, "file");
    let version = file
        .strip_suffix(".json")
        .and_then(|name| state.release.api_versions.iter().copied().find(|version| version.name() == name));
    let version = version.ok_or_else(|| problems::unknown_route(request.uri().path()))?;
    let content_type = HeaderValue::from_static("application/schema+json");
    let document = Document::new(content_type, version.schema().as_bytes());
    Ok(answer_with(&document, request.headers(), state.default_headers(HeaderMap::with_capacity(12))).await)
}
