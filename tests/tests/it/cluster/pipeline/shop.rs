//! A shop on the stand-in cluster, and the pipeline that brings releases out into it.

use std::process::{Command, Output};

use sava_testbed::cluster::{Cluster, Kubectl};
use sava_testbed::{PATIENCE, Process, binaries};

use super::BOTH;

const NAMESPACE: &str = "vampio-organization-environment";

/// A shop that is open: its cluster and the `kubectl` for it.
pub(super) struct Shop {
    _cluster: Cluster,
    kubectl: Kubectl,
}

impl Shop {
    /// The shop of step 8 of the tutorial, with sava-product 1.0.3 named in the selector.
    pub(super) async fn open() -> Self {
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
    pub(super) async fn with_postgres(self) -> Self {
        let url = "--from-literal=DATABASE_URL=postgres://sava:secret@sava-postgres:5432/sava";
        let password = "--from-literal=POSTGRES_PASSWORD=secret";
        self.run(&["create", "secret", "generic", "sava-postgres", password, url]).await;
        self.create(&["sava-postgres", "sava-cart-2.0.4-ie"]).await;
        self.select("sava-cart-ie", "2.0.4").await;
        self
    }

    pub(super) async fn run(&self, arguments: &[&str]) -> String {
        self.kubectl.run(&[&["-n", NAMESPACE], arguments].concat()).await
    }

    /// Creates what the manifests say, and waits until it is well.
    pub(super) async fn create(&self, manifests: &[&str]) {
        for manifest in manifests {
            self.run(&["create", "-f", &format!("k8s/tutorial/{manifest}.yml")]).await;
        }
        for deployment in self.run(&["get", "deployments", "-o", "name"]).await.lines() {
            self.run(&["rollout", "status", deployment, "--timeout=60s"]).await;
        }
    }

    pub(super) async fn select(&self, service: &str, version: &str) {
        let patch = format!("{{\"spec\":{{\"selector\":{{\"version\":{version:?}}}}}}}");
        self.run(&["patch", "service", service, "--type=merge", "-p", &patch]).await;
    }

    /// Brings out what a manifest of the tutorial says.
    pub(super) async fn bring_out(
        &self,
        manifest: &str,
        service: &str,
        shops: &str,
        settings: &[(&str, &str)],
    ) -> Output {
        self.bring_out_file(&format!("k8s/tutorial/{manifest}.yml"), service, shops, settings).await
    }

    /// Runs the pipeline to its end.
    pub(super) async fn bring_out_file(
        &self,
        manifest: &str,
        service: &str,
        shops: &str,
        settings: &[(&str, &str)],
    ) -> Output {
        let command = self.pipeline(manifest, service, shops, settings);
        tokio::process::Command::from(command).output().await.expect("sh runs")
    }

    /// The pipeline as a runner would start it that has the programs and no Docker.
    pub(super) fn pipeline(
        &self,
        manifest: &str,
        service: &str,
        shops: &str,
        settings: &[(&str, &str)],
    ) -> Command {
        // A shell does not hear the signals that were ignored when it began, as they are below nohup and `&`.
        let mut command = sava_testbed::command("env");
        command
            .args(["--default-signal=INT,HUP", "sh", "k8s/pipeline/release.sh"])
            .args([manifest, service])
            .current_dir(binaries::root())
            .env("KUBECONFIG", self.kubectl.config())
            .env("HOME", self.kubectl.home())
            .env("CONTRACT", binaries::path("sava-contract"))
            .env("SHOPPERS", binaries::path("sava-shoppers"))
            .env("SHOPS", shops)
            .env("CANARY", "25s")
            .env("RATE", "30")
            .env("TIMEOUT", "20s")
            .envs(settings.iter().copied());
        command
    }

    /// The pipeline in the middle of a canary that lasts longer than any test.
    pub(super) async fn in_a_canary(&self, manifest: &str) -> Process {
        let manifest = format!("k8s/tutorial/{manifest}.yml");
        let settings = [("CANARY", "300s"), ("RULES", "none")];
        let process =
            Process::spawn("the pipeline", self.pipeline(&manifest, "sava-product", BOTH, &settings));
        process.line("canary: one pod of").await;
        let start = std::time::Instant::now();
        while !self.in_production("sava-product").await.is_empty() {
            assert!(start.elapsed() < PATIENCE, "the canary does not begin");
        }
        process
    }

    pub(super) async fn uid(&self, deployment: &str) -> String {
        self.run(&["get", "deployment", deployment, "-o", "jsonpath={.metadata.uid}"]).await
    }

    /// The releases of sava-product with the pods that each is to have.
    pub(super) async fn replicas(&self) -> String {
        let each = "jsonpath={range .items[*]}{.metadata.name}={.spec.replicas} {end}";
        self.run(&["get", "deployments", "-l", "app=sava-product", "-o", each]).await
    }

    /// What a run of the pipeline has noted.
    pub(super) async fn note(&self) -> String {
        self.run(&[
            "get",
            "service",
            "sava-product",
            "-o",
            r"jsonpath={.metadata.annotations.sava\.example/run}",
        ])
        .await
    }

    pub(super) async fn in_production(&self, service: &str) -> String {
        self.run(&["get", "service", service, "-o", "jsonpath={.spec.selector.version}"]).await
    }

    pub(super) async fn deployments(&self) -> String {
        self.run(&["get", "deployments", "-l", "app=sava-product", "-o", "name"]).await
    }
}
