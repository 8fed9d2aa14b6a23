//! How the orders' tables came to be, step by step: the files below `migrations/`. A release makes the steps of its own
//! schema and no others.

use std::borrow::Cow;

use sqlx::{
    SqlSafeStr as _,
    migrate::{Migration, MigrationType, Migrator},
};

use super::schema::{DELIVERY, NOTE, NOTE_REQUIRED, ORDERS, Schema};

/// A step's file: its version, description and type, which its name says, and its SQL.
type Step = (i64, &'static str, MigrationType, &'static str);

const UP: MigrationType = MigrationType::ReversibleUp;
const DOWN: MigrationType = MigrationType::ReversibleDown;

/// The files of a database.
macro_rules! steps {
    ($database:literal) => {
        &[
            (ORDERS, "orders", MigrationType::Simple, file!($database, "0001_orders.sql")),
            (NOTE, "note", MigrationType::Simple, file!($database, "0002_note.sql")),
            (NOTE_REQUIRED, "note required", UP, file!($database, "0003_note_required.up.sql")),
            (NOTE_REQUIRED, "note required", DOWN, file!($database, "0003_note_required.down.sql")),
            (DELIVERY, "delivery", UP, file!($database, "0004_delivery.up.sql")),
            (DELIVERY, "delivery", DOWN, file!($database, "0004_delivery.down.sql")),
        ]
    };
}
macro_rules! file {
    ($database:literal, $file:literal) => {
        include_str!(concat!("../../migrations/", $database, "/", $file))
    };
}

const SQLITE: &[Step] = steps!("sqlite");
const POSTGRES: &[Step] = steps!("postgres");

/// Those of SQLite that lead to `schema`.
pub(super) fn sqlite(schema: Schema) -> Migrator {
    migrator(SQLITE, schema)
}

/// Those of PostgreSQL that lead to `schema`.
pub(super) fn postgres(schema: Schema) -> Migrator {
    migrator(POSTGRES, schema)
}

/// A newer release may have migrated the database before this one was rolled back to, or does so beside it: what it has
/// done is its own affair.
fn migrator(steps: &[Step], schema: Schema) -> Migrator {
    let of_schema = steps.iter().filter(|(version, ..)| schema.steps().contains(version));
    let migrations = of_schema.map(|&(version, description, of_type, sql)| {
        Migration::new(version, Cow::Borrowed(description), of_type, sql.into_sql_str(), false)
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    migrator.set_ignore_missing(true);
    migrator
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, path::Path};

    use super::*;

    /// As sqlx itself reads a directory, which is how databases in use were migrated.
    #[tokio::test]
    async fn steps_are_the_files() {
        for (directory, ours) in [("sqlite", SQLITE), ("postgres", POSTGRES)] {
            let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(directory);
            let files = Migrator::new(directory).await.unwrap();
            let files: Vec<_> = files
                .iter()
                .map(|file| {
                    (file.version, file.description.to_string(), file.migration_type, file.sql.as_str())
                })
                .collect();
            let ours: Vec<_> = ours
                .iter()
                .map(|&(version, description, of_type, sql)| (version, description.to_owned(), of_type, sql))
                .collect();
            // Neither has an order of its own for the two ways of a step.
            let sorted = |mut steps: Vec<_>| {
                steps.sort_by_key(|(version, _, of_type, _)| (*version, *of_type == DOWN));
                steps
            };
            assert_eq!(sorted(ours), sorted(files));
        }
    }

    #[test]
    fn every_step_is_some_releases() {
        let of_releases: BTreeSet<_> =
            crate::release::RELEASES.iter().flat_map(|release| release.schema.steps()).copied().collect();
        for steps in [SQLITE, POSTGRES] {
            let all: BTreeSet<_> = steps.iter().map(|(version, ..)| *version).collect();
            assert_eq!(all, of_releases);
        }
    }
}
