//! The pipeline, with good releases and with each bad one: stopped where k8s/pipeline/README.md says.

use std::process::Output;

use sava_tests::binaries;
use sava_tests::cluster::{Cluster, Kubectl};

const NAMESPACE: &str = "vampio-organization-environment";

/// A shop that is open: its cluster and the `kubectl` for it.
struct Shop {
    _cluster: Cluster,
    kubectl: Kubectl,
}

impl Shop {
    /// The shop of step 8 of the tutorial, with sava-product 1.0.3 named in the selector.
    async fn open() -> Self {
        let cluster = Cluster::start().await;
        let kubectl = Kubectl::new(&cluster);
        kubectl.run(&["create", "namespace", NAMESPACE]).await;
        let shop = Self { _cluster: cluster, kubectl };
        let key = format!("--from-literal=COOKIE_KEY={}", "5a".repeat(64));
        shop.run(&["create", "secret", "generic", "sava-cart", &key]).await;
        shop.create(&["sava-product-svc", "sava-product-1.0.3", "sava-cart-svc-ie", "sava-cart-svc-uk"])
            .await;
        shop.create(&["sava-cart-1.0.5-ie", "sava-cart-1.0.5-uk"]).await;
        shop.select("sava-product", "1.0.3").await;
        shop
    }

    /// The Irish store front on PostgreSQL, release 2.0.4 in production.
    async fn with_postgres(self) -> Self {
        let url = "--from-literal=DATABASE_URL=postgres://sava:secret@sava-postgres:5432/sava";
        let password = "--from-literal=POSTGRES_PASSWORD=secret";
        self.run(&["create", "secret", "generic", "sava-postgres", password, url]).await;
        self.create(&["sava-postgres", "sava-cart-2.0.4-ie"]).await;
        self.select("sava-cart-ie", "2.0.4").await;
        self
    }

    async fn run(&self, arguments: &[&str]) -> String {
        self.kubectl.run(&[&["-n", NAMESPACE], arguments].concat()).await
    }

    /// Creates what the manifests say, and waits until it is well.
    async fn create(&self, manifests: &[&str]) {
        for manifest in manifests {
            self.run(&["create", "-f", &format!("k8s/tutorial/{manifest}.yml")]).await;
        }
        for deployment in self.run(&["get", "deployments", "-o", "name"]).await.lines() {
            self.run(&["rollout", "status", deployment, "--timeout=60s"]).await;
        }
    }

    async fn select(&self, service: &str, version: &str) {
        let patch = format!("{{\"spec\":{{\"selector\":{{\"version\":{version:?}}}}}}}");
        self.run(&["patch", "service", service, "--type=merge", "-p", &patch]).await;
    }

    /// Brings out what a manifest of the tutorial says.
    async fn bring_out(
        &self,
        manifest: &str,
        service: &str,
        shops: &str,
        settings: &[(&str, &str)],
    ) -> Output {
        self.bring_out_file(&format!("k8s/tutorial/{manifest}.yml"), service, shops, settings).await
    }

    /// Runs the pipeline as a runner would that has the programs and no Docker.
    async fn bring_out_file(
        &self,
        manifest: &str,
        service: &str,
        shops: &str,
        settings: &[(&str, &str)],
    ) -> Output {
        tokio::process::Command::new("sh")
            .arg("k8s/pipeline/release.sh")
            .args([manifest, service])
            .current_dir(binaries::root())
            .env("KUBECONFIG", self.kubectl.config())
            .env("HOME", self.kubectl.home())
            .env("CONTRACT", binaries::path("sava-contract"))
            .env("SHOPPERS", format!("{} shoppers", binaries::path("sava-cart").display()))
            .env("SHOPS", shops)
            .env("CANARY", "25s")
            .env("RATE", "30")
            .env("TIMEOUT", "20s")
            .envs(settings.iter().copied())
            .output()
            .await
            .expect("sh runs")
    }

    async fn in_production(&self, service: &str) -> String {
        self.run(&["get", "service", service, "-o", "jsonpath={.spec.selector.version}"]).await
    }

    async fn deployments(&self) -> String {
        self.run(&["get", "deployments", "-l", "app=sava-product", "-o", "name"]).await
    }
}

fn told(output: &Output) -> String {
    (String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr)).into_owned()
}

const BOTH: &str = "sava-cart-ie sava-cart-uk";

