//! A process's life: it listens, serves, and on SIGTERM drains.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, SystemTime},
};

use anyhow::Context as _;
use axum::Router;
use futures_util::FutureExt as _;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::{sleep, timeout},
};

use super::{
    Service, admin,
    connection::check_clock,
    connections::Connections,
    exchange::exchange,
    listener::{accept, bind, raise_open_files},
    record::Wire,
    state::ServerState,
    wrap,
};
use crate::{faults::control::describe, trace::Tracing};

/// Connections to the admin port: a scraper, the probes and a person need a few.
const MAX_ADMIN_CONNECTIONS: usize = 64;

/// For connections that are cut to end.
const CUT_TIMEOUT: Duration = Duration::from_millis(500);

/// Listens, serves and drains.
pub(crate) async fn live(service: Service, router: Router) -> anyhow::Result<()> {
    // First, so that a signal during the start counts: process 1 has no default for it.
    let mut signals = Signals::new()?;
    check_clock(SystemTime::now())?;
    raise_open_files();
    let settings = service.settings.clone();
    let listener = bind(settings.listen, "--listen (LISTEN)")?;
    let admin_listener = bind(settings.admin_listen, "--admin-listen (ADMIN_LISTEN)")?;

    let tracing = Tracing::start(&settings.traces, &service.identity, &service.metrics.registry)?;
    let shared = ServerState::new(service, tracing);
    let router = wrap(&shared, router);
    let metrics = &shared.metrics;
    let count = (metrics.connections.clone(), metrics.connections_total.clone());
    let shop = Connections::new(&shared, settings.max_connections, Some(count), {
        let shared = Arc::clone(&shared);
        move |request, answering| {
            exchange(Arc::clone(&shared), router.clone(), request, Wire::Connection(answering))
        }
    });
    let admin = Connections::new(&shared, MAX_ADMIN_CONNECTIONS, None, {
        let (shared, router) = (Arc::clone(&shared), admin::router(Arc::clone(&shared)));
        move |request, answering| admin::answer(Arc::clone(&shared), router.clone(), request, answering)
    });
    tracing::info!(address = %admin_listener.local_addr()?, "admin listening");
    let release = shared.service.identity.release.as_str();
    tracing::info!(address = %listener.local_addr()?, release, "listening");
    if !shared.faults.current().is_none() {
        tracing::warn!(faults = describe(&shared.faults.current()), "faults on purpose from the start");
    }
    tokio::spawn(async move { admin.serve(&admin_listener).await });

    tokio::select! {
        () = shop.serve(&listener) => {}
        () = signals.next() => {}
    }
    shared.service.readiness.require("shutdown", Err("the process is ending".to_owned()));
    shared.is_leaving.store(true, Ordering::Relaxed);
    let delay = humantime::format_duration(settings.shutdown_delay);
    tracing::info!(%delay, in_flight = shared.in_flight(), "ending: not ready, still serving");
    let is_urgent = tokio::select! {
        () = shop.serve(&listener) => false,
        () = sleep(settings.shutdown_delay) => false,
        () = signals.next() => true,
    };

    let total = || shared.served.load(Ordering::Relaxed);
    let served_before = total();
    if !is_urgent {
        // Clients that the kernel has let in already are answered; closing the listener would reset them.
        while let Some((stream, peer)) = accept(&listener).now_or_never() {
            shop.admit(stream, peer);
        }
        drop(listener);
        tokio::select! {
            _ = timeout(settings.drain_timeout, shop.drain()) => {}
            () = signals.next() => {}
        }
    }
    let cut = shared.in_flight();
    // What is cut has its line in the log too, before the last.
    let _ = timeout(CUT_TIMEOUT, shop.cut()).await;
    shared.tracing.end().await;
    let served = total();
    tracing::info!(served, served_while_draining = served - served_before, cut, "ended");
    Ok(())
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
