//! `k8s/gitops`: staging and production as commits, and what its page says of them.

use std::{
    collections::BTreeMap,
    path::Path,
    process::{Command, Output},
};

use sava_testbed::{
    Product,
    binaries::{self, root},
};
use semver::{Version, VersionReq};
use serde_json::{Value, json};

use super::rendered::{Found, parsed, rendered, rendered_in};

const ENVIRONMENTS: [&str; 2] = ["staging", "production"];

fn folder(environment: &str) -> String {
    format!("k8s/gitops/{environment}")
}

fn objects(environment: &str) -> Vec<Found> {
    parsed(environment, &rendered(&folder(environment)))
}

/// The releases of an environment by image.
fn releases(manifests: &[Found]) -> BTreeMap<String, String> {
    let images = manifests.iter().flat_map(Found::containers).filter_map(|it| it["image"].as_str());
    let releases = images.filter_map(|it| it.strip_prefix("vampio/")?.rsplit_once(':'));
    releases.map(|(image, tag)| (image.to_owned(), tag.to_owned())).collect()
}

#[test]
fn environments_run_releases_that_exist() {
    for environment in ENVIRONMENTS {
        let releases = releases(&objects(environment));
        for service in ["sava-product", "sava-cart"] {
            assert!(binaries::releases(service).contains(&releases[service]), "{environment}: {releases:?}");
        }
    }
}

/// Every place where two values differ.
fn differences(place: &str, one: &Value, other: &Value, found: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            for key in one.keys().chain(other.keys().filter(|key| !one.contains_key(*key))) {
                let of = |it: &serde_json::Map<String, Value>| it.get(key).cloned().unwrap_or_default();
                differences(&format!("{place}/{key}"), &of(one), &of(other), found);
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (index, (one, other)) in one.iter().zip(other).enumerate() {
                differences(&format!("{place}/{index}"), one, other, found);
            }
        }
        (one, other) if one == other => {}
        (one, other) => found.push(format!("{place}: {one} {other}")),
    }
}

#[test]
fn production_differs_only_where_the_page_says() {
    let (staging, production) = (objects("staging"), objects("production"));
    assert_eq!(staging.len(), production.len());
    let mut found = Vec::new();
    for (one, other) in staging.iter().zip(&production) {
        differences(one.kind(), &one.object, &other.object, &mut found);
    }
    found.retain(|it| {
        let is_place = it.contains("/metadata/namespace: ") || it.starts_with("Namespace/metadata/name: ");
        let is_image =
            it.contains("/image: \"vampio/sava-product:") || it.contains("/image: \"vampio/sava-cart:");
        let is_number = it == "HorizontalPodAutoscaler/spec/minReplicas: 2 3";
        !(is_place || is_image || is_number)
    });
    assert_eq!(found, [""; 0]);
    let page = std::fs::read_to_string(root().join("k8s/gitops/README.md")).expect("the page");
    for said in ["| namespace | `sava-staging` | `sava-production` |", "| fewest pods | 2 | 3 |"] {
        assert!(page.contains(said), "{said}");
    }
    let of = |objects: &[Found]| {
        let releases = releases(objects);
        format!("sava-product {}, sava-cart {}", releases["sava-product"], releases["sava-cart"])
    };
    let row = format!("| releases | {} | {} |", of(&staging), of(&production));
    assert!(page.contains(&row), "the page lacks {row}");
}

/// A copy of `k8s/` in a repository of its own.
struct Repository(tempfile::TempDir);

