//! The orders as another program reads them.

use std::path::Path;

use anyhow::Context as _;
use serde_json::Value;
use sqlx::{Connection as _, PgConnection, Row as _, SqliteConnection, sqlite::SqliteConnectOptions};

/// What there is of an order.
#[derive(Clone, Debug)]
pub(crate) struct StoredOrder {
    pub(crate) number: String,
    pub(crate) form_key: String,
    /// Of the shopper, out of the address.
    pub(crate) name: String,
    /// In minor units.
    pub(crate) total: i64,
}

const QUERY: &str = "SELECT number, form_key, address, total FROM orders";

/// All orders in an SQLite file, and of the write-ahead log beside it.
pub(crate) async fn in_sqlite(file: &Path) -> anyhow::Result<Vec<StoredOrder>> {
    let options = SqliteConnectOptions::new().filename(file);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let integrity: String = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut connection).await?;
    anyhow::ensure!(integrity == "ok", "{}: {integrity}", file.display());
    let rows = sqlx::query(QUERY).fetch_all(&mut connection).await?;
    connection.close().await?;
    rows.iter()
        .map(|row| order(row.try_get(0)?, row.try_get(1)?, &row.try_get::<String, _>(2)?, row.try_get(3)?))
        .collect()
}

/// All orders in PostgreSQL.
pub(crate) async fn in_postgres(url: &str) -> anyhow::Result<Vec<StoredOrder>> {
    let mut connection = PgConnection::connect(url).await?;
    let rows = sqlx::query(QUERY).fetch_all(&mut connection).await?;
    connection.close().await?;
    rows.iter()
        .map(|row| order(row.try_get(0)?, row.try_get(1)?, &row.try_get::<String, _>(2)?, row.try_get(3)?))
        .collect()
}

fn order(number: String, form_key: String, address: &str, total: i64) -> anyhow::Result<StoredOrder> {
    let address: Value = serde_json::from_str(address).with_context(|| format!("the address of {number}"))?;
    let name = address["name"].as_str().context("an address has a name")?.to_owned();
    Ok(StoredOrder { number, form_key, name, total })
}
