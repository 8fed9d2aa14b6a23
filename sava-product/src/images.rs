//! The pictures: `/images/{file}`.

use axum::{
    extract::{Request, State},
    response::Response,
};
use http::{HeaderMap, HeaderValue, header};
use sava_service::Problem;

use crate::{app::App, headers::answer_with, problems, products::segment};

/// `GET /images/{file}`: the picture of a product.
pub async fn show_image(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let file = segment(&request, 2);
    let picture = app.catalog.load().pictures.get(&file).cloned();
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
