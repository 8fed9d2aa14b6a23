//! The wall clock is set while shoppers shop: forward and back, to leap days, to the end of the year 9999, after which
//! HTTP has no dates.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context as _;
use sava_testbed::{Cart, Product};
use tokio::time::sleep;

use super::{Effort, Shoppers, crash::SQLITE_FILE};
use crate::{database, oracle::Oracle, shopper::Addresses};

/// Offsets and dates in libfaketime's words. From the first on, cookies come from what is then the future.
const CLOCKS: [&str; 9] = [
    "+400d",
    "-400d",
    "@2028-02-28 23:59:58",
    "@2028-02-29 23:59:58",
    "@2100-02-28 23:59:58",
    "@2038-01-19 03:14:06",
    "@1970-01-01 00:00:01",
    // On the last day of it a service says that its clock is wrong, and serves nobody.
    "@9999-12-30 23:00:00",
    "+0",
];

pub(super) async fn run(effort: Effort, seed: u64, oracle: &Arc<Oracle>) -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let clock = directory.path().join("clock");
    let set = |time: &str| fs::write(&clock, time);
    set("+0")?;
    let library = library()?;
    let environment = [
        ("LD_PRELOAD", library.as_os_str()),
        ("FAKETIME_TIMESTAMP_FILE", clock.as_os_str()),
        // The file is read at each look at the clock; what measures spans of time goes on as it is.
        ("FAKETIME_NO_CACHE", "1".as_ref()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".as_ref()),
    ];
    let product = environment.iter().fold(Product::start(), |it, (name, value)| it.env(name, value)).await;
    let cart = Cart::start().product(&product.url(""));
    let cart = environment.iter().fold(cart, |it, (name, value)| it.env(name, value)).await;
    let addresses = Addresses::of([cart.address().to_owned()]);
    let shoppers = Shoppers::start(4, seed, &addresses, oracle, |shopper| shopper)?;
    for _ in 0..effort.choose(1, 20) {
        for time in CLOCKS {
            set(time)?;
            oracle.count("times the clock was set");
            sleep(Duration::from_millis(700)).await;
        }
    }
    shoppers.go_home().await?;
    oracle.compare(&database::in_sqlite(&cart.directory().join(SQLITE_FILE)).await?);
    for process in [product.process(), cart.process()] {
        if let Some(line) = process.output().lines().find(|line| line.contains("panicked")) {
            oracle.find(line);
        }
    }
    Ok(())
}

/// libfaketime, where Debian puts it.
fn library() -> anyhow::Result<PathBuf> {
    let folders = fs::read_dir("/usr/lib")?.filter_map(|folder| Some(folder.ok()?.path()));
    let mut libraries = folders.map(|folder| folder.join("faketime/libfaketimeMT.so.1"));
    libraries
        .find(|library| library.exists())
        .context("libfaketime is not installed: `apt-get install faketime`")
}
