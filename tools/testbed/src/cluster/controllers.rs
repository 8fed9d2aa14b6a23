//! The controllers: what makes a cluster become what its objects ask for. Each looks at everything whenever anything
//! changes, which is enough for a handful of objects.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::resource::{RESOURCES, Resource};
use super::store::{Key, ObjectStore, now, suffix};

/// What the controllers remember besides the objects: since when each Deployment makes no progress.
#[derive(Debug, Default)]
pub(super) struct Controllers {
    progress: HashMap<String, (Value, Instant)>,
}

impl Controllers {
    /// Brings everything one step nearer to what is asked for.
    pub(super) fn reconcile(&mut self, store: &ObjectStore) {
        namespaces(store);
        orphans(store);
        for deployment in store.list("deployments", "").1 {
            self.deployment(store, &deployment);
        }
        for replica_set in store.list("replicasets", "").1 {
            replicas(store, &replica_set);
        }
        for job in store.list("jobs", "").1 {
            work(store, &job);
        }
    }

    fn deployment(&mut self, store: &ObjectStore, deployment: &Value) {
        let spec = &deployment["spec"];
        let desired = count(&spec["replicas"]);
        let template = hash(&spec["template"]);
        let sets = owned(store, "replicasets", deployment);
        let newest =
            sets.iter().find(|it| it["metadata"]["labels"]["pod-template-hash"] == template.as_str());
        let recreate = spec["strategy"]["type"] == "Recreate";
        let (surge, unavailable) = if recreate { (0, desired) } else { rolling(&spec["strategy"], desired) };
        let others: Vec<_> = sets.iter().filter(|it| Some(*it) != newest).collect();
        let gone =
            others.iter().all(|it| pods_of(store, it).is_empty() && count(&it["spec"]["replicas"]) == 0);
        match newest {
            // Recreate: first the old ones have to be gone.
            _ if recreate && !gone => {}
            None => {
                let first = if sets.is_empty() { desired } else { 0 };
                create_set(store, deployment, &template, first);
            }
            Some(newest) => {
                let old: u64 = others.iter().map(|it| count(&it["spec"]["replicas"])).sum();
                let room = (desired + surge).saturating_sub(old);
                resize(store, newest, desired.min(room));
            }
        }
        let ready = |set: &Value| count(&set["status"]["readyReplicas"]);
        let available: u64 = sets.iter().map(ready).sum();
        let mut spare = if recreate { u64::MAX } else { available.saturating_sub(desired - unavailable) };
        for set in &others {
            let size = count(&set["spec"]["replicas"]);
            // Pods that are not ready serve nobody: they go first, and for nothing.
            let idle = size.saturating_sub(ready(set));
            let fewer = size.min(idle.saturating_add(spare));
            spare = spare.saturating_sub(fewer.saturating_sub(idle));
            resize(store, set, size - fewer);
        }
        self.tell(store, deployment, &template);
    }

