//! The network between the store front and the product service fails in each way that a [`crate::faulty_link`] knows.

use std::{sync::Arc, time::Duration};

use sava_testbed::{Cart, Product};
use tokio::time::sleep;

use super::{Effort, Shoppers, crash::SQLITE_FILE};
use crate::{database, faulty_link::FaultyLink, oracle::Oracle, shopper::Addresses};

/// Shoppers shop as ever: what the product service cannot say is said by the store front itself.
pub(super) async fn run(effort: Effort, seed: u64, oracle: &Arc<Oracle>) -> anyhow::Result<()> {
    let product = Product::start().await;
    let link = FaultyLink::to(product.address(), seed).await?;
    // Connections are drawn for, so each request is to have its own.
    let cart = Cart::start().product(&format!("http://{}", link.address())).await;
    let addresses = Addresses::of([cart.address().to_owned()]);
    let shoppers = Shoppers::start(8, seed, &addresses, oracle, |shopper| shopper)?;
    sleep(effort.choose(Duration::from_secs(8), Duration::from_mins(5))).await;
    link.mend();
    shoppers.go_home().await?;
    let (connections, faults) = link.counts();
    oracle.add("connections to the product service", connections);
    oracle.add("of them with a fault", faults);
    let file = cart.directory().join(SQLITE_FILE);
    oracle.compare(&database::in_sqlite(&file).await?);
    Ok(())
}
