//! A body that is kept ready: its ETags, and its compressed forms, each made once, when it is first asked for.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use crate::encoding::{Coding, Encodings};

/// A body that answers requests as it is.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    /// Its media type.
    pub content_type: HeaderValue,
    /// Its bytes.
    pub bytes: Bytes,
    /// What tells its bytes from all others.
    pub tag: Tag,
    /// The ETag of each coding, by [`Coding::index`].
    etags: [HeaderValue; Coding::ALL.len()],
    /// The compressed forms, which documents of the same bytes share.
    encoded: Arc<Encodings>,
    /// The headers of answers with it, in each coding, where they are kept.
    headers: [OnceLock<HeaderMap>; Coding::ALL.len()],
}

impl Document {
    /// A body of these bytes.
    #[must_use]
    pub(crate) fn new(content_type: HeaderValue, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let tag = Tag::of(&bytes);
        Self {
            content_type,
            tag,
            bytes,
            etags: etags(tag, ""),
            encoded: Arc::default(),
            headers: Default::default(),
        }
    }

    /// The same bytes under another media type, and so with other ETags: `etag_suffix` tells them apart.
    #[must_use]
    pub(crate) fn with_media_type(&self, content_type: HeaderValue, etag_suffix: &str) -> Self {
        Self {
            content_type,
            tag: self.tag,
            bytes: self.bytes.clone(),
            etags: etags(self.tag, etag_suffix),
            encoded: Arc::clone(&self.encoded),
            headers: Default::default(),
        }
    }

    /// The strong ETag of this document in `coding` (RFC 9110 §8.8.3).
    #[must_use]
    pub(crate) fn etag(&self, coding: Coding) -> &HeaderValue {
        &self.etags[coding.index()]
    }

    /// The headers of answers with it in `coding`, where all are alike: made once, and cheaper to copy than to put together.
    pub(crate) fn headers(&self, coding: Coding, make: impl FnOnce() -> HeaderMap) -> &HeaderMap {
        self.headers[coding.index()].get_or_init(make)
    }

    /// The bytes in `coding`. The first one to ask makes them, the others wait for it.
    pub(crate) async fn encoded(&self, coding: Coding) -> Bytes {
        self.encoded.get(coding, &self.bytes).await
    }
}

fn etags(tag: Tag, etag_suffix: &str) -> [HeaderValue; Coding::ALL.len()] {
    Coding::ALL.map(|coding| tag.etag(etag_suffix, coding))
}

/// A hash of bytes, from which ETags are made. It does not stand against malice: whoever can choose the data of the shop
/// needs no collision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tag(u128);

impl Tag {
    /// The tag of these bytes.
    #[must_use]
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(xxh3_128(bytes))
    }

    /// The tag of bytes that come in pieces.
    pub(crate) fn of_pieces(feed: impl FnOnce(&mut dyn FnMut(&[u8]))) -> Self {
        let mut hasher = Xxh3::new();
        feed(&mut |piece| hasher.update(piece));
        Self(hasher.digest128())
    }

    /// The ETag of what it is the tag of, under a media type and in a coding.
    ///
    /// # Panics
    /// When `etag_suffix` has characters that an ETag cannot have; it is one of ours.
    #[must_use]
    pub(crate) fn etag(self, etag_suffix: &str, coding: Coding) -> HeaderValue {
        let etag = format!("\"{self}{etag_suffix}{}\"", coding.suffix());
        HeaderValue::try_from(etag).expect("letters, digits and hyphens")
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}
