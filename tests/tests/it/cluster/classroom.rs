//! The stand-in control plane for a person: `cargo xtask classroom`. (The tutorial, all of it, is done there too.)

use std::path::{Path, PathBuf};

use sava_testbed::cluster::Kubectl;
use sava_testbed::{Exit, Process, Signal, binaries, client, command, json};
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

impl Classroom {
    /// What `cargo xtask class` shows the teacher.
    async fn class(&self, arguments: &[&str]) -> Exit {
        let mut class = command(binaries::path("xtask"));
        class.arg("class").args(arguments).env("KUBECONFIG", self.folder.join("teacher.yaml"));
        Process::spawn("class", class).exit().await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn teacher_sees_how_far_each_student_is() {
    let classroom = Classroom::open(&["--students", "3"]).await;
    let first = classroom.kubectl("student-01.yaml");
    for file in ["sava-product-svc.yml", "sava-product-1.0.3.yml"] {
        first.run(&["create", "-f", &format!("k8s/tutorial/{file}")]).await;
    }
    first.run(&["scale", "deployment", "sava-product-1.0.3", "--replicas=3"]).await;
    first.run(&["rollout", "status", "deployment/sava-product-1.0.3", "--timeout=60s"]).await;
    let canary = classroom.kubectl("student-02.yaml");
    for file in ["sava-product-svc.yml", "sava-product-1.0.3.yml", "sava-product-2.0.1.yml"] {
        canary.run(&["create", "-f", &format!("k8s/tutorial/{file}")]).await;
    }
    for release in ["1.0.3", "2.0.1"] {
        let deployment = format!("deployment/sava-product-{release}");
        canary.run(&["rollout", "status", &deployment, "--timeout=60s"]).await;
    }
    let exit = classroom.class(&["student-*"]).await;
    assert_eq!(exit.code, Some(0), "{}", exit.output);
    let cells =
        |line: &str| line.split("  ").map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned).collect();
    let rows: Vec<Vec<String>> = exit.output.lines().map(cells).collect();
    assert_eq!(rows[0].join("|"), "NAMESPACE|STEP|PRODUCT DEPLOYED|RELEASED|STORE DEPLOYED|RELEASED|ORDERS");
    assert_eq!(rows[1].join("|"), "student-01|5|1.0.3|1.0.3|–|–|–");
    assert_eq!(rows[2].join("|"), "student-02|10|1.0.3, 2.0.1|1.0.3 50 %, 2.0.1 50 %|–|–|–");
    assert_eq!(rows[3].join("|"), "student-03|–|–|–|–|–|–");
    assert_eq!(rows.len(), 4);
    let nobody = classroom.class(&["vampio-*"]).await;
    assert_eq!(nobody.code, Some(1), "{}", nobody.output);
    assert!(nobody.output.contains("the cluster has no namespace vampio-*"), "{}", nobody.output);
}
