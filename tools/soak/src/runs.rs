//! The runs of the campaign.

mod clock;
mod crash;
mod disk;
mod endurance;
mod hostile;
mod network;
mod overload;
mod pgbouncer;
mod postgres;
mod power_loss;
mod resolver;
mod rollout;
mod schema;
mod submits;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context as _;
use clap::ValueEnum;
use futures_util::future::{join_all, try_join_all};
use sava_testbed::{PATIENCE, binaries};
use tokio::time::{sleep, timeout};

use crate::{
    effort::Effort,
    oracle::Oracle,
    report::Report,
    shopper::{Addresses, Shopper},
};

/// A run of the campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Run {
    /// Store fronts with SQLite are killed under checkouts
    CrashSqlite,
    /// Store fronts with PostgreSQL are killed under checkouts, and PostgreSQL ends at once
    CrashPostgres,
    /// Each form is sent many times at once, to several store fronts
    Submits,
    /// The power goes while orders are written: the disk is rebuilt as it may be then
    PowerLoss,
    /// The connections to the product service break in each way that networks know
    Network,
    /// The connections to PostgreSQL break, and it moves to another address
    Database,
    /// Names lead elsewhere, to nobody, nowhere, late: the name server errs in each way that such know
    Resolver,
    /// A pool of connections to PostgreSQL restarts and is full, and the server behind it restarts
    Pgbouncer,
    /// Each release of the store front takes the place of each other, and goes back, on one database
    Schema,
    /// Releases come and go in the stand-in for a cluster, with canaries, and pods are deleted and killed
    Rollout,
    /// The disk is full, or the database locked, newer, corrupt or deleted
    Disk,
    /// Ten times as many clients as there is room for, within the manifests' limits of memory
    Overload,
    /// Requests that are not HTTP, not forms, not cookies, not media types: from seeds, by raw sockets
    Hostile,
    /// The clock is set forward, back, to leap days and beyond the year 9999
    Clock,
    /// Shopping without faults: memory, descriptors and threads stay as they are
    Endurance,
}

impl Run {
    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CrashSqlite => "crash-sqlite",
            Self::CrashPostgres => "crash-postgres",
            Self::Submits => "submits",
            Self::PowerLoss => "power-loss",
            Self::Network => "network",
            Self::Database => "database",
            Self::Resolver => "resolver",
            Self::Pgbouncer => "pgbouncer",
            Self::Schema => "schema",
            Self::Rollout => "rollout",
            Self::Disk => "disk",
            Self::Overload => "overload",
            Self::Hostile => "hostile",
            Self::Clock => "clock",
            Self::Endurance => "endurance",
        }
    }

    /// Does it.
    ///
    /// # Errors
    /// When the run itself cannot be done; what it finds is in the report.
    ///
    /// # Panics
    /// When a service does not start, as the harness of the tests does.
    pub async fn start(self, effort: Effort, seed: u64) -> anyhow::Result<Report> {
        let began = Instant::now();
        let oracle = Arc::new(Oracle::default());
        match self {
            Self::CrashSqlite => crash::sqlite(effort, seed, &oracle).await?,
            Self::CrashPostgres => crash::postgres(effort, seed, &oracle).await?,
            Self::Submits => submits::run(effort, seed, &oracle).await?,
            Self::PowerLoss => power_loss::run(effort, seed, &oracle).await?,
            Self::Network => network::run(effort, seed, &oracle).await?,
            Self::Database => postgres::run(effort, seed, &oracle).await?,
            Self::Resolver => resolver::run(effort, seed, &oracle).await?,
            Self::Pgbouncer => pgbouncer::run(effort, seed, &oracle).await?,
            Self::Schema => schema::run(effort, seed, &oracle).await?,
            Self::Rollout => rollout::run(effort, seed, &oracle).await?,
            Self::Disk => disk::run(effort, seed, &oracle).await?,
            Self::Overload => overload::run(effort, &oracle).await?,
            Self::Hostile => hostile::run(effort, seed, &oracle).await?,
            Self::Clock => clock::run(effort, seed, &oracle).await?,
            Self::Endurance => endurance::run(effort, seed, &oracle).await?,
        }
        let oracle = Arc::into_inner(oracle).expect("all shoppers have gone home");
        let (figures, findings) = oracle.into_parts();
        Ok(Report { run: self.name(), seed, took: began.elapsed(), figures, findings })
    }
}

/// Shoppers who shop while a run goes on.
struct Shoppers {
    is_over: Arc<AtomicBool>,
    tasks: Vec<tokio::task::JoinHandle<Shopper>>,
}

impl Shoppers {
    /// So many of them; `ready` says more of each.
    fn start(
        count: usize,
        seed: u64,
        addresses: &Addresses,
        oracle: &Arc<Oracle>,
        ready: impl Fn(Shopper) -> Shopper,
    ) -> anyhow::Result<Self> {
        let enter = |number| anyhow::Ok(ready(Shopper::new(number, seed, addresses, oracle)?));
        (0..count).map(enter).collect::<Result<_, _>>().map(Self::go_shopping)
    }

    fn go_shopping(shoppers: Vec<Shopper>) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let shop = |shopper: Shopper| {
            let is_over = Arc::clone(&is_over);
            tokio::spawn(shopper.shop_until(move || is_over.load(Ordering::Relaxed)))
        };
        let tasks = shoppers.into_iter().map(shop).collect();
        Self { is_over, tasks }
    }

    /// They finish what they are at, whatever becomes of it.
    async fn leave(self) {
        self.is_over.store(true, Ordering::Relaxed);
        join_all(self.tasks).await;
    }

    /// They finish what they are at, see to what is still unknown, and look at their orders in each store; all stores are
    /// open by now.
    async fn rest(self) -> anyhow::Result<Vec<Shopper>> {
        self.is_over.store(true, Ordering::Relaxed);
        let mut shoppers = try_join_all(self.tasks).await?;
        join_all(shoppers.iter_mut().map(Shopper::settle))
            .await
            .into_iter()
            .collect::<anyhow::Result<()>>()?;
        Ok(shoppers)
    }

    /// As [`Self::rest`], and for good.
    async fn go_home(self) -> anyhow::Result<()> {
        self.rest().await.map(drop)
    }
}

/// Waits until so many orders more are acknowledged.
async fn orders_more(oracle: &Oracle, count: usize) -> anyhow::Result<()> {
    let wanted = oracle.promised() + count;
    let placed = async {
        while oracle.promised() < wanted {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, placed).await.with_context(|| format!("no {count} orders more in {PATIENCE:?}"))
}

/// Releases of the store front that contract the table of orders, each with the only one that can stand beside it
/// (docs/compatibility.md).
const CONTRACTING: [(&str, &str); 1] = [("3.2.0", "3.1.0")];

/// The releases of a service but those that are bad on purpose, which are pre-releases by their names (Semantic
/// Versioning §9).
fn good_releases(service: &str) -> Vec<String> {
    let mut releases = binaries::releases(service);
    releases.retain(|release| !release.contains('-'));
    releases
}
