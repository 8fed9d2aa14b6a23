//! Who may talk to whom: the policies of base, of each overlay and of base with each choice of components, judged from
//! the rendered objects; and that a cluster which enforces them runs the shop.

use std::fmt::Write as _;
use std::path::Path;

use sava_testbed::binaries::root;
use sava_testbed::cluster::policy::{Peer, Port, lets_through, own_labels};
use sava_testbed::cluster::{Cluster, Kubectl};
use serde_json::{Value, json};

use super::rendered::{Found, KUSTOMIZATIONS, parsed, rendered};

const COMPONENTS: [&str; 4] = ["catalog", "monitoring", "postgres", "shoppers"];

/// A kustomization's objects, and who is around them in the cluster.
struct Setting {
    name: String,
    namespace: String,
    policies: Vec<Value>,
    peers: Vec<(String, Peer)>,
}

fn pod(name: &str, pod: &Value, namespace: &str, access: Option<&str>) -> (String, Peer) {
    let mut namespace_labels = own_labels(namespace);
    if let Some(access) = access {
        namespace_labels["sava-access"] = json!(access);
    }
    (name.to_owned(), Peer::Pod { pod: pod.clone(), namespace: namespace.to_owned(), namespace_labels })
}

fn labelled(labels: &Value) -> Value {
    json!({ "metadata": { "labels": labels }, "spec": { "containers": [] } })
}

impl Setting {
    fn new(name: &str, objects: &[Found]) -> Self {
        let of_kind = |kind: &'static str| objects.iter().filter(move |it| it.kind() == kind);
        let policies: Vec<_> = of_kind("NetworkPolicy").map(|it| it.object.clone()).collect();
        let namespace =
            policies.first().and_then(|it| it["metadata"]["namespace"].as_str()).expect("a policy");
        let mut peers = Vec::new();
        for found in objects {
            if let Some(template) = found.pod() {
                let app = template["metadata"]["labels"]["app"].as_str().expect("an app");
                peers.push(pod(app, template, namespace, None));
            }
        }
        for template in of_kind("AnalysisTemplate") {
            for metric in template.object["spec"]["metrics"].as_array().into_iter().flatten() {
                let job = &metric["provider"]["job"]["spec"]["template"];
                if let Some(app) = job["metadata"]["labels"]["app"].as_str() {
                    peers.push(pod(app, job, namespace, None));
                }
            }
        }
        // The pods of a gateway have its name in the label that the Gateway API documents for them (GEP-1762). Those of
        // Istio's own kind are the mesh's, elsewhere.
        let is_of_the_api = |it: &&Found| {
            it.object["apiVersion"].as_str().is_some_and(|it| it.starts_with("gateway.networking.k8s.io/"))
        };
        for gateway in of_kind("Gateway").filter(is_of_the_api) {
            let name = gateway.object["metadata"]["name"].as_str().expect("a name");
            let own = labelled(&json!({ "gateway.networking.k8s.io/gateway-name": name }));
            peers.push(pod(&format!("gateway {name}"), &own, namespace, None));
        }
        let stranger = labelled(&json!({ "app": "stranger" }));
        peers.push(pod("stranger", &stranger, namespace, None));
        // Another namespace's pods have whatever labels they like.
        peers.push(pod("elsewhere", &labelled(&json!({ "app": "sava-cart" })), "elsewhere", None));
        peers.push(pod("gateways", &stranger, "gateways", Some("gateway")));
        peers.push(pod("monitoring", &stranger, "monitoring", Some("monitoring")));
        peers.push(("internet".to_owned(), Peer::Address([203, 0, 113, 7].into())));
        peers.push(("kubelet".to_owned(), Peer::Node));
        Self { name: name.to_owned(), namespace: namespace.to_owned(), policies, peers }
    }

    fn lets(&self, from: &Peer, to: &Peer, protocol: &'static str, number: u16) -> bool {
        lets_through(&self.policies, from, to, Port { protocol, number })
    }

    /// Compares each pair of a peer and a port of the shop's pods with what the shop promises.
    fn is_as_promised(&self) {
        let mut ports = 0;
        for (to_name, to) in &self.peers {
            let Peer::Pod { pod, namespace, .. } = to else { continue };
            let containers = pod["spec"]["containers"].as_array().expect("containers");
            for port in containers.iter().flat_map(|it| it["ports"].as_array().into_iter().flatten()) {
                assert_eq!(*namespace, self.namespace);
                ports += 1;
                let number = port["containerPort"].as_u64().and_then(|it| it.try_into().ok());
                let port = port["name"].as_str().expect("a name");
                for (from_name, from) in &self.peers {
                    let is_let = self.lets(from, to, "TCP", number.expect("a port"));
                    let expected = may_reach(from_name, to_name, port);
                    assert_eq!(is_let, expected, "{}: from {from_name} to {to_name}, {port}", self.name);
                }
            }
        }
        assert!(ports >= 6, "{}: sava-product and two store fronts have two ports each", self.name);
    }

