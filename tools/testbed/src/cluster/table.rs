//! Objects as the rows that `kubectl get` prints: the columns are the API server's work, not kubectl's.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::resource::Resource;

/// A `meta.k8s.io/v1` Table of objects of one kind.
pub(super) fn of(resource: &Resource, objects: &[Value], version: &str) -> Value {
    let columns = columns(resource.plural);
    let definitions: Vec<_> = columns
        .iter()
        .map(|(name, priority)| {
            let format = if *name == "Name" { "name" } else { "" };
            json!({ "name": name, "type": "string", "format": format, "description": "", "priority": priority })
        })
        .collect();
    let rows: Vec<_> = objects
        .iter()
        .map(|object| {
            json!({
                "cells": cells(resource.plural, object),
                "object": {
                    "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"],
                },
            })
        })
        .collect();
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": { "resourceVersion": version },
        "columnDefinitions": definitions, "rows": rows,
    })
}

/// Names of columns; those of priority 1 are for `-o wide`.
fn columns(plural: &str) -> Vec<(&'static str, u8)> {
    match plural {
        "namespaces" => vec![("Name", 0), ("Status", 0), ("Age", 0)],
        "pods" => vec![
            ("Name", 0),
            ("Ready", 0),
            ("Status", 0),
            ("Restarts", 0),
            ("Age", 0),
            ("IP", 1),
            ("Node", 1),
            ("Nominated Node", 1),
            ("Readiness Gates", 1),
        ],
        "services" => vec![
            ("Name", 0),
            ("Type", 0),
            ("Cluster-IP", 0),
            ("External-IP", 0),
            ("Port(s)", 0),
            ("Age", 0),
            ("Selector", 1),
        ],
        "deployments" => vec![
            ("Name", 0),
            ("Ready", 0),
            ("Up-to-date", 0),
            ("Available", 0),
            ("Age", 0),
            ("Containers", 1),
            ("Images", 1),
            ("Selector", 1),
        ],
        "replicasets" => vec![("Name", 0), ("Desired", 0), ("Current", 0), ("Ready", 0), ("Age", 0)],
        "jobs" => vec![("Name", 0), ("Status", 0), ("Completions", 0), ("Duration", 0), ("Age", 0)],
        "endpoints" => vec![("Name", 0), ("Endpoints", 0), ("Age", 0)],
        "events" => {
            vec![("Last Seen", 0), ("Type", 0), ("Reason", 0), ("Object", 0), ("Message", 0), ("Name", 1)]
        }
        "configmaps" => vec![("Name", 0), ("Data", 0), ("Age", 0)],
        "secrets" => vec![("Name", 0), ("Type", 0), ("Data", 0), ("Age", 0)],
        _ => vec![("Name", 0), ("Age", 0)],
    }
}

