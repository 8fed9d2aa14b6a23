//! Why the orders' database did not do what it was asked.

use std::sync::Arc;

use sqlx::{
    error::ErrorKind,
    migrate::MigrateError,
    postgres::{PgDatabaseError, PgSeverity},
};

use super::session::UNREACHABLE;

/// The database did not do it; the reason is for the log, not for the shopper.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Unavailable {
    /// The database said no, or nothing.
    #[error("the orders' database cannot be used: {0}")]
    Database(#[source] Arc<sqlx::Error>),
    /// There is no connection to it, and nothing was asked of it.
    #[error("the orders' database cannot be reached: {0}")]
    Unreachable(String),
    /// Its tables could not be made.
    #[error("the tables of the orders' database cannot be made: {0}")]
    Migration(#[source] Arc<MigrateError>),
    /// A note is to be required, and there are orders without one.
    #[error(
        "there are orders without a note, of releases that know of none: run `sava-cart migrate --back-fill` of 3.1.0 \
         once no such release runs any more"
    )]
    NotFilled,
    /// The file is not the one that was opened: what is written into that one is lost.
    #[error(
        "the file of the orders' database was deleted or replaced: put it back, or restart the store front"
    )]
    Replaced,
    /// Something else has written into the file: what is written now may never be found.
    #[error(
        "the file of the orders' database is damaged: put a good one in its place, and restart the store front"
    )]
    Damaged,
    /// It took longer than a shopper waits.
    #[error("the orders' database did not answer in time")]
    Slow,
    /// A row is not what this release writes.
    #[error("an order in the database cannot be read: {0}")]
    Unreadable(String),
}

impl From<sqlx::Error> for Unavailable {
    fn from(error: sqlx::Error) -> Self {
        match error.as_database_error() {
            Some(answer) if answer.code().as_deref() == Some(UNREACHABLE) => {
                Self::Unreachable(answer.message().to_owned())
            }
            _ => Self::Database(Arc::new(error)),
        }
    }
}

impl From<MigrateError> for Unavailable {
    fn from(error: MigrateError) -> Self {
        match &error {
            // No other step can meet a NULL.
            MigrateError::ExecuteMigration(sqlx::Error::Database(answer), _)
                if matches!(answer.kind(), ErrorKind::NotNullViolation) =>
            {
                Self::NotFilled
            }
            _ => Self::Migration(Arc::new(error)),
        }
    }
}

impl Unavailable {
    /// Whether a PostgreSQL server said that it is read-only, as a standby is.
    pub(super) fn is_read_only(&self) -> bool {
        matches!(self, Self::Database(error) if is_read_only(error))
    }

    /// Whether the database itself answered that it did not do what it was asked. Every other end (a connection that
    /// broke, a wait that became too long) leaves open what it did.
    pub(super) fn is_refusal(&self) -> bool {
        match self {
            Self::Database(error) => error.as_database_error().is_some_and(|error| {
                match error.try_downcast_ref::<PgDatabaseError>() {
                    Some(error) => is_refused_by_postgres(error),
                    None => is_refused_by_sqlite(error.code().as_deref()),
                }
            }),
            _ => false,
        }
    }
}

/// Whether the condition is `read_only_sql_transaction` (PostgreSQL's manual, appendix A).
pub(super) fn is_read_only(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| error.code().as_deref() == Some("25006"))
}

/// Whether SQLite says that the file is not, or not any more, a database: `SQLITE_CORRUPT` or `SQLITE_NOTADB`.
pub(super) fn is_damage(error: &sqlx::Error) -> bool {
    const SQLITE_CORRUPT: u32 = 11;
    const SQLITE_NOTADB: u32 = 26;
    matches!(primary_code(error), Some(SQLITE_CORRUPT | SQLITE_NOTADB))
}

/// Whether SQLite says that something is wrong with a row, which another may not have: `SQLITE_TOOBIG`,
/// `SQLITE_CONSTRAINT` or `SQLITE_MISMATCH`.
pub(super) fn is_of_a_row(error: &sqlx::Error) -> bool {
    primary_code(error).is_some_and(|code| (18..=20).contains(&code))
}

/// SQLite's primary result code.
fn primary_code(error: &sqlx::Error) -> Option<u32> {
    error.as_database_error().and_then(|error| error.code()?.parse::<u32>().ok()).map(|code| code & 0xff)
}

/// Whether the server says of a statement that it had no effect. After FATAL and PANIC the connection ends, and what was
/// being committed may be committed; so it may be by the conditions that say as much themselves: 08 (connection
/// exceptions), 40003 (statement completion unknown) and 57 (operator intervention, which ends also the wait for a
/// synchronous standby of what is committed here). PostgreSQL's manual, appendix A.
fn is_refused_by_postgres(error: &PgDatabaseError) -> bool {
    let code = error.code();
    error.severity() == PgSeverity::Error
        && !code.starts_with("08")
        && !code.starts_with("57")
        && code != "40003"
}

/// Whether SQLite says of a statement that it had no effect, by its extended result code. An error of input or output
/// (`SQLITE_IOERR`, primary code 10) may come after the commit was written, when it was to be synced.
fn is_refused_by_sqlite(code: Option<&str>) -> bool {
    const SQLITE_IOERR: u32 = 10;
    code.and_then(|code| code.parse::<u32>().ok()).is_some_and(|code| code & 0xff != SQLITE_IOERR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_input_and_output_leave_open_what_was_written() {
        // SQLITE_BUSY, SQLITE_READONLY, SQLITE_FULL, SQLITE_CONSTRAINT_UNIQUE.
        for refusal in ["5", "8", "13", "2067"] {
            assert!(is_refused_by_sqlite(Some(refusal)), "{refusal}");
        }
        // SQLITE_IOERR, SQLITE_IOERR_FSYNC, SQLITE_IOERR_WRITE.
        for open in [Some("10"), Some("1034"), Some("778"), Some("a code of its own"), None] {
            assert!(!is_refused_by_sqlite(open), "{open:?}");
        }
    }
}
