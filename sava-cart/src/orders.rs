//! Orders: written once, when a shopper checks out, and then only read, by that shopper alone. They are in SQLite,
//! or in PostgreSQL where several replicas share them.

mod certificate;
pub(crate) mod database;
pub(crate) mod form_key;
mod group_commit;
mod migrations;
pub(crate) mod order;
mod postgres;
mod row;
pub(crate) mod schema;
mod session;
mod sqlite;
mod tls;
pub(crate) mod unavailable;

use std::{
    future::Future,
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sava_service::Readiness;
use tokio::sync::Notify;

pub(crate) use database::Database;
pub(crate) use order::{Order, OrderLine};
pub(crate) use unavailable::Unavailable;

use self::{form_key::is_form_key, postgres::Postgres, row::OrderRow, schema::Schema, sqlite::Sqlite};
use crate::{metrics::ShopMetrics, shopper::ShopperId};

/// What became of placing an order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Placed {
    /// It is in the database, to stay.
    New(Order),
    /// The form had placed this one before.
    Before(Order),
    /// The form had placed an order of somebody else's, which this shopper must not see.
    Foreign,
}

/// Why an order is not known to be placed.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum NotPlaced {
    /// It is not in the database, and will not come to be.
    #[error("the order was not placed: {0}")]
    Refused(#[source] Unavailable),
    /// It may be in the database: the answer to its being written was lost.
    #[error("it is not known whether the order was placed: {0}")]
    Unknown(#[source] Unavailable),
}

impl NotPlaced {
    /// What `error` says of an order that was sent to the database.
    fn of(error: Unavailable) -> Self {
        if error.is_refusal() { Self::Refused(error) } else { Self::Unknown(error) }
    }
}

/// How long a shopper waits for a database that is well: many may order at once.
const PATIENCE: Duration = Duration::from_secs(8);
/// How long a shopper waits for one that was away when it was last asked.
const IMPATIENCE: Duration = Duration::from_millis(1500);
/// How often the database is looked at, for readiness and the log.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);
/// The most orders that a shopper's list shows, newest first.
const MAX_LISTED: i64 = 100;

/// The orders of all shoppers: a handle, cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Orders {
    backend: Arc<Backend>,
    /// As this release knows it.
    schema: Schema,
    /// Whether the database did what it was last asked.
    is_well: Arc<AtomicBool>,
    failure: Arc<LastFailure>,
}

/// Why the last order could not be written, until that is reported.
#[derive(Debug, Default)]
struct LastFailure {
    /// Held only to read or write, never over an await.
    reason: Mutex<Option<String>>,
    is_news: Notify,
}

#[derive(Debug)]
enum Backend {
    Sqlite(Arc<Sqlite>),
    Postgres(Box<Postgres>),
}

/// Runs a query, which is the same for both databases, on the pool of the configured one.
macro_rules! on_pool {
    ($self:ident, $pool:ident => $query:expr) => {
        $self.within_patience(async {
            match &*$self.backend {
                Backend::Sqlite(sqlite) => {
                    let $pool = sqlite.pool().await?;
                    let result = $query.await;
                    sqlite.note(&result);
                    Ok(result?)
                }
                Backend::Postgres(postgres) => {
                    let $pool = postgres.pool().await?;
                    let result = $query.await;
                    postgres.note(&result);
                    Ok(result?)
                }
            }
        })
    };
}

impl Orders {
    /// Opens nothing yet: a database that is away must not keep the store front from opening.
    ///
    /// # Errors
    /// When there is no way to a database elsewhere.
    pub(crate) fn new(database: &Database, schema: Schema, metrics: &ShopMetrics) -> io::Result<Self> {
        let backend = match database {
            Database::Sqlite(file) => {
                Backend::Sqlite(Arc::new(Sqlite::new(file.as_deref(), schema, metrics.clone())))
            }
            Database::Postgres(server) => Backend::Postgres(Box::new(Postgres::new(server, schema)?)),
        };
        Ok(Self {
            backend: Arc::new(backend),
            schema,
            is_well: Arc::new(AtomicBool::new(true)),
            failure: Arc::default(),
        })
    }