fn cells(plural: &str, object: &Value) -> Vec<Value> {
    let name = object["metadata"]["name"].clone();
    let age = json!(age(object["metadata"]["creationTimestamp"].as_str().unwrap_or_default()));
    let (spec, status) = (&object["spec"], &object["status"]);
    let count = |value: &Value| value.as_u64().unwrap_or(0);
    match plural {
        "namespaces" => vec![name, status["phase"].clone(), age],
        "pods" => {
            let containers = status["containerStatuses"].as_array().map_or(&[][..], Vec::as_slice);
            let ready = containers.iter().filter(|it| it["ready"] == true).count();
            let total = spec["containers"].as_array().map_or(0, Vec::len);
            let restarts: u64 = containers.iter().map(|it| count(&it["restartCount"])).sum();
            let ip = status["podIP"].as_str().unwrap_or("<none>");
            vec![
                name,
                json!(format!("{ready}/{total}")),
                json!(pod_status(object)),
                json!(restarts.to_string()),
                age,
                json!(ip),
                json!("stand-in"),
                json!("<none>"),
                json!("<none>"),
            ]
        }
        "services" => {
            let ports = spec["ports"].as_array().map_or(&[][..], Vec::as_slice).iter().map(|port| {
                let node = port["nodePort"].as_u64().map(|it| format!(":{it}")).unwrap_or_default();
                format!("{}{node}/{}", port["port"], port["protocol"].as_str().unwrap_or("TCP"))
            });
            let external = if spec["type"] == "LoadBalancer" { "<pending>" } else { "<none>" };
            vec![
                name,
                spec["type"].clone(),
                spec["clusterIP"].clone(),
                json!(external),
                json!(ports.collect::<Vec<_>>().join(",")),
                age,
                json!(labels(&spec["selector"])),
            ]
        }
        "deployments" => {
            let containers = spec["template"]["spec"]["containers"].as_array().map_or(&[][..], Vec::as_slice);
            let each = |field: &str| {
                let values = containers.iter().map(|it| it[field].as_str().unwrap_or_default());
                json!(values.collect::<Vec<_>>().join(","))
            };
            vec![
                name,
                json!(format!("{}/{}", count(&status["readyReplicas"]), count(&spec["replicas"]))),
                json!(count(&status["updatedReplicas"])),
                json!(count(&status["availableReplicas"])),
                age,
                each("name"),
                each("image"),
                json!(labels(&spec["selector"]["matchLabels"])),
            ]
        }
        "replicasets" => {
            let shown = [&spec["replicas"], &status["replicas"], &status["readyReplicas"]];
            let mut row = vec![name];
            row.extend(shown.map(|it| json!(count(it))));
            row.push(age);
            row
        }
        "jobs" => {
            let done = |kind: &str| {
                let conditions = status["conditions"].as_array().into_iter().flatten();
                conditions.into_iter().any(|it| it["type"] == kind && it["status"] == "True")
            };
            let state = if done("Complete") {
                "Complete"
            } else if done("Failed") {
                "Failed"
            } else {
                "Running"
            };
            let completions = format!("{}/{}", count(&status["succeeded"]), count(&spec["completions"]));
            vec![name, json!(state), json!(completions), age.clone(), age]
        }
        "endpoints" => vec![name, json!(endpoints(object)), age],
        "events" => {
            let about = &object["involvedObject"];
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            vec![
                json!(self::age(&text(&object["lastTimestamp"]))),
                object["type"].clone(),
                object["reason"].clone(),
                json!(format!("{}/{}", text(&about["kind"]).to_lowercase(), text(&about["name"]))),
                object["message"].clone(),
                name,
            ]
        }
        "configmaps" => vec![name, json!(object["data"].as_object().map_or(0, serde_json::Map::len)), age],
        "secrets" => {
            let entries = object["data"].as_object().map_or(0, serde_json::Map::len);
            vec![name, object["type"].clone(), json!(entries), age]
        }
        _ => vec![name, age],
    }
}

/// The addresses of an Endpoints object, of which three are shown.
fn endpoints(object: &Value) -> String {
    let mut addresses = Vec::new();
    for subset in object["subsets"].as_array().into_iter().flatten() {
        for address in subset["addresses"].as_array().into_iter().flatten() {
            let port = &subset["ports"][0]["port"];
            addresses.push(format!("{}:{port}", address["ip"].as_str().unwrap_or_default()));
        }
    }
    if addresses.is_empty() {
        "<none>".to_owned()
    } else if addresses.len() > 3 {
        format!("{} + {} more...", addresses[..3].join(","), addresses.len() - 3)
    } else {
        addresses.join(",")
    }
}

/// The word in the STATUS column of a pod.
fn pod_status(pod: &Value) -> String {
    if !pod["metadata"]["deletionTimestamp"].is_null() {
        return "Terminating".to_owned();
    }
    let state = &pod["status"]["containerStatuses"][0]["state"];
    let reason = state["waiting"]["reason"].as_str().or_else(|| state["terminated"]["reason"].as_str());
    reason.or_else(|| pod["status"]["phase"].as_str()).unwrap_or("Pending").to_owned()
}

fn labels(labels: &Value) -> String {
    let Some(labels) = labels.as_object().filter(|it| !it.is_empty()) else {
        return "<none>".to_owned();
    };
    let each = labels.iter().map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default()));
    each.collect::<Vec<_>>().join(",")
}

/// The time since `timestamp` as kubectl shows it: `5s`, `2m10s`, `12m`.
fn age(timestamp: &str) -> String {
    let Ok(created) = humantime::parse_rfc3339(timestamp) else {
        return "<unknown>".to_owned();
    };
    let seconds = SystemTime::now().duration_since(created).map_or(0, |it| it.as_secs());
    match (seconds / 60, seconds % 60) {
        _ if seconds < 120 => format!("{seconds}s"),
        (minutes, seconds) if minutes < 10 && seconds > 0 => format!("{minutes}m{seconds}s"),
        (minutes, _) => format!("{minutes}m"),
    }
}
