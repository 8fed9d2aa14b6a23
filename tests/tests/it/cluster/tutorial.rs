//! The tutorial, done as it is written, with real `kubectl` and the real binaries.

use std::process::Output;

use sava_tests::binaries;
use sava_tests::cluster::{Cluster, Kubectl};

/// Runs `xtask tutorial` against `kubectl`'s cluster.
pub(crate) async fn follow(kubectl: &Kubectl, arguments: &[&str]) -> Output {
    tokio::process::Command::new(binaries::path("xtask"))
        .args(["tutorial", "--port=0"])
        .args(arguments)
        .env("KUBECONFIG", kubectl.config())
        .env("HOME", kubectl.home())
        .output()
        .await
        .expect("xtask runs")
}

fn told(output: &Output) -> String {
    (String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr)).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_it_is_true_and_leaves_nothing_behind() {
    let cluster = Cluster::start().await;
    let kubectl = Kubectl::new(&cluster);
    let output = follow(&kubectl, &["--undo"]).await;
    assert!(output.status.success(), "{}", told(&output));
    assert_eq!(kubectl.run(&["get", "namespaces", "-o", "name"]).await, "namespace/default\n");
    assert_eq!(kubectl.run(&["get", "pods", "-A", "-o", "name"]).await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn students_have_namespaces_of_their_own() {
    let cluster = Cluster::start().await;
    let kubectl = Kubectl::new(&cluster);
    let arguments = |student: &'static str| ["-n", student, "--until=8", "--keep"];
    let (anna, brian) = (arguments("vampio-anna"), arguments("vampio-brian"));
    let (first, second) = tokio::join!(follow(&kubectl, &anna), follow(&kubectl, &brian));
    assert!(first.status.success(), "{}", told(&first));
    assert!(second.status.success(), "{}", told(&second));
    let pods = kubectl.run(&["get", "pods", "-A", "-o", "jsonpath={.items[*].metadata.namespace}"]).await;
    let count = |student: &str| pods.split(' ').filter(|it| *it == student).count();
    assert_eq!((count("vampio-anna"), count("vampio-brian")), (3, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn images_come_from_the_registry_that_is_named() {
    let cluster = Cluster::start().await;
    let kubectl = Kubectl::new(&cluster);
    let output = follow(&kubectl, &["--registry=localhost:5000/class", "--until=3", "--keep"]).await;
    assert!(output.status.success(), "{}", told(&output));
    let images =
        kubectl.run(&["get", "pods", "-A", "-o", "jsonpath={.items[*].spec.containers[*].image}"]).await;
    assert_eq!(images, "localhost:5000/class/sava-product:1.0.3");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_step_goes_on_where_an_earlier_one_ended() {
    let cluster = Cluster::start().await;
    let kubectl = Kubectl::new(&cluster);
    let output = follow(&kubectl, &["--until=4", "--keep"]).await;
    assert!(output.status.success(), "{}", told(&output));
    let output = follow(&kubectl, &["--from=5", "--until=6", "--keep"]).await;
    assert!(output.status.success(), "{}", told(&output));
}
