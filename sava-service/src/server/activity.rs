//! What a connection is doing and since when: kept by the connection, read by its timer and by whoever needs its place.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
    time::Duration,
};

use futures_util::task::AtomicWaker;
use tokio::time::Instant;

use super::head::Head;

/// A client that has been silent for less than this may have bytes under way: they are waited for.
pub(crate) const GRACE: Duration = Duration::from_secs(1);

/// Limits of time of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    /// From a header's first byte to its last.
    pub(crate) header: Duration,
    /// Without anything sent or read while a request is worked on; four times that for all of it.
    pub(crate) request: Duration,
    /// Between requests.
    pub(crate) idle: Duration,
}

/// What a connection is doing and since when.
#[derive(Debug)]
pub(crate) struct Activity {
    peer: SocketAddr,
    opened: Instant,
    /// After this age each answer is the connection's last, and it ends where it waits for a request; `None`: never.
    max_age: Option<Duration>,
    /// Held to look and to change, never over an await.
    state: Mutex<State>,
    /// Wakes the connection's task where it has to give way.
    waker: AtomicWaker,
}

#[derive(Debug)]
struct State {
    doing: Doing,
    /// When it began that; while an answer is sent, when its request began.
    since: Instant,
    /// When bytes moved last.
    moved: Instant,
    /// What came of the next request's head.
    head: Head,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Doing {
    /// The client has connected and said nothing yet.
    Silent,
    /// Part of a header has come.
    Header,
    /// A request is worked on, and its answer written.
    Answering,
    /// The whole answer is hyper's, and part of it waits for the client to read.
    Sending,
    /// Everything is sent, and the client may ask again.
    Idle,
    /// It has no request, and another connection gets its place.
    Leaving,
}

impl Activity {
    pub(crate) fn new(peer: SocketAddr, max_age: Option<Duration>) -> Self {
        let opened = Instant::now();
        Self {
            peer,
            opened,
            max_age,
            state: Mutex::new(State {
                doing: Doing::Silent,
                since: opened,
                moved: opened,
                head: Head::default(),
            }),
            waker: AtomicWaker::new(),
        }
    }

    /// Since when the connection has had nothing to answer or to send; `None` while it has. One that waits comes before
    /// one that is in the middle of a header, which may have a second's time.
    pub(crate) fn idle_since(&self) -> Option<(bool, Instant)> {
        let state = self.state();
        match state.doing {
            Doing::Silent | Doing::Idle => Some((false, state.since)),
            Doing::Header => (state.since.elapsed() >= GRACE).then_some((true, state.since)),
            Doing::Answering | Doing::Sending | Doing::Leaving => None,
        }
    }

    /// Ends the connection, unless a request has come meanwhile; whether it does.
    pub(crate) fn give_way(&self) -> bool {
        let mut state = self.state();
        let leaves = matches!(state.doing, Doing::Silent | Doing::Header | Doing::Idle);
        if leaves {
            state.doing = Doing::Leaving;
            drop(state);
            self.waker.wake();
        }
        leaves
    }

    /// A whole header has come: until the drop of what is returned, the request is worked on.
    pub(crate) fn answer(self: &Arc<Self>) -> Answering {
        let mut state = self.state();
        state.start(Doing::Answering);
        state.head.clear();
        drop(state);
        Answering(Arc::clone(self))
    }

    /// The last of the answer is in hyper's hands, or it was given up.
    fn answered(&self) {
        let mut state = self.state();
        state.moved = Instant::now();
        state.doing = Doing::Sending;
    }

    /// Nothing is left to write: what was handed to hyper is the kernel's.
    pub(crate) fn flushed(&self) {
        let mut state = self.state();
        if state.doing == Doing::Sending {
            state.start(Doing::Idle);
        }
    }

    pub(crate) fn read(&self, bytes: &[u8]) {
        let mut state = self.state();
        match state.doing {
            Doing::Silent | Doing::Idle => state.start(Doing::Header),
            _ => state.moved = Instant::now(),
        }
        if state.doing != Doing::Answering {
            state.head.push(bytes);
        }
    }

