//! `sava-cart migrate`: what is done to the orders' table beside serving, by hand or as a Job.

use anyhow::{Context as _, ensure};
use prometheus::Registry;

use crate::{
    metrics::ShopMetrics,
    orders::Orders,
    settings::{Migration, Settings},
};

/// Does it, and prints what was done. Each can be done again.
///
/// # Errors
/// When it cannot be done, or is not this release's to do.
#[expect(clippy::print_stdout, reason = "it is what the command is for")]
pub async fn migrate(settings: &Settings, migration: Migration) -> anyhow::Result<()> {
    let (version, schema) = (settings.release.version, settings.release.schema);
    let database = settings.database();
    if settings.database.is_none() {
        database.make_directory();
    }
    let orders = Orders::new(&database, schema, &ShopMetrics::new(&Registry::new()))?;
    if migration.undo {
        let before = schema.before_last_step();
        let before = before.with_context(|| format!("{version} changes nothing that can be taken back"))?;
        orders.undo(before).await?;
        println!("the orders' table is as it was before {version}");
    } else if migration.back_fill {
        ensure!(schema.may_lack_a_note(), "{version} has no notes to fill");
        orders.migrate().await?;
        let n_filled = orders.back_fill().await?;
        let n_left = orders.count_unfilled().await?;
        println!("{n_filled} orders filled, {n_left} left");
    } else {
        orders.migrate().await?;
        println!("the orders' table is that of {version}");
    }
    orders.close().await;
    Ok(())
}