    /// Writes the status, from which `kubectl rollout status` and `kubectl get` read.
    fn tell(&mut self, store: &ObjectStore, deployment: &Value, template: &str) {
        let spec = &deployment["spec"];
        let desired = count(&spec["replicas"]);
        let sets = owned(store, "replicasets", deployment);
        let sum =
            |sets: &[&Value], field: &str| -> u64 { sets.iter().map(|it| count(&it["status"][field])).sum() };
        let all: Vec<_> = sets.iter().collect();
        let updated: Vec<_> =
            sets.iter().filter(|it| it["metadata"]["labels"]["pod-template-hash"] == template).collect();
        let ready = sum(&all, "readyReplicas");
        let complete = sum(&updated, "readyReplicas") >= desired
            && sum(&updated, "replicas") == desired
            && sum(&all, "replicas") == desired;
        let mut status = json!({
            "observedGeneration": deployment["metadata"]["generation"], "replicas": sum(&all, "replicas"),
            "updatedReplicas": sum(&updated, "replicas"), "readyReplicas": ready, "availableReplicas": ready,
            "unavailableReplicas": desired.saturating_sub(ready),
        });
        let uid = deployment["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
        let (seen, since) = self.progress.entry(uid).or_insert_with(|| (status.clone(), Instant::now()));
        if *seen != status {
            *seen = status.clone();
            *since = Instant::now();
        }
        let deadline = Duration::from_secs(count(&spec["progressDeadlineSeconds"]));
        let (progressing, reason) = if complete {
            ("True", "NewReplicaSetAvailable")
        } else if since.elapsed() > deadline {
            ("False", "ProgressDeadlineExceeded")
        } else {
            ("True", "ReplicaSetUpdated")
        };
        let available = if ready >= desired { "True" } else { "False" };
        status["conditions"] = json!([
            { "type": "Available", "status": available, "reason": "MinimumReplicas" },
            { "type": "Progressing", "status": progressing, "reason": reason },
        ]);
        store.update(&key("deployments", deployment), |it| it["status"] = status);
    }
}

/// Empties the namespaces that are being deleted, and takes them away when they are empty.
fn namespaces(store: &ObjectStore) {
    for namespace in store.list("namespaces", "").1 {
        if namespace["metadata"]["deletionTimestamp"].is_null() {
            continue;
        }
        let name = namespace["metadata"]["name"].as_str().unwrap_or_default();
        let mut empty = true;
        for resource in RESOURCES.iter().filter(|it| it.namespaced) {
            for object in store.list(resource.plural, name).1 {
                if resource.plural == "pods" {
                    end_pod(store, &object);
                    empty = false;
                } else {
                    store.remove(&key(resource.plural, &object));
                }
            }
        }
        if empty {
            store.remove(&Key::new("namespaces", "", name));
        }
    }
}

/// Takes away what belonged to an object that is gone.
fn orphans(store: &ObjectStore) {
    for (plural, owners) in [("replicasets", &["deployments"][..]), ("pods", &["replicasets", "jobs"])] {
        let alive: Vec<Value> = owners.iter().flat_map(|owners| store.list(owners, "").1).collect();
        for object in store.list(plural, "").1 {
            let owner = &object["metadata"]["ownerReferences"][0]["uid"];
            if owner.is_null() || alive.iter().any(|it| it["metadata"]["uid"] == *owner) {
                continue;
            }
            if plural == "pods" {
                end_pod(store, &object);
            } else {
                store.remove(&key(plural, &object));
            }
        }
    }
}

/// Makes and ends pods until there are as many as a `ReplicaSet` asks for.
fn replicas(store: &ObjectStore, set: &Value) {
    let desired = usize::try_from(count(&set["spec"]["replicas"])).unwrap_or(usize::MAX);
    let mut pods = pods_of(store, set);
    pods.retain(|it| it["metadata"]["deletionTimestamp"].is_null());
    for _ in pods.len()..desired {
        create_pod(store, "ReplicaSet", "apps/v1", set, &set["spec"]["template"]);
    }
    // Those that are not ready go first, then the youngest.
    pods.sort_by_key(|it| (is_ready(it), std::cmp::Reverse(it["metadata"]["creationTimestamp"].to_string())));
    let surplus = pods.len().saturating_sub(desired);
    for pod in &pods[..surplus] {
        end_pod(store, pod);
    }
    let kept = &pods[surplus..];
    let ready = kept.iter().filter(|it| is_ready(it)).count();
    store.update(&key("replicasets", set), |it| {
        it["status"] = json!({
            "replicas": kept.len().max(desired), "readyReplicas": ready, "availableReplicas": ready,
            "observedGeneration": it["metadata"]["generation"],
        });
    });
}

/// Runs the pods of a Job until enough of them succeeded or too many failed.
fn work(store: &ObjectStore, job: &Value) {
    let pods = pods_of(store, job);
    let in_phase = |phase: &str| pods.iter().filter(|it| it["status"]["phase"] == phase).count() as u64;
    let (succeeded, failed) = (in_phase("Succeeded"), in_phase("Failed"));
    let active = pods.len() as u64 - succeeded - failed;
    let spec = &job["spec"];
    let wanted = count(&spec["completions"]);
    let ended = if succeeded >= wanted {
        Some(("Complete", "CompletionsReached"))
    } else if failed > count(&spec["backoffLimit"]) {
        Some(("Failed", "BackoffLimitExceeded"))
    } else {
        None
    };
    if ended.is_none() && active < count(&spec["parallelism"]).min(wanted - succeeded) {
        create_pod(store, "Job", "batch/v1", job, &spec["template"]);
    }
    store.update(&key("jobs", job), |it| {
        let mut conditions = json!([]);
        if let Some((kind, reason)) = ended {
            conditions = json!([{ "type": kind, "status": "True", "reason": reason }]);
        }
        it["status"] =
            json!({ "active": active, "succeeded": succeeded, "failed": failed, "conditions": conditions });
    });
}

fn create_set(store: &ObjectStore, deployment: &Value, template: &str, replicas: u64) {
    let name = format!("{}-{template}", deployment["metadata"]["name"].as_str().unwrap_or_default());
    let mut pods = deployment["spec"]["template"].clone();
    pods["metadata"]["labels"]["pod-template-hash"] = json!(template);
    let mut selector = deployment["spec"]["selector"].clone();
    selector["matchLabels"]["pod-template-hash"] = json!(template);
    let set = json!({
        "metadata": {
            "name": name, "labels": pods["metadata"]["labels"],
            "ownerReferences": [owner("Deployment", "apps/v1", deployment)],
        },
        "spec": { "replicas": replicas, "selector": selector, "template": pods },
    });
    store.create(Resource::named("replicasets"), namespace(deployment), set);
}

fn create_pod(store: &ObjectStore, kind: &str, api_version: &str, of: &Value, template: &Value) {
    let name = format!("{}-{}", of["metadata"]["name"].as_str().unwrap_or_default(), suffix());
    let mut labels = template["metadata"]["labels"].clone();
    if kind == "Job" {
        labels["job-name"] = of["metadata"]["name"].clone();
        labels["batch.kubernetes.io/job-name"] = of["metadata"]["name"].clone();
    }
    let pod = json!({
        "metadata": {
            "name": name, "labels": labels, "annotations": template["metadata"]["annotations"],
            "ownerReferences": [owner(kind, api_version, of)],
        },
        "spec": template["spec"], "status": { "phase": "Pending" },
    });
    store.create(Resource::named("pods"), namespace(of), pod);
}

fn owner(kind: &str, api_version: &str, object: &Value) -> Value {
    let metadata = &object["metadata"];
    json!({
        "apiVersion": api_version, "kind": kind, "name": metadata["name"], "uid": metadata["uid"],
        "controller": true, "blockOwnerDeletion": true,
    })
}

fn end_pod(store: &ObjectStore, pod: &Value) {
    store.update(&key("pods", pod), |it| {
        if it["metadata"]["deletionTimestamp"].is_null() {
            it["metadata"]["deletionTimestamp"] = json!(now());
        }
    });
}

fn resize(store: &ObjectStore, set: &Value, replicas: u64) {
    store.update(&key("replicasets", set), |it| it["spec"]["replicas"] = json!(replicas));
}

/// How many pods more, and how many ready ones fewer, a rollout may have; the defaults are a quarter each.
fn rolling(strategy: &Value, desired: u64) -> (u64, u64) {
    let read = |field: &str, round_up: bool| {
        let value = &strategy["rollingUpdate"][field];
        if let Some(number) = value.as_u64() {
            return number;
        }
        let percent = value.as_str().and_then(|it| it.trim_end_matches('%').parse().ok()).unwrap_or(25);
        if round_up { (desired * percent).div_ceil(100) } else { desired * percent / 100 }
    };
    let (surge, unavailable) = (read("maxSurge", true), read("maxUnavailable", false).min(desired));
    if surge == 0 && unavailable == 0 { (1, 0) } else { (surge, unavailable) }
}

fn owned(store: &ObjectStore, plural: &str, owner: &Value) -> Vec<Value> {
    let uid = &owner["metadata"]["uid"];
    let mut objects = store.list(plural, namespace(owner)).1;
    objects.retain(|it| it["metadata"]["ownerReferences"][0]["uid"] == *uid);
    objects
}

fn pods_of(store: &ObjectStore, owner: &Value) -> Vec<Value> {
    owned(store, "pods", owner)
}

/// Whether a pod serves: its containers are ready and it is not on its way out.
pub(super) fn is_ready(pod: &Value) -> bool {
    pod["metadata"]["deletionTimestamp"].is_null() && pod["status"]["containerStatuses"][0]["ready"] == true
}

fn namespace(object: &Value) -> &str {
    object["metadata"]["namespace"].as_str().unwrap_or_default()
}

fn key(plural: &'static str, object: &Value) -> Key {
    Key::new(plural, namespace(object), object["metadata"]["name"].as_str().unwrap_or_default())
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

/// Ten characters that stand for a pod template, as in the middle of a pod's name.
fn hash(template: &Value) -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut hasher = DefaultHasher::new();
    template.to_string().hash(&mut hasher);
    let mut rest = hasher.finish();
    (0..10)
        .map(|_| {
            let letter = LETTERS[usize::try_from(rest % 27).unwrap_or(0)];
            rest /= 27;
            char::from(letter)
        })
        .collect()
}
