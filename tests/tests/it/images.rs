//! The images, run by a real Docker engine. `cargo xtask test` builds them first, by the README's command.

mod compose;
mod contents;
mod network;
mod registry;
mod running;

/// The images of the shop's services, newest releases first.
const PRODUCT: &str = "vampio/sava-product:3.0.0";
const CART: &str = "vampio/sava-cart:3.0.0";

/// Every image there is.
fn images() -> Vec<String> {
    let names =
        sava_testbed::docker::succeed(sava_testbed::command("cargo").args(["xtask", "publish", "--dry-run"]));
    names.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

/// Options of the strictest place to run in.
const CONFINED: &[&str] = &["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"];
