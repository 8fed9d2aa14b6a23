//! The manifests: valid by the published schemas, and what we promise of all of them.

use std::process::Command;

use regex_lite::Regex;
use sava_testbed::{binaries::root, tools};
use serde_json::{Map, Value, json};

use super::rendered::{Found, KUSTOMIZATIONS, all, rendered, tutorial};

/// The releases of Kubernetes against whose schemas everything is checked.
const VERSIONS: &[&str] = &["1.32.0", "1.34.0", "1.35.0", "1.37.0"];

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
        let output = Command::new(tools::folder("kubernetes-validate").join("bin/kubernetes-validate"))
            .args(["--strict", "--quiet", "--kubernetes-version", version])
            .args(&files)
            .output()
            .expect("kubernetes-validate runs");
        let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        let problems: Vec<_> = text
            .lines()
            .filter(|line| {
                // The schemas of these are elsewhere: see below. (Flagger's are in no package registry.)
                let elsewhere = [
                    "gateway.networking.k8s.io",
                    "argoproj.io",
                    "monitoring.coreos.com",
                    "networking.istio.io",
                    "flagger.app",
                    "toolkit.fluxcd.io",
                ];
                !elsewhere.iter().any(|group| line.contains("Couldn't find schema") && line.contains(group))
            })
            .collect();
        assert!(problems.is_empty(), "Kubernetes {version}: {problems:#?}");
    }
}

