//! One connection: HTTP/1.1, limits of time, answers in the service's own form where hyper would answer itself,
//! and an end that does not take back what was said.

use std::{
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::BoxError;
use bytes::{Buf as _, Bytes};
use hyper::{
    body::{Body, Incoming},
    server::conn::http1,
    service::HttpService,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf},
    net::TcpStream,
    sync::watch,
    time::{Instant, sleep_until},
};

use super::limits;

/// hyper's buffer, with room for what is beyond the limits on target and header section, so that sava can say so.
const BUFFER: usize = limits::MAX_TARGET + limits::MAX_HEADER_SECTION + (8 << 10);

/// When draining begins, a connection that has been idle for less than this may have a request under way:
/// that gets its answer.
const GRACE: Duration = Duration::from_secs(1);

/// How long, and how much of, what a client still sends is read after the last answer. Closing at once would
/// reset the connection, and the client might never see the answer (RFC 9112 §9.6).
const LINGER: Duration = Duration::from_millis(500);
const LINGER_BYTES: usize = 1 << 20;

/// How a process is doing, seen from a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Connections live.
    Serving,
    /// Each answer closes its connection; idle ones are closed.
    Draining,
    /// Whatever is still open ends now.
    Over,
}

/// How a connection came to its end.
#[derive(PartialEq)]
enum End {
    Done,
    Slow,
    Cut,
}

/// Limits of time of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    /// After this, each answer is the last; `None`: no limit.
    pub(crate) max_age: Option<Duration>,
    /// From a header's first byte to its last.
    pub(crate) header: Duration,
    /// Without anything sent or read while a request is worked on; four times that for all of it.
    pub(crate) request: Duration,
    /// Between requests.
    pub(crate) idle: Duration,
}

/// What a server says where hyper would.
#[derive(Debug)]
pub(crate) struct Says {
    pub(crate) bad_request: Bytes,
    pub(crate) uri_too_long: Bytes,
    pub(crate) headers_too_large: Bytes,
    pub(crate) timeout: Bytes,
}

/// What a connection is doing and since when; kept by the connection, read by its timer.
#[derive(Debug)]
pub(crate) struct Activity {
    pub(crate) peer: SocketAddr,
    opened: Instant,
    /// After this age each answer is the connection's last; `None`: never.
    max_age: Option<Duration>,
    doing: AtomicU8,
    /// When it began that; microseconds since `opened`.
    since: AtomicU64,
    /// When bytes moved last; microseconds since `opened`.
    moved: AtomicU64,
    /// Whether a whole line of the header has come.
    has_line: AtomicBool,
}

const IDLE: u8 = 0;
const HEADER: u8 = 1;
const REQUEST: u8 = 2;

impl Activity {
    fn new(peer: SocketAddr, max_age: Option<Duration>) -> Self {
        Self {
            peer,
            opened: Instant::now(),
            max_age,
            // A client that connects means to ask: the time for the header begins.
            doing: AtomicU8::new(HEADER),
            since: AtomicU64::new(0),
            moved: AtomicU64::new(0),
            has_line: AtomicBool::new(false),
        }
    }

    /// Whether the connection has lived long enough.
    pub(crate) fn is_old(&self) -> bool {
        self.max_age.is_some_and(|max_age| self.opened.elapsed() >= max_age)
    }

    /// A whole header has come.
    pub(crate) fn begin(&self) {
        self.now_doing(REQUEST);
    }

    /// Its answer is written, or given up.
    pub(crate) fn end(&self) {
        self.has_line.store(false, Ordering::Relaxed);
        self.now_doing(IDLE);
    }

    fn now_doing(&self, doing: u8) {
        let now = self.now();
        self.since.store(now, Ordering::Relaxed);
        self.moved.store(now, Ordering::Relaxed);
        self.doing.store(doing, Ordering::Relaxed);
    }

    fn read(&self, bytes: &[u8]) {
        if self.doing.load(Ordering::Relaxed) == IDLE {
            self.now_doing(HEADER);
        } else {
            self.moved.store(self.now(), Ordering::Relaxed);
        }
        if !self.has_line.load(Ordering::Relaxed) && bytes.contains(&b'\n') {
            self.has_line.store(true, Ordering::Relaxed);
        }
    }

