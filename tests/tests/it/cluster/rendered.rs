//! The objects of the manifests: of the tutorial's files, and what `kubectl kustomize` makes of the folders.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use sava_testbed::binaries::root;
use serde_json::Value;

/// What `kubectl kustomize` makes of the folders that can be applied.
pub(super) const KUSTOMIZATIONS: &[&str] = &[
    "k8s/base",
    "k8s/gitops/argo-cd",
    "k8s/gitops/flux",
    "k8s/gitops/production",
    "k8s/gitops/staging",
    "k8s/overlays/argo-rollouts",
    "k8s/overlays/canary-replicas",
    "k8s/overlays/everything",
    "k8s/overlays/flagger",
    "k8s/overlays/gateway",
    "k8s/overlays/istio",
    "k8s/overlays/openshift",
    "k8s/overlays/postgres",
];

/// An object and where it is from.
pub(super) struct Found {
    pub(super) source: String,
    pub(super) object: Value,
}

pub(super) fn tutorial() -> Vec<PathBuf> {
    let folder = root().join("k8s/tutorial");
    let mut files: Vec<_> =
        folder.read_dir().expect("the manifests").map(|it| it.expect("an entry").path()).collect();
    files.sort();
    files
}

pub(super) fn rendered(kustomization: &str) -> String {
    rendered_in(root(), kustomization)
}

/// The same in another copy of the tree.
pub(super) fn rendered_in(tree: &Path, kustomization: &str) -> String {
    let output = Command::new("kubectl")
        .args(["kustomize", kustomization])
        .current_dir(tree)
        .output()
        .expect("kubectl");
    assert!(output.status.success(), "{kustomization}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

pub(super) fn parsed(source: &str, yaml: &str) -> Vec<Found> {
    use serde::Deserialize as _;
    serde_yaml_ng::Deserializer::from_str(yaml)
        .map(|document| Value::deserialize(document).unwrap_or_else(|error| panic!("{source}: {error}")))
        .filter(|object| !object.is_null())
        .map(|object| Found { source: source.to_owned(), object })
        .collect()
}

pub(super) fn all() -> &'static [Found] {
    static ALL: OnceLock<Vec<Found>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut all: Vec<Found> =
            KUSTOMIZATIONS.iter().flat_map(|folder| parsed(folder, &rendered(folder))).collect();
        for file in tutorial() {
            let text = std::fs::read_to_string(&file).expect("a manifest");
            all.extend(parsed(&file.file_name().expect("a name").to_string_lossy(), &text));
        }
        all
    })
}

impl Found {
    pub(super) fn kind(&self) -> &str {
        self.object["kind"].as_str().unwrap_or_default()
    }

    pub(super) fn name(&self) -> String {
        format!("{}: {} {}", self.source, self.kind(), self.object["metadata"]["name"])
    }

    /// Whether both are of one kustomization, or both of the tutorial.
    pub(super) fn is_with(&self, other: &Self) -> bool {
        let is_of_tutorial = |it: &Self| !it.source.starts_with("k8s/");
        self.source == other.source || is_of_tutorial(self) && is_of_tutorial(other)
    }

    /// The pod, or the template of pods, in it.
    pub(super) fn pod(&self) -> Option<&Value> {
        match self.kind() {
            "Pod" => Some(&self.object),
            "Deployment" | "StatefulSet" | "Job" => Some(&self.object["spec"]["template"]),
            _ => None,
        }
    }

    /// Its containers, those that come first included.
    pub(super) fn containers(&self) -> impl Iterator<Item = &Value> {
        self.pod().into_iter().flat_map(|pod| {
            ["initContainers", "containers"]
                .into_iter()
                .flat_map(|field| pod["spec"][field].as_array().into_iter().flatten())
        })
    }
}
