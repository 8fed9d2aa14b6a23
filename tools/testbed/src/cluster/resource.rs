//! The kinds of object that the stand-in knows, and what an API server tells about them in discovery.

use serde_json::{Value, json};

/// One kind of object.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Resource {
    /// Empty for the core group.
    pub(super) group: &'static str,
    pub(super) version: &'static str,
    pub(super) plural: &'static str,
    pub(super) singular: &'static str,
    pub(super) kind: &'static str,
    pub(super) short: &'static [&'static str],
    pub(super) namespaced: bool,
    pub(super) subresources: &'static [&'static str],
}

const fn core(
    plural: &'static str,
    singular: &'static str,
    kind: &'static str,
    short: &'static [&'static str],
) -> Resource {
    Resource {
        group: "",
        version: "v1",
        plural,
        singular,
        kind,
        short,
        namespaced: true,
        subresources: &["status"],
    }
}

/// All that a tutorial of two services needs, and a pipeline asks for, and no more.
pub(super) static RESOURCES: &[Resource] = &[
    Resource { namespaced: false, ..core("namespaces", "namespace", "Namespace", &["ns"]) },
    Resource { subresources: &["status", "log", "proxy"], ..core("pods", "pod", "Pod", &["po"]) },
    Resource { subresources: &["status", "proxy"], ..core("services", "service", "Service", &["svc"]) },
    core("endpoints", "endpoints", "Endpoints", &["ep"]),
    core("configmaps", "configmap", "ConfigMap", &["cm"]),
    core("secrets", "secret", "Secret", &[]),
    Resource { subresources: &[], ..core("serviceaccounts", "serviceaccount", "ServiceAccount", &["sa"]) },
    Resource { subresources: &[], ..core("events", "event", "Event", &["ev"]) },
    core("persistentvolumeclaims", "persistentvolumeclaim", "PersistentVolumeClaim", &["pvc"]),
    Resource {
        group: "apps",
        subresources: &["status", "scale"],
        ..core("deployments", "deployment", "Deployment", &["deploy"])
    },
    Resource {
        group: "apps",
        subresources: &["status", "scale"],
        ..core("replicasets", "replicaset", "ReplicaSet", &["rs"])
    },
    Resource { group: "batch", ..core("jobs", "job", "Job", &[]) },
    Resource {
        group: "networking.k8s.io",
        subresources: &[],
        ..core("networkpolicies", "networkpolicy", "NetworkPolicy", &["netpol"])
    },
];

impl Resource {
    /// The resource of a plural name in a group.
    #[must_use]
    pub(super) fn find(group: &str, version: &str, plural: &str) -> Option<&'static Self> {
        RESOURCES.iter().find(|it| it.group == group && it.version == version && it.plural == plural)
    }

    /// The resource with this plural name, which is one of the table's.
    #[must_use]
    pub(super) fn named(plural: &str) -> &'static Self {
        RESOURCES.iter().find(|it| it.plural == plural).expect("a plural name of the table")
    }

    /// As it stands in a manifest: `apps/v1`, or `v1` for the core group.
    #[must_use]
    pub(super) fn api_version(&self) -> String {
        group_version(self.group, self.version)
    }

    fn verbs() -> Value {
        json!(["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"])
    }
}

fn group_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

/// The groups with a name, in the order of the table.
fn groups() -> Vec<&'static str> {
    let mut groups: Vec<_> = RESOURCES.iter().map(|it| it.group).filter(|it| !it.is_empty()).collect();
    groups.dedup();
    groups
}

/// What discovery answers at `path`: `/version`, `/api`, `/apis`, the lists of each group, and OpenAPI v3 as far as
/// kubectl asks it (which is: does the server itself validate fields?).
#[must_use]
pub(super) fn discovery(path: &str) -> Option<Value> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    match parts[..] {
        ["version"] => Some(json!({
            "major": "1", "minor": "32", "gitVersion": "v1.32.4", "gitCommit": "stand-in", "gitTreeState": "clean",
            "buildDate": "2025-04-22T00:00:00Z", "goVersion": "none", "compiler": "none", "platform": "linux/amd64",
        })),
        ["api"] => {
            Some(json!({ "kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [] }))
        }
        ["apis"] => Some(json!({
            "kind": "APIGroupList", "apiVersion": "v1",
            "groups": groups().into_iter().map(group).collect::<Vec<_>>(),
        })),
        ["api", "v1"] => Some(resource_list("")),
        ["apis", name] => groups().contains(&name).then(|| group(name)),
        ["apis", name, "v1"] => groups().contains(&name).then(|| resource_list(name)),
        ["openapi", "v3"] => Some(json!({ "paths": openapi_paths() })),
        ["openapi", "v3", "api", "v1"] => Some(openapi("")),
        ["openapi", "v3", "apis", name, "v1"] => groups().contains(&name).then(|| openapi(name)),
        _ => None,
    }
}

fn group(name: &str) -> Value {
    let version = json!({ "groupVersion": format!("{name}/v1"), "version": "v1" });
    json!({
        "kind": "APIGroup", "apiVersion": "v1", "name": name, "versions": [version], "preferredVersion": version,
    })
}

fn resource_list(group: &str) -> Value {
    let mut resources = Vec::new();
    for it in RESOURCES.iter().filter(|it| it.group == group) {
        resources.push(json!({
            "name": it.plural, "singularName": it.singular, "kind": it.kind, "namespaced": it.namespaced,
            "shortNames": it.short, "verbs": Resource::verbs(),
            "categories": if matches!(it.plural, "pods" | "services" | "deployments" | "replicasets" | "jobs") {
                json!(["all"])
            } else {
                json!([])
            },
        }));
        for subresource in it.subresources {
            let (kind, group, version) = match *subresource {
                "scale" => ("Scale", "autoscaling", "v1"),
                _ => (it.kind, it.group, it.version),
            };
            resources.push(json!({
                "name": format!("{}/{subresource}", it.plural), "singularName": "", "namespaced": it.namespaced,
                "kind": kind, "group": group, "version": version, "verbs": ["get", "patch", "update"],
            }));
        }
    }
    json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version(group, "v1"),
        "resources": resources,
    })
}

fn openapi_paths() -> Value {
    let mut paths = json!({ "api/v1": { "serverRelativeURL": "/openapi/v3/api/v1?hash=0" } });
    for group in groups() {
        paths[format!("apis/{group}/v1")] =
            json!({ "serverRelativeURL": format!("/openapi/v3/apis/{group}/v1?hash=0") });
    }
    paths
}

/// For each kind one operation that takes `fieldValidation`: so kubectl knows that manifests are checked here.
fn openapi(group: &str) -> Value {
    let mut paths = json!({});
    for it in RESOURCES.iter().filter(|it| it.group == group) {
        paths[format!("/{}/{{name}}", it.plural)] = json!({
            "patch": {
                "operationId": format!("patch{}", it.kind),
                "responses": { "200": { "description": "OK" } },
                "parameters": [
                    { "name": "dryRun", "in": "query", "schema": { "type": "string" } },
                    { "name": "fieldValidation", "in": "query", "schema": { "type": "string" } },
                ],
                "x-kubernetes-action": "patch",
                "x-kubernetes-group-version-kind":
                    { "group": it.group, "version": it.version, "kind": it.kind },
            }
        });
    }
    json!({ "openapi": "3.0.0", "info": { "title": "stand-in", "version": "v1.32.4" }, "paths": paths })
}
