//! Where the binaries under test are, and that they are up to date.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// The root of the repository.
#[must_use]
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in a folder of the repository")
}

/// The folder for what is built or kept between runs and is no source.
#[must_use]
pub fn target() -> PathBuf {
    root().join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// The binary `name` of this workspace, beside the test executable and in its profile.
///
/// Cargo does not build other packages' binaries for a test, so the first call does, once in a process; where
/// `SAVA_TESTS_BUILT` is set, whoever set it has built them.
#[must_use]
pub fn path(name: &str) -> PathBuf {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(build).join(name)
}

fn build() -> PathBuf {
    let test = std::env::current_exe().expect("a process knows its executable");
    // target/debug/deps/it-0123456789abcdef; a doctest or an example is elsewhere below the same folder.
    let directory = test
        .ancestors()
        .find(|directory| directory.join("deps").is_dir())
        .expect("a test executable is below the folder of its profile")
        .to_owned();
    if std::env::var_os("SAVA_TESTS_BUILT").is_none() {
        let profile = match directory.file_name().and_then(|name| name.to_str()) {
            Some("debug") | None => "dev",
            Some(profile) => profile,
        };
        let built = Command::new(env!("CARGO"))
            .args([
                "build",
                "--quiet",
                "--profile",
                profile,
                "--package",
                "sava-product",
                "--package",
                "sava-cart",
                "--package",
                "sava-contract",
                "--package",
                "xtask",
            ])
            .current_dir(root())
            .status()
            .expect("cargo runs");
        assert!(built.success(), "the binaries under test do not build");
    }
    directory
}
