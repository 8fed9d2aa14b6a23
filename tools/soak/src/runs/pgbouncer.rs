//! A pool of connections between store fronts and PostgreSQL: it restarts, it is full, and the server behind it restarts.

use std::{sync::Arc, time::Duration};

use fastrand::Rng;
use futures_util::future::join_all;
use sava_testbed::{Cart, PgBouncer, Postgres, Product};
use tokio::time::sleep;

use super::{Effort, Shoppers, orders_more};
use crate::{database, oracle::Oracle, shopper::Addresses};

/// Connections of three replicas, eight each.
const ROOM_FOR_ALL: usize = 24;

/// Three replicas of one store behind one `PgBouncer` with `pool_mode = session`.
pub(super) async fn run(effort: Effort, seed: u64, oracle: &Arc<Oracle>) -> anyhow::Result<()> {
    let mut rng = Rng::with_seed(seed);
    let product = Product::start().await;
    let mut server = Postgres::start().await;
    let mut bouncer = PgBouncer::start(&server).await;
    let url = bouncer.url();
    let start = || async {
        let cart = Cart::start().product(&product.url("")).env("DATABASE_URL", &url);
        let cart = cart.env("COOKIE_KEY", "5a".repeat(64)).await;
        cart.logged("orders can be written").await;
        cart
    };
    let carts = join_all([start(), start(), start()]).await;
    let addresses = Addresses::of(carts.iter().map(|cart| cart.address().to_owned()));
    let shoppers = Shoppers::start(8, seed, &addresses, oracle, |shopper| shopper)?;
    // Each trouble comes after the one before is over.
    for _ in 0..effort.choose(1, 30) {
        orders_more(oracle, 10).await?;
        bouncer.end_at_once().await;
        sleep(Duration::from_millis(rng.u64(..1500))).await;
        bouncer.serve().await;
        oracle.count("restarts of PgBouncer");

        orders_more(oracle, 10).await?;
        bouncer.end_at_once().await;
        bouncer.limit(1);
        bouncer.serve().await;
        sleep(Duration::from_millis(rng.u64(1000..4000))).await;
        bouncer.limit(ROOM_FOR_ALL);
        oracle.count("times it had room for one connection alone");

        orders_more(oracle, 10).await?;
        if rng.bool() {
            server.stop().await;
        } else {
            server.end_at_once().await;
        }
        sleep(Duration::from_millis(rng.u64(..1500))).await;
        server.serve().await;
        oracle.count("restarts of PostgreSQL behind it");
    }
    shoppers.go_home().await?;
    oracle.compare(&database::in_postgres(&server.url("127.0.0.1")).await?);
    Ok(())
}
