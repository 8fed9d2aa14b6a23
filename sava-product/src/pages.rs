//! The documents as routes: the index at `/`, the documentation at `/docs`, and its description at `/openapi.json`; and
//! who gets a page.

use axum::{
    extract::{Request, State},
    response::Response,
};
use http::{HeaderMap, HeaderValue, header};
use sava_service::{
    Problem,
    quality::{self, Quality},
};

use crate::{document::Document, documents, headers::answer_with, state::AppState};

/// `GET /`: what there is; a page for a browser, JSON for others.
pub(crate) async fn show_index(State(state): State<AppState>, request: Request) -> Result<Response, Problem> {
    let documents = &state.documents;
    let document = if wants_page(request.headers()) { &documents.index } else { &documents.index_json };
    Ok(answer(&state, document, documents::policy, request.headers()).await)
}

/// `GET /docs`: the documentation.
pub(crate) async fn show_docs(State(state): State<AppState>, request: Request) -> Result<Response, Problem> {
    Ok(answer(&state, &state.documents.docs, documents::policy_of_docs, request.headers()).await)
}

/// `GET /openapi.json`: the same for programs.
pub(crate) async fn show_openapi(
    State(state): State<AppState>,
    request: Request,
) -> Result<Response, Problem> {
    Ok(answer(&state, &state.documents.openapi, documents::policy, request.headers()).await)
}

/// `policy` is that of a page.
async fn answer(
    state: &AppState,
    document: &Document,
    policy: fn() -> HeaderValue,
    request: &HeaderMap,
) -> Response {
    let mut headers = state.default_headers(HeaderMap::with_capacity(16));
    if document.content_type.as_bytes().starts_with(b"text/html") {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy());
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    }
    answer_with(document, request, headers).await
}

/// Whether a client names pages in its `Accept`, and wants them no less than JSON, as browsers do and programs do not.
pub(crate) fn wants_page(headers: &HeaderMap) -> bool {
    let quality = |names| {
        let lists = headers.get_all(header::ACCEPT).iter().map(HeaderValue::as_bytes);
        quality::named(lists, names).unwrap_or(Quality::NONE)
    };
    let page = quality(&["text/html", "application/xhtml+xml"]);
    page.is_acceptable() && page >= quality(&["application/json"])
}
