//! Processes end without a word, as by a power cut of one machine among several: SIGKILL under checkouts.

use std::{sync::Arc, time::Duration};

use fastrand::Rng;
use sava_testbed::{Cart, CartBuilder, Postgres, Product};
use tokio::time::sleep;

use super::{Effort, Shoppers, orders_more};
use crate::{
    database,
    oracle::Oracle,
    shopper::{Addresses, Shopper},
};

/// Where a store front keeps its orders by default, below `XDG_STATE_HOME`.
pub(super) const SQLITE_FILE: &str = "sava/sava-cart.db";

/// One store front with SQLite.
pub(super) async fn sqlite(effort: Effort, seed: u64, oracle: &Arc<Oracle>) -> anyhow::Result<()> {
    let mut rng = Rng::with_seed(seed);
    let product = Product::start().await;
    let start = |builder: CartBuilder| builder.product(&product.url("")).env("LOCALE", "ie");
    let mut cart = start(Cart::start()).await;
    let addresses = Addresses::of([cart.address().to_owned()]);
    let shoppers = Shoppers::start(8, seed, &addresses, oracle, Shopper::may_lose_answers)?;
    for _ in 0..effort.choose(10, 300) {
        sleep(Duration::from_millis(rng.u64(50..250))).await;
        let successor = start(cart.start_again());
        cart.kill();
        oracle.count("store fronts killed");
        cart = successor.await;
        addresses.set([cart.address().to_owned()]);
    }
    // A slow machine has placed few under all this.
    orders_more(oracle, 10).await?;
    shoppers.go_home().await?;
    let file = cart.directory().join(SQLITE_FILE);
    let directory = cart.start_again();
    cart.stop().await;
    // A graceful end leaves a file that is whole without its write-ahead log: a copy of it alone has all orders.
    let copy = file.with_extension("copy");
    std::fs::copy(&file, &copy)?;
    oracle.compare(&database::in_sqlite(&copy).await?);
    drop(directory);
    Ok(())
}

/// Three replicas with PostgreSQL, which ends at once (SIGQUIT, as if its machine had gone) now and then.
pub(super) async fn postgres(effort: Effort, seed: u64, oracle: &Arc<Oracle>) -> anyhow::Result<()> {
    let mut rng = Rng::with_seed(seed);
    let product = Product::start().await;
    let mut server = Postgres::start().await;
    let url = server.url("127.0.0.1");
    let start = || {
        Cart::start().product(&product.url("")).env("DATABASE_URL", &url).env("COOKIE_KEY", "5a".repeat(64))
    };
    let mut carts = vec![start().await, start().await, start().await];
    for cart in &carts {
        cart.logged("orders can be written").await;
    }
    let all = |carts: &[Cart]| carts.iter().map(|cart| cart.address().to_owned()).collect::<Vec<_>>();
    let addresses = Addresses::of(all(&carts));
    let shoppers = Shoppers::start(8, seed, &addresses, oracle, Shopper::may_lose_answers)?;
    for turn in 0..effort.choose(8, 300) {
        sleep(Duration::from_millis(rng.u64(50..250))).await;
        if turn % 6 == 5 {
            server.end_at_once().await;
            oracle.count("immediate ends of PostgreSQL");
            server.serve().await;
        } else {
            let cart = carts.swap_remove(rng.usize(..carts.len()));
            addresses.set(all(&carts));
            cart.kill();
            oracle.count("store fronts killed");
            carts.push(start().await);
            addresses.set(all(&carts));
        }
    }
    // A slow machine has placed few under all this.
    orders_more(oracle, 10).await?;
    shoppers.go_home().await?;
    oracle.compare(&database::in_postgres(&url).await?);
    Ok(())
}
