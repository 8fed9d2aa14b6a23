//! An order as both databases keep it.

use serde::{Deserialize, Serialize};
use sqlx::{ColumnIndex, Database, Decode, Encode, FromRow, QueryBuilder, Row, Sqlite, Type, query::Query};
use time::OffsetDateTime;

use super::{
    order::{Order, OrderLine},
    schema::Schema,
    unavailable::Unavailable,
};
use crate::money::Money;

/// A row of the table `orders`.
pub(super) struct OrderRow {
    pub(super) number: String,
    pub(super) locale: String,
    pub(super) shopper: String,
    pub(super) form_key: String,
    /// Milliseconds of the Unix epoch.
    pub(super) placed_at: i64,
    pub(super) currency: String,
    /// Minor units.
    pub(super) total: i64,
    /// [`crate::address::Address`] as JSON.
    pub(super) address: String,
    /// [`LineColumn`]s as JSON.
    pub(super) lines: String,
    /// For the courier; empty where there is none.
    pub(super) note: String,
}

#[derive(Serialize, Deserialize)]
struct LineColumn {
    id: String,
    title: String,
    quantity: u32,
    /// Minor units of the order's currency.
    price: i64,
}

/// By the columns' names, for both databases. Not derived: sqlx's macros compile the whole of it once more, for the
/// compiler.
impl<'row, R: Row> FromRow<'row, R> for OrderRow
where
    &'static str: ColumnIndex<R>,
    String: Decode<'row, R::Database> + Type<R::Database>,
    i64: Decode<'row, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'row R) -> sqlx::Result<Self> {
        Ok(Self {
            number: row.try_get("number")?,
            locale: row.try_get("locale")?,
            shopper: row.try_get("shopper")?,
            form_key: row.try_get("form_key")?,
            placed_at: row.try_get("placed_at")?,
            currency: row.try_get("currency")?,
            total: row.try_get("total")?,
            address: row.try_get("address")?,
            lines: row.try_get("lines")?,
            note: row.try_get("note")?,
        })
    }
}

impl OrderRow {
    /// An order of nobody's, to try whether orders can be written.
    pub(super) const TRIAL: Self = Self {
        number: String::new(),
        locale: String::new(),
        shopper: String::new(),
        form_key: String::new(),
        placed_at: 0,
        currency: String::new(),
        total: 0,
        address: String::new(),
        lines: String::new(),
        note: String::new(),
    };

    pub(super) fn of(order: &Order) -> Result<Self, Unavailable> {
        let lines: Vec<_> = order
            .lines
            .iter()
            .map(|line| LineColumn {
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
            note: order.note.clone(),
        })
    }

    /// What writes the row, where there is none of its number or form key yet. A schema without a note has none to keep.
    pub(super) fn insert<'q, DB: Database>(&'q self, schema: Schema) -> Query<'q, DB, DB::Arguments>
    where
        &'q str: Encode<'q, DB> + Type<DB>,
        i64: Encode<'q, DB> + Type<DB>,
    {
        let query = sqlx::query(schema.sql(|it| it.insert))
            .bind(&*self.number)
            .bind(&*self.locale)
            .bind(&*self.shopper)
            .bind(&*self.form_key)
            .bind(self.placed_at)
            .bind(&*self.currency)
            .bind(self.total)
            .bind(&*self.address)
            .bind(&*self.lines);
        if schema.has_note() { query.bind(&*self.note) } else { query }
    }
}

impl OrderRow {
    /// What no other order has.
    pub(super) fn keys(&self) -> (String, String) {
        (self.number.clone(), self.form_key.clone())
    }

    /// One statement that writes all these rows but those of which there is one of their number or form key, and gives
    /// back the number and the form key of each that it has written.
    pub(super) fn insert_all<'q>(
        schema: Schema,
        rows: impl Iterator<Item = &'q Self>,
    ) -> QueryBuilder<Sqlite> {
        let mut statement = QueryBuilder::new(schema.statements().insert_into);
        statement.push_values(rows, |mut values, row| {
            values.push_bind(&*row.number).push_bind(&*row.locale).push_bind(&*row.shopper);
            values.push_bind(&*row.form_key).push_bind(row.placed_at).push_bind(&*row.currency);
            values.push_bind(row.total).push_bind(&*row.address).push_bind(&*row.lines);
            if schema.has_note() {
                values.push_bind(&*row.note);
            }
        });
        statement.push(" ON CONFLICT DO NOTHING RETURNING number, form_key");
        statement
    }
}

impl TryFrom<OrderRow> for Order {
    type Error = Unavailable;

    fn try_from(row: OrderRow) -> Result<Self, Unavailable> {
        fn wrong(number: &str) -> impl Fn(&dyn std::fmt::Display) -> Unavailable {
            move |error| Unavailable::Unreadable(format!("{number}: {error}"))
        }
        let wrong = wrong(&row.number);
        let currency = row.currency.parse().map_err(|error| wrong(&error))?;
        let lines: Vec<LineColumn> = serde_json::from_str(&row.lines).map_err(|error| wrong(&error))?;
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
            note: row.note,
            number: row.number.clone(),
        })
    }
}
