//! Each release of the store front is followed by each other, and comes back: they share the orders of one database.

use std::sync::Arc;

use fastrand::Rng;
use sava_testbed::{Cart, CartBuilder, Postgres, Product};

use super::{CONTRACTING, Effort, Shoppers, crash::SQLITE_FILE, good_releases, orders_more};
use crate::{
    database,
    oracle::Oracle,
    shopper::{Addresses, Shopper},
};

/// Whether both can use one database at the same time, from the first order on.
fn stand_beside_each_other(one: &str, other: &str) -> bool {
    CONTRACTING.iter().all(|(contracting, before)| {
        (one != *contracting || other == *before) && (other != *contracting || one == *before)
    })
}

/// Some of the pairs in the short form, all in the full one. With PostgreSQL both are at work at the same time; with SQLite one after the other.
pub(super) async fn run(effort: Effort, seed: u64, oracle: &Arc<Oracle>) -> anyhow::Result<()> {
    let orders = effort.choose(4, 100);
    let product = Product::start().await;
    let server = Postgres::start().await;
    let releases = good_releases("sava-cart");
    let pairs = releases.iter().flat_map(|old| releases.iter().map(move |new| (old, new)));
    let mut pairs: Vec<_> =
        pairs.filter(|(old, new)| old != new && stand_beside_each_other(old, new)).collect();
    Rng::with_seed(seed).shuffle(&mut pairs);
    for (old, new) in pairs.into_iter().take(effort.choose(2, usize::MAX)) {
        let pair = Pair { old, new, orders, seed, product: &product };
        pair.in_postgres(&server, oracle).await?;
        pair.in_sqlite(oracle).await?;
        oracle.count("upgrades and roll backs");
    }
    Ok(())
}

/// Two releases, one of which takes the other's place.
struct Pair<'a> {
    old: &'a str,
    new: &'a str,
    /// How many orders are placed in each stage.
    orders: usize,
    seed: u64,
    product: &'a Product,
}

impl Pair<'_> {
    /// The old one alone, both, the new one alone, both, and the old one alone again.
    async fn in_postgres(&self, server: &Postgres, run: &Oracle) -> anyhow::Result<()> {
        server.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
        let url = server.url("127.0.0.1");
        let start = |release| {
            let cart = self.start(Cart::start(), release).env("DATABASE_URL", &url);
            cart.env("COOKIE_KEY", "5a".repeat(64))
        };
        let mut stage = Stage::new(self)?;
        let old = start(self.old).await;
        stage.shop_at(&[&old]).await?;
        let new = start(self.new).await;
        stage.shop_at(&[&old, &new]).await?;
        old.stop().await;
        stage.shop_at(&[&new]).await?;
        let old = start(self.old).await;
        stage.shop_at(&[&old, &new]).await?;
        new.stop().await;
        stage.shop_at(&[&old]).await?;
        old.stop().await;
        stage.oracle.compare(&database::in_postgres(&url).await?);
        run.take(&stage.oracle, &format!("{} to {} and back with PostgreSQL", self.old, self.new));
        Ok(())
    }

    /// The old one, the new one, and the old one again.
    async fn in_sqlite(&self, run: &Oracle) -> anyhow::Result<()> {
        let mut stage = Stage::new(self)?;
        let mut cart = self.start(Cart::start(), self.old).await;
        stage.shop_at(&[&cart]).await?;
        for release in [self.new, self.old] {
            let successor = self.start(cart.start_again(), release);
            cart.stop().await;
            cart = successor.await;
            stage.shop_at(&[&cart]).await?;
        }
        stage.oracle.compare(&database::in_sqlite(&cart.directory().join(SQLITE_FILE)).await?);
        run.take(&stage.oracle, &format!("{} to {} and back with SQLite", self.old, self.new));
        Ok(())
    }

    fn start(&self, builder: CartBuilder, release: &str) -> CartBuilder {
        builder.release(release).product(&self.product.url(""))
    }
}

/// Where the shoppers of a pair shop, one stage after the other, with the same cookies.
struct Stage {
    orders: usize,
    addresses: Addresses,
    shoppers: Vec<Shopper>,
    oracle: Arc<Oracle>,
}

impl Stage {
    fn new(pair: &Pair<'_>) -> anyhow::Result<Self> {
        let (addresses, oracle) = (Addresses::default(), Arc::new(Oracle::default()));
        let shoppers = (0..4).map(|number| Shopper::new(number, pair.seed, &addresses, &oracle));
        let shoppers = shoppers.collect::<Result<_, _>>()?;
        Ok(Self { orders: pair.orders, addresses, shoppers, oracle })
    }

    /// They place some orders, and see all that they ever placed, in each of the stores.
    async fn shop_at(&mut self, carts: &[&Cart]) -> anyhow::Result<()> {
        for cart in carts {
            cart.logged("orders can be written").await;
        }
        self.addresses.set(carts.iter().map(|cart| cart.address().to_owned()));
        let shopping = Shoppers::go_shopping(std::mem::take(&mut self.shoppers));
        orders_more(&self.oracle, self.orders).await?;
        self.shoppers = shopping.rest().await?;
        Ok(())
    }
}