    /// The one who is called `name`.
    fn peer(&self, name: &str) -> &Peer {
        &self.peers.iter().find(|it| it.0 == name).unwrap_or_else(|| panic!("{}: no {name}", self.name)).1
    }
}

/// What k8s/base/README.md promises, and k8s/gitops of its Jobs.
fn may_reach(from: &str, to: &str, port: &str) -> bool {
    // A pod of the shop reaches what it needs.
    let may_leave = match from {
        "sava-cart" => matches!(to, "sava-product" | "sava-postgres"),
        "shoppers" => to == "sava-cart" && port == "http",
        "after" => to == "sava-product" && port == "http",
        "before" | "sava-product" | "sava-postgres" | "stranger" => false,
        _ => true,
    };
    let may_enter = from == "kubelet"
        || match (to, port) {
            ("sava-cart", "http") => true,
            ("sava-product", "http") => {
                matches!(from, "sava-cart" | "after" | "gateways" | "gateway sava-products")
            }
            ("sava-product" | "sava-cart", "admin") => from == "monitoring",
            ("sava-postgres", "postgres") => from == "sava-cart",
            _ => panic!("nobody said who may reach {port} of {to}"),
        };
    may_leave && may_enter && !(from == "sava-cart" && port == "admin")
}

/// What can be applied, but for what tells a controller where to look.
fn with_pods() -> impl Iterator<Item = &'static str> {
    KUSTOMIZATIONS.iter().copied().filter(|it| !matches!(*it, "k8s/gitops/argo-cd" | "k8s/gitops/flux"))
}

/// All that can be applied, and base with each choice of components.
fn settings() -> Vec<Setting> {
    let mut settings: Vec<_> = with_pods().map(|it| Setting::new(it, &parsed(it, &rendered(it)))).collect();
    for choice in 0..1 << COMPONENTS.len() {
        let chosen: Vec<_> = COMPONENTS
            .iter()
            .enumerate()
            .filter(|(index, _)| choice >> index & 1 == 1)
            .map(|(_, name)| *name)
            .collect();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let here = folder.path().canonicalize().expect("a folder that is there");
        // kustomize takes no absolute path.
        let up = "../".repeat(here.components().count() - 1);
        let k8s =
            format!("{up}{}", root().join("k8s").strip_prefix("/").expect("an absolute path").display());
        let mut text = format!(
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: sava\n\
             resources: [{k8s}/base]\ncomponents:\n"
        );
        for component in &chosen {
            writeln!(text, "- {k8s}/components/{component}").expect("a string can be written to");
        }
        std::fs::write(here.join("kustomization.yaml"), text).expect("a file in a temporary folder");
        let name = format!("base with {chosen:?}");
        settings.push(Setting::new(&name, &parsed(&name, &rendered(&here.to_string_lossy()))));
    }
    settings
}

#[test]
fn all_talk_to_those_they_need_and_to_nobody_else() {
    for setting in settings() {
        setting.is_as_promised();
    }
}

#[test]
fn all_may_ask_the_clusters_dns() {
    for setting in settings() {
        let (_, core_dns) = pod("dns", &labelled(&json!({ "k8s-app": "kube-dns" })), "kube-system", None);
        let (_, openshift) = pod("dns", &labelled(&json!({})), "openshift-dns", None);
        let node_local = Peer::Address([169, 254, 20, 10].into());
        let (_, other) = pod("other", &labelled(&json!({ "app": "other" })), "kube-system", None);
        for (name, from) in &setting.peers {
            if !matches!(from, Peer::Pod { namespace, .. } if *namespace == setting.namespace) {
                continue;
            }
            for protocol in ["UDP", "TCP"] {
                for (server, port) in [(&core_dns, 53), (&node_local, 53), (&openshift, 5353)] {
                    assert!(
                        setting.lets(from, server, protocol, port),
                        "{}: {name}, {server:?}",
                        setting.name
                    );
                }
                let is_gateway = name.starts_with("gateway");
                assert_eq!(setting.lets(from, &other, protocol, 53), is_gateway, "{}: {name}", setting.name);
            }
        }
    }
}

