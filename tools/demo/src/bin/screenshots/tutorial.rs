//! The pictures of k8s/README.md: its shop in the stand-in cluster, through the real `kubectl proxy`.

use std::time::Duration;

use anyhow::Context as _;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use sava_testbed::cluster::{Cluster, Kubectl, KubectlProxy};
use serde_json::json;

use super::{DESKTOP, Screen, Shot, Studio};

const NAMESPACE: &str = "vampio-organization-environment";
/// How long the release view is watched before its picture is taken: its graph shows the last 30 seconds.
const WATCHED: Duration = Duration::from_secs(16);
const VIEW: &str = "release#rate=20&window=30&show=product";

/// The shop in the cluster, and who looks at it.
struct Shop<'a> {
    studio: &'a Studio,
    kubectl: Kubectl,
    proxy: KubectlProxy,
    _cluster: Cluster,
}

/// Does what the steps say, and takes a picture where a picture says more.
pub(crate) async fn pictures(studio: &Studio) -> anyhow::Result<()> {
    let shop = Shop::open(studio).await;

    let stores = [
        shop.page("The Irish store", "sava-cart-ie", "").await?,
        shop.page("The British store", "sava-cart-uk", "").await?,
    ];
    studio.sheet("tutorial-shop", &stores, 560, 2).await?;
    let foot = shop.foot("The foot of the Irish store's pages").await?;
    studio.sheet("tutorial-foot", &[foot], 800, 1).await?;

    shop.select("sava-product", "\"1.0.3\"").await;
    shop.create(&["sava-product-2.0.1"]).await;
    shop.scale("sava-product-1.0.3", 3).await;
    shop.visit_view().await?;
    tokio::time::sleep(WATCHED / 2).await;
    shop.select("sava-product", "null").await;
    tokio::time::sleep(WATCHED).await;
    shop.view("tutorial-canary", "Step 10: a quarter for 2.0.1").await?;

    shop.scale("sava-product-2.0.1", 3).await;
    shop.visit_view().await?;
    tokio::time::sleep(WATCHED / 2).await;
    shop.select("sava-product", "\"2.0.1\"").await;
    shop.scale("sava-product-1.0.3", 0).await;
    tokio::time::sleep(WATCHED * 3 / 4).await;
    shop.view("tutorial-release", "Step 11: everything for 2.0.1").await?;

    shop.create(&["sava-product-2.0.2-errors"]).await;
    shop.visit_view().await?;
    tokio::time::sleep(WATCHED / 2).await;
    shop.select("sava-product", "null").await;
    tokio::time::sleep(WATCHED).await;
    shop.view("tutorial-errors", "Step 14: a canary with errors").await?;
    shop.select("sava-product", "\"2.0.1\"").await;

    shop.create(&["sava-product-2.1.0-breaking"]).await;
    shop.select("sava-product", "\"2.1.0-breaking\"").await;
    // The connections that the store front keeps live for five seconds.
    tokio::time::sleep(Duration::from_secs(6)).await;
    let notice = shop.page("Step 15: 2.1.0-breaking is released", "sava-cart-ie", "").await?;
    studio.sheet("tutorial-notice", &[notice], 800, 1).await
}

impl<'a> Shop<'a> {
    /// Steps 2 to 8.
    async fn open(studio: &'a Studio) -> Self {
        let cluster = Cluster::start().await;
        let kubectl = Kubectl::new(&cluster);
        kubectl.run(&["create", "namespace", NAMESPACE]).await;
        let proxy = kubectl.proxy().await;
        let shop = Self { studio, kubectl, proxy, _cluster: cluster };
        let key = format!("--from-literal=COOKIE_KEY={}", "5a".repeat(64));
        shop.run(&["create", "secret", "generic", "sava-cart", &key]).await;
        shop.create(&["sava-product-1.0.3", "sava-product-svc", "sava-cart-1.0.5-ie", "sava-cart-1.0.5-uk"])
            .await;
        shop.create(&["sava-cart-svc-ie", "sava-cart-svc-uk"]).await;
        shop
    }

    async fn run(&self, arguments: &[&str]) -> String {
        self.kubectl.run(&[&["-n", NAMESPACE], arguments].concat()).await
    }

    async fn create(&self, manifests: &[&str]) {
        for manifest in manifests {
            self.run(&["create", "-f", &format!("k8s/tutorial/{manifest}.yml")]).await;
        }
        self.wait().await;
    }

    async fn scale(&self, deployment: &str, pods: u32) {
        self.run(&["scale", "deployment", deployment, &format!("--replicas={pods}")]).await;
        self.wait().await;
    }

    async fn wait(&self) {
        for deployment in self.run(&["get", "deployments", "-o", "name"]).await.lines() {
            self.run(&["rollout", "status", deployment, "--timeout=60s"]).await;
        }
    }

    async fn select(&self, service: &str, version: &str) {
        let patch = format!("{{\"spec\":{{\"selector\":{{\"version\":{version}}}}}}}");
        self.run(&["patch", "service", service, "--type=merge", "-p", &patch]).await;
    }

    async fn page(&self, caption: &str, service: &str, path: &str) -> anyhow::Result<Shot> {
        let url = format!("{}{path}", self.proxy.service(NAMESPACE, service));
        self.studio.browser.driver().goto(url).await?;
        self.studio.shot(caption, Screen { height: 760, ..DESKTOP }).await
    }

    /// The foot of the page that is open.
    async fn foot(&self, caption: &str) -> anyhow::Result<Shot> {
        self.studio.browser.driver().goto(self.proxy.service(NAMESPACE, "sava-cart-ie")).await?;
        let Screen { height, .. } = DESKTOP;
        let metrics = json!({ "width": 800, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.studio.send("Emulation.setDeviceMetricsOverride", metrics).await?;
        let place =
            "const { x, y, width, height } = document.querySelector('footer').getBoundingClientRect();
            return { x: x + scrollX, y: y + scrollY, width, height, scale: 1 }";
        let clip = self.studio.browser.driver().execute(place, vec![]).await?.json().clone();
        let asked = json!({ "format": "webp", "quality": 95, "captureBeyondViewport": true, "clip": clip });
        let answer = self.studio.send("Page.captureScreenshot", asked).await?;
        self.studio.send("Emulation.clearDeviceMetricsOverride", json!({})).await?;
        let picture = BASE64_STANDARD.decode(answer["data"].as_str().context("a picture")?)?;
        Ok(Shot { caption: caption.to_owned(), picture, width: 800 })
    }

    /// Opens the release view again, so that it knows nothing of what was before.
    async fn visit_view(&self) -> anyhow::Result<()> {
        let driver = self.studio.browser.driver();
        driver.goto("about:blank").await?;
        Ok(driver.goto(format!("{}{VIEW}", self.proxy.service(NAMESPACE, "sava-cart-ie"))).await?)
    }

    async fn view(&self, name: &str, caption: &str) -> anyhow::Result<()> {
        let shot = self.studio.shot(caption, DESKTOP).await?;
        self.studio.sheet(name, &[shot], 1000, 1).await
    }
}
