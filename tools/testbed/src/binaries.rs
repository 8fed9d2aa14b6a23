//! Where the binaries under test are, and that they are up to date.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::Once,
};

/// The root of the repository.
#[must_use]
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the crate is in a folder of the tools")
}

/// The folder for what is built or kept between runs and is not source.
#[must_use]
pub fn target() -> PathBuf {
    root().join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// What the tests run.
const PROGRAMS: &[&str] = &["sava-product", "sava-cart", "sava-contract", "sava-shoppers", "xtask"];

/// The binary `name` of this workspace, beside the test executable and in its profile.
///
/// Cargo does not build other packages' binaries for a test, so the first call does, once in a process; where
/// `SAVA_TESTS_BUILT` is set, whoever set it has built them.
#[must_use]
pub fn path(name: &str) -> PathBuf {
    static PROGRAMS_BUILT: Once = Once::new();
    static DEMO_BUILT: Once = Once::new();
    let directory = directory();
    match name {
        // By itself: with its dependencies those of the programs would have other features, and be built again.
        "sava-demo" | "sava-classroom" => DEMO_BUILT.call_once(|| build(&["sava-demo"], &directory)),
        _ => PROGRAMS_BUILT.call_once(|| build(PROGRAMS, &directory)),
    }
    directory.join(name)
}

/// The releases that a service knows, from its own table: the first word of each line.
///
/// # Panics
///
/// When it does not start, or tells of none.
#[must_use]
pub fn releases(service: &str) -> Vec<String> {
    let output =
        Command::new(path(service)).args(["--release", "help"]).output().expect("the service starts");
    let table = String::from_utf8_lossy(&output.stdout);
    let releases: Vec<_> =
        table.lines().filter_map(|line| line.split_whitespace().next()).map(ToOwned::to_owned).collect();
    assert!(!releases.is_empty(), "{service} lists its releases");
    releases
}

/// The folder of the profile that this process was built by.
fn directory() -> PathBuf {
    let test = std::env::current_exe().expect("a process knows its executable");
    // target/debug/deps/it-0123456789abcdef; a doctest or an example is elsewhere below the same folder.
    test.ancestors()
        .find(|directory| directory.join("deps").is_dir())
        .expect("a test executable is below the folder of its profile")
        .to_owned()
}

fn build(packages: &[&str], directory: &Path) {
    if std::env::var_os("SAVA_TESTS_BUILT").is_some() {
        return;
    }
    let profile = match directory.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--bins", "--profile", profile])
        .args(packages.iter().flat_map(|package| ["--package", package]))
        .current_dir(root())
        .status()
        .expect("cargo runs");
    assert!(built.success(), "{packages:?} do not build");
}