#[test]
fn store_fronts_behind_the_gateway_reach_it() {
    let overlay = "k8s/overlays/gateway";
    let setting = Setting::new(overlay, &parsed(overlay, &rendered(overlay)));
    let to = |from: &str, gateway: &str, port| {
        setting.lets(setting.peer(from), setting.peer(gateway), "TCP", port)
    };
    assert!(to("sava-cart", "gateway sava-products", 9070));
    assert!(to("internet", "gateway sava", 80));
    assert!(!to("sava-cart", "gateway sava", 80));
    assert!(!to("sava-product", "gateway sava-products", 9070));
}

/// Policies are additive, so one mistake in a list of peers is enough to cut the shop in two.
#[test]
fn a_label_too_many_is_seen() {
    let objects = parsed("k8s/base", &rendered("k8s/base"));
    let mut setting = Setting::new("k8s/base", &objects);
    let product = setting.peer("sava-product").clone();
    let cart = setting.peer("sava-cart").clone();
    assert!(setting.lets(&cart, &product, "TCP", 8080));
    for policy in &mut setting.policies {
        if policy["metadata"]["name"] == "sava-cart" {
            policy["spec"]["egress"][0]["to"][0]["podSelector"]["matchLabels"]["locale"] = json!("IE");
        }
    }
    assert!(!setting.lets(&cart, &product, "TCP", 8080));
}

/// Base's policies in a file, for the namespace `default`, with something changed in them.
fn policies_file(folder: &Path, change: impl Fn(&mut Value)) -> String {
    let mut text = String::new();
    for found in parsed("k8s/base", &rendered("k8s/base")) {
        if found.kind() == "NetworkPolicy" {
            let mut policy = found.object;
            policy["metadata"]["namespace"] = json!("default");
            change(&mut policy);
            writeln!(text, "---\n{policy}").expect("a string can be written to");
        }
    }
    let file = folder.join("policies.yaml");
    std::fs::write(&file, text).expect("a file in a temporary folder");
    file.to_string_lossy().into_owned()
}

/// Runs a pod with this `app` that asks a Service, and says whether it was answered.
async fn asks(kubectl: &Kubectl, folder: &Path, app: &str, url: &str) -> bool {
    let container = json!({
        "name": "asks", "image": "busybox:1.37", "command": ["curl"], "args": ["-sf", "--max-time", "30", url],
    });
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "asks", "labels": { "app": app } },
        "spec": { "restartPolicy": "Never", "containers": [container] },
    });
    let file = folder.join("pod.json");
    std::fs::write(&file, pod.to_string()).expect("a file in a temporary folder");
    kubectl.run(&["create", "-f", &file.to_string_lossy()]).await;
    let phase = loop {
        let phase = kubectl.run(&["get", "pod", "asks", "-o", "jsonpath={.status.phase}"]).await;
        if matches!(phase.as_str(), "Succeeded" | "Failed") {
            break phase;
        }
    };
    kubectl.run(&["delete", "pod", "asks"]).await;
    phase == "Succeeded"
}

#[tokio::test(flavor = "multi_thread")]
async fn enforced_policies_let_store_fronts_and_nobody_else_reach_the_products() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let cluster = Cluster::start().await;
    let kubectl = Kubectl::new(&cluster);
    for manifest in ["sava-product-svc", "sava-product-1.0.3"] {
        kubectl.run(&["create", "-f", &format!("k8s/tutorial/{manifest}.yml")]).await;
    }
    kubectl.run(&["rollout", "status", "deployment/sava-product-1.0.3", "--timeout=60s"]).await;
    let products = "http://sava-product:9070/products";
    assert!(asks(&kubectl, folder.path(), "stranger", products).await, "without policies all is open");
    kubectl.run(&["create", "-f", &policies_file(folder.path(), |_| {})]).await;
    assert!(asks(&kubectl, folder.path(), "sava-cart", products).await);
    for app in ["stranger", "shoppers", "sava-product"] {
        assert!(!asks(&kubectl, folder.path(), app, products).await, "{app}");
    }
    // The peers of the store front's policy once had the locale of the store.
    let wrong = policies_file(folder.path(), |policy| {
        if policy["metadata"]["name"] == "sava-cart" {
            policy["spec"]["egress"][0]["to"][0]["podSelector"]["matchLabels"]["locale"] = json!("IE");
        }
    });
    kubectl.run(&["replace", "-f", &wrong]).await;
    assert!(!asks(&kubectl, folder.path(), "sava-cart", products).await);
}
