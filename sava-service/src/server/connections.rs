//! The connections of one port: how many may be open, which one gives way to a new one, and who is seen off.

use std::{
    collections::HashMap,
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{BoxError, body::Body, extract::Request, response::Response};
use bytes::Bytes;
use futures_util::FutureExt as _;
use hyper::{body::Incoming, service::service_fn};
use prometheus::{IntCounter, IntGauge};
use socket2::SockRef;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{Instant, timeout},
};

use super::{
    activity::{Activity, Answering, Timeouts},
    connection::{self, Phase},
    listener::accept,
    refusals::Refusals,
    state::ServerState,
};
use crate::metrics::Rejection;

/// How long a new connection waits for the place of one that gives way.
const MAKING_ROOM: Duration = Duration::from_secs(1);

/// New connections that wait so at the same time.
const MAX_WAITING: usize = 256;

/// Connections beyond the cap that are seen off gently at the same time; the others are closed at once.
const MAX_FAREWELLS: usize = 256;

/// The connections of one port, and what answers their requests: a handle, cheap to clone.
#[derive(Clone)]
pub(crate) struct Connections<A> {
    shared: Arc<ServerState>,
    answer: A,
    /// Each connection holds a receiver: when none is left, all have ended.
    phase: watch::Sender<Phase>,
    refusals: Arc<Refusals>,
    slots: Arc<Semaphore>,
    /// Those that are open, to find the one that gives way. Locked to look and to change, never over an await.
    open: Arc<Mutex<HashMap<SocketAddr, Arc<Activity>>>>,
    /// How many wait for the place of one that gives way.
    waiting: Arc<AtomicUsize>,
    /// Those that are open and those that ever were, where they are counted.
    count: Option<(IntGauge, IntCounter)>,
    lingering: Arc<Semaphore>,
}

impl<A, F, B> Connections<A>
where
    A: Fn(Request, Answering) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    /// None yet, and at most `max` at the same time.
    pub(crate) fn new(
        shared: &Arc<ServerState>,
        max: usize,
        count: Option<(IntGauge, IntCounter)>,
        answer: A,
    ) -> Self {
        Self {
            phase: watch::Sender::new(Phase::Serving),
            refusals: Arc::new(Refusals::new(shared)),
            slots: Arc::new(Semaphore::new(max)),
            open: Arc::default(),
            waiting: Arc::default(),
            count,
            lingering: Arc::new(Semaphore::new(MAX_FAREWELLS)),
            shared: Arc::clone(shared),
            answer,
        }
    }

    /// Takes in whoever comes.
    pub(crate) async fn serve(&self, listener: &TcpListener) {
        loop {
            let (stream, peer) = accept(listener).await;
            self.admit(stream, peer);
        }
    }

    /// Lets all of them go: each with its next answer, or when none can be on its way. Ends when the last has gone.
    pub(crate) async fn drain(&self) {
        self.phase.send_replace(Phase::Draining);
        self.phase.closed().await;
    }

    /// Cuts those that are left. Ends when the last has gone.
    pub(crate) async fn cut(&self) {
        self.phase.send_replace(Phase::Over);
        self.phase.closed().await;
    }

    /// Gives a connection a place, which the one that has been idle for the longest gives up where there is none left;
    /// where all have requests it is seen off. So whoever only holds connections locks nobody out.
    pub(crate) fn admit(&self, stream: TcpStream, peer: SocketAddr) {
        match Arc::clone(&self.slots).try_acquire_owned() {
            Ok(slot) => {
                tokio::spawn(self.serve_in(slot, stream, peer));
            }
            Err(_) if self.make_room() || self.is_making_room() => {
                let connections = self.clone();
                self.waiting.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(async move {
                    let slot = connections.wait_for_room().await;
                    connections.waiting.fetch_sub(1, Ordering::Relaxed);
                    match slot {
                        Some(slot) => connections.serve_in(slot, stream, peer).await,
                        None => connections.refuse(stream),
                    }
                });
            }
            Err(_) => self.refuse(stream),
        }
    }

    /// Whether those that gave way are still on their way out, or their successors on their way in.
    fn is_making_room(&self) -> bool {
        (1..MAX_WAITING).contains(&self.waiting.load(Ordering::Relaxed))
    }

    /// The place of a connection that gives way. In a burst others may have been faster: then one more does.
    async fn wait_for_room(&self) -> Option<OwnedSemaphorePermit> {
        let mut slot = std::pin::pin!(Arc::clone(&self.slots).acquire_owned());
        let gives_up = Instant::now() + MAKING_ROOM;
        while Instant::now() < gives_up {
            if let Ok(slot) = timeout(MAKING_ROOM / 50, &mut slot).await {
                return slot.ok();
            }
            self.make_room();
        }
        None
    }

    /// Whether a connection gives way to a new one: the one without a request for the longest.
    fn make_room(&self) -> bool {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = open.values().filter_map(|activity| Some((activity.idle_since()?, activity)));
        idle.min_by_key(|(since, _)| *since).is_some_and(|(_, activity)| activity.give_way())
    }

    /// Serves a connection in its place.
    fn serve_in(
        &self,
        slot: OwnedSemaphorePermit,
        stream: TcpStream,
        peer: SocketAddr,
    ) -> impl Future<Output = ()> + Send + use<A, F, B> {
        let activity = Arc::new(Activity::new(peer, self.max_age()));
        let service = {
            let (answer, activity) = (self.answer.clone(), Arc::clone(&activity));
            service_fn(move |request: hyper::Request<Incoming>| {
                answer(request.map(Body::new), activity.answer()).map(Ok::<_, Infallible>)
            })
        };
        let connection = connection::serve(
            stream,
            Arc::clone(&activity),
            Arc::clone(&self.refusals),
            self.timeouts(),
            self.phase.subscribe(),
            service,
        );
        let (open, count) = (Arc::clone(&self.open), self.count.clone());
        open.lock().unwrap_or_else(PoisonError::into_inner).insert(peer, activity);
        if let Some((open, total)) = &count {
            open.inc();
            total.inc();
        }
        async move {
            connection.await;
            open.lock().unwrap_or_else(PoisonError::into_inner).remove(&peer);
            if let Some((open, _)) = count {
                open.dec();
            }
            drop(slot);
        }
    }

    /// Answers a connection beyond the cap with 503, at once and without reading from it.
    fn refuse(&self, stream: TcpStream) {
        // What the kernel's buffer does not take at once is not worth waiting for.
        let _ = SockRef::from(&stream).send(&self.refusals.refuse(Rejection::Connections));
        if let Ok(permit) = Arc::clone(&self.lingering).try_acquire_owned() {
            tokio::spawn(async move {
                connection::linger(stream).await;
                drop(permit);
            });
        }
    }

    /// The age at which a new connection ends: jittered, so that connections of one burst part.
    fn max_age(&self) -> Option<Duration> {
        let max_age = self.shared.service.settings.max_connection_age;
        (!max_age.is_zero()).then(|| max_age.mul_f64(0.9 + 0.2 * fastrand::f64()))
    }

    fn timeouts(&self) -> Timeouts {
        let settings = &self.shared.service.settings;
        Timeouts {
            header: settings.header_timeout,
            request: settings.request_timeout,
            idle: settings.idle_timeout,
        }
    }
}
