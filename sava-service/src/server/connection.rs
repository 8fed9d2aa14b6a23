//! One connection: HTTP/1.1, limits of time, answers in the service's own form where hyper would answer itself,
//! and an end that does not take back what was said.
//!
//! The timers are this module's: hyper's `header_read_timeout` counts the time between requests as the header's, and it
//! has none for the rest. The drain is, too: hyper-util's `GracefulShutdown` closes what is idle at once, although a
//! request may be on its way. Here a connection has a second to show it ([`GRACE`](super::activity::GRACE)): of 250 kept
//! connections that asked in the half second after a SIGTERM none lost its answer, and without that second 245 did.

use std::{
    io,
    pin::{Pin, pin},
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::{Duration, SystemTime},
};

use anyhow::ensure;
use axum::BoxError;
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
    time::{Instant, Sleep, sleep, sleep_until, timeout},
};

use super::{
    activity::{Activity, Timeouts},
    limits,
    refusals::Refusals,
};
use crate::metrics::Rejection;

/// hyper's buffer, with room for what is beyond the limits on target and header section, so that sava can say so.
const BUFFER: usize = limits::MAX_TARGET + limits::MAX_HEADER_SECTION + (8 << 10);

/// How long a client that has closed its sending half is taken for one that waits for its answer, as `printf … | nc` does.
/// One that is gone looks the same until something is sent to it, and would keep its place to the request's timeout.
const HALF_CLOSED: Duration = Duration::from_secs(5);

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
enum End {
    /// hyper has nothing more to do: the client went, the answer was the last, or what came was not a request.
    Done(Result<(), hyper::Error>),
    /// A limit of time has passed.
    Slow,
    /// It gives way, or the process is over.
    Cut,
}

/// Serves one connection until it ends, is too slow, or is drained.
pub(crate) async fn serve<S, B>(
    stream: TcpStream,
    activity: Arc<Activity>,
    refusals: Arc<Refusals>,
    timeouts: Timeouts,
    phase: watch::Receiver<Phase>,
    service: S,
) where
    S: HttpService<Incoming, ResBody = B>,
    S::Error: Into<BoxError>,
    B: Body + 'static,
    B::Error: Into<BoxError>,
{
    if let Err(error) = check_clock(SystemTime::now()) {
        tracing::error!(%error, "no connection is served");
        return;
    }
    let left = Arc::new(Mutex::new(None));
    let io = Io {
        stream: Some(stream),
        left: Arc::clone(&left),
        activity: Arc::clone(&activity),
        half_closed: None,
    };
    let end = {
        let mut http = http1::Builder::new();
        // Half-closed connections are Io's: hyper would not see any more that a client is gone.
        http.timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(BUFFER).half_close(false);
        let connection = pin!(http.serve_connection(TokioIo::new(io), service));
        until_end(connection, &activity, timeouts, phase).await
    };
    let left = left.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(mut stream) = left else { return };
    let rejection = match end {
        End::Cut => return,
        // An answer that the client does not take: nothing can be said.
        End::Slow if activity.is_busy() => return,
        End::Slow => activity.is_in_header().then_some(Rejection::HeaderTimeout),
        End::Done(result) => result.err().and_then(|error| rejection(&error, &activity)),
    };
    if let Some(rejection) = rejection {
        let answer = refusals.refuse(rejection);
        // Behind an answer that hyper has cut nothing can be said.
        if !activity.is_busy() {
            let _ = timeout(LINGER, stream.write_all(&answer)).await;
        }
    }
    linger(stream).await;
}

/// Checks that HTTP has a date for this time, and soon after it (RFC 9110 §5.6.7): hyper panics where it has none, even
/// where it is told to send none.
///
/// # Errors
/// For a clock before 1970 or past 9999.
pub(crate) fn check_clock(now: SystemTime) -> anyhow::Result<()> {
    /// 9999-12-31, in seconds since 1970.
    const LAST_DAY: u64 = 253_402_214_400;
    let is_right =
        now.duration_since(SystemTime::UNIX_EPOCH).is_ok_and(|since_1970| since_1970.as_secs() < LAST_DAY);
    ensure!(is_right, "the clock is wrong: HTTP has dates from 1970 to 9999");
    Ok(())
}

/// Why hyper could not read a request, where that is what happened.
fn rejection(error: &hyper::Error, activity: &Activity) -> Option<Rejection> {
    let rejection = activity.with_head(|head| {
        if error.is_parse_version_h2() || head.is_of_another_version() {
            Rejection::Version
        } else if head.announces_too_much() {
            Rejection::Body
        } else if !error.is_parse_too_large() {
            Rejection::BadRequest
        } else if head.has_line() {
            Rejection::Headers
        } else {
            // The buffer is full: by a first line without end, it is the target that is too long.
            Rejection::Target
        }
    });
    (error.is_parse() || error.is_parse_version_h2()).then_some(rejection)
}