impl Repository {
    fn new() -> Self {
        let repository = Self(tempfile::tempdir().expect("a temporary folder"));
        let copy = Command::new("cp").arg("-r").arg(root().join("k8s")).arg(repository.path()).status();
        assert!(copy.expect("cp runs").success());
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository.commit("all: Begin");
        repository
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn try_git(&self, arguments: &[&str]) -> Output {
        Command::new("git")
            .args([
                "-c",
                "user.name=test",
                "-c",
                "user.email=test@sava.example",
                "-c",
                "commit.gpgsign=false",
            ])
            .args(arguments)
            .current_dir(self.path())
            .output()
            .expect("git runs")
    }

    fn git(&self, arguments: &[&str]) -> String {
        let output = self.try_git(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    fn commit(&self, message: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", message]);
    }

    /// The file that is all that a release changes.
    fn release(environment: &str) -> String {
        format!("{}/release/kustomization.yaml", folder(environment))
    }

    fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.path().join(file)).expect("a file of the repository")
    }

    /// What a controller would apply, by environment.
    fn manifests(&self) -> [String; 2] {
        ENVIRONMENTS.map(|environment| rendered_in(self.path(), &folder(environment)))
    }

    fn releases(&self) -> [String; 2] {
        let manifests = self.manifests();
        [0, 1].map(|it| releases(&parsed(ENVIRONMENTS[it], &manifests[it]))["sava-product"].clone())
    }
}

#[test]
fn promotion_is_a_commit_and_its_revert_brings_all_back() {
    let repository = Repository::new();
    let [staging, production] = ["staging", "production"].map(Repository::release);
    let before = repository.manifests();
    let [_, old] = repository.releases();
    assert_ne!(old, "3.0.0", "there is something to promote");

    let text = repository.read(&staging).replace("newTag: 3.0.0 #", "newTag: 3.0.1 #");
    std::fs::write(repository.path().join(&staging), text).expect("it is written");
    repository.commit("staging: Update the releases");
    assert_eq!(repository.releases(), ["3.0.1", &old]);
    let in_staging = repository.manifests();
    assert_eq!(in_staging[1], before[1], "production has nothing of it");

    std::fs::copy(repository.path().join(&staging), repository.path().join(&production)).expect("a copy");
    repository.commit("production: Promote what staging has");
    assert_eq!(repository.git(&["show", "--format=", "--name-only"]).trim(), production, "one file");
    assert_eq!(repository.releases(), ["3.0.1", "3.0.1"]);
    let promoted = repository.manifests();
    assert_ne!(promoted[1], before[1]);
    assert_eq!(promoted[0], in_staging[0]);

    repository.git(&["revert", "--no-edit", "HEAD"]);
    assert_eq!(repository.manifests(), in_staging, "exactly what was so before the promotion");
    repository.git(&["revert", "--no-edit", "HEAD~2"]);
    assert_eq!(repository.manifests(), before);
}

/// The commands of the page that need no cluster print what it says.
#[test]
fn page_promotes_and_takes_back() {
    let page = std::fs::read_to_string(root().join("k8s/gitops/README.md")).expect("the page");
    let (_, section) = page.split_once("## Promote, and take it back\n").expect("the section");
    let (section, _) = section.split_once("\n## ").expect("another section");
    let repository = Repository::new();
    let files = tempfile::tempdir().expect("a temporary folder");
    let mut n_outputs = 0;
    for block in section.split("```sh\n").skip(1) {
        let (commands, rest) = block.split_once("```\n").expect("the end of a block");
        let commands = commands.replace("/tmp/", &format!("{}/", files.path().display()));
        let mut bash = Command::new("bash");
        for (name, value) in [("NAME", "test"), ("EMAIL", "test@sava.example")] {
            bash.env(format!("GIT_AUTHOR_{name}"), value).env(format!("GIT_COMMITTER_{name}"), value);
        }
        let output = bash.args(["-euc", &commands]).current_dir(repository.path()).output().expect("bash");
        assert!(output.status.success(), "{commands}: {}", String::from_utf8_lossy(&output.stderr));
        let Some((expected, _)) =
            rest.trim_start().strip_prefix("```text\n").and_then(|it| it.split_once("```"))
        else {
            continue;
        };
        let pattern = expected.split('…').map(regex_lite::escape).collect::<Vec<_>>().join(".*");
        let pattern = regex_lite::Regex::new(&format!("^{pattern}$")).expect("a pattern");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(pattern.is_match(&text), "{commands}\nprints\n{text}\nand not\n{expected}");
        n_outputs += 1;
    }
    assert_eq!(n_outputs, 3);
}

#[test]
fn controllers_look_where_the_environments_are() {
    let flux = parsed("flux", &rendered("k8s/gitops/flux"));
    let argo = parsed("argo-cd", &rendered("k8s/gitops/argo-cd"));
    let mut paths = Vec::new();
    for found in flux.iter().chain(&argo) {
        let spec = &found.object["spec"];
        let path = match found.kind() {
            "Kustomization" => &spec["path"],
            "Application" => &spec["source"]["path"],
            _ => continue,
        };
        let path = path.as_str().expect("a path").trim_start_matches("./");
        paths.push(path.to_owned());
        let objects = parsed(path, &rendered(path));
        for checked in spec["healthChecks"].as_array().into_iter().flatten() {
            let is_it = |it: &Found| {
                it.kind() == checked["kind"]
                    && it.object["apiVersion"] == checked["apiVersion"]
                    && ["name", "namespace"]
                        .iter()
                        .all(|field| it.object["metadata"][*field] == checked[*field])
            };
            assert!(objects.iter().any(is_it), "{}: {checked} is not there", found.name());
        }
        for needed in spec["dependsOn"].as_array().into_iter().flatten() {
            assert!(flux.iter().any(|it| it.object["metadata"]["name"] == needed["name"]), "{needed}");
        }
        for object in objects {
            let namespace = &object.object["metadata"]["namespace"];
            if found.kind() == "Application" && object.kind() != "Namespace" {
                assert_eq!(*namespace, spec["destination"]["namespace"], "{}", object.name());
                let project = &argo.iter().find(|it| it.kind() == "AppProject").expect("a project").object;
                let may = project["spec"]["destinations"].as_array().expect("destinations");
                assert!(may.iter().any(|it| it["namespace"] == *namespace), "{}", object.name());
            }
        }
    }
    paths.sort();
    let parts = |it| ["", "/after", "/before", "/shop"].map(|part| format!("k8s/gitops/{it}{part}"));
    assert_eq!(paths, [parts("production"), parts("staging")].concat());
}

/// The parts that Flux applies one by one are all that Argo CD applies at once.
#[test]
fn both_controllers_apply_the_same() {
    for environment in ENVIRONMENTS {
        let all =
            |folder: &str| parsed(folder, &rendered(folder)).into_iter().map(|it| it.object.to_string());
        let mut parts: Vec<_> = ["before", "shop", "after"]
            .iter()
            .flat_map(|it| all(&format!("k8s/gitops/{environment}/{it}")))
            .collect();
        let mut whole: Vec<_> = all(&folder(environment)).collect();
        parts.sort();
        whole.sort();
        assert_eq!(parts, whole);
    }
}

#[test]
fn image_policies_take_the_newest_good_release() {
    let flux = parsed("flux", &rendered("k8s/gitops/flux"));
    let staging = releases(&objects("staging"));
    let marks = std::fs::read_to_string(root().join(Repository::release("staging"))).expect("the releases");
    let mut policies = 0;
    for policy in flux.iter().filter(|it| it.kind() == "ImagePolicy") {
        let name = policy.object["metadata"]["name"].as_str().expect("a name");
        let pattern = policy.object["spec"]["filterTags"]["pattern"].as_str().expect("a pattern");
        let pattern = regex_lite::Regex::new(pattern).expect("a pattern that can be read");
        let floating = ["latest", "3", "3.0"].map(str::to_owned);
        let tags = binaries::releases(name).into_iter().chain(floating);
        let range = policy.object["spec"]["policy"]["semver"]["range"].as_str().expect("a range");
        let range = VersionReq::parse(range).expect("a range that can be read");
        let versions =
            tags.filter(|it| pattern.is_match(it)).map(|it| Version::parse(&it).expect("a version"));
        let newest = versions.filter(|it| range.matches(it)).max().expect("a release");
        assert_eq!(newest.to_string(), staging[name], "staging has the newest");
        let mark = format!("newTag: {} # {{\"$imagepolicy\": \"flux-system:{name}:tag\"}}", staging[name]);
        assert!(marks.contains(&mark), "no line has {mark}");
        policies += 1;
    }
    assert_eq!(policies, 2);
}

/// What the Job before a release asks, of real servers.
#[tokio::test]
async fn what_breaks_the_api_is_stopped_before_it_is_deployed() {
    let staging = objects("staging");
    let job = staging.iter().find(|it| it.kind() == "Job" && it.object["metadata"]["name"] == "before");
    let job = job.expect("a Job before");
    assert_eq!(job.object["metadata"]["annotations"]["argocd.argoproj.io/hook"], "PreSync");
    let pod = &job.pod().expect("a pod")["spec"];
    assert_eq!(pod["initContainers"][0]["restartPolicy"], json!("Always"), "a sidecar");
    let arguments = pod["containers"][0]["args"].as_array().expect("arguments");
    let (url, rules) = arguments.split_last().expect("a URL");
    assert_eq!(url, "http://127.0.0.1:8080");
    for (release, code) in [("2.0.1", 0), ("3.0.0", 0), ("2.1.0-breaking", 1)] {
        let product = Product::start().release(release).await;
        let mut contract = tokio::process::Command::new(binaries::path("sava-contract"));
        let contract =
            contract.args(rules.iter().filter_map(Value::as_str)).arg(product.url("")).output().await;
        let output = contract.expect("it runs");
        assert_eq!(
            output.status.code(),
            Some(code),
            "{release}: {}",
            String::from_utf8_lossy(&output.stdout)
        );
    }
}
