//! Impatient shoppers: each form is sent many times at the same moment, and is one order for all who are answered.

use std::sync::Arc;

use futures_util::future::join_all;
use sava_testbed::{Cart, Postgres, Product};

use super::{Effort, Shoppers, crash::SQLITE_FILE, orders_more};
use crate::{
    database,
    oracle::Oracle,
    shopper::{Addresses, Shopper},
};

/// How many times each form is sent: more than a store front has connections to its database.
const TIMES: usize = 16;

pub(super) async fn run(effort: Effort, seed: u64, oracle: &Arc<Oracle>) -> anyhow::Result<()> {
    let product = Product::start().await;
    let forms = effort.choose(20, 1000);
    let (alone, three) = (Arc::new(Oracle::default()), Arc::new(Oracle::default()));
    sqlite(forms, seed, &product, &alone).await?;
    oracle.take(&alone, "one store front with SQLite");
    postgres(forms, seed, &product, &three).await?;
    oracle.take(&three, "three store fronts with PostgreSQL");
    Ok(())
}

async fn sqlite(forms: usize, seed: u64, product: &Product, oracle: &Arc<Oracle>) -> anyhow::Result<()> {
    let cart = Cart::start().product(&product.url("")).await;
    submit(forms, seed, &[&cart], oracle).await?;
    oracle.compare(&database::in_sqlite(&cart.directory().join(SQLITE_FILE)).await?);
    Ok(())
}

async fn postgres(forms: usize, seed: u64, product: &Product, oracle: &Arc<Oracle>) -> anyhow::Result<()> {
    let server = Postgres::start().await;
    let url = server.url("127.0.0.1");
    let start = || async {
        let cart = Cart::start().product(&product.url("")).env("DATABASE_URL", &url);
        cart.env("COOKIE_KEY", "5a".repeat(64)).await
    };
    let carts = join_all([start(), start(), start()]).await;
    submit(forms, seed, &carts.iter().collect::<Vec<_>>(), oracle).await?;
    oracle.compare(&database::in_postgres(&url).await?);
    Ok(())
}

/// Until so many forms have become orders.
async fn submit(forms: usize, seed: u64, carts: &[&Cart], oracle: &Arc<Oracle>) -> anyhow::Result<()> {
    for cart in carts {
        cart.logged("orders can be written").await;
    }
    let addresses = Addresses::of(carts.iter().map(|cart| cart.address().to_owned()));
    let shoppers =
        Shoppers::start(4, seed, &addresses, oracle, |shopper: Shopper| shopper.sends_at_once(TIMES))?;
    for _ in 0..forms {
        orders_more(oracle, 1).await?;
    }
    shoppers.go_home().await
}
