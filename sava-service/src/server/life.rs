//! A process's life: it listens, serves, and on SIGTERM drains.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use anyhow::Context as _;
use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode, header},
};
use bytes::Bytes;
use futures_util::FutureExt as _;
use http_body_util::{BodyExt as _, Collected};
use hyper::{body::Incoming, service::service_fn};
use socket2::SockRef;
use tokio::{
    net::{TcpListener, TcpStream},
    signal::unix::{Signal, SignalKind, signal},
    sync::{Semaphore, watch},
    time::{sleep, timeout},
};

use super::{
    Service, admin,
    connection::{self, Phase, Says, Timeouts},
    exchange::{Shared, Wire, exchange},
    limits,
    listener::{accept, bind, raise_open_files},
    wrap,
};
use crate::{Problem, faults::control::describe, metrics::Rejection, trace::export::Exporter};

/// Connections to the admin port: a scraper, the probes and a person need a few.
const MAX_ADMIN_CONNECTIONS: usize = 64;

/// For connections that are cut to end.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Connections beyond the cap that are seen off gently at the same time; the others are closed at once.
const MAX_FAREWELLS: usize = 256;

/// Listens, serves and drains.
pub(crate) async fn live(service: Service, router: Router) -> anyhow::Result<()> {
    // First, so that a signal during the start counts: process 1 has no default for it.
    let mut signals = Signals::new()?;
    raise_open_files();
    let settings = service.settings.clone();
    let listener = bind(settings.listen, "--listen (LISTEN)")?;
    let admin_listener = bind(settings.admin_listen, "--admin-listen (ADMIN_LISTEN)")?;

    let exporter = settings.otlp_endpoint.clone();
    let exporter =
        exporter.map(|endpoint| Exporter::start(endpoint, &service.identity, &service.metrics.registry));
    let shared = Shared::new(service, exporter);
    let router = wrap(&shared, router);
    let shop = Server::new(&shared, settings.max_connections);
    let admin = Server::new(&shared, MAX_ADMIN_CONNECTIONS);
    let admin_router = admin::router(shared.clone());
    tracing::info!(address = %admin_listener.local_addr()?, "admin listening");
    let release = shared.service.identity.release.as_str();
    tracing::info!(address = %listener.local_addr()?, release, "listening");
    if !shared.faults.current().is_none() {
        tracing::warn!(faults = describe(&shared.faults.current()), "faults on purpose from the start");
    }
    tokio::spawn(async move {
        loop {
            let (stream, peer) = accept(&admin_listener).await;
            admin.admit_to_admin(stream, peer, admin_router.clone());
        }
    });

    tokio::select! {
        () = shop.serve(&listener, &router) => {}
        () = signals.next() => {}
    }
    shared.service.readiness.require("shutdown", Err("the process is ending".to_owned()));
    shared.is_leaving.store(true, Ordering::Relaxed);
    let delay = humantime::format_duration(settings.shutdown_delay);
    tracing::info!(%delay, in_flight = shared.in_flight(), "ending: not ready, still serving");
    let is_urgent = tokio::select! {
        () = shop.serve(&listener, &router) => false,
        () = sleep(settings.shutdown_delay) => false,
        () = signals.next() => true,
    };

    let total = || shared.served.load(Ordering::Relaxed);
    let served_before = total();
    if !is_urgent {
        // Whom the kernel has let in already is answered; closing the listener would reset them.
        while let Some((stream, peer)) = accept(&listener).now_or_never() {
            shop.admit(stream, peer, router.clone());
        }
        drop(listener);
        shop.phase.send_replace(Phase::Draining);
        tokio::select! {
            _ = timeout(settings.drain_timeout, shop.phase.closed()) => {}
            () = signals.next() => {}
        }
    }
    let cut = shared.in_flight();
    // What is cut has its line in the log too, before the last.
    shop.phase.send_replace(Phase::Over);
    let _ = timeout(LAST_WORDS, shop.phase.closed()).await;
    if let Some(exporter) = &shared.exporter {
        exporter.flush().await;
    }
    let served = total();
    tracing::info!(served, served_while_draining = served - served_before, cut, "ended");
    Ok(())
}

/// What takes connections in.
struct Server {
    shared: Arc<Shared>,
    /// Each connection holds a receiver: when none is left, all have ended.
    phase: watch::Sender<Phase>,
    says: Arc<Says>,
    overloaded: Bytes,
    slots: Arc<Semaphore>,
    farewells: Arc<Semaphore>,
}

