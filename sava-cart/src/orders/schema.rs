//! The orders' table as a release knows it: how far it migrates the table, and what it asks of it.

use sqlx::{SqlSafeStr as _, SqlStr};

/// The versions of the steps that change the table.
pub(super) const ORDERS: i64 = 1;
pub(super) const NOTE: i64 = 2;
pub(super) const NOTE_REQUIRED: i64 = 3;
pub(super) const DELIVERY: i64 = 4;

/// A shape of the table. A release finds its own, or one that it can stand beside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// As it was at first.
    Orders,
    /// Expanded: a note for the courier, NULL where a release wrote the order that knows of none.
    Note,
    /// Contracted: a note is required, so that releases that know of none can write no order.
    NoteRequired,
    /// With the address under another name, all at once: bad on purpose. No older release finds it.
    Delivery,
}

/// What a release asks of its table. Columns are named: `*` would be others where a newer release has added one, and a
/// statement that was prepared before finds nothing then.
#[derive(Debug)]
pub(super) struct Statements {
    /// Takes the columns in the order of the first migration, then the note if [`Schema::has_note`].
    pub(super) insert: &'static str,
    /// The same before the rows that it writes.
    pub(super) insert_into: &'static str,
    pub(super) by_form_key: &'static str,
    pub(super) by_number: &'static str,
    pub(super) of_shopper: &'static str,
}

macro_rules! select {
    ($address:literal, $note:literal, $condition:literal) => {
        concat!(
            "SELECT number, locale, shopper, form_key, placed_at, currency, total, ",
            $address,
            " AS address, lines, ",
            $note,
            " AS note FROM orders WHERE ",
            $condition
        )
    };
}

macro_rules! insert_into {
    ($address:literal, $column:literal) => {
        concat!(
            "INSERT INTO orders (number, locale, shopper, form_key, placed_at, currency, total, ",
            $address,
            ", lines",
            $column,
            ") "
        )
    };
}

macro_rules! statements {
    ($address:literal, writes $column:literal as $value:literal, reads $note:literal) => {
        Statements {
            insert: concat!(
                insert_into!($address, $column),
                "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9",
                $value,
                ") ON CONFLICT DO NOTHING"
            ),
            insert_into: insert_into!($address, $column),
            by_form_key: select!($address, $note, "form_key = $1"),
            by_number: select!($address, $note, "number = $1 AND shopper = $2"),
            of_shopper: select!($address, $note, "shopper = $1 ORDER BY placed_at DESC LIMIT $2"),
        }
    };
}

impl Schema {
    /// The steps that lead to it, by their versions.
    pub(super) const fn steps(self) -> &'static [i64] {
        match self {
            Self::Orders => &[ORDERS],
            Self::Note => &[ORDERS, NOTE],
            Self::NoteRequired => &[ORDERS, NOTE, NOTE_REQUIRED],
            Self::Delivery => &[ORDERS, NOTE, DELIVERY],
        }
    }

    /// The version to go back to where its last step is taken back; `None` where that would lose what shoppers wrote.
    pub(crate) const fn before_last_step(self) -> Option<i64> {
        match self {
            Self::Orders | Self::Note => None,
            Self::NoteRequired | Self::Delivery => Some(NOTE),
        }
    }

    /// Whether an order may have no note, not even an empty one.
    pub(crate) const fn may_lack_a_note(self) -> bool {
        matches!(self, Self::Note | Self::Delivery)
    }

    /// Whether an order has a note in it.
    pub(crate) const fn has_note(self) -> bool {
        !matches!(self, Self::Orders)
    }

    /// One of its statements.
    pub(super) fn sql(self, statement: impl Fn(&Statements) -> &'static str) -> SqlStr {
        statement(self.statements()).into_sql_str()
    }

    pub(super) const fn statements(self) -> &'static Statements {
        match self {
            Self::Orders => &statements!("address", writes "" as "", reads "''"),
            // An order without a note reads as one whose note is empty.
            Self::Note => &statements!("address", writes ", note" as ", $10", reads "coalesce(note, '')"),
            Self::NoteRequired => &statements!("address", writes ", note" as ", $10", reads "note"),
            Self::Delivery => {
                &statements!("delivery", writes ", note" as ", $10", reads "coalesce(note, '')")
            }
        }
    }
}
