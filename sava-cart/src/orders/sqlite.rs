//! Orders in an SQLite file, for one replica.

use std::{path::Path, time::Duration};

use sqlx::{
    Connection as _, SqlitePool,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::OnceCell;

use super::{ACQUIRE_TIMEOUT, Unavailable};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

#[derive(Debug)]
pub(super) struct Sqlite {
    pool: SqlitePool,
    migrated: OnceCell<()>,
}

impl Sqlite {
    pub(super) fn new(file: Option<&Path>) -> Self {
        let options = SqliteConnectOptions::new()
            .filename(file.unwrap_or(Path::new(":memory:")))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // In WAL mode only FULL syncs at each commit: an order that was acknowledged survives the power.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(2));
        let pool = SqlitePoolOptions::new().acquire_timeout(ACQUIRE_TIMEOUT);
        let pool = match file {
            Some(_) => pool.max_connections(4),
            // Each connection to memory is a database of its own: there is one, and it stays.
            None => pool.max_connections(1).idle_timeout(None).max_lifetime(None),
        };
        Self { pool: pool.connect_lazy_with(options), migrated: OnceCell::new() }
    }

    /// The pool, once its tables are there.
    pub(super) async fn pool(&self) -> Result<&SqlitePool, Unavailable> {
        self.migrated.get_or_try_init(|| self.migrate()).await?;
        Ok(&self.pool)
    }

    /// Another process may make the same tables at the same time, and SQLite has no lock to hold meanwhile: who
    /// comes second fails, looks again, and finds them made.
    async fn migrate(&self) -> Result<(), Unavailable> {
        let first = MIGRATIONS.run(&self.pool).await;
        if first.is_err() { Ok(MIGRATIONS.run(&self.pool).await?) } else { Ok(()) }
    }

    /// Takes the lock that a writer takes, which a read-only file or disk refuses.
    pub(super) async fn check(&self) -> Result<(), Unavailable> {
        let mut connection = self.pool().await?.acquire().await?;
        connection.begin_with("BEGIN IMMEDIATE").await?.rollback().await?;
        Ok(())
    }
}