impl Server {
    fn new(shared: &Arc<Shared>, max_connections: usize) -> Self {
        let say = |problem| say(shared, problem);
        Self {
            phase: watch::Sender::new(Phase::Serving),
            says: Arc::new(Says {
                bad_request: say(limits::bad_request()),
                uri_too_long: say(limits::uri_too_long()),
                headers_too_large: say(limits::headers_too_large()),
                timeout: say(limits::request_timeout()),
            }),
            overloaded: say(limits::overloaded()),
            slots: Arc::new(Semaphore::new(max_connections)),
            farewells: Arc::new(Semaphore::new(MAX_FAREWELLS)),
            shared: shared.clone(),
        }
    }

    async fn serve(&self, listener: &TcpListener, router: &Router) {
        loop {
            let (stream, peer) = accept(listener).await;
            self.admit(stream, peer, router.clone());
        }
    }

    /// Serves a connection in a task of its own, or sees it off.
    fn admit(&self, stream: TcpStream, peer: SocketAddr, router: Router) {
        let Ok(slot) = self.slots.clone().try_acquire_owned() else { return self.see_off(stream) };
        let metrics = &self.shared.metrics;
        metrics.connections_total.inc();
        metrics.connections.inc();
        let shared = self.shared.clone();
        let connection =
            connection::serve(stream, peer, self.says.clone(), self.timeouts(), self.phase.subscribe(), {
                let shared = shared.clone();
                move |activity| {
                    service_fn(move |request: Request<Incoming>| {
                        let wire = Wire::Connection(activity.clone());
                        exchange(shared.clone(), router.clone(), request.map(Body::new), wire)
                            .map(Ok::<_, Infallible>)
                    })
                }
            });
        tokio::spawn(async move {
            connection.await;
            shared.metrics.connections.dec();
            drop(slot);
        });
    }

    fn admit_to_admin(&self, stream: TcpStream, peer: SocketAddr, router: Router) {
        let Ok(slot) = self.slots.clone().try_acquire_owned() else { return self.see_off(stream) };
        let connection =
            connection::serve(stream, peer, self.says.clone(), self.timeouts(), self.phase.subscribe(), {
                let shared = self.shared.clone();
                move |activity| {
                    service_fn(move |request: Request<Incoming>| {
                        let answer = admin::answer(
                            shared.clone(),
                            router.clone(),
                            request.map(Body::new),
                            activity.clone(),
                        );
                        answer.map(Ok::<_, Infallible>)
                    })
                }
            });
        tokio::spawn(async move {
            connection.await;
            drop(slot);
        });
    }

    /// Answers a connection beyond the cap with 503, at once and without reading from it.
    fn see_off(&self, stream: TcpStream) {
        self.shared.metrics.reject(Rejection::Connections);
        // What the kernel's buffer does not take at once is not worth waiting for.
        let _ = SockRef::from(&stream).send(&self.overloaded);
        if let Ok(farewell) = self.farewells.clone().try_acquire_owned() {
            tokio::spawn(async move {
                connection::linger(stream).await;
                drop(farewell);
            });
        }
    }

    /// The limits of time of a new connection: its age is jittered, so that connections of one burst part.
    fn timeouts(&self) -> Timeouts {
        let settings = &self.shared.service.settings;
        let max_age = settings.max_connection_age;
        Timeouts {
            max_age: (!max_age.is_zero()).then(|| max_age.mul_f64(0.9 + 0.2 * fastrand::f64())),
            header: settings.header_timeout,
            request: settings.request_timeout,
            idle: settings.idle_timeout,
        }
    }
}

/// A whole answer as bytes, for where there is no exchange: before a request was read, or instead of it.
fn say(shared: &Shared, problem: Problem) -> Bytes {
    let mut response = (shared.service.error)(problem);
    shared.sign(&mut response);
    let (parts, body) = response.into_parts();
    // The body of an error is there already; one that is not is left out.
    let body =
        body.collect().now_or_never().and_then(Result::ok).map(Collected::to_bytes).unwrap_or_default();
    let mut bytes =
        format!("HTTP/1.1 {}\r\nconnection: close\r\ncontent-length: {}\r\n", parts.status, body.len())
            .into_bytes();
    if parts.status == StatusCode::SERVICE_UNAVAILABLE {
        bytes.extend_from_slice(b"retry-after: 1\r\n");
    }
    for (name, value) in &parts.headers {
        if name != header::CONTENT_LENGTH && name != header::RETRY_AFTER {
            bytes.extend_from_slice(name.as_str().as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value.as_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(&body);
    bytes.into()
}

/// The signals that end the process.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
