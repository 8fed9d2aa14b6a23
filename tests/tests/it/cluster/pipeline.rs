//! The pipeline, with good releases and with each bad one: stopped where k8s/pipeline/README.md says.

mod shop;

use std::path::Path;
use std::process::{Command, Output};

use sava_testbed::{Signal, binaries};
use serde_json::Value;

use self::shop::Shop;

fn text_of(output: &Output) -> String {
    (String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr)).into_owned()
}

const BOTH: &str = "sava-cart-ie sava-cart-uk";

/// Stopped at `stage`, with all as it was before; and it says why.
async fn is_stopped(release: &str, stage: &str, why: &str, settings: &[(&str, &str)]) {
    let shop = Shop::open().await;
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    let report = folder.path().join("report");
    let path = report.to_string_lossy();
    let settings = [settings, &[("REPORT", &path)]].concat();
    let output = shop.bring_out(&format!("sava-product-{release}"), "sava-product", BOTH, &settings).await;
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains(&format!("stopped at: {stage}; 1.0.3 stays in production")), "{text}");
    // A leak takes time as well: whether the shoppers notice is chance.
    let is_worse = text.contains("WORSE, at 99 % confidence");
    assert!(stage == "memory" || is_worse == (stage == "verdict"), "{text}");
    assert_eq!(shop.in_production("sava-product").await, "1.0.3");
    assert_eq!(shop.deployments().await, "deployment.apps/sava-product-1.0.3\n");
    assert!(text.contains(why), "{text}");
    reports(&report, release, "stopped", stage, why);
}