    pub(crate) fn wrote(&self) {
        self.state().moved = Instant::now();
    }

    /// Waits until the connection has to give way; polled by the connection's task alone.
    pub(crate) async fn leaving(&self) {
        std::future::poll_fn(|cx| {
            self.waker.register(cx.waker());
            if self.state().doing == Doing::Leaving { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Whether a request is worked on, or part of its answer not yet sent.
    pub(crate) fn is_busy(&self) -> bool {
        matches!(self.state().doing, Doing::Answering | Doing::Sending)
    }

    /// Whether part of a header has come.
    pub(crate) fn is_in_header(&self) -> bool {
        self.state().doing == Doing::Header
    }

    /// Looks at what came of a head that is not a request.
    pub(crate) fn with_head<T>(&self, look: impl FnOnce(&Head) -> T) -> T {
        look(&self.state().head)
    }

    /// When the connection may be told to end, once draining began: at once where the answer can say so; not before the
    /// client had the time to see the end of an answer that did not; and where a header is coming, a little later.
    pub(crate) fn drain_at(&self, began: Instant) -> Option<Instant> {
        let state = self.state();
        match state.doing {
            Doing::Answering | Doing::Leaving => Some(began),
            Doing::Sending => None,
            Doing::Header => Some(began + 2 * GRACE),
            Doing::Silent | Doing::Idle => Some(state.moved + GRACE),
        }
    }

    /// When the connection has been at it for too long.
    pub(crate) fn deadline(&self, timeouts: Timeouts) -> Instant {
        let state = self.state();
        match state.doing {
            Doing::Idle => {
                let idle = state.since + timeouts.idle;
                // Not in the moment after an answer, when the next request may be on its way.
                let old = self.max_age.map(|max_age| (self.opened + max_age).max(state.since + GRACE));
                old.map_or(idle, |old| old.min(idle))
            }
            // A client that connects means to ask: the time for the header has begun.
            Doing::Silent | Doing::Header => state.since + timeouts.header,
            // The request's own timeout comes first, with an answer: a second later nothing can be said any more.
            Doing::Answering | Doing::Sending | Doing::Leaving => {
                (state.moved + timeouts.request + Duration::from_secs(1))
                    .min(state.since + timeouts.request * 4)
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that a connection is answering.
#[derive(Debug)]
pub(crate) struct Answering(Arc<Activity>);

impl Answering {
    /// Who asks.
    pub(crate) fn peer(&self) -> SocketAddr {
        self.0.peer
    }

    /// Whether the connection has lived long enough.
    pub(crate) fn is_last(&self) -> bool {
        self.0.max_age.is_some_and(|max_age| self.0.opened.elapsed() >= max_age)
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.answered();
    }
}

impl State {
    fn start(&mut self, doing: Doing) {
        self.since = Instant::now();
        self.moved = self.since;
        self.doing = doing;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUTS: Timeouts = Timeouts {
        header: Duration::from_secs(10),
        request: Duration::from_secs(30),
        idle: Duration::from_secs(75),
    };

    #[tokio::test(start_paused = true)]
    async fn unread_answers_are_not_idle() {
        let peer = SocketAddr::from(([127, 0, 0, 1], 1));
        let activity = Arc::new(Activity::new(peer, Some(Duration::from_secs(5))));
        let opened = Instant::now();
        activity.read(b"GET / HTTP/1.1\r\n\r\n");
        drop(activity.answer());
        assert!(activity.idle_since().is_none() && !activity.give_way());
        // Its age does not end it, but a client that takes nothing for longer than a request may take.
        assert_eq!(activity.deadline(TIMEOUTS), opened + Duration::from_secs(31));
        tokio::time::advance(Duration::from_secs(20)).await;
        activity.wrote();
        assert_eq!(activity.deadline(TIMEOUTS), opened + Duration::from_secs(51));
        activity.flushed();
        assert_eq!(activity.deadline(TIMEOUTS), opened + Duration::from_secs(21));
        assert!(activity.give_way());
    }
}
