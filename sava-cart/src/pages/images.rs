//! Pictures of products: fetched from the product service, under a name that means the same in every release.

use axum::{
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use sava_service::etag::none_match_fails;

use super::error_page::ErrorPage;
use crate::state::AppState;

/// A picture is shown, not run: an SVG that is opened by itself has no scripts, no other pictures, no frames.
pub(super) const POLICY: &str = "default-src 'none'; sandbox; frame-ancestors 'none'";
/// An hour, as the product service says: a reload of its data may replace a picture.
pub(super) const KEEP: &str = "public, max-age=3600";

/// `GET /images/{file}`
pub(crate) async fn show_image(
    State(state): State<AppState>,
    headers: HeaderMap,
    Path(file): Path<String>,
) -> Result<Response, ErrorPage> {
    let picture = state.catalog_for(&headers).image(&file).await.ok_or(ErrorPage::NoPicture)?;
    let etag = HeaderValue::from_str(&picture.etag).ok();
    let is_known = etag.as_ref().is_some_and(|etag| none_match_fails(&headers, etag));
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, HeaderValue::from_static(picture.media_type))], picture.bytes)
            .into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(KEEP));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    if let Some(etag) = etag {
        headers.insert(header::ETAG, etag);
    }
    Ok(response)
}