    /// Makes the tables, and reports to `readiness` and the log whether orders can be written; never ends.
    pub(crate) async fn watch(self, readiness: Readiness, metrics: ShopMetrics) {
        let mut interval = tokio::time::interval(CHECK_INTERVAL);
        let mut was: Option<Result<(), String>> = None;
        loop {
            let state = tokio::select! {
                // A write like that of an order: nothing else says again that orders can be written.
                _ = interval.tick() => self.check().await.map_err(|error| error.to_string()),
                () = self.failure.is_news.notified() => {
                    let reason = self.failure.reason.lock().unwrap_or_else(PoisonError::into_inner).take();
                    reason.map_or(Ok(()), Err)
                }
            };
            if was.as_ref() != Some(&state) {
                metrics.orders_are_writable(state.is_ok());
                readiness.report("orders", state.clone());
                match &state {
                    Ok(()) => tracing::info!("orders can be written"),
                    Err(reason) => {
                        tracing::error!(
                            reason,
                            "orders cannot be written: browsing goes on, checkout is closed"
                        );
                    }
                }
                was = Some(state);
            }
        }
    }

    /// Makes the steps that lead to this release's schema.
    pub(crate) async fn migrate(&self) -> Result<(), Unavailable> {
        match &*self.backend {
            Backend::Sqlite(sqlite) => sqlite.pool().await.map(drop),
            Backend::Postgres(postgres) => postgres.pool().await.map(drop),
        }
    }

    /// Contracts the table, where this release's schema does, before anything is served: an old release that still
    /// writes is then still there. A database that is away is waited for later, as by every release.
    ///
    /// # Errors
    /// When the orders of older releases are not filled.
    pub(crate) async fn contract(&self) -> Result<(), Unavailable> {
        if self.schema == Schema::NoteRequired
            && let Err(error @ Unavailable::NotFilled) = self.check().await
        {
            return Err(error);
        }
        Ok(())
    }

    /// Fills the notes of orders that have none, some at a time so that none is locked for long, and says how many it
    /// has filled. Releases that know of no note may write more meanwhile.
    pub(crate) async fn back_fill(&self) -> Result<u64, Unavailable> {
        const FILL: &str = "UPDATE orders SET note = '' WHERE number IN
            (SELECT number FROM orders WHERE note IS NULL LIMIT 1000)";
        let mut n_filled = 0;
        loop {
            let filled = on_pool!(self, pool => async {
                Ok::<_, sqlx::Error>(sqlx::query(FILL).execute(pool).await?.rows_affected())
            });
            match filled.await? {
                0 => return Ok(n_filled),
                n => n_filled += n,
            }
        }
    }

    /// The number of orders whose notes are not filled.
    pub(crate) async fn count_unfilled(&self) -> Result<i64, Unavailable> {
        const COUNT: &str = "SELECT count(*) FROM orders WHERE note IS NULL";
        on_pool!(self, pool => sqlx::query_scalar(COUNT).fetch_one(pool)).await
    }

    /// Takes back the steps after `version` that can be.
    pub(crate) async fn undo(&self, version: i64) -> Result<(), Unavailable> {
        match &*self.backend {
            Backend::Sqlite(sqlite) => sqlite.undo(version).await,
            Backend::Postgres(postgres) => postgres.undo(version).await,
        }
    }

    /// Closes the connections, after which the file of an SQLite database is whole without its write-ahead log.
    pub(crate) async fn close(&self) {
        let closed = async {
            match &*self.backend {
                Backend::Sqlite(sqlite) => sqlite.close().await,
                Backend::Postgres(postgres) => postgres.close().await,
            }
        };
        if tokio::time::timeout(IMPATIENCE, closed).await.is_err() {
            tracing::warn!("the orders' database was not closed in time");
        }
    }

    /// Whether an order could be written now: the check does all that writing one needs, and leaves none.
    pub(crate) async fn check(&self) -> Result<(), Unavailable> {
        let answered = tokio::time::timeout(PATIENCE, async {
            match &*self.backend {
                Backend::Sqlite(sqlite) => sqlite.check().await,
                Backend::Postgres(postgres) => postgres.check().await,
            }
        });
        let result = answered.await.unwrap_or(Err(Unavailable::Slow));
        self.is_well.store(result.is_ok(), Ordering::Relaxed);
        result
    }

    /// How long a shopper waits now.
    fn patience(&self) -> Duration {
        if self.is_well.load(Ordering::Relaxed) { PATIENCE } else { IMPATIENCE }
    }

    async fn within_patience<T>(
        &self,
        work: impl Future<Output = Result<T, Unavailable>>,
    ) -> Result<T, Unavailable> {
        let result = tokio::time::timeout(self.patience(), work).await.unwrap_or(Err(Unavailable::Slow));
        if !matches!(result, Err(Unavailable::Unreadable(_))) {
            self.is_well.store(result.is_ok(), Ordering::Relaxed);
        }
        result
    }

