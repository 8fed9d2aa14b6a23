//! Lists of products that are put together while they are sent, so that no answer takes memory as large as a catalog.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use http::{HeaderMap, header};
use http_body::{Frame, SizeHint};
use sava_service::etag::none_match_fails;

use crate::{
    api_version::ApiVersion, catalog::Store, document::Tag, encoding::Coding, headers::not_modified,
    representation::Representation,
};

/// About how many bytes are put together at a time.
const CHUNK: usize = 64 << 10;

/// Answers with the array of the products at `positions`, or with 304 where the client has it already; `tag` tells
/// it from other arrays.
pub(crate) fn answer_with_array(
    store: &Arc<Store>,
    representation: Representation,
    positions: impl Iterator<Item = u32> + Clone + Send + Unpin + 'static,
    tag: Tag,
    request: &HeaderMap,
    mut headers: HeaderMap,
) -> Response {
    let etag = tag.etag(representation.etag_suffix(), Coding::Identity);
    let has_it = none_match_fails(request, &etag);
    headers.insert(header::ETAG, etag);
    if has_it {
        return not_modified(headers);
    }
    headers.insert(header::CONTENT_TYPE, representation.content_type());
    let version = representation.version;
    let length = store.array_length(version, positions.clone());
    let body = if length <= CHUNK {
        Body::from(store.array(version, positions))
    } else {
        let store = Arc::clone(store);
        Body::new(ArrayBody { store, version, positions, bytes_left: length as u64, is_first: true })
    };
    let mut response = Response::new(body);
    *response.headers_mut() = headers;
    response
}

/// A JSON array of products as a body.
struct ArrayBody<Positions> {
    store: Arc<Store>,
    version: ApiVersion,
    positions: Positions,
    bytes_left: u64,
    is_first: bool,
}

impl<Positions: Iterator<Item = u32> + Unpin> http_body::Body for ArrayBody<Positions> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.bytes_left == 0 {
            return Poll::Ready(None);
        }
        let mut chunk = Vec::with_capacity(CHUNK + CHUNK / 8);
        while chunk.len() < CHUNK {
            let Some(position) = self.positions.next() else {
                chunk.extend_from_slice(if self.is_first { b"[]" } else { b"]" });
                break;
            };
            chunk.push(if self.is_first { b'[' } else { b',' });
            self.is_first = false;
            self.store.append_product(self.version, position, &mut chunk);
        }
        self.bytes_left = self.bytes_left.saturating_sub(chunk.len() as u64);
        Poll::Ready(Some(Ok(Frame::data(chunk.into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes_left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes_left)
    }
}
