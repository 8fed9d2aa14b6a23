//! How far a student is in the tutorial (`k8s/README.md`), by what its steps leave behind.

use serde_json::Value;

use super::shop::Shop;

/// The furthest step of which something is seen, none where nothing is. Steps that leave nothing behind (1, 2, 4, 6) or
/// work elsewhere (19) cannot be told, and neither can those from 13 to 16 once they are cleaned up: it is then the last
/// step that can.
pub(super) fn furthest(objects: &[&Value], shop: &Shop) -> Option<u8> {
    let (pods, services): (Vec<&Value>, Vec<&Value>) =
        objects.iter().partition(|object| object["kind"] == "Pod");
    // Pods that are not ready, and those of Jobs that have ended, are traces too.
    let has = |app: &str, version: &str| {
        pods.iter().map(|pod| &pod["metadata"]["labels"]).any(|labels| {
            labels["app"] == app && labels["version"].as_str().unwrap_or_default().starts_with(version)
        })
    };
    let serves = |app: &str| services.iter().any(|service| service["spec"]["selector"]["app"] == app);
    let (old, new) = (shop.product.pods("1.0.3"), shop.product.pods("2.0.1"));
    let is_rolled_back = old.released > 0 && new.released == 0 && new.ready > 1;
    let steps = [
        (18, has("sava-cart", "3.1.") || has("sava-cart", "3.2.") || has("sava-cart-back-fill", "")),
        (17, has("sava-cart", "2.0.4") || has("sava-postgres", "")),
        (16, pods.iter().any(|pod| mounts(pod, "sava-catalog"))),
        (15, has("sava-product", "2.1.0-breaking")),
        (14, has("sava-product", "2.0.2-errors")),
        (13, has("sava-product", "2.0.2-crash")),
        (12, new.released > 0 && !has("sava-product", "1.0.3") || is_rolled_back),
        (11, new.released > 0 && old.released == 0),
        (10, new.released > 0 && old.released > 0),
        (9, has("sava-product", "2.0.1")),
        (8, serves("sava-cart")),
        (7, has("sava-cart", "")),
        (5, serves("sava-product")),
        (3, has("sava-product", "")),
    ];
    steps.into_iter().find(|(_, is_seen)| *is_seen).map(|(step, _)| step)
}

fn mounts(pod: &Value, config_map: &str) -> bool {
    let mut volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
    volumes.any(|volume| volume["configMap"]["name"] == config_map)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::shop::tests::{pod, service},
        *,
    };

    /// A student who goes through the tutorial, with what there is in the middle or at the end of each step.
    #[test]
    fn step_is_the_furthest_of_which_something_is_seen() {
        let pods = |app: &str, version: &str, n: usize| vec![pod("p", app, version, "True"); n];
        let product = |old: usize, new: usize, selector: Value| {
            let mut objects = pods("sava-product", "1.0.3", old);
            objects.extend(pods("sava-product", "2.0.1", new));
            objects.push(service(&selector));
            objects
        };
        let (any, old, new) = (
            json!({ "app": "sava-product" }),
            json!({ "app": "sava-product", "version": "1.0.3" }),
            json!({ "app": "sava-product", "version": "2.0.1" }),
        );
        let step =
            |objects: &[Value]| furthest(&objects.iter().collect::<Vec<_>>(), &Shop::of(objects.iter()));
        let deployed = pods("sava-product", "1.0.3", 1);
        let in_service = product(1, 0, any.clone());
        let with_store = [in_service.clone(), pods("sava-cart", "1.0.5", 2)].concat();
        let open =
            [with_store.clone(), vec![service(&json!({ "app": "sava-cart", "locale": "IE" }))]].concat();
        for (expected, objects) in [
            (3, deployed),
            (5, in_service),
            (7, with_store),
            (8, open),
            (9, product(1, 1, old.clone())),
            (10, product(3, 1, any)),
            (11, product(1, 3, new.clone())),
            (12, product(1, 3, old)),
            (12, product(0, 3, new.clone())),
        ] {
            assert_eq!(step(&objects), Some(expected), "{objects:?}");
        }

        let rest = product(0, 3, new);
        let mut with_catalog = pod("p", "sava-product", "2.0.1", "True");
        with_catalog["spec"] = json!({ "volumes": [{ "configMap": { "name": "sava-catalog" } }] });
        for (expected, trace) in [
            (13, pod("p", "sava-product", "2.0.2-crash", "False")),
            (14, pod("p", "sava-product", "2.0.2-errors", "True")),
            (15, pod("p", "sava-product", "2.1.0-breaking", "True")),
            (16, with_catalog),
            (17, pod("c", "sava-cart", "2.0.4", "True")),
            (18, pod("c", "sava-cart", "3.1.0", "True")),
        ] {
            let objects = [rest.clone(), vec![trace]].concat();
            assert_eq!(step(&objects), Some(expected), "{objects:?}");
        }
    }
}
