//! A student's shop, as the objects of a namespace show it.

use std::collections::BTreeMap;

use serde_json::Value;

/// What the columns of a row are.
pub(super) const HEADINGS: [&str; 7] =
    ["NAMESPACE", "STEP", "PRODUCT DEPLOYED", "RELEASED", "STORE DEPLOYED", "RELEASED", "ORDERS"];

/// A shop of a namespace.
#[derive(Debug, Default)]
pub(super) struct Shop {
    pub(super) product: Releases,
    store: Releases,
    /// The ready pods of store fronts.
    pub(super) store_pods: Vec<String>,
}

/// The releases of a service, by how many of their pods are ready and how many of those a Service leads to.
#[derive(Debug, Default)]
pub(super) struct Releases(BTreeMap<String, Pods>);

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pods {
    pub(super) ready: usize,
    pub(super) released: usize,
}

impl Shop {
    /// The shop of a namespace, by its pods and Services.
    pub(super) fn of<'a>(objects: impl Iterator<Item = &'a Value>) -> Self {
        let (pods, services): (Vec<_>, Vec<_>) = objects.partition(|object| object["kind"] == "Pod");
        let mut shop = Self::default();
        for pod in pods.iter().filter(|pod| is_ready(pod)) {
            let labels = &pod["metadata"]["labels"];
            let version = labels["version"].as_str().unwrap_or("?").to_owned();
            let releases = match labels["app"].as_str() {
                Some("sava-product") => &mut shop.product,
                Some("sava-cart") => {
                    shop.store_pods.extend(pod["metadata"]["name"].as_str().map(str::to_owned));
                    &mut shop.store
                }
                _ => continue,
            };
            let pods = releases.0.entry(version).or_default();
            pods.ready += 1;
            pods.released += usize::from(services.iter().any(|service| selects(service, labels)));
        }
        shop
    }

    pub(super) fn row(&self, namespace: &str, step: Option<u8>, orders: u64) -> [String; 7] {
        let orders = if self.store_pods.is_empty() { "–".to_owned() } else { orders.to_string() };
        [
            namespace.to_owned(),
            step.map_or_else(|| "–".to_owned(), |step| step.to_string()),
            self.product.deployed(),
            self.product.released(),
            self.store.deployed(),
            self.store.released(),
            orders,
        ]
    }
}

impl Releases {
    /// The pods of a release; where there are none, none.
    pub(super) fn pods(&self, version: &str) -> Pods {
        self.0.get(version).copied().unwrap_or_default()
    }

    fn deployed(&self) -> String {
        or_none(&self.0.keys().cloned().collect::<Vec<_>>())
    }

    /// Those that have traffic; a canary with the shares of the pods.
    fn released(&self) -> String {
        let released: Vec<_> = self.0.iter().filter(|(_, pods)| pods.released > 0).collect();
        let n_pods: usize = released.iter().map(|(_, pods)| pods.released).sum();
        let share = |pods: &Pods| pods.released * 100 / n_pods;
        match released[..] {
            [(version, _)] => version.clone(),
            _ => or_none(
                &released
                    .iter()
                    .map(|(version, pods)| format!("{version} {} %", share(pods)))
                    .collect::<Vec<_>>(),
            ),
        }
    }
}

fn or_none(parts: &[String]) -> String {
    if parts.is_empty() { "–".to_owned() } else { parts.join(", ") }
}

fn is_ready(pod: &Value) -> bool {
    let mut conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    pod["metadata"]["deletionTimestamp"].is_null()
        && conditions.any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

/// Whether a Service leads to pods with those labels; one without a selector leads to none.
fn selects(service: &Value, labels: &Value) -> bool {
    let selector = service["spec"]["selector"].as_object();
    selector.is_some_and(|selector| {
        !selector.is_empty() && selector.iter().all(|(key, value)| labels[key] == *value)
    })
}

/// The orders that the metrics of a store front count.
pub(super) fn orders_in(metrics: &str) -> u64 {
    let mut lines = metrics.lines();
    let placed = lines.find_map(|line| line.strip_prefix("sava_cart_orders_total{outcome=\"placed\"} "));
    placed.and_then(|count| count.trim().parse().ok()).unwrap_or_default()
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    pub(in crate::class) fn pod(name: &str, app: &str, version: &str, ready: &str) -> Value {
        json!({
            "kind": "Pod",
            "metadata": { "name": name, "labels": { "app": app, "version": version } },
            "status": { "conditions": [{ "type": "Ready", "status": ready }] },
        })
    }

    pub(in crate::class) fn service(selector: &Value) -> Value {
        json!({ "kind": "Service", "spec": { "selector": selector } })
    }

    #[test]
    fn canary_has_shares_and_what_is_only_deployed_has_none() {
        let mut objects = vec![
            pod("p-1", "sava-product", "1.0.3", "True"),
            pod("p-2", "sava-product", "1.0.3", "True"),
            pod("p-3", "sava-product", "1.0.3", "True"),
            pod("p-4", "sava-product", "2.0.1", "True"),
            pod("p-5", "sava-product", "2.0.2-crash", "False"),
            pod("c-1", "sava-cart", "1.0.5", "True"),
        ];
        objects.push(service(&json!({ "app": "sava-product" })));
        let shop = Shop::of(objects.iter());
        assert_eq!(
            shop.row("anna", Some(13), 3),
            ["anna", "13", "1.0.3, 2.0.1", "1.0.3 75 %, 2.0.1 25 %", "1.0.5", "–", "3"].map(str::to_owned)
        );
        objects.pop();
        objects.push(service(&json!({ "app": "sava-product", "version": "1.0.3" })));
        assert_eq!(Shop::of(objects.iter()).row("anna", Some(13), 3)[3], "1.0.3");
        assert_eq!(
            Shop::of(std::iter::empty()).row("bea", None, 0),
            ["bea", "–", "–", "–", "–", "–", "–"].map(str::to_owned)
        );
    }

    #[test]
    fn orders_are_those_that_were_placed() {
        let metrics =
            "sava_cart_orders_total{outcome=\"placed\"} 7\nsava_cart_orders_total{outcome=\"refused\"} 2\n";
        assert_eq!((orders_in(metrics), orders_in("")), (7, 0));
    }
}
