//! Pictures of products: fetched from the product service, under a name that means the same in every release.

use axum::{
    Extension,
    extract::Path,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{fault::Fault, visit::Visit};

/// A picture is shown, not run: an SVG that is opened by itself has no scripts, no other pictures, no frames.
const POLICY: &str = "default-src 'none'; sandbox; frame-ancestors 'none'";
/// An hour, as the product service says: a reload of its data may replace a picture.
const KEEP: &str = "public, max-age=3600";

/// `GET /images/{file}`
pub async fn show_image(
    Extension(visit): Extension<Visit>,
    Path(file): Path<String>,
) -> Result<Response, Fault> {
    let picture = visit.state.catalog.image(&file).await.ok_or(Fault::NoPicture)?;
    let is_known = visit
        .headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(','))
        .map(|tag| tag.trim().trim_start_matches("W/"))
        .any(|tag| tag == "*" || tag == picture.etag);
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, HeaderValue::from_static(picture.media_type))], picture.bytes)
            .into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(KEEP));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    if let Ok(etag) = HeaderValue::from_str(&picture.etag) {
        headers.insert(header::ETAG, etag);
    }
    Ok(response)
}
