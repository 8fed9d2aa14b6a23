//! The pictures: `/images/{file}`.

use axum::{
    extract::{Request, State},
    response::Response,
};
use http::{HeaderMap, HeaderValue, header};
use sava_service::Problem;

use crate::{headers::answer_with, path::parameter, problems, state::AppState};

/// `GET /images/{file}`: the picture of a product.
pub(crate) async fn show_image(State(state): State<AppState>, request: Request) -> Result<Response, Problem> {
    let file = parameter(&request, "file");
    let picture = state.catalog.load().pictures.get(&file).cloned();
    let picture = picture.ok_or_else(|| problems::unknown_image(&file))?;
    let mut headers = HeaderMap::with_capacity(12);
    // An hour, and not for ever: a reload may put another picture in its place.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
    // Opened by itself an SVG picture is a page, which could run scripts; a data directory may come from anywhere.
    let policy = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; sandbox");
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(answer_with(&picture, request.headers(), headers).await)
}
