//! The power goes while orders are written: each state in which the disk may be then opens, and has what was promised.

use std::{path::Path, process::Command, sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use fastrand::Rng;
use sava_testbed::{Cart, Process, Product, command};
use tokio::time::sleep;

use super::{Effort, Shoppers, crash::SQLITE_FILE};
use crate::{
    database,
    oracle::Oracle,
    shopper::{Addresses, Shopper},
    trace::{self, DiskImage, Event},
};

pub(super) async fn run(effort: Effort, seed: u64, oracle: &Arc<Oracle>) -> anyhow::Result<()> {
    // On a busy machine strace was attached and told of nothing, a few times: then nothing was tried, and it begins again.
    let mut said = String::new();
    for pause in 0..6 {
        sleep(Duration::from_secs(pause)).await;
        let own = Arc::new(Oracle::default());
        match has_run(effort, seed, &own).await? {
            Ok(()) => {
                oracle.take(&own, "the power");
                return Ok(());
            }
            Err(Silence(of_strace)) => said = of_strace,
        }
        oracle.count("runs of which strace told nothing");
    }
    bail!("strace is attached, and tells of no write: {said}")
}

/// What strace said instead of what is written.
struct Silence(String);

/// A run, or why there was nothing to look at.
async fn has_run(effort: Effort, seed: u64, oracle: &Arc<Oracle>) -> anyhow::Result<Result<(), Silence>> {
    let directory = tempfile::tempdir()?;
    let log = directory.path().join("strace.log");
    let product = Product::start().await;
    let cart = Cart::start().product(&product.url("")).await;
    cart.logged("orders can be written").await;
    let file = cart.directory().join(SQLITE_FILE);
    let folder = file.parent().context("a file is in a directory")?;
    let start = DiskImage::of(folder)?;
    let Some(strace) = follow(cart.process().id(), &log).await else {
        oracle.count("runs left out, as this user may trace no process");
        return Ok(Ok(()));
    };
    let addresses = Addresses::of([cart.address().to_owned()]);
    let shoppers = Shoppers::start(4, seed, &addresses, oracle, Shopper::may_lose_answers)?;
    let wanted = effort.choose(40, 400);
    while oracle.promised() < wanted {
        sleep(Duration::from_millis(10)).await;
    }
    addresses.set([]);
    shoppers.leave().await;
    cart.kill();
    let said = strace.exit().await.output;
    let text = std::fs::read_to_string(&log)?;
    let events = trace::read(&text)?;
    if events.is_empty() {
        return Ok(Err(Silence(format!("{said:.500}; its log of {} bytes: {text:.500}", text.len()))));
    }
    let states = effort.choose(60, 1800);
    for finding in lose_power(&start, &events, states, seed, oracle).await? {
        oracle.find(finding);
    }
    oracle.add("disk states rebuilt", states);
    oracle.add("writes and syncs traced", events.len() as u64);
    // The control: the same without a single sync. A run that finds nothing then would be blind.
    let unsynced: Vec<_> = events.into_iter().filter(|event| !event.is_sync()).collect();
    if lose_power(&start, &unsynced, states, seed, oracle).await?.is_empty() {
        oracle.find("the control, which drops every sync, found nothing");
    }
    Ok(Ok(()))
}

/// Attaches strace, and waits until it follows. `None` where it is not allowed to.
async fn follow(pid: u32, log: &Path) -> Option<Process> {
    let mut strace = command("/usr/bin/strace");
    strace.args(["-f", "-ttt", "-y", "-xx", "-s", "65536", "-e", "signal=none", "-e"]);
    strace.arg(format!("trace={}", trace::CALLS)).arg("-o").arg(log).args(["-p", &pid.to_string()]);
    let probe = Command::new("/usr/bin/strace").args(["-e", "trace=none", "true"]).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        return None;
    }
    let mut process = Process::spawn("strace", strace);
    for _ in 0..500 {
        if process.output().contains("attached") {
            return Some(process);
        }
        if process.ended().is_some() {
            return None;
        }
        sleep(Duration::from_millis(10)).await;
    }
    None
}

/// What is found in a number of states, each after a random one of the events.
async fn lose_power(
    start: &DiskImage,
    events: &[Event],
    states: u64,
    seed: u64,
    oracle: &Oracle,
) -> anyhow::Result<Vec<String>> {
    let mut rng = Rng::with_seed(seed);
    let mut cuts: Vec<usize> = (0..states).map(|_| rng.usize(..events.len())).collect();
    cuts.sort_unstable();
    let (mut disk, mut done) = (start.clone(), 0);
    let mut findings = Vec::new();
    for cut in cuts {
        while done <= cut {
            disk.apply(&events[done]);
            done += 1;
        }
        let directory = tempfile::tempdir()?;
        disk.lose_power(directory.path(), &mut rng)?;
        let file = directory.path().join(Path::new(SQLITE_FILE).file_name().expect("a file has a name"));
        // What a shopper was told before the next event stands on those until here.
        let by_then = events.get(cut + 1).map(|event| event.at);
        match database::in_sqlite(&file).await {
            Ok(orders) => findings.extend(oracle.compare_until(by_then, &orders)),
            Err(error) => findings.push(format!("{error:#}")),
        }
    }
    Ok(findings)
}
