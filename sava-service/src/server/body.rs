//! Bodies that are watched: what of them goes by, and when they are over.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};

/// What watches a body. Its drop is the end of the body, whole or not.
pub(crate) trait Watch {
    /// Data goes by; an error is the body's.
    fn data(&mut self, data: &Bytes) -> Result<(), axum::Error>;

    /// The body is whole.
    fn whole(&mut self);
}

/// A body with what watches it.
pub(crate) struct Watched<W: Watch> {
    body: Body,
    watch: W,
}

impl<W: Watch> Watched<W> {
    pub(crate) fn new(body: Body, watch: W) -> Self {
        Self { body, watch }
    }
}

impl<W: Watch + Unpin> http_body::Body for Watched<W> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref()
                    && let Err(error) = self.watch.data(data)
                {
                    return Poll::Ready(Some(Err(error)));
                }
            }
            Poll::Ready(None) => self.watch.whole(),
            Poll::Ready(Some(Err(_))) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<W: Watch> Drop for Watched<W> {
    fn drop(&mut self) {
        // Where the last frame is known to be the last, the end is not asked for.
        if self.body.is_end_stream() {
            self.watch.whole();
        }
    }
}

/// How much of a request's body came.
#[derive(Default)]
pub(crate) struct Received {
    is_too_large: AtomicBool,
    is_whole: AtomicBool,
}

impl Received {
    /// Whether more came than may.
    pub(crate) fn is_too_large(&self) -> bool {
        self.is_too_large.load(Ordering::Relaxed)
    }

    /// Whether all of it came.
    pub(crate) fn is_whole(&self) -> bool {
        self.is_whole.load(Ordering::Relaxed)
    }
}

/// Ends a request's body with an error beyond `left` bytes.
struct Limit {
    left: u64,
    received: Arc<Received>,
}

impl Watch for Limit {
    fn data(&mut self, data: &Bytes) -> Result<(), axum::Error> {
        let Some(left) = self.left.checked_sub(data.len() as u64) else {
            self.received.is_too_large.store(true, Ordering::Relaxed);
            return Err(axum::Error::new("the content is too large"));
        };
        self.left = left;
        Ok(())
    }

    fn whole(&mut self) {
        self.received.is_whole.store(true, Ordering::Relaxed);
    }
}

/// Limits a request's body to `max` bytes; `None` if there is none.
pub(crate) fn limited(body: Body, max: u64) -> (Body, Option<Arc<Received>>) {
    if body.is_end_stream() {
        return (Body::empty(), None);
    }
    let received = Arc::new(Received::default());
    let limit = Limit { left: max, received: Arc::clone(&received) };
    (Body::new(Watched::new(body, limit)), Some(received))
}
