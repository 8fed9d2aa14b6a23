//! The shop as one would run it: `k8s/base`, and what its page says of it.

use sava_testbed::binaries::root;

use super::rendered::{Found, all, parsed, rendered};

fn page() -> String {
    std::fs::read_to_string(root().join("k8s/base/README.md")).expect("the page")
}

#[test]
fn autoscaled_pods_have_a_number_until_they_are_scaled() {
    let mut n_autoscalers = 0;
    for autoscaler in all().iter().filter(|it| it.kind() == "HorizontalPodAutoscaler") {
        let target = &autoscaler.object["spec"]["scaleTargetRef"];
        let is_target = |it: &&Found| {
            it.is_with(autoscaler)
                && it.kind() == target["kind"]
                && it.object["metadata"]["name"] == target["name"]
        };
        // A Rollout takes its pods from elsewhere.
        if target["kind"] == "Rollout" {
            continue;
        }
        let deployment = all().iter().find(is_target).expect("what is scaled");
        // Where a controller keeps the cluster as a commit says, no commit says it.
        if deployment.source.starts_with("k8s/gitops/") {
            assert!(deployment.object["spec"]["replicas"].is_null(), "{}", deployment.name());
            continue;
        }
        let least = &autoscaler.object["spec"]["minReplicas"];
        assert_eq!(deployment.object["spec"]["replicas"], *least, "{}", deployment.name());
        n_autoscalers += 1;
    }
    assert!(n_autoscalers > 0);
}

#[test]
fn openshift_assigns_users_and_groups() {
    let folder = root().join("target/manifests/openshift");
    std::fs::create_dir_all(&folder).expect("a folder in target/");
    let kustomization =
        "resources: [../../../k8s/overlays/everything]\ncomponents: [../../../k8s/components/openshift]\n";
    std::fs::write(folder.join("kustomization.yaml"), kustomization).expect("a file in target/");
    for kustomization in ["k8s/overlays/openshift", "target/manifests/openshift"] {
        let mut n_pods = 0;
        for found in parsed(kustomization, &rendered(kustomization)) {
            let Some(pod) = found.pod() else { continue };
            n_pods += 1;
            for of in found.containers().chain([&pod["spec"]]) {
                for field in ["runAsUser", "runAsGroup", "fsGroup", "supplementalGroups"] {
                    assert!(of["securityContext"][field].is_null(), "{}: {field}", found.name());
                }
            }
        }
        assert!(n_pods >= 3, "{kustomization}");
    }
}

/// What stands otherwise with PostgreSQL and cannot be applied over, and what base does not have.
#[test]
fn way_back_from_postgres_takes_away_what_is_in_the_way() {
    let page = page();
    let (_, way) = page.split_once("**Back from").expect("it says how to go back");
    let deleted = |found: &Found| {
        let name = found.object["metadata"]["name"].as_str().unwrap_or_default();
        way.contains(&format!(" {}/{name}", found.kind().to_lowercase()))
    };
    let (base, postgres) =
        (parsed("base", &rendered("k8s/base")), parsed("postgres", &rendered("k8s/overlays/postgres")));
    for found in &postgres {
        let same = |it: &&Found| {
            it.kind() == found.kind() && it.object["metadata"]["name"] == found.object["metadata"]["name"]
        };
        let in_the_way = base.iter().find(same).is_none_or(|it| {
            let place = |it: &Found, field: &str| it.object["spec"].pointer(field).cloned();
            ["/strategy", "/template/spec/volumes"]
                .iter()
                .any(|field| place(it, field) != place(found, field))
        });
        assert_eq!(deleted(found), in_the_way, "{}", found.name());
    }
}

#[test]
fn page_names_the_ports_for_the_api_servers_proxy() {
    let page = page();
    let base = parsed("base", &rendered("k8s/base"));
    let store =
        base.iter().find(|it| it.kind() == "Service" && it.object["metadata"]["name"] == "sava-cart-ie");
    let port = &store.expect("the Irish store").object["spec"]["ports"][0]["name"];
    let port = port.as_str().expect("a name");
    assert!(page.contains(&format!("/namespaces/sava/services/http:sava-cart-ie:{port}/proxy/")), "{page}");
}
