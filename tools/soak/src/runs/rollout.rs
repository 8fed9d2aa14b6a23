//! Releases come and go in the stand-in for a cluster, and pods with them, while shoppers shop.

use std::{fs, process::Command, sync::Arc, time::Duration};

use anyhow::{Context as _, ensure};
use fastrand::Rng;
use sava_testbed::{
    binaries,
    cluster::{Cluster, Kubectl},
};
use tokio::time::sleep;

use super::{CONTRACTING, Effort, Shoppers, good_releases, orders_more};
use crate::{
    database,
    oracle::Oracle,
    shopper::{Addresses, Shopper},
};

/// A Deployment of the tutorial.
struct Deployment {
    name: &'static str,
    /// Its container, and what the service is called.
    service: &'static str,
    labels: &'static str,
}

const PRODUCT: Deployment = Deployment {
    name: "sava-product-2.0.1",
    service: "sava-product",
    labels: "app=sava-product,version=2.0.1",
};
const CANARY: Deployment = Deployment {
    name: "sava-product-3.0.0",
    service: "sava-product",
    labels: "app=sava-product,version=3.0.0",
};
const CART: Deployment =
    Deployment { name: "sava-cart-2.0.4-ie", service: "sava-cart", labels: "app=sava-cart,version=2.0.4" };

/// What is graceful costs no answer, nor does a pod of the product service that is killed. One of the store front that is
/// killed takes the answers along that it was about to give, and no order.
pub(super) async fn run(effort: Effort, seed: u64, oracle: &Arc<Oracle>) -> anyhow::Result<()> {
    ensure!(
        Command::new("kubectl").arg("version").arg("--client").output().is_ok(),
        "kubectl is not installed: https://kubernetes.io/docs/tasks/tools/"
    );
    let mut rng = Rng::with_seed(seed);
    let shop = Shop::open().await?;
    let addresses = Addresses::of([shop.address("sava-cart-ie").await]);
    let shoppers = Shoppers::start(8, seed, &addresses, oracle, |shopper| shopper)?;
    for _ in 0..effort.choose(1, 20) {
        for deployment in [PRODUCT, CART] {
            let image = shop.image(&deployment).await;
            let releases = good_releases(deployment.service).into_iter();
            let other = releases.filter(|release| {
                // No order has the note that a contraction requires: such a release never becomes ready here.
                let contracts = CONTRACTING.iter().any(|(contracting, _)| release == contracting);
                !contracts && !image.ends_with(&format!(":{release}"))
            });
            let release = rng.choice(other.collect::<Vec<_>>()).context("a service has several releases")?;
            shop.roll(&deployment, &release).await;
            oracle.count("releases rolled out");
            shop.delete_pod(&deployment, &mut rng).await?;
            oracle.count("pods deleted");
            orders_more(oracle, 5).await?;
        }
        shop.kill_pod(&PRODUCT, &mut rng).await?;
        oracle.count("pods of the product service killed");
        orders_more(oracle, 5).await?;
        // From none of its pods to all, and back.
        for (deployment, pods) in [(CANARY, 1), (CANARY, 2), (PRODUCT, 0), (PRODUCT, 2), (CANARY, 0)] {
            shop.scale(&deployment, pods).await;
            orders_more(oracle, 5).await?;
        }
        oracle.count("canaries from none to all and back");
    }
    shoppers.go_home().await?;
    let shoppers = Shoppers::start(8, !seed, &addresses, oracle, Shopper::may_lose_answers)?;
    for _ in 0..effort.choose(2, 40) {
        shop.kill_pod(&CART, &mut rng).await?;
        oracle.count("pods of the store front killed");
        orders_more(oracle, 5).await?;
    }
    shop.ready(CART.name).await;
    shoppers.go_home().await?;
    let database = shop.address("sava-postgres").await;
    oracle.compare(&database::in_postgres(&format!("postgres://sava:secret@{database}/sava")).await?);
    Ok(())
}

/// The shop of the tutorial with two pods of each service, in a cluster of its own.
struct Shop {
    cluster: Cluster,
    kubectl: Kubectl,
}