    fn wrote(&self) {
        self.moved.store(self.now(), Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn is_answering(&self) -> bool {
        self.doing.load(Ordering::Relaxed) == REQUEST
    }

    /// Whether part of a header has come, on a connection that has sent anything at all.
    fn is_in_header(&self) -> bool {
        self.doing.load(Ordering::Relaxed) == HEADER && self.moved.load(Ordering::Relaxed) > 0
    }

    fn at(&self, micros: &AtomicU64) -> Instant {
        self.opened + Duration::from_micros(micros.load(Ordering::Relaxed))
    }

    /// When the connection may be closed, once draining began: at once in a request, which is answered first, or
    /// when it has been idle for long enough that no request can be on its way.
    fn drain_at(&self) -> Instant {
        if self.is_answering() { Instant::now() } else { self.at(&self.moved) + GRACE }
    }

    /// When the connection has been at it for too long.
    fn deadline(&self, timeouts: Timeouts) -> Instant {
        match self.doing.load(Ordering::Relaxed) {
            IDLE => self.at(&self.since) + timeouts.idle,
            HEADER => self.at(&self.since) + timeouts.header,
            // The request's own timeout comes first, with an answer: a second later nothing can be said any more.
            _ => (self.at(&self.moved) + timeouts.request + Duration::from_secs(1))
                .min(self.at(&self.since) + timeouts.request * 4),
        }
    }
}

/// Serves one connection until it ends, is too slow, or is drained.
pub(crate) async fn serve<S, B>(
    stream: TcpStream,
    peer: SocketAddr,
    says: Arc<Says>,
    timeouts: Timeouts,
    mut phase: watch::Receiver<Phase>,
    service: impl FnOnce(Arc<Activity>) -> S,
) where
    S: HttpService<Incoming, ResBody = B>,
    S::Error: Into<BoxError>,
    B: Body + 'static,
    B::Error: Into<BoxError>,
{
    let activity = Arc::new(Activity::new(peer, timeouts.max_age));
    let left = Arc::new(Mutex::new(None));
    let io = Io {
        stream: Some(stream),
        left: left.clone(),
        activity: activity.clone(),
        says: says.clone(),
        instead: None,
    };
    let end = {
        let mut http = http1::Builder::new();
        // The timers are this module's: hyper's counts the idle time as the header's, and costs each request more.
        http.timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(BUFFER).half_close(false);
        let mut connection = pin!(http.serve_connection(TokioIo::new(io), service(activity.clone())));
        let mut timer = pin!(sleep_until(activity.deadline(timeouts)));
        let mut end = phase.clone();
        let mut drain = pin!(async { phase.wait_for(|phase| *phase >= Phase::Draining).await.is_ok() });
        let mut end = pin!(async { end.wait_for(|phase| *phase == Phase::Over).await.is_ok() });
        let mut drain_at: Option<Instant> = None;
        let mut is_drained = false;
        std::future::poll_fn(|cx| {
            loop {
                if connection.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(End::Done);
                }
                if drain_at.is_none() && drain.as_mut().poll(cx).is_ready() {
                    let at = activity.drain_at();
                    drain_at = Some(at);
                    timer.as_mut().reset(at);
                }
                if drain_at.is_some() && end.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(End::Cut);
                }
                let deadline = activity.deadline(timeouts);
                if deadline < timer.deadline() {
                    timer.as_mut().reset(deadline);
                }
                ready!(timer.as_mut().poll(cx));
                let now = Instant::now();
                if now >= activity.deadline(timeouts) {
                    return Poll::Ready(End::Slow);
                }
                let next = match drain_at.filter(|_| !is_drained) {
                    Some(at) if now < at => at,
                    Some(at) if activity.is_in_header() && now < at + GRACE => now + GRACE / 20,
                    Some(_) => {
                        // In the middle of a request this only forbids another; else it closes.
                        connection.as_mut().graceful_shutdown();
                        is_drained = true;
                        deadline
                    }
                    None => deadline,
                };
                timer.as_mut().reset(next.min(deadline));
            }
        })
        .await
    };
    let left = left.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(mut stream) = left else { return };
    if end == End::Cut {
        return;
    }
    if end == End::Slow {
        if !activity.is_in_header() {
            // Idle, or an answer that the client does not take: nothing can be said.
            return;
        }
        let _ = tokio::time::timeout(LINGER, stream.write_all(&says.timeout)).await;
    }
    linger(stream).await;
}

