//! What happened to a pod, in the kubelet's words: what stands at the end of `kubectl describe pod`, and in
//! `kubectl get events`.

use serde_json::{Value, json};

use super::resource::Resource;
use super::store::{Key, ObjectStore, now, suffix};

/// Whether an event is one that somebody should look at.
#[derive(Clone, Copy, Debug)]
pub(super) enum Severity {
    Normal,
    Warning,
}

/// Keeps an event of the pod with these `metadata`; one that the pod has already is seen once more.
pub(super) fn record(store: &ObjectStore, metadata: &Value, severity: Severity, reason: &str, message: &str) {
    let text = |field: &str| metadata[field].as_str().unwrap_or_default();
    let (namespace, name) = (text("namespace"), text("name"));
    let is_same = |event: &Value| {
        event["involvedObject"]["uid"] == metadata["uid"]
            && event["reason"] == reason
            && event["message"] == message
    };
    if let Some(event) = store.list("events", namespace).1.into_iter().find(is_same) {
        let key = Key::new("events", namespace, event["metadata"]["name"].as_str().unwrap_or_default());
        store.update(&key, |event| {
            event["count"] = json!(event["count"].as_u64().unwrap_or(0) + 1);
            event["lastTimestamp"] = json!(now());
        });
        return;
    }
    let event = json!({
        "metadata": { "name": format!("{name}.{}", suffix()) },
        "involvedObject": {
            "apiVersion": "v1", "kind": "Pod", "namespace": namespace, "name": name, "uid": metadata["uid"],
        },
        "type": match severity { Severity::Normal => "Normal", Severity::Warning => "Warning" },
        "reason": reason, "message": message, "count": 1,
        "firstTimestamp": now(), "lastTimestamp": now(),
        "source": { "component": "kubelet", "host": "stand-in" }, "reportingComponent": "kubelet",
    });
    store.create(Resource::named("events"), namespace, event);
}
