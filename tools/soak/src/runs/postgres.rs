//! The network between store fronts and PostgreSQL fails, and PostgreSQL moves to another address behind it.

use std::{sync::Arc, time::Duration};

use fastrand::Rng;
use sava_testbed::{Cart, Postgres, Product};
use tokio::time::sleep;

use super::{Effort, Shoppers};
use crate::{database, faulty_link::FaultyLink, oracle::Oracle, shopper::Addresses};

/// Three replicas of one store behind one faulty link to their database.
pub(super) async fn run(effort: Effort, seed: u64, oracle: &Arc<Oracle>) -> anyhow::Result<()> {
    let mut rng = Rng::with_seed(seed);
    let product = Product::start().await;
    let mut server = Postgres::start().await;
    let link = FaultyLink::to(&format!("127.0.0.1:{}", server.port()), seed).await?;
    let url = server
        .url("127.0.0.1")
        .replace(&format!(":{}/", server.port()), &format!(":{}/", link.address().port()));
    let start = || {
        Cart::start().product(&product.url("")).env("DATABASE_URL", &url).env("COOKIE_KEY", "5a".repeat(64))
    };
    let carts = [start().await, start().await, start().await];
    let addresses = Addresses::of(carts.iter().map(|cart| cart.address().to_owned()));
    let shoppers = Shoppers::start(8, seed, &addresses, oracle, |shopper| shopper)?;
    for _ in 0..effort.choose(4, 60) {
        sleep(Duration::from_millis(rng.u64(500..3000))).await;
        server.stop().await;
        oracle.count("moves of PostgreSQL to another address");
        server.move_away();
        sleep(Duration::from_millis(rng.u64(..1500))).await;
        server.serve().await;
        link.lead_to(&format!("127.0.0.1:{}", server.port()));
    }
    link.mend();
    shoppers.go_home().await?;
    let (connections, faults) = link.counts();
    oracle.add("connections to PostgreSQL", connections);
    oracle.add("of them with a fault", faults);
    oracle.compare(&database::in_postgres(&server.url("127.0.0.1")).await?);
    Ok(())
}
