//! Orders: written once, when a shopper checks out, and then only read, by that shopper alone. They are in SQLite,
//! or in PostgreSQL where several replicas share them.

mod postgres;
mod sqlite;

use std::{
    fmt,
    future::Future,
    path::PathBuf,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::TryFutureExt as _;
use sava_service::Readiness;
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgConnectOptions;
use time::OffsetDateTime;

use self::{postgres::Postgres, sqlite::Sqlite};

use crate::{
    catalog::ProductId, checkout::Address, cookies::Key, metrics::ShopMetrics, money::Money, shopper::Shopper,
};

/// An order as it was placed: a record that no later change of a product or a price touches.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// Its number, which is in its URL: random, so that numbers tell nothing of other orders.
    pub number: String,
    /// The store that it was placed in.
    pub locale: String,
    /// The shopper's token.
    pub shopper: String,
    /// The key of the form that placed it: a form places one order, however often it is sent.
    pub form_key: String,
    /// When it was placed, to the millisecond.
    pub placed_at: OffsetDateTime,
    /// Where it goes.
    pub address: Address,
    /// What was ordered.
    pub lines: Vec<OrderLine>,
    /// What it costs, VAT included.
    pub total: Money,
}

impl Order {
    /// A number for a new order: the store's code and ten characters of Crockford's base 32, 50 random bits.
    ///
    /// # Panics
    /// When the operating system has no random numbers.
    #[must_use]
    pub fn new_number(locale: &str) -> String {
        const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        let mut bytes = [0; 10];
        getrandom::fill(&mut bytes).expect("the operating system has random numbers");
        let characters: String =
            bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
        format!("{}-{}-{}", locale.to_ascii_uppercase(), &characters[..5], &characters[5..])
    }
}

/// A line of an order.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderLine {
    /// The product's id.
    pub id: ProductId,
    /// Its title at the time.
    pub title: String,
    /// How many pieces.
    pub quantity: u32,
    /// The price of one at the time.
    pub price: Money,
}

impl OrderLine {
    /// What the line costs.
    #[must_use]
    pub fn total(&self) -> Money {
        self.price.times(self.quantity)
    }
}

/// What became of placing an order.
#[derive(Clone, Debug, PartialEq)]
pub enum Placed {
    /// It is in the database, to stay.
    New(Order),
    /// The form had placed this one before.
    Before(Order),
    /// The form had placed an order of somebody else's, which this shopper must not see.
    Foreign,
}

/// The database did not do it; the reason is for the log, not for the shopper.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    /// The database said no, or nothing.
    #[error("the orders' database cannot be used: {0}")]
    Database(#[from] sqlx::Error),
    /// Its tables could not be made.
    #[error("the tables of the orders' database cannot be made: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// Its name has no address.
    #[error("the host of the orders' database cannot be found: {0}")]
    Name(String),
    /// It took longer than a shopper waits.
    #[error("the orders' database did not answer in time")]
    Slow,
    /// A row is not what this release writes.
    #[error("an order in the database cannot be read: {0}")]
    Unreadable(String),
}

/// How long a shopper waits for a database that is well: many may order at once.
const PATIENCE: Duration = Duration::from_secs(8);
/// How long a shopper waits for one that was away when it was last asked.
const IMPATIENCE: Duration = Duration::from_millis(1500);
/// How long the pools wait for a connection: shorter, so that their own errors, which say more, come first.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(6);
/// How often the database is looked at, for readiness and the log.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);
const INSERT: &str = "INSERT INTO orders
    (number, locale, shopper, form_key, placed_at, currency, total, address, lines)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING";
/// The most orders that a shopper's list shows, newest first.
const MAX_LISTED: i64 = 100;

/// The orders of all shoppers: a handle, cheap to clone.
#[derive(Clone, Debug)]
pub struct Orders {
    backend: Arc<Backend>,
    /// Whether the database did what it was last asked.
    is_well: Arc<AtomicBool>,
}

#[derive(Debug)]
enum Backend {
    Sqlite(Sqlite),
    Postgres(Box<Postgres>),
}

/// The one text for both databases runs on the pool of the one there is.
macro_rules! on_pool {
    ($self:ident, $pool:ident => $query:expr) => {
        $self.within_patience(async {
            match &*$self.backend {
                Backend::Sqlite(sqlite) => {
                    let $pool = sqlite.pool().await?;
                    Ok($query.await?)
                }
                Backend::Postgres(postgres) => {
                    let $pool = postgres.pool().await?;
                    let result = $query.await;
                    postgres.note(&result).await;
                    Ok(result?)
                }
            }
        })
    };
}

impl Orders {
    /// Opens nothing yet: a database that is away must not keep the store front from opening.
    #[must_use]
    pub fn new(database: &Database) -> Self {
        let backend = match database {
            Database::Sqlite(file) => Backend::Sqlite(Sqlite::new(file.as_deref())),
            Database::Postgres(options) => Backend::Postgres(Box::new(Postgres::new(options))),
        };
        Self { backend: Arc::new(backend), is_well: Arc::new(AtomicBool::new(true)) }
    }

