//! What an answer of the product service says of itself.

use axum::http::{HeaderMap, HeaderName, header};

use crate::release::ApiVersion;

/// The media type of the list that an answer is about, where its own does not say.
const X_SAVA_MEDIA_TYPE: HeaderName = HeaderName::from_static("x-sava-media-type");

/// What another service says of itself goes into pages and headers of ours: plain and short, or not at all.
pub(crate) fn stated(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let text = headers.get(name)?.to_str().ok()?.trim();
    let is_plain = (1..=100).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    is_plain.then(|| text.to_owned())
}

/// The version of the API that an answer is in, as its headers state it.
pub(crate) fn stated_version(headers: &HeaderMap) -> Option<ApiVersion> {
    let stated = [header::CONTENT_TYPE, X_SAVA_MEDIA_TYPE];
    let versions = [ApiVersion::V1, ApiVersion::V2, ApiVersion::V3];
    stated.iter().filter_map(|name| headers.get(name)?.to_str().ok()).find_map(|text| {
        let text = text.to_ascii_lowercase();
        versions.into_iter().find(|version| text.contains(&format!("vnd.sava.{}", version.as_str())))
    })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_version_is_in_the_media_type() {
        let version = |name: HeaderName, text: &'static str| {
            stated_version(&HeaderMap::from_iter([(name, HeaderValue::from_static(text))]))
        };
        assert_eq!(
            version(header::CONTENT_TYPE, "Application/VND.sava.V2+json; charset=utf-8"),
            Some(ApiVersion::V2)
        );
        assert_eq!(version(X_SAVA_MEDIA_TYPE, "application/vnd.sava.v3+json"), Some(ApiVersion::V3));
        assert_eq!(version(header::CONTENT_TYPE, "application/json"), None);
        assert_eq!(version(header::ETAG, "vnd.sava.v1"), None);
    }
}