/// What the validator of custom resources says of `objects`, and whether all are valid.
fn validate<'a>(objects: impl IntoIterator<Item = &'a Value>) -> (bool, String) {
    let objects: Vec<_> = objects.into_iter().collect();
    let script = root().join("tests/tests/it/cluster/validate.mjs");
    let output = tools::node(&script, "kubernetes-models", &json!(objects).to_string());
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn custom_resources_are_valid() {
    let (valid, text) = validate(all().iter().map(|it| &it.object));
    assert!(valid, "{text}");
    assert_eq!(text.lines().last(), Some("33 objects"), "some kinds were not looked at");
}

#[test]
fn planted_mistakes_in_custom_resources_are_found() {
    let check = |mistake: &str, plant: fn(&mut Value), message: &str| {
        let objects: Vec<_> = all()
            .iter()
            .filter(|it| matches!(it.kind(), "Application" | "Kustomization" | "ImagePolicy" | "HTTPRoute"))
            .map(|it| {
                let mut object = it.object.clone();
                plant(&mut object);
                object
            })
            .collect();
        let (valid, text) = validate(&objects);
        let found = text.lines().filter(|line| line.contains(message)).count();
        assert!(!valid && found == objects.len() && found > 10, "{mistake}: {text}");
    };
    check("an unknown field", |it| it["spec"]["automatic"] = json!(true), "unknown fields: .spec.automatic");
    check(
        "another version",
        |it| {
            let group = it["apiVersion"].as_str().and_then(|it| it.split('/').next()).expect("a group");
            it["apiVersion"] = json!(format!("{group}/v9"));
        },
        "Cannot find module",
    );
    check("no specification", |it| it["spec"] = json!("none"), "must be object");
}

/// All texts and objects in an object, with what they are called.
fn walk(object: &Value, visit: &mut impl FnMut(&str, &Value)) {
    let (names, values): (Vec<&str>, Vec<&Value>) = match object {
        Value::Object(fields) => fields.iter().map(|(name, value)| (&**name, value)).unzip(),
        Value::Array(values) => values.iter().map(|value| ("", value)).unzip(),
        _ => return,
    };
    for (name, value) in names.into_iter().zip(values) {
        visit(name, value);
        walk(value, visit);
    }
}

/// The Services of a rule of a route.
fn destinations(rule: &Value) -> Vec<String> {
    let mut services = Vec::new();
    walk(rule, &mut |name, value| match (name, value) {
        ("backendRefs", Value::Array(backends)) => {
            services.extend(backends.iter().filter_map(|it| it["name"].as_str()).map(str::to_owned));
        }
        ("destination", value) => {
            let part = |name| value[name].as_str().unwrap_or_default();
            services.push(format!("{}{}", part("host"), part("subset")));
        }
        _ => {}
    });
    services
}

/// The cookie that the last rule sets with a store front is the one by which another leads there, and no other text is.
#[test]
fn shoppers_stay_where_their_cookie_was_set() {
    let mut n_routes = 0;
    for found in all() {
        let rules = [&found.object["spec"]["rules"], &found.object["spec"]["http"]];
        let rules: Vec<_> = rules.into_iter().filter_map(Value::as_array).flatten().collect();
        let mut leads = Vec::new();
        let mut sets = Vec::new();
        for rule in rules {
            walk(rule, &mut |name, value| {
                let text = value.as_str().unwrap_or_default();
                if matches!(name, "value" | "regex") && text.contains("sava-track") && text.contains('*') {
                    // Both compare the whole header.
                    let pattern = Regex::new(&format!("^(?:{text})$")).expect("a pattern");
                    leads.push((pattern, destinations(rule)));
                }
            });
            for backend in ["backendRefs", "route"].iter().filter_map(|it| rule[it].as_array()).flatten() {
                let wrapped = json!({ "backendRefs": [backend] });
                walk(backend, &mut |name, value| {
                    let text = value.as_str().unwrap_or_default();
                    if matches!(name, "value" | "set-cookie") && text.starts_with("sava-track=") {
                        let cookie = text.split(';').next().expect("a first part").to_owned();
                        sets.push((cookie, destinations(&wrapped)));
                    }
                });
            }
        }
        assert_eq!(leads.len(), sets.len(), "{}", found.name());
        n_routes += usize::from(!sets.is_empty());
        for (cookie, service) in sets {
            let where_to = |header: &str| {
                let leads = leads.iter().filter(|(pattern, _)| pattern.is_match(header));
                leads.map(|(_, services)| services.clone()).collect::<Vec<_>>()
            };
            for header in [cookie.clone(), format!("sava-cart=a.b; {cookie}"), format!("a=1;{cookie}; b=2")] {
                assert_eq!(where_to(&header), std::slice::from_ref(&service), "{}: {header}", found.name());
            }
            for header in [format!("x{cookie}"), format!("{cookie}x"), format!("a={cookie}")] {
                assert!(where_to(&header).is_empty(), "{}: {header}", found.name());
            }
        }
    }
    assert_eq!(n_routes, 2, "one of the Gateway API and one of Istio");
}

/// What store fronts may preview is the release of the canary, and the header leads there.
#[test]
fn previews_are_of_the_canary() {
    for overlay in ["k8s/overlays/gateway", "k8s/overlays/istio"] {
        let found: Vec<_> = all().iter().filter(|it| it.source == overlay).collect();
        let is_canary = |it: &&&Found| {
            it.kind() == "Deployment" && it.object["metadata"]["name"] == "sava-product-canary"
        };
        let canary = found.iter().find(is_canary);
        let image = canary.expect("a Deployment").containers().next().expect("a container")["image"].clone();
        let (_, release) = image.as_str().and_then(|it| it.split_once(':')).expect("a tag");
        for store in found.iter().filter(|it| it.kind() == "Deployment") {
            let container = store.containers().next().expect("a container");
            if container["name"] == "sava-cart" {
                let variables = container["env"].as_array().expect("variables");
                let allowed =
                    variables.iter().find(|it| it["name"] == "PREVIEW_RELEASES").expect("it is set");
                assert_eq!(allowed["value"], release, "{}", store.name());
            }
        }
        let route = found
            .iter()
            .find(|it| {
                matches!(it.kind(), "HTTPRoute" | "VirtualService")
                    && it.object["metadata"]["name"] == "sava-product"
            })
            .expect("a route");
        let rules = [&route.object["spec"]["rules"], &route.object["spec"]["http"]];
        let first = rules.into_iter().filter_map(Value::as_array).flatten().next().expect("a rule");
        let by = first.to_string();
        assert!(by.to_ascii_lowercase().contains("x-sava-preview") && by.contains(release), "{by}");
        let to = destinations(first);
        assert!(to.len() == 1 && to[0].ends_with("canary"), "{to:?}");
        // What strangers say of it ends at their door.
        for door in found.iter().filter(|it| matches!(it.kind(), "HTTPRoute" | "VirtualService")) {
            let rules = [&door.object["spec"]["rules"], &door.object["spec"]["http"]];
            for rule in rules.into_iter().filter_map(Value::as_array).flatten() {
                if destinations(rule).iter().any(|it| it.starts_with("sava-cart")) {
                    let mut is_removed = false;
                    walk(rule, &mut |name, value| {
                        let text = value.to_string().to_ascii_lowercase();
                        is_removed |= name == "remove" && text.contains("x-sava-preview");
                    });
                    assert!(is_removed, "{}: {rule}", door.name());
                }
            }
        }
    }
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
                // Where shoppers cannot take all connections from them.
                for probe in ["readinessProbe", "livenessProbe"] {
                    assert_eq!(container[probe]["httpGet"]["port"], "admin", "{}: {probe}", found.name());
                }
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

/// The rules are kept once, as Prometheus reads them; for the operator they are written from there.
#[test]
fn alerts_are_the_same_with_the_operator_and_without() {
    let alerts = std::fs::read_to_string(root().join("k8s/monitoring/sava-alerts.yml")).expect("the alerts");
    let (_comment, groups) = alerts.split_at(alerts.find("groups:").expect("groups"));
    let head = "# Written from k8s/monitoring/sava-alerts.yml, for the Prometheus operator.\n\
                apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\n\
                metadata:\n  name: sava\nspec:\n";
    let groups = groups.lines().map(|line| format!("  {line}\n"));
    let rules: String = std::iter::once(head.to_owned()).chain(groups).collect();
    let file = root().join("k8s/components/monitoring/rules.yaml");
    if std::env::var_os("SAVA_UPDATE").is_some() {
        std::fs::write(file, rules).expect("the rules can be written");
    } else {
        let kept = std::fs::read_to_string(file).expect("the rules");
        assert_eq!(kept, rules, "SAVA_UPDATE=1 writes the rules from the alerts");
    }
}
