//! Pictures: fetched from the product service and kept for a while, as long as there is room.

use std::{
    fmt,
    time::{Duration, Instant},
};

use axum::http::{HeaderValue, StatusCode, header};
use bytes::Bytes;
use mime::Mime;
use quick_cache::{Weighter, sync::Cache};
use sha2::{Digest as _, Sha256};

use super::product::is_picture_file;
use crate::product_service::{
    client::{Client, Failure, Request, Response},
    endpoint::DEADLINE,
};

/// The largest picture that is shown.
const MAX_BYTES: usize = 2 << 20;
/// All kept pictures together.
const MAX_KEPT_BYTES: u64 = 16 << 20;
/// A picture is asked for again after this; until then it is as fresh as it needs to be.
const FRESH: Duration = Duration::from_mins(1);
/// That there is no such picture is believed for this long: it may be about to come.
const MISSING: Duration = Duration::from_secs(5);
/// After a failure the product service is asked again, but not by every page view.
const UNREACHABLE: Duration = Duration::from_secs(1);

/// What pictures may be. A browser is told this type, and to believe it.
const MEDIA_TYPES: [&str; 6] =
    ["image/svg+xml", "image/png", "image/jpeg", "image/webp", "image/gif", "image/avif"];

#[derive(Clone, Debug)]
pub struct PictureFile {
    pub bytes: Bytes,
    /// Its media type: always an image.
    pub media_type: &'static str,
    /// A strong entity tag of the bytes, the same in every replica.
    pub etag: String,
}

/// The pictures that were fetched.
pub(super) struct Pictures {
    client: Client,
    kept: Cache<String, CachedPicture, ByBytes>,
}

#[derive(Clone)]
struct CachedPicture {
    /// `None`: there was no such picture, or none to be had.
    picture: Option<PictureFile>,
    /// The product service's own entity tag.
    upstream_etag: Option<HeaderValue>,
    /// When the product service is to be asked again.
    due: Instant,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<String, CachedPicture> for ByBytes {
    fn weight(&self, file: &String, kept: &CachedPicture) -> u64 {
        let n_bytes = kept.picture.as_ref().map_or(0, |picture| picture.bytes.len());
        // The entry itself takes room too, so that names of pictures that are not there are bounded as well.
        u64::try_from(n_bytes + file.len() + 256).unwrap_or(u64::MAX)
    }
}

impl Pictures {
    pub(super) fn new(client: Client) -> Self {
        Self { client, kept: Cache::with_weighter(256, MAX_KEPT_BYTES, ByBytes) }
    }

    /// The picture in `file`: a kept one while it is fresh, else the product service's, else the kept one all the
    /// same.
    pub(super) async fn get(&self, file: &str) -> Option<PictureFile> {
        if !is_picture_file(file) {
            return None;
        }
        let deadline = Instant::now() + DEADLINE;
        // A request that comes while a picture is fetched for the first time waits for that. The client keeps the
        // deadline of the fetch itself: were that cut off here, its breaker would not learn of pictures that hang.
        let wait = tokio::time::timeout_at(deadline.into(), self.kept.get_value_or_guard_async(file));
        let kept = match wait.await.ok()? {
            Ok(kept) => kept,
            Err(guard) => {
                let fetched = self.fetch(file, None, deadline).await;
                // There is room for every picture: insertion fails only where the entry was removed meanwhile.
                let _ = guard.insert(fetched.clone());
                return fetched.picture;
            }
        };
        if kept.due > Instant::now() {
            return kept.picture;
        }
        // A request that comes while a picture is asked for again gets the kept one.
        self.kept.insert(file.to_owned(), CachedPicture { due: Instant::now() + DEADLINE, ..kept.clone() });
        let fetched = self.fetch(file, Some(&kept), deadline).await;
        self.kept.insert(file.to_owned(), fetched.clone());
        fetched.picture
    }

    async fn fetch(&self, file: &str, kept: Option<&CachedPicture>, deadline: Instant) -> CachedPicture {
        let request = Request {
            resource: "picture",
            path: &format!("images/{file}"),
            accept: &HeaderValue::from_static("image/*"),
            if_none_match: kept.and_then(|kept| kept.upstream_etag.clone()),
            max_bytes: MAX_BYTES,
            deadline,
        };
        let due = |after: Duration| Instant::now() + after;
        match self.client.get(&request).await {
            Ok(answer) => {
                let upstream_etag = answer.headers.get(header::ETAG).cloned();
                match (picture(answer), kept) {
                    (Some(picture), _) => {
                        CachedPicture { picture: Some(picture), upstream_etag, due: due(FRESH) }
                    }
                    (None, Some(kept)) => CachedPicture { due: due(FRESH), ..kept.clone() },
                    (None, None) => CachedPicture { picture: None, upstream_etag: None, due: due(MISSING) },
                }
            }
            Err(Failure::Status(status, _)) if status.is_client_error() => {
                CachedPicture { picture: None, upstream_etag: None, due: due(MISSING) }
            }
            Err(failure) => {
                tracing::debug!(file, %failure, "a picture cannot be had");
                let picture = kept.and_then(|kept| kept.picture.clone());
                let upstream_etag = kept.and_then(|kept| kept.upstream_etag.clone());
                CachedPicture { picture, upstream_etag, due: due(UNREACHABLE) }
            }
        }
    }
}

/// The picture in a 200; `None` where it is not a picture, or in a 304.
fn picture(answer: Response) -> Option<PictureFile> {
    if answer.status != StatusCode::OK {
        return None;
    }
    let stated = answer.headers.get(header::CONTENT_TYPE)?.to_str().ok()?.trim().parse::<Mime>().ok()?;
    let media_type = MEDIA_TYPES.into_iter().find(|media_type| *media_type == stated.essence_str())?;
    let digest = Sha256::digest(&answer.body);
    Some(PictureFile { etag: format!("\"{}\"", hex::encode(&digest[..12])), bytes: answer.body, media_type })
}

impl fmt::Debug for Pictures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Pictures").field("kept", &self.kept.len()).finish_non_exhaustive()
    }
}
