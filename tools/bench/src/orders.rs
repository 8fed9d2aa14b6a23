//! How many orders a store front takes a second, against what the disk and the database allow in the same run:
//! `cargo xtask bench --orders`.
//!
//! An order is acknowledged when it is on the disk, so the disk's syncs limit how many there are; where several share a
//! sync, that many times more. All take turns, as the disk has neighbours too. The files are where `TMPDIR` says: in
//! memory they measure nothing.

use std::{
    fs::File,
    net::SocketAddr,
    os::unix::fs::FileExt as _,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};

use crate::{
    checkout::Shopper,
    client::{self, Connection, Request},
    median,
    postgres::Postgres,
    server::{Binaries, Server, free_address},
};

/// How many shoppers order at the same time.
const SHOPPERS: u32 = 64;
/// As many connections as a store front has to PostgreSQL.
const CLIENTS: u32 = 8;
/// How long a turn is.
const TURN: Duration = Duration::from_secs(3);
/// What is synced at once: a page of SQLite's, the least that a commit writes.
const PAGE: usize = 4096;
/// SQLite begins its log anew after about so many pages.
const PAGES: u64 = 1000;

/// What a turn has found, a second.
#[derive(Default)]
struct Turns {
    orders: Vec<f64>,
    /// The same by the commits that they took.
    together: Vec<f64>,
    /// What allows them.
    allowed: Vec<f64>,
    share: Vec<f64>,
}

pub(crate) fn run(binaries: &Binaries, turns: u32) -> anyhow::Result<()> {
    let product = binaries.product(&[])?;
    let address = format!("http://{}", product.address);
    println!("| what | a second | share |\n| --- | --- | --- |");
    for shoppers in [SHOPPERS, 1] {
        sqlite(binaries, &address, shoppers, turns)?;
    }
    let Some(postgres) = Postgres::start()? else {
        eprintln!("PostgreSQL is not installed: left out");
        return Ok(());
    };
    postgresql(binaries, &address, &postgres, turns)
}

/// Orders in an SQLite file, against syncs of a file beside it.
fn sqlite(binaries: &Binaries, product: &str, shoppers: u32, turns: u32) -> anyhow::Result<()> {
    let store = Store::open(binaries, product, "sqlite:sava-cart.db", shoppers)?;
    let folder = tempfile::tempdir()?;
    let file = File::create(folder.path().join("log"))?;
    let mut found = Turns::default();
    // The first turn warms up.
    for turn in 0..=turns {
        let before = store.commits()?;
        let orders = store.orders()?;
        let together = orders * TURN.as_secs_f64() / (store.commits()? - before);
        let syncs = syncs(&file)?;
        if turn > 0 {
            found.push(orders, together, syncs);
        }
    }
    let Turns { orders, together, allowed, share } = found;
    println!(
        "| orders of {shoppers} at a time, in SQLite: {:.1} a commit | {:.0} | {:.2} |\n\
         | syncs of 4 KiB on its disk, each for as many orders | {:.0} | 1.00 |",
        median(together),
        median(orders),
        median(share),
        median(allowed),
    );
    Ok(())
}

/// Orders in PostgreSQL, against pgbench with the INSERT of one.
fn postgresql(binaries: &Binaries, product: &str, postgres: &Postgres, turns: u32) -> anyhow::Result<()> {
    let store = Store::open(binaries, product, &postgres.url(), SHOPPERS)?;
    let mut found = Turns::default();
    for turn in 0..=turns {
        let orders = store.orders()?;
        let inserts = postgres.bench(INSERT, CLIENTS, TURN)?;
        if turn > 0 {
            found.push(orders, 1.0, inserts);
        }
    }
    let Turns { orders, allowed, share, .. } = found;
    println!(
        "| orders of {SHOPPERS} at a time, in PostgreSQL | {:.0} | {:.2} |\n\
         | the same INSERT by pgbench, with {CLIENTS} clients | {:.0} | 1.00 |",
        median(orders),
        median(share),
        median(allowed),
    );
    Ok(())
}

