//! The versions of the API: what each is called, how it is asked for, and what is published of it.

use http::HeaderValue;

/// A version of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ApiVersion {
    /// What the shop began with.
    V1 = 1,
    /// Adds pictures.
    V2 = 2,
    /// Money as minor units and currency, a structured image, rating, category.
    V3 = 3,
}

impl ApiVersion {
    /// All versions, from the oldest to the newest.
    pub const ALL: [Self; 3] = [Self::V1, Self::V2, Self::V3];

    /// Its number, as in its media type.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Its position in [`ApiVersion::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize - 1
    }

    /// Its name, as in `/version`, metrics and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        ["v1", "v2", "v3"][self.index()]
    }

    /// Its media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        ["application/vnd.sava.v1+json", "application/vnd.sava.v2+json", "application/vnd.sava.v3+json"]
            [self.index()]
    }

    /// Its media type as a `Content-Type`.
    #[must_use]
    pub const fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(self.media_type())
    }

    /// The value of `X-Sava-Media-Type`.
    #[must_use]
    pub const fn sava_media_type(self) -> HeaderValue {
        HeaderValue::from_static(
            ["sava.v1; format=json", "sava.v2; format=json", "sava.v3; format=json"][self.index()],
        )
    }

    /// The value of `Link` that leads to this version from an older one (RFC 5829): the same resource, asked for
    /// otherwise.
    #[must_use]
    pub const fn successor_link(self) -> HeaderValue {
        HeaderValue::from_static(
            [
                r#"<>; rel="successor-version"; type="application/vnd.sava.v1+json""#,
                r#"<>; rel="successor-version"; type="application/vnd.sava.v2+json""#,
                r#"<>; rel="successor-version"; type="application/vnd.sava.v3+json""#,
            ][self.index()],
        )
    }

    /// What tells its ETags apart when it goes out as its own media type.
    #[must_use]
    pub const fn vendor_etag_suffix(self) -> &'static str {
        ["-v1", "-v2", "-v3"][self.index()]
    }

    /// What tells its ETags apart when it goes out as `application/json`.
    #[must_use]
    pub const fn plain_etag_suffix(self) -> &'static str {
        ["-v1-json", "-v2-json", "-v3-json"][self.index()]
    }

    /// When it became deprecated, as the value of `Deprecation` (RFC 9745 §2.1: a date of RFC 9651): the day on
    /// which the release went out that brought its successor. The newest version has none.
    #[must_use]
    pub const fn deprecated(self) -> Option<HeaderValue> {
        match self {
            Self::V1 => Some(HeaderValue::from_static("@1772409600")), // 2026-03-02, release 2.0.1
            Self::V2 => Some(HeaderValue::from_static("@1788220800")), // 2026-09-01, release 3.0.0
            Self::V3 => None,
        }
    }

    /// Its published JSON Schema, as text.
    #[must_use]
    pub const fn schema(self) -> &'static str {
        match self {
            Self::V1 => include_str!("../../contract/schemas/v1.json"),
            Self::V2 => include_str!("../../contract/schemas/v2.json"),
            Self::V3 => include_str!("../../contract/schemas/v3.json"),
        }
    }
}