/// The report in each of its forms: the last stage, how it ended, and why.
#[track_caller]
fn reports(report: &Path, release: &str, result: &str, stage: &str, why: &str) {
    let read = |ending: &str| std::fs::read_to_string(report.with_extension(ending)).expect("a report");
    let json: Value = serde_json::from_str(&read("json")).expect("JSON");
    assert_eq!((&json["release"], &json["result"]), (&Value::from(release), &Value::from(result)));
    let stages = json["stages"].as_array().expect("stages");
    let last = stages.last().expect("a stage");
    let outcome = if result == "released" { "passed" } else { "stopped" };
    assert_eq!((&last["stage"], &last["outcome"]), (&Value::from(stage), &Value::from(outcome)));
    assert!(json["why"].as_str().is_some_and(|it| it.contains(why)), "{json}");
    let cases = "import sys, xml.etree.ElementTree as tree\n\
                 for case in tree.parse(sys.argv[1]).iter('testcase'):\n\
                 \x20   print(case.get('name'), *(it.tag for it in case), *(it.text or '' for it in case))";
    let file = report.with_extension("xml");
    let output = Command::new("python3").args(["-c", cases]).arg(file).output().expect("python3 runs");
    let junit = text_of(&output);
    assert!(output.status.success(), "{junit}");
    let failed = junit.lines().find(|line| line.contains(" failure ")).map(|line| line.split(' ').next());
    assert_eq!(failed, (result == "stopped").then_some(Some(stage)), "{junit}");
    assert!(junit.contains(why), "{junit}");
    let markdown = read("md");
    assert!(markdown.starts_with(&format!("### {release} ")), "{markdown}");
    assert!(markdown.contains(&format!("| {stage} | {outcome} | ")) && markdown.contains(why), "{markdown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn good_release_is_released() {
    let shop = Shop::open().await;
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    let report = folder.path().join("report");
    let settings = [("REPORT", &*report.to_string_lossy())];
    let output = shop.bring_out("sava-product-2.0.1", "sava-product", BOTH, &settings).await;
    let text = text_of(&output);
    assert!(output.status.success(), "{text}");
    reports(&report, "2.0.1", "released", "release", "");
    assert!(text.contains("released: 2.0.1"), "{text}");
    assert_eq!(shop.in_production("sava-product").await, "2.0.1");
    let ready = "jsonpath={.items[*].status.readyReplicas}";
    let pods = shop.run(&["get", "deployments", "-l", "app=sava-product", "-o", ready]).await;
    assert_eq!(pods, "1 3", "one pod of the old release is the way back");
}

#[tokio::test(flavor = "multi_thread")]
async fn release_that_is_never_ready_is_stopped_at_its_deployment() {
    is_stopped("2.0.2-crash", "deploy", "no pod of it was ready within 20s", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn release_that_breaks_the_api_is_stopped_by_the_contract() {
    is_stopped("2.1.0-breaking", "try", "it does not keep the contract, in these rules:", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_unlucky_check_of_the_contract_decides_nothing() {
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let unlucky = format!(
        "[ -e {flag} ] || {{ touch {flag}; echo 'FAIL  v1/list'; exit 1; }}\nexec {contract} \"$@\"\n",
        flag = path("unlucky"),
        contract = binaries::path("sava-contract").display()
    );
    std::fs::write(path("contract.sh"), unlucky).expect("it can be written");
    let shop = Shop::open().await;
    // Stopped for its memory, whatever that is.
    let contract = format!("sh {}", path("contract.sh"));
    let settings = [("MEMORY", "0"), ("CANARY", "5s"), ("CONTRACT", &*contract)];
    let output = shop.bring_out("sava-product-2.0.1", "sava-product", BOTH, &settings).await;
    let text = text_of(&output);
    assert!(text.contains("not this time: once more"), "{text}");
    assert!(text.contains("stopped at: memory; 1.0.3 stays in production"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn why_the_cluster_takes_no_manifest_is_told() {
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    let manifest = std::fs::read_to_string(binaries::root().join("k8s/tutorial/sava-product-2.0.1.yml"));
    let manifest = manifest.expect("there is such a manifest");
    // Its pods are not those that it selects.
    let (head, template) = manifest.split_once("  template:").expect("a template");
    let wrong = format!("{head}  template:{}", template.replace("version: 2.0.1", "version: 2.0.2"));
    let path = folder.path().join("wrong.yml");
    std::fs::write(&path, wrong).expect("it can be written");
    let report = folder.path().join("report");
    let shop = Shop::open().await;
    let settings = [("REPORT", &*report.to_string_lossy())];
    let output = shop.bring_out_file(&path.to_string_lossy(), "sava-product", BOTH, &settings).await;
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("why: the cluster does not take it:\n"), "{text}");
    reports(&report, "2.0.1", "stopped", "deploy", "is invalid: ");
    assert_eq!(
        (&*shop.deployments().await, &*shop.note().await),
        ("deployment.apps/sava-product-1.0.3\n", "")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn release_with_errors_is_stopped_by_the_contract() {
    is_stopped("2.0.2-errors", "try", "FAIL", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn release_with_errors_is_stopped_by_the_verdict_without_the_contract() {
    is_stopped("2.0.2-errors", "verdict", "2.0.2-errors fails more often than 1.0.3:", &[("RULES", "none")])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_release_is_stopped_by_the_verdict() {
    is_stopped("2.0.2-slow", "verdict", "chance alone would show answers so much slower", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leaking_release_is_stopped_by_its_memory() {
    is_stopped("2.0.2-leak", "memory", "sava-product-2.0.2-leak-", &[]).await;
}

/// A limit that is reached after fifty requests: then the pod is killed and started again within the canary, and its
/// memory is small again at the end.
#[tokio::test(flavor = "multi_thread")]
async fn release_that_its_limit_ends_is_stopped_by_its_restarts() {
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    let manifest = std::fs::read_to_string(binaries::root().join("k8s/tutorial/sava-product-2.0.2-leak.yml"));
    let manifest = manifest.expect("there is such a manifest");
    let small = manifest.replace("memory: 128Mi", "memory: 48Mi");
    assert_ne!(manifest, small);
    let path = folder.path().join("leak.yml");
    std::fs::write(&path, small).expect("it can be written");
    let shop = Shop::open().await;
    // Without the contract, so that all requests are the shoppers'.
    let settings = [("RULES", "none"), ("MEMORY", "1000")];
    let output = shop.bring_out_file(&path.to_string_lossy(), "sava-product", BOTH, &settings).await;
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("was started again, "), "{text}");
    assert!(text.contains("stopped at: memory; 1.0.3 stays in production"), "{text}");
    assert_eq!(shop.in_production("sava-product").await, "1.0.3");
    assert_eq!(shop.deployments().await, "deployment.apps/sava-product-1.0.3\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn store_front_with_a_broken_checkout_is_stopped_by_the_verdict() {
    let shop = Shop::open().await.with_postgres().await;
    let output =
        shop.bring_out("sava-cart-3.0.1-broken-ie", "sava-cart-ie", "sava-cart-ie", &[("PODS", "2")]).await;
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("stopped at: verdict; 2.0.4 stays in production"), "{text}");
    assert!(text.contains("WORSE, at 99 % confidence"), "{text}");
    assert_eq!(shop.in_production("sava-cart-ie").await, "2.0.4");
}

/// Where the comparison of the canary with production would find nothing: it is production that is worse.
#[tokio::test(flavor = "multi_thread")]
async fn release_that_closes_production_for_orders_is_stopped_before_its_canary() {
    let shop = Shop::open().await.with_postgres().await;
    let output =
        shop.bring_out("sava-cart-3.1.1-narrow-ie", "sava-cart-ie", "sava-cart-ie", &[("PODS", "1")]).await;
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("of 2.0.4, takes no orders beside it."), "{text}");
    assert!(text.contains("stopped at: try; 2.0.4 stays in production"), "{text}");
    assert_eq!(shop.run(&["get", "deployments", "-l", "version=3.1.1-narrow", "-o", "name"]).await, "");
}

/// Until no older release uses its database, and what they wrote is filled; other databases do not matter.
#[tokio::test(flavor = "multi_thread")]
async fn release_that_narrows_the_database_waits_for_older_ones() {
    let shop = Shop::open().await.with_postgres().await;
    shop.create(&["sava-cart-3.1.0-ie"]).await;
    shop.select("sava-cart-ie", "3.1.0").await;
    let bring_out = async || {
        let output =
            shop.bring_out("sava-cart-3.2.0-ie", "sava-cart-ie", "sava-cart-ie", &[("PODS", "1")]).await;
        (output.status.code(), text_of(&output))
    };
    let is_refused = async |why: &str| {
        let (code, text) = bring_out().await;
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains(why) && !text.contains("of 1.0.5") && !text.contains("of 3.1.0"), "{text}");
        assert_eq!(shop.in_production("sava-cart-ie").await, "3.1.0");
        assert_eq!(shop.run(&["get", "deployments", "-l", "version=3.2.0", "-o", "name"]).await, "");
    };
    is_refused(", of 2.0.4\nScale their Deployments to 0").await;
    shop.run(&["scale", "deployment/sava-cart-2.0.4-ie", "--replicas=0"]).await;
    shop.run(&["wait", "--for=delete", "pod", "-l", "version=2.0.4", "--timeout=60s"]).await;
    is_refused("3.2.0 needs that the Job sava-cart-back-fill has run to its end").await;
    shop.run(&["create", "-f", "k8s/tutorial/sava-cart-back-fill.yml"]).await;
    shop.run(&["wait", "--for=condition=complete", "job/sava-cart-back-fill", "--timeout=60s"]).await;
    let filled = shop.run(&["logs", "-l", "app=sava-cart-back-fill"]).await;
    assert_eq!(filled, "0 orders filled, 0 left\n");
    let (code, text) = bring_out().await;
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(shop.in_production("sava-cart-ie").await, "3.2.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn release_that_is_deployed_already_is_used_and_left() {
    let shop = Shop::open().await;
    shop.create(&["sava-product-2.0.1"]).await;
    let uid = shop.uid("sava-product-2.0.1").await;
    // Stopped for its memory, whatever that is.
    let settings = [("MEMORY", "0"), ("CANARY", "5s"), ("RULES", "none")];
    let output = shop.bring_out("sava-product-2.0.1", "sava-product", BOTH, &settings).await;
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("sava-product-2.0.1 is deployed already, as k8s/tutorial/"), "{text}");
    assert!(text.contains("stopped at: memory; 1.0.3 stays in production"), "{text}");
    assert_eq!(shop.in_production("sava-product").await, "1.0.3");
    assert_eq!(shop.uid("sava-product-2.0.1").await, uid, "it is not the pipeline's to delete");
    assert_eq!(shop.replicas().await, "sava-product-1.0.3=1 sava-product-2.0.1=1 ");
    assert_eq!(shop.note().await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn deployment_of_another_manifest_is_left_alone() {
    let shop = Shop::open().await;
    shop.create(&["sava-product-2.0.1"]).await;
    let image = "sava-product=vampio/sava-product:3.0.0";
    shop.run(&["set", "image", "deployment/sava-product-2.0.1", image]).await;
    let before = (shop.uid("sava-product-2.0.1").await, shop.replicas().await);
    let output = shop.bring_out("sava-product-2.0.1", "sava-product", BOTH, &[]).await;
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("deployed already, and not as k8s/tutorial/sava-product-2.0.1.yml says"), "{text}");
    assert!(text.contains("+        image: vampio/sava-product:2.0.1"), "{text}");
    assert_eq!((shop.uid("sava-product-2.0.1").await, shop.replicas().await), before);
    assert_eq!(shop.note().await, "");
}

/// A signal in the canary: the shoppers have five minutes before them, and nobody waits for them.
#[tokio::test(flavor = "multi_thread")]
async fn a_signal_takes_the_canary_back_at_once() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let shop = Shop::open().await;
        shop.create(&["sava-product-3.0.0"]).await;
        let pipeline = shop.in_a_canary("sava-product-2.0.1").await;
        assert_eq!(shop.replicas().await, "sava-product-1.0.3=3 sava-product-2.0.1=1 sava-product-3.0.0=0 ");
        pipeline.signal(signal);
        let exit = pipeline.exit().await;
        assert_eq!(exit.code, Some(1), "{}", exit.output);
        assert!(exit.output.contains("stopped at: canary; 1.0.3 stays in production"), "{}", exit.output);
        assert_eq!(shop.in_production("sava-product").await, "1.0.3", "{signal:?}");
        assert_eq!(shop.replicas().await, "sava-product-1.0.3=1 sava-product-3.0.0=1 ", "{signal:?}");
        assert_eq!(shop.note().await, "", "{signal:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_runs_canary_is_named_and_refused() {
    let shop = Shop::open().await;
    let pipeline = shop.in_a_canary("sava-product-2.0.1").await;
    let (replicas, note) = (shop.replicas().await, shop.note().await);
    let output = shop.bring_out("sava-product-3.0.0", "sava-product", BOTH, &[]).await;
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("is bringing out sava-product-2.0.1 for sava-product at this moment"), "{text}");
    assert!(text.contains(&format!("(process {})", pipeline.id())), "{text}");
    assert_eq!(shop.in_production("sava-product").await, "");
    assert_eq!((shop.replicas().await, shop.note().await), (replicas, note));
    pipeline.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_run_left_is_ended_by_the_next() {
    let shop = Shop::open().await;
    shop.create(&["sava-product-3.0.0"]).await;
    let pipeline = shop.in_a_canary("sava-product-2.0.1").await;
    pipeline.kill();
    assert_eq!(shop.in_production("sava-product").await, "", "nobody could take the canary back");
    // The next one is stopped as well, so that all must be as it was before the first.
    let output =
        shop.bring_out("sava-product-2.0.2-crash", "sava-product", BOTH, &[("TIMEOUT", "10s")]).await;
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("an earlier run was cut off while it brought out sava-product-2.0.1"), "{text}");
    assert!(text.contains("stopped at: deploy; 1.0.3 stays in production"), "{text}");
    assert_eq!(shop.in_production("sava-product").await, "1.0.3");
    assert_eq!(shop.replicas().await, "sava-product-1.0.3=1 sava-product-3.0.0=1 ");
    assert_eq!(shop.note().await, "");
}

/// Whose database is not there: nothing begins.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_manifest_needs_is_asked_for_first() {
    let shop = Shop::open().await;
    shop.select("sava-cart-ie", "1.0.5").await;
    let manifest = "sava-cart-3.0.0-ie";
    let check = async |lacking: &str| {
        let output = shop.bring_out(manifest, "sava-cart-ie", "sava-cart-ie", &[("PODS", "1")]).await;
        let text = text_of(&output);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(&format!("nothing was done. It lacks\n  {lacking}\n")), "{text}");
        assert_eq!(shop.in_production("sava-cart-ie").await, "1.0.5");
        assert!(!shop.deployments().await.contains("3.0.0"));
    };
    check("the secret sava-postgres").await;
    shop.run(&["create", "secret", "generic", "sava-postgres", "--from-literal=POSTGRES_PASSWORD=x"]).await;
    check("the key DATABASE_URL in the secret sava-postgres").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_pods_have_to_find_is_asked_for() {
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    let manifest = std::fs::read_to_string(binaries::root().join("k8s/tutorial/sava-product-2.0.1.yml"));
    let manifest = manifest.expect("there is such a manifest");
    let with = "        envFrom:\n        - configMapRef:\n            name: sava-settings\n        \
                - configMapRef:\n            name: maybe\n            optional: true\n        env:\n";
    let manifest = manifest.replace("        env:\n", with)
        + "      serviceAccountName: sava-robot\n      volumes:\n      - name: key\n        secret:\n          \
           secretName: sava-key\n      - name: data\n        persistentVolumeClaim:\n          claimName: sava-data\n";
    let path = folder.path().join("needy.yml");
    std::fs::write(&path, manifest).expect("it can be written");
    let shop = Shop::open().await;
    let output = shop.bring_out_file(&path.to_string_lossy(), "sava-product", BOTH, &[]).await;
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    let lacking = ["configmap sava-settings", "persistentvolumeclaim sava-data", "secret sava-key"];
    let lacking = lacking.map(|it| format!("  the {it}\n")).concat() + "  the serviceaccount sava-robot\n";
    assert!(text.contains(&format!("It lacks\n{lacking}")), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_usage_does_nothing() {
    let shop = Shop::open().await;
    for (manifest, service) in [("sava-product-9", "sava-product"), ("sava-product-1.0.3", "sava-product")] {
        let output = shop.bring_out(manifest, service, BOTH, &[]).await;
        assert_eq!(output.status.code(), Some(2), "{}", text_of(&output));
    }
    assert_eq!(shop.in_production("sava-product").await, "1.0.3");
}
