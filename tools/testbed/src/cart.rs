//! sava-cart, started for a test.

use std::{
    ffi::OsStr,
    future::{Future, IntoFuture},
    ops::Deref,
    path::Path,
    pin::Pin,
    sync::Arc,
};

use tempfile::TempDir;

use crate::{
    Exit,
    server::{Running, Start},
};

/// A sava-cart that runs, in a directory of its own.
#[derive(Debug)]
pub struct Cart {
    running: Running,
    directory: Arc<TempDir>,
}

/// What a sava-cart is started with; awaiting it starts it and waits until it is ready.
#[derive(Clone, Debug)]
#[must_use = "it starts when it is awaited"]
pub struct CartBuilder {
    start: Start,
    directory: Arc<TempDir>,
}

impl Cart {
    /// The newest release of the Irish store with a database of its own, on free ports; its sava-product is nowhere.
    pub fn start() -> CartBuilder {
        CartBuilder::in_directory(Arc::new(tempfile::tempdir().expect("a temporary directory can be made")))
    }

    /// The directory in which it runs: its SQLite database and its cookie key.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// A builder of another sava-cart in the same directory, which is kept for it: its successor after a restart.
    pub fn start_again(&self) -> CartBuilder {
        CartBuilder::in_directory(Arc::clone(&self.directory))
    }

    /// Asks it to end (SIGTERM), and waits for that.
    pub async fn stop(self) -> Exit {
        self.running.stop().await
    }

    /// Ends it at once (SIGKILL).
    pub fn kill(self) {
        self.running.kill();
    }

    /// Waits for it to end by itself.
    pub async fn exit(self) -> Exit {
        self.running.exit().await
    }
}

impl Deref for Cart {
    type Target = Running;

    fn deref(&self) -> &Running {
        &self.running
    }
}

impl CartBuilder {
    fn in_directory(directory: Arc<TempDir>) -> Self {
        // Port 9 (discard) refuses connections.
        let start = Start::new("sava-cart")
            .env("PRODUCT_SERVICE_ADDR", "http://127.0.0.1:9")
            .env("XDG_STATE_HOME", directory.path());
        Self { start, directory }
    }

    /// Of this release.
    pub fn release(self, release: &str) -> Self {
        self.env("SAVA_RELEASE", release)
    }

    /// The store of this locale.
    pub fn locale(self, locale: &str) -> Self {
        self.env("LOCALE", locale)
    }

    /// With the products of the service at `url`.
    pub fn product(self, url: &str) -> Self {
        self.env("PRODUCT_SERVICE_ADDR", url)
    }

    /// With this environment variable.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.start = self.start.env(name, value);
        self
    }

    /// With this command-line argument.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.start = self.start.arg(argument);
        self
    }

    /// With the name servers that `file` names, as `/etc/resolv.conf` does; see [`has_own_resolver`].
    ///
    /// [`has_own_resolver`]: crate::has_own_resolver
    pub fn resolv_conf(mut self, file: &Path) -> Self {
        self.start = self.start.resolv_conf(file);
        self
    }

    /// As soon as it listens, ready or not.
    pub fn unready(mut self) -> Self {
        self.start = self.start.unready();
        self
    }

    /// Runs it until it ends by itself, as it does with settings that it cannot use, or with `--help`.
    pub async fn exit(self) -> Exit {
        self.start.fail(Some(self.directory.path())).await
    }
}

impl IntoFuture for CartBuilder {
    type Output = Cart;
    type IntoFuture = Pin<Box<dyn Future<Output = Cart> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async {
            let running = self.start.run(Some(self.directory.path())).await;
            Cart { running, directory: self.directory }
        })
    }
}