/// Ends a connection to which everything has been said: reads for a while what still comes, so that no reset
/// overtakes the answer.
pub(crate) async fn linger(mut stream: TcpStream) {
    let drain = async {
        stream.shutdown().await?;
        let mut buffer = [0; 4096];
        let mut total = 0;
        while total < LINGER_BYTES {
            match stream.read(&mut buffer).await? {
                0 => break,
                read => total += read,
            }
        }
        io::Result::Ok(())
    };
    let _ = tokio::time::timeout(LINGER, drain).await;
}

/// The stream as hyper sees it: tells the activity, and answers in the service's own form where hyper answers itself.
struct Io {
    /// There until the drop, which leaves it to the connection's task.
    stream: Option<TcpStream>,
    left: Arc<Mutex<Option<TcpStream>>>,
    activity: Arc<Activity>,
    says: Arc<Says>,
    /// What goes out instead of the answer of hyper that it was given, and that one's length.
    instead: Option<(Bytes, usize)>,
}

impl Io {
    fn stream(&mut self) -> Pin<&mut TcpStream> {
        Pin::new(self.stream.as_mut().expect("only the drop takes it"))
    }

    /// hyper answers what it cannot parse by itself, with an empty body and `content-length` as the only field
    /// beside the date: no answer of a service looks like that, for all have more.
    fn replacement(&self, bytes: &[u8]) -> Option<Bytes> {
        if self.activity.is_answering() || bytes.len() > 160 || !bytes.starts_with(b"HTTP/1.") {
            return None;
        }
        let head = std::str::from_utf8(bytes).ok()?;
        if !head.ends_with("\r\n\r\n") || !head.contains("content-length: 0\r\n") || head.contains("x-sava-")
        {
            return None;
        }
        match head.get(9..12)? {
            "400" => Some(self.says.bad_request.clone()),
            "414" => Some(self.says.uri_too_long.clone()),
            // The buffer is full: by a first line without end, it is the target that is too long.
            "431" if !self.activity.has_line.load(Ordering::Relaxed) => Some(self.says.uri_too_long.clone()),
            "431" => Some(self.says.headers_too_large.clone()),
            _ => None,
        }
    }
}

impl Drop for Io {
    fn drop(&mut self) {
        *self.left.lock().unwrap_or_else(PoisonError::into_inner) = self.stream.take();
    }
}

impl AsyncRead for Io {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(self.stream().poll_read(cx, buffer))?;
        let read = &buffer.filled()[before..];
        if !read.is_empty() {
            self.activity.read(read);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Io {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.instead.is_none() {
            self.instead = self.replacement(bytes).map(|replacement| (replacement, bytes.len()));
        }
        while let Some((mut replacement, length)) = self.instead.take() {
            let written = self.stream().poll_write(cx, &replacement)?;
            if let Poll::Ready(written) = written {
                replacement.advance(written);
                if replacement.is_empty() {
                    return Poll::Ready(Ok(length));
                }
            }
            self.instead = Some((replacement, length));
            if written.is_pending() {
                return Poll::Pending;
            }
        }
        let written = ready!(self.stream().poll_write(cx, bytes))?;
        self.activity.wrote();
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = slices.first().map_or(&[][..], |first| first);
        if self.instead.is_some() || self.replacement(first).is_some() {
            return self.poll_write(cx, first);
        }
        let written = ready!(self.stream().poll_write_vectored(cx, slices))?;
        self.activity.wrote();
        Poll::Ready(Ok(written))
    }
}
