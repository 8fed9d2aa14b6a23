//! The stand-in control plane, as real `kubectl` sees it. (The tutorial and the pipeline go through the rest.)

use sava_testbed::cluster::{Cluster, Kubectl};
use sava_testbed::{client, json};

async fn cluster() -> (Cluster, Kubectl) {
    let cluster = Cluster::start().await;
    let kubectl = Kubectl::new(&cluster);
    (cluster, kubectl)
}

/// A manifest of the tutorial with something changed, in a file.
fn changed(manifest: &str, from: &str, to: &str) -> tempfile::TempPath {
    let path = sava_testbed::binaries::root().join("k8s/tutorial").join(manifest);
    let text = std::fs::read_to_string(path).expect("a manifest");
    assert!(text.contains(from), "{manifest} does not contain {from:?}");
    let file = tempfile::NamedTempFile::with_suffix(".yml").expect("a temporary file");
    std::fs::write(file.path(), text.replace(from, to)).expect("a temporary file can be written");
    file.into_temp_path()
}

#[tokio::test(flavor = "multi_thread")]
async fn selector_must_match_the_template() {
    let (_cluster, kubectl) = cluster().await;
    let file = changed(
        "sava-product-1.0.3.yml",
        "    matchLabels:\n      app: sava-product",
        "    matchLabels:\n      app: other",
    );
    let output = kubectl.output(&["create", "-f", &file.to_string_lossy()]).await;
    assert!(!output.status.success());
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("`selector` does not match template `labels`"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn image_that_is_nowhere_is_told() {
    let (_cluster, kubectl) = cluster().await;
    let file = changed("sava-product-1.0.3.yml", "sava-product:1.0.3", "sava-product:1.0.4");
    kubectl.run(&["create", "-f", &file.to_string_lossy()]).await;
    let reason = "jsonpath={.items[*].status.containerStatuses[0].state.waiting.reason}";
    let start = std::time::Instant::now();
    while kubectl.run(&["get", "pods", "-o", reason]).await != "ImagePullBackOff" {
        assert!(start.elapsed() < sava_testbed::PATIENCE, "nobody says that there is no such image");
    }
}

/// What a student makes wrong, and what is to be read of it.
struct Slip {
    manifest: &'static str,
    right: &'static str,
    wrong: &'static str,
    /// At the end of `kubectl describe pod`.
    event: &'static str,
    /// By `kubectl logs`.
    waits: &'static str,
}

const SLIPS: &[Slip] = &[
    Slip {
        manifest: "sava-product-1.0.3.yml",
        right: "sava-product:1.0.3",
        wrong: "sava-produkt:1.0.3",
        event: "Failed to pull image \"vampio/sava-produkt:1.0.3\": not found",
        waits: "is waiting to start: ImagePullBackOff",
    },
    // The Secret of step 7 is not there.
    Slip {
        manifest: "sava-cart-1.0.5-ie.yml",
        right: "sava-cart:1.0.5",
        wrong: "sava-cart:1.0.5",
        event: "Error: secret \"sava-cart\" not found",
        waits: "is waiting to start: CreateContainerConfigError",
    },
    Slip {
        manifest: "sava-cart-1.0.5-ie.yml",
        right: "emptyDir: {}",
        wrong: "configMap: { name: orders }",
        event: "MountVolume.SetUp failed for volume \"data\": configmap \"orders\" not found",
        waits: "is waiting to start: ContainerCreating",
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_a_pod_from_starting_is_described() {
    for Slip { manifest, right, wrong, event, waits } in SLIPS {
        let (_cluster, kubectl) = cluster().await;
        let file = changed(manifest, right, wrong);
        kubectl.run(&["create", "-f", &file.to_string_lossy()]).await;
        let start = std::time::Instant::now();
        let described = loop {
            let described = kubectl.run(&["describe", "pods"]).await;
            if described.contains(event) {
                break described;
            }
            assert!(start.elapsed() < sava_testbed::PATIENCE, "{event:?} is not told:\n{described}");
        };
        assert_eq!(described.matches(event).count(), 1, "{described}");
        let events = kubectl.run(&["get", "events"]).await;
        assert!(events.contains("Warning") && events.contains(event), "{events}");
        let pod = kubectl.run(&["get", "pods", "-o", "name"]).await;
        let logs = kubectl.output(&["logs", pod.trim()]).await;
        let error = String::from_utf8_lossy(&logs.stderr).into_owned();
        assert!(!logs.status.success() && error.contains(waits), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pod_that_does_not_get_ready_says_why() {
    let (_cluster, kubectl) = cluster().await;
    kubectl.run(&["create", "-f", "k8s/tutorial/sava-product-2.0.2-crash.yml"]).await;
    let start = std::time::Instant::now();
    let reason = "Readiness probe failed: HTTP probe failed with statuscode: 503";
    while !kubectl.run(&["describe", "pods"]).await.contains(reason) {
        assert!(start.elapsed() < sava_testbed::PATIENCE, "nobody says why the pod is not ready");
    }
}

/// Also where all pods are ended before new ones begin.
#[tokio::test(flavor = "multi_thread")]
async fn pods_that_are_not_ready_yet_are_replaced() {
    let (_cluster, kubectl) = cluster().await;
    let key = format!("--from-literal=COOKIE_KEY={}", "5a".repeat(64));
    kubectl.run(&["create", "secret", "generic", "sava-cart", &key]).await;
    let file = changed("sava-cart-1.0.5-ie.yml", "sava-cart:1.0.5", "sava-cart:1.0.4");
    kubectl.run(&["create", "-f", &file.to_string_lossy()]).await;
    let deployment = "deployment/sava-cart-1.0.5-ie";
    kubectl.run(&["set", "image", deployment, "sava-cart=vampio/sava-cart:1.0.5"]).await;
    kubectl.run(&["rollout", "status", deployment, "--timeout=60s"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn new_template_replaces_the_pods_one_by_one() {
    let (_cluster, kubectl) = cluster().await;
    kubectl.run(&["create", "-f", "k8s/tutorial/sava-product-1.0.3.yml"]).await;
    kubectl.run(&["create", "-f", "k8s/tutorial/sava-product-svc.yml"]).await;
    kubectl.run(&["scale", "deployment", "sava-product-1.0.3", "--replicas=2"]).await;
    kubectl.run(&["rollout", "status", "deployment/sava-product-1.0.3", "--timeout=60s"]).await;
    let proxy = kubectl.proxy().await;
    let url = format!("{}version", proxy.service("default", "sava-product"));
    let before = json(client().get(&url).send().await.expect("an answer")).await;
    kubectl.run(&["set", "env", "deployment/sava-product-1.0.3", "CACHE_MAX_AGE=1s"]).await;
    let rollout = kubectl.run(&["rollout", "status", "deployment/sava-product-1.0.3", "--timeout=60s"]);
    tokio::pin!(rollout);
    let mut answers = 0;
    loop {
        tokio::select! {
            _ = &mut rollout => break,
            answer = client().get(&url).send() => {
                assert_eq!(answer.expect("an answer").status(), 200, "after {answers} answers");
                answers += 1;
            }
        }
    }
    let after = json(client().get(&url).send().await.expect("an answer")).await;
    assert_eq!(before["release"], after["release"]);
    assert_ne!(before["instance"], after["instance"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn replaced_deployment_rolls_out_again() {
    let (_cluster, kubectl) = cluster().await;
    let manifest = "k8s/tutorial/sava-product-1.0.3.yml";
    kubectl.run(&["create", "-f", manifest]).await;
    kubectl.run(&["set", "env", "deployment/sava-product-1.0.3", "CACHE_MAX_AGE=1s"]).await;
    kubectl.run(&["replace", "-f", manifest]).await;
    kubectl.run(&["rollout", "status", "deployment/sava-product-1.0.3", "--timeout=60s"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_log_begins_with_the_pod() {
    let (_cluster, kubectl) = cluster().await;
    for _ in 0..2 {
        kubectl.run(&["create", "-f", "k8s/tutorial/look-around.yml"]).await;
        let ended = "--for=jsonpath={.status.phase}=Succeeded";
        kubectl.run(&["wait", ended, "pod/look-around", "--timeout=60s"]).await;
        let log = kubectl.run(&["logs", "look-around"]).await;
        assert_eq!(log.lines().filter(|line| line.starts_with("PATH=")).count(), 1, "{log}");
        kubectl.run(&["delete", "pod", "look-around"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn applied_manifest_can_be_applied_again() {
    let (_cluster, kubectl) = cluster().await;
    let manifest = "k8s/tutorial/sava-product-svc.yml";
    assert_eq!(kubectl.run(&["apply", "-f", manifest]).await, "service/sava-product created\n");
    assert_eq!(kubectl.run(&["apply", "-f", manifest]).await, "service/sava-product unchanged\n");
    let file = changed("sava-product-svc.yml", "port: 9070", "port: 9071");
    assert_eq!(
        kubectl.run(&["apply", "-f", &file.to_string_lossy()]).await,
        "service/sava-product configured\n"
    );
}

/// Of two who have seen the same, the second is told that it is not so any more.
#[tokio::test(flavor = "multi_thread")]
async fn what_has_changed_meanwhile_is_refused() {
    let (_cluster, kubectl) = cluster().await;
    kubectl.run(&["create", "-f", "k8s/tutorial/sava-product-svc.yml"]).await;
    let version = ["get", "service", "sava-product", "-o", "jsonpath={.metadata.resourceVersion}"];
    let seen = format!("--resource-version={}", kubectl.run(&version).await);
    kubectl.run(&["annotate", "service", "sava-product", "a=first", &seen]).await;
    let output = kubectl.output(&["annotate", "service", "sava-product", "b=second", &seen]).await;
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("the object has been modified"), "{error}");
    let annotations = ["get", "service", "sava-product", "-o", "jsonpath={.metadata.annotations}"];
    assert_eq!(kubectl.run(&annotations).await, r#"{"a":"first"}"#);
}
