//! Orders in PostgreSQL, which several replicas share.

use std::{
    fmt,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::Instant,
};

use sava_service::Resolver;
use sqlx::{
    PgPool,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions, PgSslMode},
};
use tokio::sync::OnceCell;

use super::{
    database::ACQUIRE_TIMEOUT,
    unavailable::{Unavailable, is_read_only},
};
use crate::relay::Relay;

/// A newer release may have migrated the database before this one was rolled back to: migrations only ever add.
static MIGRATIONS: LazyLock<Migrator> = LazyLock::new(|| {
    let mut migrator = sqlx::migrate!("migrations/postgres");
    migrator.set_ignore_missing(true);
    migrator
});

/// An order of nobody's, to try whether orders can be written.
const TRIAL: &str = "INSERT INTO orders
    (number, locale, shopper, form_key, placed_at, currency, total, address, lines)
    VALUES ('', '', '', '', 0, '', 0, '', '') ON CONFLICT DO NOTHING";

pub(super) struct Postgres {
    /// With the host's name as it was given: sqlx would resolve it by the C library's resolver, which a static binary
    /// in an empty image does not have, so the pool gets addresses, or the name and a way to it.
    options: PgConnectOptions,
    resolver: Resolver,
    /// The way to a server whose certificate may be held against its name, or that is told the name.
    relay: Option<Relay>,
    pool: PgPool,
    migrated: OnceCell<()>,
    /// Connections that are older are not used: their server was read-only. Held only to look, never over an await.
    oldest: Arc<Mutex<Option<Instant>>>,
}

/// Says nothing of a password.
impl fmt::Debug for Postgres {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Postgres").field("host", &self.options.get_host()).finish_non_exhaustive()
    }
}

impl Postgres {
    pub(super) fn new(options: &PgConnectOptions) -> Self {
        let oldest = Arc::new(Mutex::new(None));
        let limit = Arc::clone(&oldest);
        let pool = PgPoolOptions::new().max_connections(8).acquire_timeout(ACQUIRE_TIMEOUT).before_acquire(
            move |_, connection| {
                let limit: Option<Instant> = *limit.lock().unwrap_or_else(PoisonError::into_inner);
                let is_young = limit.is_none_or(|limit| connection.age < limit.elapsed());
                Box::pin(async move { Ok(is_young) })
            },
        );
        let resolver = Resolver::of_the_system();
        let relay = if is_name(options) && asks_for_tls(options) {
            let relay = Relay::start(resolver.clone(), options.get_host(), options.get_port(), None);
            relay
                .inspect_err(|error| tracing::warn!(%error, "there is no way to the database by its name"))
                .ok()
        } else {
            None
        };
        let by_relay = relay.as_ref().map(|relay| options.clone().socket(relay.directory()));
        Self {
            options: options.clone(),
            resolver,
            pool: pool.connect_lazy_with(by_relay.unwrap_or_else(|| options.clone())),
            relay,
            migrated: OnceCell::new(),
            oldest,
        }
    }

    /// The pool, once its address is known and its tables are there.
    pub(super) async fn pool(&self) -> Result<&PgPool, Unavailable> {
        self.migrated
            .get_or_try_init(|| async {
                self.resolve().await?;
                // Replicas that start together take turns: the migrator holds an advisory lock.
                Ok::<_, Unavailable>(MIGRATIONS.run(&self.pool).await?)
            })
            .await?;
        Ok(&self.pool)
    }

    /// After a failure to connect the name is resolved again, for the server may have come back elsewhere. A server that
    /// is read-only may have become a standby: its connections are given up, and the next ones go to the primary.
    pub(super) async fn note<T>(&self, result: &Result<T, sqlx::Error>) {
        let Err(error) = result else { return };
        if is_read_only(error) {
            *self.oldest.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        } else if !matches!(error, sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut) {
            return;
        }
        if let Err(error) = self.resolve().await {
            tracing::warn!(%error, "the orders' database has no address now");
        }
    }

    /// Writes, which a read-only server refuses, and takes it back.
    pub(super) async fn check(&self) -> Result<(), Unavailable> {
        let pool = self.pool().await?;
        let result = async {
            let mut transaction = pool.begin().await?;
            sqlx::query(TRIAL).execute(&mut *transaction).await?;
            transaction.rollback().await
        };
        let result = result.await;
        self.note(&result).await;
        Ok(result?)
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }

    async fn resolve(&self) -> Result<(), Unavailable> {
        if !is_name(&self.options) {
            return Ok(());
        }
        let host = self.options.get_host();
        let addresses = self
            .resolver
            .resolve(host)
            .await
            .map_err(|error| Unavailable::Name(format!("{host}: {error}")))?;
        if self.relay.is_none()
            && let Some(address) = addresses.first()
        {
            self.pool.set_connect_options(self.options.clone().host(&address.to_string()));
        }
        Ok(())
    }
}

/// Whether the server is named, and not an address or a socket.
fn is_name(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    let is_socket = host.starts_with('/') || options.get_socket().is_some();
    !is_socket && host.parse::<std::net::IpAddr>().is_err()
}

/// Whether there is no connection without TLS.
fn asks_for_tls(options: &PgConnectOptions) -> bool {
    matches!(options.get_ssl_mode(), PgSslMode::Require | PgSslMode::VerifyCa | PgSslMode::VerifyFull)
}
