//! Orders in PostgreSQL, which several replicas share.

use std::{
    fmt, io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use sava_service::Resolver;
use sqlx::{
    PgPool,
    postgres::{PgPoolOptions, PgSslMode},
};
use tokio::sync::OnceCell;

use super::{
    database::{ACQUIRE_TIMEOUT, PostgresServer},
    migrations,
    row::OrderRow,
    schema::Schema,
    session,
    unavailable::{Unavailable, is_read_only},
};
use crate::relay::{self, Relay};

pub(super) struct Postgres {
    schema: Schema,
    pool: PgPool,
    /// The way to a server elsewhere, which a socket of this machine does not need.
    relay: Option<Relay>,
    migrated: OnceCell<()>,
    /// Connections that are older are not used: their server was read-only. Held only to look, never over an await.
    oldest: Arc<Mutex<Option<Instant>>>,
}

/// Says nothing of a password.
impl fmt::Debug for Postgres {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Postgres").field("relay", &self.relay).finish_non_exhaustive()
    }
}

impl Postgres {
    /// # Errors
    /// When there is no way to the server.
    pub(super) fn new(server: &PostgresServer, schema: Schema) -> io::Result<Self> {
        let oldest = Arc::new(Mutex::new(None));
        let limit = Arc::clone(&oldest);
        let pool = PgPoolOptions::new().max_connections(8).acquire_timeout(ACQUIRE_TIMEOUT).before_acquire(
            move |_, connection| {
                let limit: Option<Instant> = *limit.lock().unwrap_or_else(PoisonError::into_inner);
                let is_young = limit.is_none_or(|limit| connection.age < limit.elapsed());
                Box::pin(async move { Ok(is_young) })
            },
        );
        let PostgresServer { options, tls } = server;
        let relay = if server.is_elsewhere() {
            let host = options.get_host().trim_matches(['[', ']']).to_owned();
            let resolver = Resolver::of_the_system();
            let server = relay::Server { resolver, host, port: options.get_port() };
            Some(session::relay(server, tls.clone())?)
        } else {
            None
        };
        // TLS is behind the socket; what is asked of it here is none.
        let mut options = options.clone().ssl_mode(PgSslMode::Disable);
        if let Some(relay) = &relay {
            options = options.socket(relay.directory());
        }
        Ok(Self { schema, pool: pool.connect_lazy_with(options), relay, migrated: OnceCell::new(), oldest })
    }

    /// The pool, once its tables are there.
    pub(super) async fn pool(&self) -> Result<&PgPool, Unavailable> {
        self.migrated
            .get_or_try_init(|| async {
                // So that what stands in the way of a connection is not said of the tables.
                let mut connection = self.pool.acquire().await?;
                // Replicas that start together take turns: the migrator holds an advisory lock.
                // `run` itself takes a pool or a plain connection, and no handler of axum's takes that of a pool.
                let made = migrations::postgres(self.schema).run_direct(None, &mut *connection, false).await;
                if made.is_err() {
                    // The migrator leaves the lock to the session: other replicas would wait for it.
                    let _ = connection.close().await;
                }
                Ok::<_, Unavailable>(made?)
            })
            .await?;
        Ok(&self.pool)
    }

    /// Takes back the steps after `version` that can be.
    pub(super) async fn undo(&self, version: i64) -> Result<(), Unavailable> {
        drop(self.pool.acquire().await?);
        Ok(migrations::postgres(self.schema).undo(&self.pool, version).await?)
    }

    /// A server that is read-only may have become a standby: its connections are given up, and the next ones go to the
    /// primary.
    pub(super) fn note<T>(&self, result: &Result<T, sqlx::Error>) {
        if result.as_ref().is_err_and(is_read_only) {
            *self.oldest.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
    }

    /// Writes the row, or not where there is one of its number or form key. Once `is_sent` the database may have it,
    /// whatever becomes of the connection.
    pub(super) async fn insert(&self, row: &OrderRow, is_sent: &AtomicBool) -> Result<bool, Unavailable> {
        let pool = self.pool().await?;
        let result = async {
            let mut connection = pool.acquire().await?;
            is_sent.store(true, Ordering::Relaxed);
            row.insert(self.schema).execute(&mut *connection).await
        };
        let result = result.await;
        self.note(&result);
        Ok(result?.rows_affected() == 1)
    }

    /// Writes, which a read-only server refuses, and takes it back.
    pub(super) async fn check(&self) -> Result<(), Unavailable> {
        let pool = self.pool().await?;
        let result = async {
            let mut transaction = pool.begin().await?;
            OrderRow::TRIAL.insert(self.schema).execute(&mut *transaction).await?;
            transaction.rollback().await
        };
        let result = result.await;
        self.note(&result);
        Ok(result?)
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}