    /// Makes the tables, and keeps `readiness` and the log told whether orders can be written; never ends.
    pub async fn watch(self, readiness: Readiness, metrics: ShopMetrics) {
        let mut interval = tokio::time::interval(CHECK_INTERVAL);
        let mut was: Option<Result<(), String>> = None;
        loop {
            interval.tick().await;
            let state = self.check().await.map_err(|error| error.to_string());
            if was.as_ref() != Some(&state) {
                match &state {
                    Ok(()) => tracing::info!("orders can be written"),
                    Err(reason) => {
                        tracing::error!(
                            reason,
                            "orders cannot be written: browsing goes on, checkout is closed"
                        );
                    }
                }
                metrics.orders_are_writable(state.is_ok());
                readiness.report("orders", state.clone());
                was = Some(state);
            }
        }
    }

    /// Whether an order could be written now.
    pub async fn check(&self) -> Result<(), Unavailable> {
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

    async fn within_patience<T>(
        &self,
        work: impl Future<Output = Result<T, Unavailable>>,
    ) -> Result<T, Unavailable> {
        let patience = if self.is_well.load(Ordering::Relaxed) { PATIENCE } else { IMPATIENCE };
        let result = tokio::time::timeout(patience, work).await.unwrap_or(Err(Unavailable::Slow));
        if !matches!(result, Err(Unavailable::Unreadable(_))) {
            self.is_well.store(result.is_ok(), Ordering::Relaxed);
        }
        result
    }

    /// Writes an order, once: when its form has placed one before, that one is the answer. When this returns an
    /// order, it survives the process and the power.
    pub async fn place(&self, mut order: Order) -> Result<Placed, Unavailable> {
        // Twice, for the rare case that the random number is taken.
        for _ in 0..2 {
            let row = Row::of(&order)?;
            let written = on_pool!(self, pool => {
                sqlx::query(INSERT)
                    .bind(&row.number)
                    .bind(&row.locale)
                    .bind(&row.shopper)
                    .bind(&row.form_key)
                    .bind(row.placed_at)
                    .bind(&row.currency)
                    .bind(row.total)
                    .bind(&row.address)
                    .bind(&row.lines)
                    .execute(pool)
                    .map_ok(|done| done.rows_affected())
            });
            if written.await? == 1 {
                return Ok(Placed::New(order));
            }
            if let Some(before) = self.by_form_key(&order.shopper, &order.form_key).await? {
                return Ok(before);
            }
            order.number = Order::new_number(&order.locale);
        }
        Err(Unavailable::Unreadable("no free order number".to_owned()))
    }

    /// The order that this form has placed, if it has.
    pub async fn placed_by(&self, shopper: &Shopper, form_key: &str) -> Result<Option<Placed>, Unavailable> {
        if form_key.is_empty() {
            return Ok(None);
        }
        self.by_form_key(shopper.token(), form_key).await
    }

    async fn by_form_key(&self, shopper: &str, form_key: &str) -> Result<Option<Placed>, Unavailable> {
        const QUERY: &str = "SELECT * FROM orders WHERE form_key = $1";
        let row = on_pool!(self, pool => sqlx::query_as::<_, Row>(QUERY).bind(form_key).fetch_optional(pool))
            .await?;
        let order = row.map(Order::try_from).transpose()?;
        Ok(order.map(|order| if order.shopper == shopper { Placed::Before(order) } else { Placed::Foreign }))
    }

    /// The shopper's order of that number; to everybody else there is none.
    pub async fn find(&self, shopper: &Shopper, number: &str) -> Result<Option<Order>, Unavailable> {
        const QUERY: &str = "SELECT * FROM orders WHERE number = $1 AND shopper = $2";
        let row = on_pool!(self, pool => {
            sqlx::query_as::<_, Row>(QUERY).bind(number).bind(shopper.token()).fetch_optional(pool)
        })
        .await?;
        row.map(Order::try_from).transpose()
    }

    /// The shopper's orders, newest first.
    pub async fn of_shopper(&self, shopper: &Shopper) -> Result<Vec<Order>, Unavailable> {
        const QUERY: &str = "SELECT * FROM orders WHERE shopper = $1 ORDER BY placed_at DESC LIMIT $2";
        let rows = on_pool!(self, pool => {
            sqlx::query_as::<_, Row>(QUERY).bind(shopper.token()).bind(MAX_LISTED).fetch_all(pool)
        })
        .await?;
        rows.into_iter().map(Order::try_from).collect()
    }
}

/// An order as both databases keep it.
#[derive(sqlx::FromRow)]
struct Row {
    number: String,
    locale: String,
    shopper: String,
    form_key: String,
    /// Milliseconds of the Unix epoch.
    placed_at: i64,
    currency: String,
    /// Minor units.
    total: i64,
    /// [`Address`] as JSON.
    address: String,
    /// [`LineRecord`]s as JSON.
    lines: String,
}

#[derive(Serialize, Deserialize)]
struct LineRecord {
    id: String,
    title: String,
    quantity: u32,
    /// Minor units of the order's currency.
    price: i64,
}

impl Row {
    fn of(order: &Order) -> Result<Self, Unavailable> {
        let lines: Vec<_> = order
            .lines
            .iter()
            .map(|line| LineRecord {
                id: line.id.to_string(),
                title: line.title.clone(),
                quantity: line.quantity,
                price: line.price.amount,
            })
            .collect();
        let json = |error: serde_json::Error| Unavailable::Unreadable(error.to_string());
        Ok(Self {
            number: order.number.clone(),
            locale: order.locale.clone(),
            shopper: order.shopper.clone(),
            form_key: order.form_key.clone(),
            placed_at: order.placed_at.unix_timestamp() * 1000 + i64::from(order.placed_at.millisecond()),
            currency: order.total.currency.code().to_owned(),
            total: order.total.amount,
            address: serde_json::to_string(&order.address).map_err(json)?,
            lines: serde_json::to_string(&lines).map_err(json)?,
        })
    }
}

impl TryFrom<Row> for Order {
    type Error = Unavailable;

