//! How the orders' tables came to be, step by step: the files below `migrations/`.

use sqlx::{
    SqlSafeStr as _,
    migrate::{Migration, MigrationType, Migrator},
};

/// A file: its version and description, which its name says, and its SQL.
type Step = (i64, &'static str, &'static str);

const SQLITE: &[Step] = &[(1, "orders", include_str!("../../migrations/sqlite/0001_orders.sql"))];
const POSTGRES: &[Step] = &[(1, "orders", include_str!("../../migrations/postgres/0001_orders.sql"))];

/// Those of SQLite.
pub(super) fn sqlite() -> Migrator {
    migrator(SQLITE)
}

/// Those of PostgreSQL.
pub(super) fn postgres() -> Migrator {
    migrator(POSTGRES)
}

/// A newer release may have migrated the database before this one was rolled back to: migrations only ever add.
fn migrator(steps: &[Step]) -> Migrator {
    let migrations = steps.iter().map(|&(version, description, sql)| {
        Migration::new(version, description.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    migrator.set_ignore_missing(true);
    migrator
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// As sqlx itself reads a directory, which is how databases in use were migrated.
    #[tokio::test]
    async fn steps_are_the_files() {
        for (directory, ours) in [("sqlite", sqlite()), ("postgres", postgres())] {
            let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(directory);
            let files = Migrator::new(directory).await.unwrap();
            let steps = |migrator: &Migrator| -> Vec<_> {
                let each = |step: &Migration| (step.version, step.description.clone(), step.checksum.clone());
                migrator.iter().map(each).collect()
            };
            assert_eq!(steps(&ours), steps(&files));
            assert!(!steps(&ours).is_empty());
        }
    }
}
