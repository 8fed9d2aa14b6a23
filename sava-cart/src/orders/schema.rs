//! The orders' table as a release knows it: how far it migrates the table, and what it asks of it.

use sqlx::{SqlSafeStr as _, SqlStr};

use super::migrations::{NOTE, ORDERS};

/// A shape of the table. A release finds its own, or one that it can stand beside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// As it was at first.
    Orders,
    /// Expanded: a note for the courier, NULL where a release wrote the order that knows of none.
    Note,
}

/// What a release asks of its table. Columns are named: `*` would be others where a newer release has added one, and a
/// statement that was prepared before finds nothing then.
#[derive(Debug)]
pub(super) struct Statements {
    /// Takes the columns in the order of the first migration, then the note if [`Schema::has_note`].
    pub(super) insert: &'static str,
    pub(super) by_form_key: &'static str,
    pub(super) by_number: &'static str,
    pub(super) of_shopper: &'static str,
}

macro_rules! select {
    ($note:literal, $condition:literal) => {
        concat!(
            "SELECT number, locale, shopper, form_key, placed_at, currency, total, address, lines, ",
            $note,
            " AS note FROM orders WHERE ",
            $condition
        )
    };
}

macro_rules! statements {
    (writes $column:literal as $value:literal, reads $note:literal) => {
        Statements {
            insert: concat!(
                "INSERT INTO orders (number, locale, shopper, form_key, placed_at, currency, total, address, lines",
                $column,
                ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9",
                $value,
                ") ON CONFLICT DO NOTHING"
            ),
            by_form_key: select!($note, "form_key = $1"),
            by_number: select!($note, "number = $1 AND shopper = $2"),
            of_shopper: select!($note, "shopper = $1 ORDER BY placed_at DESC LIMIT $2"),
        }
    };
}

impl Schema {
    /// The steps that lead to it, by their versions.
    pub(super) const fn steps(self) -> &'static [i64] {
        match self {
            Self::Orders => &[ORDERS],
            Self::Note => &[ORDERS, NOTE],
        }
    }

    /// Whether an order has a note in it.
    pub(crate) const fn has_note(self) -> bool {
        !matches!(self, Self::Orders)
    }

    /// One of its statements.
    pub(super) fn sql(self, statement: impl Fn(&Statements) -> &'static str) -> SqlStr {
        statement(self.statements()).into_sql_str()
    }

    const fn statements(self) -> &'static Statements {
        match self {
            Self::Orders => &statements!(writes "" as "", reads "''"),
            // An order without a note reads as one whose note is empty.
            Self::Note => &statements!(writes ", note" as ", $10", reads "coalesce(note, '')"),
        }
    }
}
