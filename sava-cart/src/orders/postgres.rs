//! Orders in PostgreSQL, which several replicas share.

use std::fmt;

use sqlx::{
    PgPool,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::sync::OnceCell;

use super::{ACQUIRE_TIMEOUT, Unavailable};
use crate::resolver::Resolver;

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

pub(super) struct Postgres {
    /// With the host's name as it was given: sqlx would resolve it by the C library's resolver, which a static binary
    /// in an empty image does not have, so the pool gets addresses.
    options: PgConnectOptions,
    resolver: Resolver,
    pool: PgPool,
    migrated: OnceCell<()>,
}

/// Says nothing of a password.
impl fmt::Debug for Postgres {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Postgres").field("host", &self.options.get_host()).finish_non_exhaustive()
    }
}

impl Postgres {
    pub(super) fn new(options: &PgConnectOptions) -> Self {
        let pool = PgPoolOptions::new().max_connections(8).acquire_timeout(ACQUIRE_TIMEOUT);
        Self {
            options: options.clone(),
            resolver: Resolver::of_the_system(),
            pool: pool.connect_lazy_with(options.clone()),
            migrated: OnceCell::new(),
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

    /// After a failure to connect the name is resolved anew, for the server may have come back elsewhere.
    pub(super) async fn note<T>(&self, result: &Result<T, sqlx::Error>) {
        if let Err(sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut) = result
            && let Err(error) = self.resolve().await
        {
            tracing::warn!(%error, "the orders' database has no address now");
        }
    }

    pub(super) async fn check(&self) -> Result<(), Unavailable> {
        let result =
            sqlx::query_scalar::<_, bool>("SELECT pg_is_in_recovery()").fetch_one(self.pool().await?).await;
        self.note(&result).await;
        if result? {
            return Err(Unavailable::Unreadable("the server is a read-only standby".to_owned()));
        }
        Ok(())
    }

    async fn resolve(&self) -> Result<(), Unavailable> {
        let host = self.options.get_host();
        let is_socket = host.starts_with('/') || self.options.get_socket().is_some();
        if is_socket || host.parse::<std::net::IpAddr>().is_ok() {
            return Ok(());
        }
        let addresses = self
            .resolver
            .resolve(host)
            .await
            .map_err(|error| Unavailable::Name(format!("{host}: {error}")))?;
        if let Some(address) = addresses.first() {
            self.pool.set_connect_options(self.options.clone().host(&address.to_string()));
        }
        Ok(())
    }
}