/// An order as release 3.0.0 writes it.
const INSERT: &str = r#"INSERT INTO orders (number, locale, shopper, form_key, placed_at, currency, total, address, lines)
VALUES (md5(random()::text), 'ie', '0123456789abcdef0123456789abcdef', md5(random()::text), 1700000000000, 'EUR', 5000,
'{"name":"Aoife Byrne","email":"aoife@example.ie","street":"1 Main Street","town":"Dublin","county":"","postcode":"D02 X285"}',
'[{"id":"3","title":"A thing with a title","quantity":2,"price":2500}]') ON CONFLICT DO NOTHING;
"#;

impl Turns {
    fn push(&mut self, orders: f64, together: f64, allowed: f64) {
        self.orders.push(orders);
        self.together.push(together);
        self.allowed.push(allowed);
        self.share.push(orders / (together * allowed));
    }
}

/// A store front that takes orders.
struct Store {
    front: Server,
    admin: SocketAddr,
    shoppers: Vec<Shopper>,
    /// The number of the next form.
    next: AtomicU32,
}

impl Store {
    fn open(binaries: &Binaries, product: &str, database: &str, shoppers: u32) -> anyhow::Result<Self> {
        let admin = free_address()?;
        let front = binaries.cart(&[
            ("PRODUCT_SERVICE_ADDR", product),
            ("DATABASE_URL", database),
            ("ADMIN_LISTEN", &admin.to_string()),
            ("COOKIE_KEY", &"0123456789abcdef".repeat(8)),
        ])?;
        let shoppers = (0..shoppers).map(|_| Shopper::at(front.address)).collect::<anyhow::Result<_>>()?;
        Ok(Self { front, admin, shoppers, next: AtomicU32::new(1) })
    }

    /// Lets all shoppers order, each as soon as the order before is acknowledged; the orders a second.
    fn orders(&self) -> anyhow::Result<f64> {
        let (address, begun) = (self.front.address, Instant::now());
        let placed = std::thread::scope(|scope| {
            let shoppers = self.shoppers.iter().map(|shopper| {
                scope.spawn(move || -> anyhow::Result<u32> {
                    let mut connection = Connection::open(address)?;
                    let mut placed = 0;
                    while begun.elapsed() < TURN {
                        let order = shopper.order(self.next.fetch_add(1, Ordering::Relaxed));
                        let answer = connection.ask(&order)?;
                        let place = answer.header("location").context("an order has a place")?;
                        ensure!(place.starts_with("orders/"), "the order is not placed: {place}");
                        placed += 1;
                        if answer.header("connection") == Some("close") {
                            connection = Connection::open(address)?;
                        }
                    }
                    Ok(placed)
                })
            });
            let shoppers: Vec<_> = shoppers.collect();
            let placed =
                shoppers.into_iter().map(|shopper| shopper.join().expect("a shopper does not panic"));
            placed.sum::<anyhow::Result<u32>>()
        })?;
        Ok(f64::from(placed) / begun.elapsed().as_secs_f64())
    }

    /// The commits so far, by its own metrics.
    fn commits(&self) -> anyhow::Result<f64> {
        let metrics = client::answer(self.admin, &Request::get("/metrics"))?.body;
        let metrics = String::from_utf8(metrics)?;
        let commits = metrics.lines().find_map(|line| line.strip_prefix("sava_cart_order_commits_total "));
        Ok(commits.context("the store front counts its commits")?.parse()?)
    }
}

/// Writes a page and syncs it, over and over as a log does; how often a second.
fn syncs(file: &File) -> anyhow::Result<f64> {
    let (begun, page) = (Instant::now(), [0x5a; PAGE]);
    let mut written: u32 = 0;
    while begun.elapsed() < TURN {
        file.write_all_at(&page, u64::from(written) % PAGES * PAGE as u64)?;
        file.sync_data()?;
        written += 1;
    }
    Ok(f64::from(written) / begun.elapsed().as_secs_f64())
}
