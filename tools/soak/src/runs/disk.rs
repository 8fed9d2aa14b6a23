//! What becomes of orders when the disk or the file of the database fails under them.

use std::{
    fs,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use sava_testbed::{Cart, Product};
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::time::sleep;

use super::{Effort, Shoppers, crash::SQLITE_FILE};
use crate::{database, oracle::Oracle, shopper::Addresses};

/// Each fault comes while shoppers shop. Where it can be mended, what was acknowledged is there afterwards; where it
/// cannot, nothing more is acknowledged.
pub(super) async fn run(effort: Effort, seed: u64, oracle: &Arc<Oracle>) -> anyhow::Result<()> {
    for turn in 0..effort.choose(1, 10) {
        full(seed + turn, oracle).await?;
        locked(seed + turn, oracle).await?;
        newer(seed + turn, oracle).await?;
        deleted(seed + turn, oracle).await?;
        corrupt(seed + turn, oracle).await?;
    }
    Ok(())
}

/// A shop of one run, with an oracle of its own.
struct Shop {
    product: Product,
    cart: Cart,
    addresses: Addresses,
    shoppers: Shoppers,
    oracle: Arc<Oracle>,
}

impl Shop {
    /// With its orders in `file`, or where they are by default; it has taken some when this returns.
    async fn open(seed: u64, file: Option<&Path>) -> anyhow::Result<Self> {
        let product = Product::start().await;
        let mut cart = Cart::start().product(&product.url(""));
        if let Some(file) = file {
            cart = cart.env("DATABASE_URL", format!("sqlite:{}", file.display()));
        }
        let cart = cart.await;
        let addresses = Addresses::of([cart.address().to_owned()]);
        let oracle = Arc::new(Oracle::default());
        let shoppers = Shoppers::start(4, seed, &addresses, &oracle, |shopper| shopper)?;
        while oracle.promised() < 10 {
            sleep(Duration::from_millis(10)).await;
        }
        Ok(Self { product, cart, addresses, shoppers, oracle })
    }

    fn file(&self) -> PathBuf {
        self.cart.directory().join(SQLITE_FILE)
    }

    /// Waits until the store front says that it takes no orders, and that it does again after `mend`.
    async fn is_closed_until(&self, mend: impl AsyncFnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
        self.cart.logged("orders cannot be written").await;
        let puts_off = self.oracle.figure("checkouts put off");
        while self.oracle.figure("checkouts put off") == puts_off {
            sleep(Duration::from_millis(10)).await;
        }
        mend().await?;
        let promised = self.oracle.promised();
        while self.oracle.promised() < promised + 5 {
            sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// All that was acknowledged is there, and counts for the run.
    async fn close(self, file: &Path, run: &Oracle, what: &'static str) -> anyhow::Result<()> {
        self.shoppers.go_home().await?;
        self.oracle.compare(&database::in_sqlite(file).await?);
        run.count(what);
        run.take(&self.oracle, what);
        Ok(())
    }

    /// Nobody was told anything since the file was lost, and nobody is until a store front is started again.
    async fn lost(self, run: &Oracle, what: &'static str) {
        self.cart.logged("orders cannot be written").await;
        // A request that was on its way when the file was lost may still have found it.
        sleep(Duration::from_millis(200)).await;
        let promised = self.oracle.promised();
        let puts_off = self.oracle.figure("checkouts put off");
        while self.oracle.figure("checkouts put off") < puts_off + 5 {
            sleep(Duration::from_millis(10)).await;
        }
        if self.oracle.promised() > promised {
            run.find(format!("an order was acknowledged {what}"));
        }
        self.addresses.set([]);
        self.shoppers.leave().await;
        run.count("databases lost for good");
        run.take(&self.oracle, what);
    }
}

/// A disk of two megabytes, which something else fills.
async fn full(seed: u64, run: &Oracle) -> anyhow::Result<()> {
    let Some(disk) = SmallDisk::mount()? else {
        run.count("full disks left out, as this user may mount none");
        return Ok(());
    };
    let file = disk.0.path().join("orders.db");
    let shop = Shop::open(seed, Some(&file)).await?;
    let filler = disk.0.path().join("filler");
    while fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&filler)
        .and_then(|mut filler| std::io::Write::write_all(&mut filler, &[0; 512]))
        .is_ok()
    {}
    shop.is_closed_until(async || Ok(fs::remove_file(&filler)?)).await?;
    shop.close(&file, run, "disks filled and emptied").await
}

/// Another program holds the database for itself.
async fn locked(seed: u64, run: &Oracle) -> anyhow::Result<()> {
    let shop = Shop::open(seed, None).await?;
    let file = shop.file();
    let options = SqliteConnectOptions::new().filename(&file).busy_timeout(Duration::from_secs(10));
    let mut connection = SqliteConnection::connect_with(&options).await?;
    sqlx::query("BEGIN EXCLUSIVE").execute(&mut connection).await?;
    shop.is_closed_until(async || {
        sqlx::query("COMMIT").execute(&mut connection).await?;
        Ok(connection.close().await?)
    })
    .await?;
    shop.close(&file, run, "databases locked and released").await
}

/// A newer release has added a column and noted its migration; this one goes on beside it, and starts after it.
async fn newer(seed: u64, run: &Oracle) -> anyhow::Result<()> {
    let shop = Shop::open(seed, None).await?;
    let file = shop.file();
    let options = SqliteConnectOptions::new().filename(&file).busy_timeout(Duration::from_secs(10));
    let mut connection = SqliteConnection::connect_with(&options).await?;
    for statement in [
        "ALTER TABLE orders ADD COLUMN note TEXT",
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
            VALUES (9999, 'a note', TRUE, X'00', 0)",
    ] {
        sqlx::query(statement).execute(&mut connection).await?;
    }
    connection.close().await?;
    let promised = shop.oracle.promised();
    while shop.oracle.promised() < promised + 10 {
        sleep(Duration::from_millis(10)).await;
    }
    // A roll back: the older release starts where the newer one has been.
    let older = shop.cart.start_again().product(&shop.product.url("")).release("2.0.4").await;
    older.logged("orders can be written").await;
    shop.addresses.set([older.address().to_owned()]);
    let promised = shop.oracle.promised();
    while shop.oracle.promised() < promised + 10 {
        sleep(Duration::from_millis(10)).await;
    }
    shop.close(&file, run, "roll backs past a migration").await
}

/// The files are deleted under the process, which still has them open.
async fn deleted(seed: u64, run: &Oracle) -> anyhow::Result<()> {
    let shop = Shop::open(seed, None).await?;
    for suffix in ["db", "db-wal", "db-shm"] {
        fs::remove_file(shop.file().with_extension(suffix))?;
    }
    shop.lost(run, "after its file was deleted").await;
    Ok(())
}

/// Noise is written over the file and then over its log. (The other way round SQLite would take the log for an empty one,
/// and see what the file had before.)
async fn corrupt(seed: u64, run: &Oracle) -> anyhow::Result<()> {
    let shop = Shop::open(seed, None).await?;
    let mut rng = fastrand::Rng::with_seed(seed);
    for suffix in ["db", "db-wal"] {
        let file = fs::OpenOptions::new().write(true).open(shop.file().with_extension(suffix))?;
        let length = usize::try_from(file.metadata()?.len())?;
        let noise: Vec<u8> = std::iter::repeat_with(|| rng.u8(..)).take(length).collect();
        file.write_all_at(&noise, 0)?;
    }
    shop.lost(run, "after its file was overwritten").await;
    Ok(())
}

/// A file system of two megabytes, which ends with this value.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None` where this user may not mount one.
    fn mount() -> anyhow::Result<Option<Self>> {
        let directory = tempfile::tempdir()?;
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=2m,mode=0700", "tmpfs"])
            .arg(directory.path())
            .output()?;
        Ok(mounted.status.success().then_some(Self(directory)))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a store front that is just ending may still have a file open.
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}