/// Lets hyper work until there is nothing more to do, or a limit of time or the drain ends it.
async fn until_end<S, B>(
    mut connection: Pin<&mut http1::Connection<TokioIo<Io>, S>>,
    activity: &Activity,
    timeouts: Timeouts,
    mut phase: watch::Receiver<Phase>,
) -> End
where
    S: HttpService<Incoming, ResBody = B>,
    S::Error: Into<BoxError>,
    B: Body + 'static,
    B::Error: Into<BoxError>,
{
    let mut later = phase.clone();
    let mut drain = pin!(phase.wait_for(|phase| *phase >= Phase::Draining));
    let mut over = pin!(later.wait_for(|phase| *phase == Phase::Over));
    let mut timer = pin!(sleep_until(activity.deadline(timeouts)));
    let mut drain_began: Option<Instant> = None;
    let mut is_drained = false;
    loop {
        let to_drain = drain_began.filter(|_| !is_drained);
        let drain_at = || to_drain.and_then(|began| activity.drain_at(began));
        let due = || {
            let deadline = activity.deadline(timeouts);
            drain_at().map_or(deadline, |at| at.min(deadline))
        };
        tokio::select! {
            // hyper first: what it does changes what the others are about.
            biased;
            result = connection.as_mut() => return End::Done(result),
            () = activity.leaving() => return End::Cut,
            _ = drain.as_mut(), if drain_began.is_none() => drain_began = Some(Instant::now()),
            _ = over.as_mut(), if drain_began.is_some() => return End::Cut,
            () = no_later_than(timer.as_mut(), due) => {
                let now = Instant::now();
                if now >= activity.deadline(timeouts) {
                    return End::Slow;
                }
                if drain_at().is_some_and(|at| now >= at) {
                    // In the middle of a request this only forbids another; else it closes.
                    connection.as_mut().graceful_shutdown();
                    is_drained = true;
                }
                timer.as_mut().reset(due().max(now));
            }
        }
    }
}

/// Waits for the timer, and sets it forward at each look where `due` is earlier. Where `due` is later it fires too early:
/// that costs less than to set it at each request.
async fn no_later_than(mut timer: Pin<&mut Sleep>, due: impl Fn() -> Instant) {
    std::future::poll_fn(|cx| {
        let due = due();
        if due < timer.deadline() {
            timer.as_mut().reset(due);
        }
        timer.as_mut().poll(cx)
    })
    .await;
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
    let _ = timeout(LINGER, drain).await;
}

/// The stream as hyper sees it: tells the activity what goes by, keeps to itself for a while that the client has closed
/// its half, while a request is worked on, and what hyper says where there is no request. hyper answers what it cannot read with an empty body; the answer in the service's own form follows when it
/// has given up.
struct Io {
    /// There until the drop, which leaves it to the connection's task.
    stream: Option<TcpStream>,
    left: Arc<Mutex<Option<TcpStream>>>,
    activity: Arc<Activity>,
    /// Until when hyper does not hear that the client has closed its half.
    half_closed: Option<Pin<Box<Sleep>>>,
}

impl Io {
    fn stream(&mut self) -> Pin<&mut TcpStream> {
        Pin::new(self.stream.as_mut().expect("only the drop takes it"))
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
        if self.half_closed.is_none() {
            let before = buffer.filled().len();
            ready!(self.stream().poll_read(cx, buffer))?;
            let read = &buffer.filled()[before..];
            if !read.is_empty() {
                self.activity.read(read);
                return Poll::Ready(Ok(()));
            }
        }
        if !self.activity.is_busy() {
            return Poll::Ready(Ok(()));
        }
        let end = self.half_closed.get_or_insert_with(|| Box::pin(sleep(HALF_CLOSED)));
        ready!(end.as_mut().poll(cx));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Io {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[io::IoSlice::new(bytes)])
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.stream().poll_flush(cx))?;
        // hyper flushes when it has nothing left to write.
        self.activity.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The connection's task does it, after its own last word.
        Poll::Ready(Ok(()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if !self.activity.is_busy() {
            return Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()));
        }
        let written = ready!(self.stream().poll_write_vectored(cx, slices))?;
        self.activity.wrote();
        Poll::Ready(Ok(written))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_has_dates_of_four_digits() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        assert!(check_clock(SystemTime::now()).is_ok() && check_clock(at(0)).is_ok());
        assert!(check_clock(at(253_402_300_800)).is_err(), "the year 10000");
        assert!(check_clock(at(0) - Duration::from_secs(1)).is_err(), "1969");
    }
}
