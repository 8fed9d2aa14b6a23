//! The tutorial, done as it is written, with real `kubectl` and the real binaries: and each way in which it could be
//! wrong, seen at the right step.

use std::path::Path;
use std::process::Output;

use sava_testbed::binaries;
use sava_testbed::cluster::{Cluster, Kubectl};

use super::classroom::Classroom;

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

fn text_of(output: &Output) -> String {
    (String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr)).into_owned()
}

/// In the classroom, so that a class can rely on it.
#[tokio::test(flavor = "multi_thread")]
async fn all_of_it_is_true_and_leaves_nothing_behind() {
    let classroom = Classroom::open(&[]).await;
    let kubectl = classroom.kubectl("teacher.yaml");
    let output = follow(&kubectl, &["--undo"]).await;
    assert!(output.status.success(), "{}", text_of(&output));
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
    assert!(first.status.success(), "{}", text_of(&first));
    assert!(second.status.success(), "{}", text_of(&second));
    let pods = kubectl.run(&["get", "pods", "-A", "-o", "jsonpath={.items[*].metadata.namespace}"]).await;
    let count = |student: &str| pods.split(' ').filter(|it| *it == student).count();
    assert_eq!((count("vampio-anna"), count("vampio-brian")), (3, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn images_come_from_the_registry_that_is_named() {
    let cluster = Cluster::start().await;
    let kubectl = Kubectl::new(&cluster);
    let output = follow(&kubectl, &["--registry=localhost:5000/class", "--until=3", "--keep"]).await;
    assert!(output.status.success(), "{}", text_of(&output));
    let images =
        kubectl.run(&["get", "pods", "-A", "-o", "jsonpath={.items[*].spec.containers[*].image}"]).await;
    assert_eq!(images, "localhost:5000/class/sava-product:1.0.3");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_step_goes_on_where_an_earlier_one_ended() {
    let cluster = Cluster::start().await;
    let kubectl = Kubectl::new(&cluster);
    let output = follow(&kubectl, &["--until=4", "--keep"]).await;
    assert!(output.status.success(), "{}", text_of(&output));
    let output = follow(&kubectl, &["--from=5", "--until=6", "--keep"]).await;
    assert!(output.status.success(), "{}", text_of(&output));
}

/// A mistake in the text or in a manifest, and the step at which it has to be seen.
struct PlantedMistake {
    file: &'static str,
    right: &'static str,
    wrong: &'static str,
    step: u32,
}

const fn mistake(file: &'static str, right: &'static str, wrong: &'static str, step: u32) -> PlantedMistake {
    PlantedMistake { file, right, wrong, step }
}

const TEXT: &str = "k8s/README.md";

/// Each is made alone. A manifest that the text shows is changed in the text, too: the text is then as wrong as the file.
const MISTAKES: &[PlantedMistake] = &[
    // Commands.
    mistake(TEXT, "kubectl label namespace", "kubectl lable namespace", 2),
    mistake(
        TEXT,
        "kubectl create -f k8s/tutorial/sava-product-1.0.3.yml",
        "kubectl create -f k8s/tutorial/sava-product.yml",
        3,
    ),
    mistake(TEXT, "{{range .items}}http", "http", 4),
    mistake(
        TEXT,
        "{\"app\":\"sava-product\",\"version\":\"1.0.3\"}}}'\nkubectl create",
        "{\"app\":\"sava-product\"}}}'\nkubectl create",
        9,
    ),
    // Promises.
    mistake(
        TEXT,
        "pod/sava-product-1.0.3-5ptjtt56nr-wp4fv   1/1 ",
        "pod/sava-product-1.0.3-5ptjtt56nr-wp4fv   2/2 ",
        3,
    ),
    mistake(
        TEXT,
        "\"price\":25,\"locale\":\"ie\"}\n```\n\nMake",
        "\"price\":26,\"locale\":\"ie\"}\n```\n\nMake",
        4,
    ),
    mistake(TEXT, "9070:31632/TCP   0s", "9071:31632/TCP   0s", 5),
    mistake(TEXT, "SAVA_PRODUCT_SERVICE_PORT=9070", "SAVA_PRODUCT_SERVICE_PORT=8080", 6),
    mistake(TEXT, "sava-product 1.0.3</b>, API v1", "sava-product 1.0.3</b>, API v2", 8),
    // Manifests.
    mistake(
        "k8s/tutorial/sava-product-1.0.3.yml",
        "image: vampio/sava-product:1.0.3",
        "image: vampio/sava-product:1.0.4",
        3,
    ),
    mistake("k8s/tutorial/sava-product-1.0.3.yml", "containerPort: 8081", "containerPort: 8088", 3),
    mistake("k8s/tutorial/sava-product-1.0.3.yml", "containerPort: 8080", "containerPort: 8088", 4),
    mistake("k8s/tutorial/sava-product-1.0.3.yml", "path: /readyz", "path: /ready", 3),
    mistake(TEXT, "cpu: 10m", "cpu: 20m", 4),
    mistake("k8s/tutorial/sava-product-svc.yml", "targetPort: 8080", "targetPort: 8088", 5),
    mistake("k8s/tutorial/sava-product-svc.yml", "  - port: 9070\n", "  - port: 9070\n    name: http\n", 5),
    mistake(
        "k8s/tutorial/sava-product-svc.yml",
        "  selector:\n    app: sava-product",
        "  selector:\n    app: sava-products",
        5,
    ),
    mistake("k8s/tutorial/sava-cart-1.0.5-ie.yml", "key: COOKIE_KEY", "key: COOKIE", 7),
    mistake("k8s/tutorial/sava-cart-1.0.5-uk.yml", "value: UK", "value: IE", 8),
    mistake("k8s/tutorial/sava-cart-svc-uk.yml", "locale: UK\n  ports", "locale: IE\n  ports", 8),
    mistake(
        "k8s/tutorial/sava-product-2.0.1.yml",
        "image: vampio/sava-product:2.0.1",
        "image: vampio/sava-product:1.0.3",
        9,
    ),
];

/// Mistakes in step 18, and what is to be read of each there.
const MISTAKES_WITH_DATA: &[(PlantedMistake, &str)] = &[
    (
        mistake(TEXT, "2.0.4 303\n3.1.0 303\n```\n\nThree", "2.0.4 503\n3.1.0 303\n```\n\nThree", 18),
        "2.0.4 503",
    ),
    (
        mistake(
            "k8s/tutorial/sava-cart-back-fill.yml",
            "args: [migrate, --back-fill]",
            "args: [migrate]",
            18,
        ),
        "2 orders filled, 0 left",
    ),
    (mistake(TEXT, "2.0.4 503\n3.1.0 303\n3.2.0 303", "2.0.4 303\n3.1.0 303\n3.2.0 303", 18), "2.0.4 503"),
];

/// Where students and these tests have their shop.
const NAMESPACE: &str = "vampio-organization-environment";

async fn run(kubectl: &Kubectl, arguments: &[&str]) -> String {
    kubectl.run(&[&["-n", NAMESPACE], arguments].concat()).await
}

/// Makes what these manifests say, and waits until all pods are well.
async fn create(kubectl: &Kubectl, manifests: &[&str]) {
    for manifest in manifests {
        run(kubectl, &["create", "-f", &format!("k8s/tutorial/{manifest}.yml")]).await;
    }
    for deployment in run(kubectl, &["get", "deployments", "-o", "name"]).await.lines() {
        run(kubectl, &["rollout", "status", deployment, "--timeout=60s"]).await;
    }
}

/// Makes the namespace, with the Secret of step 7.
async fn make_namespace(kubectl: &Kubectl) {
    kubectl.run(&["create", "namespace", NAMESPACE]).await;
    let key = format!("--from-literal=COOKIE_KEY={}", "5a".repeat(64));
    run(kubectl, &["create", "secret", "generic", "sava-cart", &key]).await;
}

/// As much of the shop as step 18 needs, made at once: the steps before it take minutes.
async fn open_on_postgres(kubectl: &Kubectl) {
    make_namespace(kubectl).await;
    let run = async |arguments: &[&str]| run(kubectl, arguments).await;
    let url = "--from-literal=DATABASE_URL=postgres://sava:secret@sava-postgres:5432/sava";
    run(&["create", "secret", "generic", "sava-postgres", "--from-literal=POSTGRES_PASSWORD=secret", url])
        .await;
    // Store fronts that begin before their database take no orders for some seconds.
    create(kubectl, &["sava-product-svc", "sava-product-2.0.1", "sava-cart-svc-ie", "sava-postgres"]).await;
    create(kubectl, &["sava-cart-1.0.5-ie"]).await;
    let deployment = "deployment/sava-cart-1.0.5-ie";
    run(&["set", "env", deployment, "--from=secret/sava-postgres", "--keys=DATABASE_URL"]).await;
    run(&["scale", deployment, "--replicas=2"]).await;
    let version = r#"{"spec":{"selector":{"version":"1.0.5"}}}"#;
    run(&["patch", "service", "sava-cart-ie", "--type=merge", "-p", version]).await;
    create(kubectl, &["sava-cart-2.0.4-ie"]).await;
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder in a temporary folder");
    for entry in from.read_dir().expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, target).expect("a file can be copied");
        }
    }
}

/// A copy of what the tutorial needs, to be changed.
fn copy_of_the_tutorial() -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a temporary folder");
    for folder in ["k8s", "data"] {
        copy(&binaries::root().join(folder), &root.path().join(folder));
    }
    root
}

