//! sava-product, started for a test.

use std::{
    ffi::OsStr,
    future::{Future, IntoFuture},
    ops::Deref,
    path::Path,
    pin::Pin,
};

use crate::{
    Exit,
    server::{Running, Start},
};

/// A sava-product that runs.
#[derive(Debug)]
pub struct Product(Running);

/// What a sava-product is started with; awaiting it starts it and waits until it is ready.
#[derive(Clone, Debug)]
#[must_use = "it starts when it is awaited"]
pub struct ProductBuilder(Start);

impl Product {
    /// The newest release with the embedded catalog, on free ports.
    pub fn start() -> ProductBuilder {
        ProductBuilder(Start::new("sava-product"))
    }

    /// Asks it to end (SIGTERM), and waits for that.
    pub async fn stop(self) -> Exit {
        self.0.stop().await
    }

    /// Ends it at once (SIGKILL).
    pub fn kill(self) {
        self.0.kill();
    }

    /// Waits for it to end by itself.
    pub async fn exit(self) -> Exit {
        self.0.exit().await
    }
}

impl Deref for Product {
    type Target = Running;

    fn deref(&self) -> &Running {
        &self.0
    }
}

impl ProductBuilder {
    /// Of this release.
    pub fn release(self, release: &str) -> Self {
        self.env("SAVA_RELEASE", release)
    }

    /// With the data of this directory in the place of the embedded ones.
    pub fn data(self, directory: &Path) -> Self {
        self.env("DATA_DIR", directory)
    }

    /// With this environment variable.
    pub fn env(self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        Self(self.0.env(name, value))
    }

    /// With this command-line argument.
    pub fn arg(self, argument: impl AsRef<OsStr>) -> Self {
        Self(self.0.arg(argument))
    }

    /// As soon as it listens, ready or not.
    pub fn unready(self) -> Self {
        Self(self.0.unready())
    }

    /// Runs it until it ends by itself, as it does with settings or data that it cannot use, or with `--help`.
    pub async fn exit(self) -> Exit {
        self.0.fail(None).await
    }
}

impl IntoFuture for ProductBuilder {
    type Output = Product;
    type IntoFuture = Pin<Box<dyn Future<Output = Product> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async { Product(self.0.run(None).await) })
    }
}
