//! The parameters of a request's path.

use std::borrow::Cow;

use axum::extract::{MatchedPath, Request};
use percent_encoding::percent_decode;

/// The part of the path that the route calls `{name}`, decoded; empty where the route has none of that name.
///
/// Not axum's `Path`, which answers 400 to bytes that are not UTF-8: those name nothing here, and that is a 404 which
/// says what there is.
pub(crate) fn parameter<'request>(request: &'request Request, name: &str) -> Cow<'request, str> {
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let is_it = |part: &[u8]| {
        part.strip_prefix(b"{").and_then(|part| part.strip_suffix(b"}")) == Some(name.as_bytes())
    };
    // By bytes: to search such short texts for a character takes longer.
    let parts = |text: &'request str| text.as_bytes().split(|byte| *byte == b'/');
    let mut parts = parts(route).zip(parts(request.uri().path()));
    let value = parts.find_map(|(part, value)| is_it(part).then_some(value)).unwrap_or_default();
    percent_decode(value).decode_utf8_lossy()
}