/// The text of a block of commands, from its first line on, and of what it prints.
fn block<'a>(text: &'a str, first_line: &str) -> &'a str {
    let start = text.find(&format!("```sh\n{first_line}")).expect("the block is in the text");
    let end = text[start..].find("\n```\n").expect("a block ends");
    &text[start..start + end]
}

/// In a classroom pods can share a file, so that a class needs no PostgreSQL.
#[tokio::test(flavor = "multi_thread")]
async fn data_is_the_same_lesson_without_postgresql() {
    let root = copy_of_the_tutorial();
    let path = root.path().join(TEXT);
    let text = std::fs::read_to_string(&path).expect("the text");
    let (with, without) =
        (block(&text, "PASSWORD=$(openssl"), block(&text, "kubectl create secret generic sava-postgres"));
    let database = "service/sava-postgres created\ndeployment.apps/sava-postgres created\n\
                    deployment \"sava-postgres\" successfully rolled out\n";
    assert!(text.contains(database), "what PostgreSQL's block prints");
    let changed = text.replacen(with, without, 1).replacen(database, "", 1);
    std::fs::write(&path, changed).expect("a copy can be changed");

    let classroom = Classroom::open(&[]).await;
    let kubectl = classroom.kubectl("teacher.yaml");
    make_namespace(&kubectl).await;
    create(&kubectl, &["sava-product-svc", "sava-product-2.0.1", "sava-cart-svc-ie", "sava-cart-1.0.5-ie"])
        .await;
    let folder = root.path().display().to_string();
    let output = follow(&kubectl, &["--root", &folder, "--from=17", "--until=18", "--keep"]).await;
    assert!(output.status.success(), "{}", text_of(&output));
    assert!(!run(&kubectl, &["get", "deployments"]).await.contains("sava-postgres"));
}