    /// Writes an order, once: when its form has placed one before, that one is the answer. When this returns an
    /// order, it survives the process and the power.
    ///
    /// # Errors
    /// [`NotPlaced`] tells an order that is surely not placed from one that may be.
    pub(crate) async fn place(&self, mut order: Order) -> Result<Placed, NotPlaced> {
        let (mut doubt, mut is_read_only) = (None, false);
        // Again where the random number is taken, and where the answer was lost: the form's key is unique, so writing
        // it again is the way to learn, and to decide, what became of it, even if the first try is still on its way.
        for _ in 0..3 {
            let row = OrderRow::of(&order).map_err(NotPlaced::Refused)?;
            match self.insert(row).await {
                Ok(true) => return Ok(Placed::New(order)),
                Ok(false) => match self.by_form_key(&order.shopper, &order.form_key).await {
                    Ok(Some(before)) => return Ok(before),
                    Ok(None) => order.number = Order::new_number(&order.locale),
                    Err(error) => return Err(NotPlaced::Unknown(error)),
                },
                Err(NotPlaced::Unknown(error)) if doubt.is_none() => doubt = Some(error),
                // The server has become a standby; by now its name may lead to the new primary.
                Err(NotPlaced::Refused(error)) if error.is_read_only() && !is_read_only => {
                    is_read_only = true;
                }
                Err(NotPlaced::Refused(_)) if doubt.is_some() => break,
                Err(error) => return Err(error),
            }
        }
        Err(match doubt {
            Some(error) => NotPlaced::Unknown(error),
            None => NotPlaced::Refused(Unavailable::Unreadable("no free order number".to_owned())),
        })
    }

    /// Writes the row, or not where there is one of its number or form key.
    async fn insert(&self, row: OrderRow) -> Result<bool, NotPlaced> {
        let patience = self.patience();
        let written = match &*self.backend {
            Backend::Sqlite(sqlite) => sqlite.insert(row).written(patience).await,
            Backend::Postgres(postgres) => {
                let is_sent = AtomicBool::new(false);
                let inserted = tokio::time::timeout(patience, postgres.insert(&row, &is_sent)).await;
                inserted.unwrap_or(Err(Unavailable::Slow)).map_err(|error| {
                    let sent = is_sent.load(Ordering::Relaxed);
                    if sent { NotPlaced::of(error) } else { NotPlaced::Refused(error) }
                })
            }
        };
        self.is_well.store(written.is_ok(), Ordering::Relaxed);
        if let Err(error) = &written {
            let (NotPlaced::Refused(reason) | NotPlaced::Unknown(reason)) = error;
            *self.failure.reason.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.to_string());
            self.failure.is_news.notify_one();
        }
        written
    }

    /// The order that this form has placed, if it has; a key that is not one of ours has placed none.
    pub(crate) async fn placed_by(
        &self,
        shopper: &ShopperId,
        form_key: &str,
    ) -> Result<Option<Placed>, Unavailable> {
        if !is_form_key(form_key) {
            return Ok(None);
        }
        self.by_form_key(shopper.token(), form_key).await
    }

    async fn by_form_key(&self, shopper: &str, form_key: &str) -> Result<Option<Placed>, Unavailable> {
        let query = self.schema.sql(|it| it.by_form_key);
        let row =
            on_pool!(self, pool => sqlx::query_as::<_, OrderRow>(query).bind(form_key).fetch_optional(pool))
                .await?;
        let order = row.map(Order::try_from).transpose()?;
        Ok(order.map(|order| if order.shopper == shopper { Placed::Before(order) } else { Placed::Foreign }))
    }

    /// The shopper's order of that number; to everybody else there is none.
    pub(crate) async fn find(&self, shopper: &ShopperId, number: &str) -> Result<Option<Order>, Unavailable> {
        let query = self.schema.sql(|it| it.by_number);
        if !Order::is_number(number) {
            return Ok(None);
        }
        let row = on_pool!(self, pool => {
            sqlx::query_as::<_, OrderRow>(query).bind(number).bind(shopper.token()).fetch_optional(pool)
        })
        .await?;
        row.map(Order::try_from).transpose()
    }

    /// The shopper's orders, newest first.
    pub(crate) async fn of_shopper(&self, shopper: &ShopperId) -> Result<Vec<Order>, Unavailable> {
        let query = self.schema.sql(|it| it.of_shopper);
        let rows = on_pool!(self, pool => {
            sqlx::query_as::<_, OrderRow>(query).bind(shopper.token()).bind(MAX_LISTED).fetch_all(pool)
        })
        .await?;
        rows.into_iter().map(Order::try_from).collect()
    }
}

#[cfg(test)]
mod tests;
