//! The stand-in control plane for a person: `cargo xtask classroom`. (The tutorial, all of it, is done there too.)

use std::path::{Path, PathBuf};

use sava_testbed::cluster::Kubectl;
use sava_testbed::{Process, Signal, binaries, client, command, json};
use serde_json::Value;

/// A classroom that is open.
pub(super) struct Classroom {
    process: Process,
    /// Where its kubeconfigs are.
    folder: PathBuf,
}

impl Classroom {
    pub(super) async fn open(arguments: &[&str]) -> Self {
        let built = tokio::task::spawn_blocking(|| {
            // Its pods are the programs of these tests, built once.
            let _built = binaries::path("sava-cart");
            binaries::path("sava-classroom")
        });
        let mut classroom = command(built.await.expect("the binaries build"));
        classroom.args(arguments).env("SAVA_TESTS_BUILT", "1");
        let process = Process::spawn("the classroom", classroom);
        let config = process
            .find("its kubeconfig", |line| line.trim().strip_prefix("export KUBECONFIG=").map(PathBuf::from))
            .await;
        process.line("Ctrl-C ends the class").await;
        let folder = config.parent().map(Path::to_owned).expect("a file is in a folder");
        Self { process, folder }
    }

    /// The `kubectl` of somebody who was given this file.
    pub(super) fn kubectl(&self, file: &str) -> Kubectl {
        Kubectl::with(&std::fs::read_to_string(self.folder.join(file)).expect("a kubeconfig"))
    }
}

/// The pod that answers. A pod of another test may get the address of one that has ended.
async fn instance(version: &str) -> Option<Value> {
    Some(json(client().get(version).send().await.ok()?).await["instance"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn says_first_what_it_is_not_and_leaves_nothing_behind() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let classroom = Classroom::open(&[]).await;
        assert!(classroom.process.output().starts_with("This is not Kubernetes."));
        let kubectl = classroom.kubectl("teacher.yaml");
        kubectl.run(&["create", "-f", "k8s/tutorial/sava-product-1.0.3.yml"]).await;
        kubectl.run(&["rollout", "status", "deployment/sava-product-1.0.3", "--timeout=60s"]).await;
        let pod = kubectl.run(&["get", "pods", "-o", "jsonpath={.items[0].status.podIP}"]).await;
        let version = format!("http://{pod}:8080/version");
        let instance = instance(&version).await;
        assert!(instance.is_some(), "the pod answers");
        classroom.process.signal(signal);
        let exit = classroom.process.exit().await;
        assert_eq!(exit.code, Some(0), "{}", exit.output);
        assert!(exit.output.ends_with("The class is over; nothing of it is left."), "{}", exit.output);
        assert!(!classroom.folder.exists());
        assert_ne!(self::instance(&version).await, instance, "the pod still answers");
        assert!(!kubectl.output(&["get", "namespaces"]).await.status.success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_student_has_a_namespace_and_a_kubeconfig() {
    let classroom = Classroom::open(&["--students", "20"]).await;
    let first = classroom.kubectl("student-01.yaml");
    first.run(&["create", "-f", "k8s/tutorial/sava-product-svc.yml"]).await;
    let pods = |student: Kubectl| async move { student.run(&["get", "services", "-o", "name"]).await };
    assert_eq!(pods(first).await, "service/sava-product\n");
    assert_eq!(pods(classroom.kubectl("student-20.yaml")).await, "");
    let namespaces = classroom.kubectl("teacher.yaml").run(&["get", "namespaces", "-o", "name"]).await;
    assert_eq!(namespaces.lines().filter(|line| line.starts_with("namespace/student-")).count(), 20);
}