impl PlantedMistake {
    /// Makes it in a copy of what the tutorial needs, and follows the copy; tells what is said where it is seen.
    async fn is_seen(&self) -> String {
        let root = copy_of_the_tutorial();
        let change = |file: &str, must: bool| {
            let path = root.path().join(file);
            let text = std::fs::read_to_string(&path).expect("a file of the tutorial");
            assert!(!must || text.contains(self.right), "{file} does not contain {:?}", self.right);
            std::fs::write(path, text.replace(self.right, self.wrong)).expect("a copy can be changed");
        };
        change(self.file, true);
        if self.file != TEXT {
            change(TEXT, false);
        }
        let has_data = self.step >= 18;
        let patience = if has_data { "--patience=20s" } else { "--patience=4s" };
        if !has_data {
            let path = root.path().join(TEXT);
            let text = std::fs::read_to_string(&path).expect("the text");
            // What will never come true need not be waited for so long.
            std::fs::write(path, text.replace("--timeout=120s", "--timeout=8s"))
                .expect("a copy can be changed");
        }

        let cluster = Cluster::start().await;
        let kubectl = Kubectl::new(&cluster);
        let folder = root.path().display().to_string();
        let until = format!("--until={}", self.step);
        let mut arguments = vec!["--root", &folder, patience, &until];
        if has_data {
            open_on_postgres(&kubectl).await;
            arguments.push("--from=18");
        }
        let output = follow(&kubectl, &arguments).await;
        let text = text_of(&output);
        assert!(
            !output.status.success(),
            "{:?} instead of {:?} is not seen:\n{text}",
            self.wrong,
            self.right
        );
        let failed = format!("\nStep {}: ", self.step);
        let mut parts = text.split(&failed).skip(1);
        let found = parts.find(|it| it.lines().next().is_some_and(|it| it.contains("failed")));
        found
            .unwrap_or_else(|| {
                panic!(
                    "{:?} instead of {:?} is not seen at step {}:\n{text}",
                    self.wrong, self.right, self.step
                )
            })
            .to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_fails_at_its_step() {
    // Two at a time: each is a cluster, and this machine may be small.
    for two in MISTAKES.chunks(2) {
        let seen = two.iter().map(PlantedMistake::is_seen);
        futures_util::future::join_all(seen).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_in_what_is_said_of_data_fails() {
    let seen = MISTAKES_WITH_DATA.iter().map(async |(mistake, says)| {
        let seen = mistake.is_seen().await;
        assert!(seen.contains(says), "{:?}: {seen}", mistake.wrong);
    });
    futures_util::future::join_all(seen).await;
}