    fn try_from(row: Row) -> Result<Self, Unavailable> {
        fn wrong(number: &str) -> impl Fn(&dyn std::fmt::Display) -> Unavailable {
            move |error| Unavailable::Unreadable(format!("{number}: {error}"))
        }
        let wrong = wrong(&row.number);
        let currency = row.currency.parse().map_err(|error| wrong(&error))?;
        let lines: Vec<LineRecord> = serde_json::from_str(&row.lines).map_err(|error| wrong(&error))?;
        let lines = lines.into_iter().map(|line| {
            Ok(OrderLine {
                id: line.id.parse().map_err(|error| wrong(&error))?,
                title: line.title,
                quantity: line.quantity,
                price: Money { amount: line.price, currency },
            })
        });
        Ok(Self {
            placed_at: OffsetDateTime::from_unix_timestamp_nanos(i128::from(row.placed_at) * 1_000_000)
                .map_err(|error| wrong(&error))?,
            address: serde_json::from_str(&row.address).map_err(|error| wrong(&error))?,
            lines: lines.collect::<Result<_, Unavailable>>()?,
            total: Money { amount: row.total, currency },
            locale: row.locale,
            shopper: row.shopper,
            form_key: row.form_key,
            number: row.number.clone(),
        })
    }
}

/// Where orders are kept.
#[derive(Clone)]
pub enum Database {
    /// A file, for one replica; `None` is memory, for tests.
    Sqlite(Option<PathBuf>),
    /// A server, for several.
    Postgres(Box<PgConnectOptions>),
}

/// Says nothing of a password.
impl fmt::Debug for Database {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(file) => formatter.debug_tuple("Sqlite").field(file).finish(),
            Self::Postgres(options) => formatter.debug_tuple("Postgres").field(&options.get_host()).finish(),
        }
    }
}

impl Database {
    /// The cookie key where none was set: made once, in a file beside the SQLite database. Where that cannot be
    /// read or made it is a key of this process alone, and the log says so.
    #[must_use]
    pub fn cookie_key(&self) -> Key {
        let Self::Sqlite(Some(file)) = self else { return Key::generate() };
        Key::from_file(&file.with_extension("key")).unwrap_or_else(|error| {
            tracing::warn!("{error:#}: carts last until this process ends; set COOKIE_KEY");
            Key::generate()
        })
    }
}

impl FromStr for Database {
    type Err = String;

    /// Reads `sqlite:FILE`, `sqlite://FILE`, `sqlite::memory:`, `postgres://…` and `postgresql://…`. The message of
    /// an error holds nothing of the text, which may hold a password.
    fn from_str(url: &str) -> Result<Self, String> {
        const TAKES: &str = "it takes sqlite:FILE or postgres://USER:PASSWORD@HOST/DATABASE";
        if let Some(rest) = url.strip_prefix("sqlite:") {
            let file = rest.strip_prefix("//").unwrap_or(rest);
            let file = file.split('?').next().unwrap_or_default();
            return match file {
                "" => Err(format!("there is no file in it; {TAKES}")),
                ":memory:" => Ok(Self::Sqlite(None)),
                file => Ok(Self::Sqlite(Some(PathBuf::from(file)))),
            };
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let options = url.parse::<PgConnectOptions>();
            return options
                .map(|options| Self::Postgres(Box::new(options)))
                .map_err(|_| format!("this is not a URL of PostgreSQL; {TAKES}"));
        }
        Err(format!("this is neither; {TAKES}"))
    }
}
