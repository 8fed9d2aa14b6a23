//! Hours of shopping, compressed: what grows with each order shows.

use std::{fs, sync::Arc, time::Duration};

use sava_testbed::{Cart, Product};
use tokio::time::sleep;

use super::{Effort, Shoppers, crash::SQLITE_FILE};
use crate::{database, oracle::Oracle, shopper::Addresses};

/// Memory may grow by this much between the first third and the last: caches fill, and an allocator keeps a little.
const MAX_GROWTH: u64 = 8 << 20;

/// What a process has.
#[derive(Clone, Copy, Debug)]
struct Usage {
    memory: u64,
    descriptors: u64,
    threads: u64,
}

pub(super) async fn run(effort: Effort, seed: u64, oracle: &Arc<Oracle>) -> anyhow::Result<()> {
    let product = Product::start().await;
    let cart = Cart::start().product(&product.url("")).await;
    let addresses = Addresses::of([cart.address().to_owned()]);
    let shoppers = Shoppers::start(8, seed, &addresses, oracle, |shopper| shopper)?;
    let third = effort.choose(Duration::from_secs(4), Duration::from_mins(10));
    sleep(third).await;
    let early = [&product.process(), &cart.process()].map(|process| usage(process.id()));
    sleep(third * 2).await;
    let late = [&product.process(), &cart.process()].map(|process| usage(process.id()));
    shoppers.go_home().await?;
    for (name, early, late) in [("sava-product", early[0], late[0]), ("sava-cart", early[1], late[1])] {
        if late.memory > early.memory + MAX_GROWTH {
            oracle.find(format!("the memory of {name} went from {} to {} bytes", early.memory, late.memory));
        }
        // A connection of each shopper, and a few on their way.
        if late.descriptors > early.descriptors + 32 {
            oracle.find(format!("{name} had {} open files, now {}", early.descriptors, late.descriptors));
        }
        if late.threads > early.threads + 8 {
            oracle.find(format!("{name} had {} threads, now {}", early.threads, late.threads));
        }
    }
    oracle.add("kB of memory of sava-product", late[0].memory >> 10);
    oracle.add("kB of memory of sava-cart", late[1].memory >> 10);
    let file = cart.directory().join(SQLITE_FILE);
    let orders = database::in_sqlite(&file).await?;
    oracle.compare(&orders);
    let log = fs::metadata(file.with_extension("db-wal")).map_or(0, |it| it.len());
    oracle.add("bytes of write-ahead log", log);
    // SQLite starts it again after a thousand pages; readers can put that off for a while.
    if log > 32 << 20 {
        oracle.find(format!("the write-ahead log has {log} bytes"));
    }
    Ok(())
}

fn usage(pid: u32) -> Usage {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("Linux tells it");
        let digits = line.split_whitespace().next().and_then(|it| it.parse::<u64>().ok());
        digits.expect("a number")
    };
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).expect("the process runs").count() as u64;
    Usage { memory: field("RssAnon:") << 10, descriptors, threads: field("Threads:") }
}
