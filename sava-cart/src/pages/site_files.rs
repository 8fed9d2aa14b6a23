//! What browsers and search engines look for by its name: an icon, and what is not for robots.

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};

use super::{
    images::{KEEP, POLICY},
    look::Look,
};
use crate::{reference::path, state::AppState};

/// `GET /favicon.ico`: the shape of the release, for what is no page and so cannot name its icon. Browsers go by the media
/// type and not by the name.
pub(crate) async fn show_icon(State(state): State<AppState>) -> Response {
    file("image/svg+xml", Look::of(state.release.theme).sign.clone())
}

/// `GET /robots.txt` (RFC 9309): pages are for everybody; a sample costs two connections, and is of this moment.
pub(crate) async fn show_robots(State(state): State<AppState>) -> Response {
    let base = &state.settings.base_path;
    file("text/plain; charset=utf-8", format!("User-agent: *\nDisallow: {base}{}\n", path::RELEASE_SAMPLE))
}

fn file(media_type: &'static str, content: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, media_type),
        (header::CACHE_CONTROL, KEEP),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ];
    (headers.map(|(name, value)| (name, HeaderValue::from_static(value))), content).into_response()
}