impl Shop {
    async fn open() -> anyhow::Result<Self> {
        let cluster = Cluster::start().await;
        let kubectl = Kubectl::new(&cluster);
        let shop = Self { cluster, kubectl };
        for (secret, values) in [
            ("sava-cart", vec![format!("--from-literal=COOKIE_KEY={}", "5a".repeat(64))]),
            (
                "sava-postgres",
                vec![
                    "--from-literal=POSTGRES_PASSWORD=secret".to_owned(),
                    "--from-literal=DATABASE_URL=postgres://sava:secret@sava-postgres:5432/sava".to_owned(),
                ],
            ),
        ] {
            let values = values.iter().map(String::as_str);
            shop.run(&["create", "secret", "generic", secret].into_iter().chain(values).collect::<Vec<_>>())
                .await;
        }
        let folder = tempfile::tempdir()?;
        for (manifest, pods) in [
            ("sava-postgres", 1),
            ("sava-product-svc", 0),
            ("sava-cart-svc-ie", 0),
            (PRODUCT.name, 2),
            (CANARY.name, 0),
            (CART.name, 2),
        ] {
            let text = fs::read_to_string(binaries::root().join(format!("k8s/tutorial/{manifest}.yml")))?;
            let text = text.replace("replicas: 1\n", &format!("replicas: {pods}\n"));
            // Ports below 1024 are not everybody's.
            let text = text.replace("- port: 80\n", "- port: 8080\n");
            fs::write(folder.path().join(format!("{manifest}.yml")), text)?;
        }
        shop.run(&["create", "-f", &folder.path().to_string_lossy()]).await;
        for deployment in ["sava-postgres", PRODUCT.name, CART.name] {
            shop.ready(deployment).await;
        }
        Ok(shop)
    }

    async fn run(&self, arguments: &[&str]) -> String {
        self.kubectl.run(arguments).await
    }

    /// Where a Service listens.
    async fn address(&self, service: &str) -> String {
        let address = "jsonpath={.spec.clusterIP}:{.spec.ports[0].port}";
        self.run(&["get", "service", service, "-o", address]).await
    }

    async fn ready(&self, deployment: &str) {
        self.run(&["rollout", "status", "deployment", deployment, "--timeout=120s"]).await;
    }

    async fn scale(&self, deployment: &Deployment, pods: u8) {
        self.run(&["scale", "deployment", deployment.name, &format!("--replicas={pods}")]).await;
        self.ready(deployment.name).await;
    }

    async fn image(&self, deployment: &Deployment) -> String {
        let image = "jsonpath={.spec.template.spec.containers[0].image}";
        self.run(&["get", "deployment", deployment.name, "-o", image]).await
    }

    async fn roll(&self, deployment: &Deployment, release: &str) {
        let Deployment { name, service, .. } = deployment;
        let image = format!("{service}=vampio/{service}:{release}");
        self.run(&["set", "image", &format!("deployment/{name}"), &image]).await;
        self.ready(name).await;
    }

    /// One of the pods of a Deployment, all of which are ready.
    async fn pod(&self, deployment: &Deployment, rng: &mut Rng) -> anyhow::Result<String> {
        self.ready(deployment.name).await;
        let names = "jsonpath={range .items[*]}{.metadata.name}{\"\\n\"}{end}";
        let pods = self.run(&["get", "pods", "-l", deployment.labels, "-o", names]).await;
        let pods: Vec<&str> = pods.lines().collect();
        rng.choice(pods).map(ToOwned::to_owned).with_context(|| format!("{} has no pod", deployment.name))
    }

    /// SIGTERM, and another takes its place.
    async fn delete_pod(&self, deployment: &Deployment, rng: &mut Rng) -> anyhow::Result<()> {
        let pod = self.pod(deployment, rng).await?;
        self.run(&["delete", "pod", &pod, "--wait=false"]).await;
        Ok(())
    }

    /// SIGKILL, and it is started again.
    async fn kill_pod(&self, deployment: &Deployment, rng: &mut Rng) -> anyhow::Result<()> {
        // One that was killed just now runs no process yet.
        while !self.cluster.kill("default", &self.pod(deployment, rng).await?) {
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }
}
