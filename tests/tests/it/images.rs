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

/// The database of the compose file.
fn postgres() -> String {
    let file = std::fs::read_to_string(sava_testbed::binaries::root().join("docker/compose.yaml"));
    let compose = file.expect("the compose file");
    let default = compose.split_once("${POSTGRES_IMAGE:-").and_then(|(_, rest)| rest.split_once('}'));
    default.expect("a default of POSTGRES_IMAGE").0.to_owned()
}

/// Options of the strictest place to run in.
const CONFINED: &[&str] = &["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"];
