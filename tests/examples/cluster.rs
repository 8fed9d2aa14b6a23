//! A stand-in cluster to try manifests on: prints the `KUBECONFIG` to use, and runs until it is interrupted.
//!
//! ```sh
//! cargo run -p sava-tests --example cluster
//! ```

use sava_tests::cluster::{Cluster, Kubectl};

#[tokio::main]
async fn main() {
    let cluster = Cluster::start().await;
    let kubectl = Kubectl::new(&cluster);
    eprintln!("export KUBECONFIG={}", kubectl.config().display());
    tokio::signal::ctrl_c().await.expect("the process listens for signals");
}