async fn is_stopped(release: &str, stage: &str, settings: &[(&str, &str)]) {
    let shop = Shop::open().await;
    let output = shop.bring_out(&format!("sava-product-{release}"), "sava-product", BOTH, settings).await;
    let told = told(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains(&format!("stopped at: {stage}; 1.0.3 stays in production")), "{told}");
    // A leak takes time as well: whether the shoppers notice is chance.
    let is_worse = told.contains("WORSE, at 99 % confidence");
    assert!(stage == "memory" || is_worse == (stage == "verdict"), "{told}");
    assert_eq!(shop.in_production("sava-product").await, "1.0.3");
    assert_eq!(shop.deployments().await, "deployment.apps/sava-product-1.0.3\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn good_release_is_released() {
    let shop = Shop::open().await;
    let output = shop.bring_out("sava-product-2.0.1", "sava-product", BOTH, &[]).await;
    let told = told(&output);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("released: 2.0.1"), "{told}");
    assert_eq!(shop.in_production("sava-product").await, "2.0.1");
    let ready = "jsonpath={.items[*].status.readyReplicas}";
    let pods = shop.run(&["get", "deployments", "-l", "app=sava-product", "-o", ready]).await;
    assert_eq!(pods, "1 3", "one pod of the old release is the way back");
}

#[tokio::test(flavor = "multi_thread")]
async fn release_that_is_never_ready_is_stopped_at_its_deployment() {
    is_stopped("2.0.2-crash", "deploy", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn release_that_breaks_the_api_is_stopped_by_the_contract() {
    is_stopped("2.1.0-breaking", "try", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn release_with_errors_is_stopped_by_the_contract() {
    is_stopped("2.0.2-errors", "try", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn release_with_errors_is_stopped_by_the_verdict_without_the_contract() {
    is_stopped("2.0.2-errors", "verdict", &[("RULES", "none")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_release_is_stopped_by_the_verdict() {
    is_stopped("2.0.2-slow", "verdict", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leaking_release_is_stopped_by_its_memory() {
    is_stopped("2.0.2-leak", "memory", &[]).await;
}

/// A smaller limit: then the pod is killed and started anew within the canary, and its memory is small again at the end.
#[tokio::test(flavor = "multi_thread")]
async fn release_that_its_limit_ends_is_stopped_by_its_restarts() {
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    let manifest = std::fs::read_to_string(binaries::root().join("k8s/tutorial/sava-product-2.0.2-leak.yml"));
    let manifest = manifest.expect("there is such a manifest");
    let small = manifest.replace("memory: 128Mi", "memory: 100Mi");
    assert_ne!(manifest, small);
    let path = folder.path().join("leak.yml");
    std::fs::write(&path, small).expect("it can be written");
    let shop = Shop::open().await;
    // Without the contract, so that all requests are the shoppers'.
    let settings = [("RULES", "none"), ("RATE", "60"), ("MEMORY", "1000")];
    let output = shop.bring_out_file(&path.to_string_lossy(), "sava-product", BOTH, &settings).await;
    let told = told(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("was started again, "), "{told}");
    assert!(told.contains("stopped at: memory; 1.0.3 stays in production"), "{told}");
    assert_eq!(shop.in_production("sava-product").await, "1.0.3");
    assert_eq!(shop.deployments().await, "deployment.apps/sava-product-1.0.3\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn store_front_with_a_broken_checkout_is_stopped_by_the_verdict() {
    let shop = Shop::open().await.with_postgres().await;
    let output =
        shop.bring_out("sava-cart-3.0.1-broken-ie", "sava-cart-ie", "sava-cart-ie", &[("PODS", "2")]).await;
    let told = told(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("stopped at: verdict; 2.0.4 stays in production"), "{told}");
    assert!(told.contains("WORSE, at 99 % confidence"), "{told}");
    assert_eq!(shop.in_production("sava-cart-ie").await, "2.0.4");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_usage_does_nothing() {
    let shop = Shop::open().await;
    for (manifest, service) in [("sava-product-9", "sava-product"), ("sava-product-1.0.3", "sava-product")] {
        let output = shop.bring_out(manifest, service, BOTH, &[]).await;
        assert_eq!(output.status.code(), Some(2), "{}", told(&output));
    }
    assert_eq!(shop.in_production("sava-product").await, "1.0.3");
}
