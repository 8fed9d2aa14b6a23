//! Orders in an SQLite file, for one replica.

use std::{
    collections::HashSet,
    fs::{File, OpenOptions},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sqlx::{
    Connection as _, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::OnceCell;

use super::{
    NotPlaced,
    database::ACQUIRE_TIMEOUT,
    group_commit::{GroupCommit, Ticket, Waiting, Written},
    migrations,
    row::OrderRow,
    schema::Schema,
    unavailable::{Unavailable, is_damage, is_of_a_row},
};
use crate::metrics::ShopMetrics;

#[derive(Debug)]
pub(super) struct Sqlite {
    /// `None` is memory.
    file: Option<PathBuf>,
    schema: Schema,
    pool: SqlitePool,
    /// What the file was when the tables were made.
    opened: OnceCell<Option<FileId>>,
    group: GroupCommit,
    pub(super) metrics: ShopMetrics,
    /// Whether the file was once found to be damaged. A connection that has the pages that it needs in its cache would
    /// not notice, and go on taking orders that nobody will find.
    is_damaged: AtomicBool,
}

/// Why orders were not written together.
enum NotTogether {
    /// Something is wrong with one of them, and nothing was written.
    One(Unavailable),
    /// The same is true of all.
    Nobody(NotPlaced),
}

/// A file, whatever its name becomes: its device and inode.
type FileId = (u64, u64);

impl Sqlite {
    pub(super) fn new(file: Option<&Path>, schema: Schema, metrics: ShopMetrics) -> Self {
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
        Self {
            file: file.map(Path::to_owned),
            schema,
            pool: pool.connect_lazy_with(options),
            opened: OnceCell::new(),
            group: GroupCommit::default(),
            metrics,
            is_damaged: AtomicBool::new(false),
        }
    }

    /// The pool, once its tables are there and as long as its file is, undamaged.
    pub(super) async fn pool(&self) -> Result<&SqlitePool, Unavailable> {
        if self.is_damaged.load(Ordering::Relaxed) {
            return Err(Unavailable::Damaged);
        }
        let opened = self
            .opened
            .get_or_try_init(|| async {
                self.make_file();
                self.migrate().await?;
                Ok::<_, Unavailable>(self.file_id())
            })
            .await?;
        if *opened == self.file_id() { Ok(&self.pool) } else { Err(Unavailable::Replaced) }
    }

    /// The same of an error.
    fn noted(&self, error: sqlx::Error) -> Unavailable {
        let result: Result<(), _> = Err(error);
        self.note(&result);
        result.map_or_else(Unavailable::from, |()| Unavailable::Slow)
    }

    /// Remembers where the file was found to be damaged.
    pub(super) fn note<T>(&self, result: &Result<T, sqlx::Error>) {
        if result.as_ref().is_err_and(is_damage) {
            self.is_damaged.store(true, Ordering::Relaxed);
        }
    }

    /// Makes the file where it is not there, for its owner alone: it has addresses in it. Where that cannot be done
    /// SQLite, which would make it readable for all, says why.
    fn make_file(&self) {
        let make = |file: &PathBuf| -> std::io::Result<File> {
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)
        };
        if let Some(Err(error)) = self.file.as_ref().map(make) {
            tracing::debug!(%error, "the file of the orders' database was not made");
        }
    }

    fn file_id(&self) -> Option<FileId> {
        let metadata = std::fs::metadata(self.file.as_ref()?).ok()?;
        Some((metadata.dev(), metadata.ino()))
    }

    /// Another process may make the same tables at the same time, and SQLite has no lock to hold meanwhile: whoever
    /// comes second fails, looks again, and finds them made.
    async fn migrate(&self) -> Result<(), Unavailable> {
        let migrations = migrations::sqlite(self.schema);
        let first = migrations.run(&self.pool).await;
        if first.is_err() { Ok(migrations.run(&self.pool).await?) } else { Ok(()) }
    }

    /// Takes back the steps after `version` that can be.
    pub(super) async fn undo(&self, version: i64) -> Result<(), Unavailable> {
        self.make_file();
        Ok(migrations::sqlite(self.schema).undo(&self.pool, version).await?)
    }

    /// Writes `row`, with those that wait at the same time.
    pub(super) fn insert(self: &Arc<Self>, row: OrderRow) -> Ticket {
        let sqlite = Arc::clone(self);
        self.group.enter(row, move |together| {
            let sqlite = Arc::clone(&sqlite);
            async move { sqlite.insert_together(together).await }
        })
    }

    /// Writes orders by one statement, so that they share its commit. Where it does not take one of them, each is written
    /// by itself, and has its own fate.
    async fn insert_together(&self, together: Vec<Waiting>) {
        if together.len() > 1 {
            match self.insert_all(&together).await {
                Ok(mut written) => {
                    for waiting in together {
                        // The same order may wait twice; it is written once.
                        let is_written = written.remove(&waiting.row.keys());
                        waiting.answer(Ok(is_written));
                    }
                    return;
                }
                Err(NotTogether::Nobody(reason)) => {
                    for waiting in together {
                        waiting.answer(Err(reason.clone()));
                    }
                    return;
                }
                Err(NotTogether::One(error)) => {
                    tracing::debug!(%error, "orders that came together are written one by one");
                }
            }
        }
        for waiting in together {
            let written = self.insert_alone(&waiting.row).await;
            waiting.answer(written);
        }
    }

    /// The numbers and form keys of those that were written, once they are in the file to stay.
    async fn insert_all(&self, together: &[Waiting]) -> Result<HashSet<(String, String)>, NotTogether> {
        let refused = |error| NotTogether::Nobody(NotPlaced::Refused(error));
        let pool = self.pool().await.map_err(refused)?;
        let mut connection = pool.acquire().await.map_err(|error| refused(self.noted(error)))?;
        let mut statement = OrderRow::insert_all(self.schema, together.iter().map(|waiting| &waiting.row));
        // Of another text for each number of rows: those would drive the others out of the connection's memory.
        let query = statement.build_query_as().persistent(false);
        let written = query.fetch_all(&mut *connection).await.map_err(|error| {
            let is_of_a_row = is_of_a_row(&error);
            let error = self.noted(error);
            if is_of_a_row { NotTogether::One(error) } else { NotTogether::Nobody(NotPlaced::of(error)) }
        })?;
        self.metrics.orders_were_committed();
        Ok(written.into_iter().collect())
    }

    async fn insert_alone(&self, row: &OrderRow) -> Written {
        let pool = self.pool().await.map_err(NotPlaced::Refused)?;
        let mut connection = pool.acquire().await.map_err(|error| NotPlaced::Refused(self.noted(error)))?;
        let done = row.insert(self.schema).execute(&mut *connection).await;
        let done = done.map_err(|error| NotPlaced::of(self.noted(error)))?;
        self.metrics.orders_were_committed();
        Ok(done.rows_affected() == 1)
    }

    /// Writes and syncs, which a full or read-only disk refuses. The trial order is gone within the same transaction.
    pub(super) async fn check(&self) -> Result<(), Unavailable> {
        let pool = self.pool().await?;
        let result = async {
            let mut connection = pool.acquire().await?;
            let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
            OrderRow::TRIAL.insert(self.schema).execute(&mut *transaction).await?;
            sqlx::query("DELETE FROM orders WHERE number = ''").execute(&mut *transaction).await?;
            transaction.commit().await
        };
        let result = result.await;
        self.note(&result);
        Ok(result?)
    }

    /// The last connection that is closed takes the write-ahead log into the file.
    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}
