//! What an API server checks and fills in before it keeps an object: as much as a manifest of this shop can get wrong.

use http::StatusCode;
use serde_json::{Value, json};

use super::resource::Resource;
use super::selector::has_labels;
use super::status::Status;

/// Refuses what a real API server refuses.
pub(super) fn check(resource: &Resource, object: &Value) -> Result<(), Status> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let invalid = |field: &str, problem: &str| {
        let message = format!("{} {name:?} is invalid: {field}: {problem}", qualified(resource));
        Err(Status::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message))
    };
    if object["kind"] != resource.kind || object["apiVersion"] != resource.api_version().as_str() {
        return Err(Status::bad_request(format!(
            "the object is a {} of {}, the path is of {} of {}",
            object["kind"],
            object["apiVersion"],
            resource.kind,
            resource.api_version()
        )));
    }
    let fits = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-' || it == '.';
    if name.is_empty() {
        return invalid("metadata.name", "Required value: name or generateName is required");
    }
    // Services are DNS labels: they become names in the cluster's DNS.
    if !name.chars().all(fits) || resource.plural == "services" && name.contains('.') || name.len() > 253 {
        return invalid("metadata.name", &format!("Invalid value: {name:?}"));
    }
    let spec = &object["spec"];
    match resource.plural {
        "deployments" | "replicasets" => {
            let Some(wanted) = spec["selector"]["matchLabels"].as_object() else {
                return invalid("spec.selector", "Required value");
            };
            if !has_labels(wanted, &spec["template"]["metadata"]["labels"]) {
                let problem = "Invalid value: `selector` does not match template `labels`";
                return invalid("spec.template.metadata.labels", problem);
            }
            check_pod(&spec["template"]["spec"], "spec.template.spec", &invalid)
        }
        "jobs" => check_pod(&spec["template"]["spec"], "spec.template.spec", &invalid),
        "pods" => check_pod(spec, "spec", &invalid),
        "services" => {
            let ports = spec["ports"].as_array().map_or(&[][..], Vec::as_slice);
            if ports.is_empty() {
                return invalid("spec.ports", "Required value");
            }
            if ports.len() > 1 && ports.iter().any(|it| it["name"].is_null()) {
                return invalid("spec.ports[0].name", "Required value");
            }
            if ports.iter().any(|it| !it["port"].is_u64()) {
                return invalid("spec.ports[0].port", "Required value");
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn check_pod(
    pod: &Value,
    path: &str,
    invalid: &impl Fn(&str, &str) -> Result<(), Status>,
) -> Result<(), Status> {
    let containers = pod["containers"].as_array().map_or(&[][..], Vec::as_slice);
    if containers.is_empty() {
        return invalid(&format!("{path}.containers"), "Required value");
    }
    let volumes: Vec<_> = pod["volumes"].as_array().into_iter().flatten().map(|it| &it["name"]).collect();
    for (index, container) in containers.iter().enumerate() {
        let path = format!("{path}.containers[{index}]");
        for field in ["name", "image"] {
            if container[field].as_str().unwrap_or_default().is_empty() {
                return invalid(&format!("{path}.{field}"), "Required value");
            }
        }
        for mount in container["volumeMounts"].as_array().into_iter().flatten() {
            if !volumes.contains(&&mount["name"]) {
                return invalid(
                    &format!("{path}.volumeMounts[0].name"),
                    &format!("Not found: {}", mount["name"]),
                );
            }
        }
        for env in container["env"].as_array().into_iter().flatten() {
            if env["value"].is_number() || env["value"].is_boolean() {
                let message = format!("{path}.env: the value of {} is not a string", env["name"]);
                return Err(Status::bad_request(message));
            }
        }
    }
    Ok(())
}

/// Refuses a change of what may not change: a Deployment's selector.
pub(super) fn check_unchanged(resource: &Resource, old: &Value, new: &Value) -> Result<(), Status> {
    if resource.group == "apps" && old["spec"]["selector"] != new["spec"]["selector"] {
        let name = old["metadata"]["name"].as_str().unwrap_or_default();
        let message = format!(
            "{} {name:?} is invalid: spec.selector: Invalid value: field is immutable",
            qualified(resource)
        );
        return Err(Status::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message));
    }
    Ok(())
}

fn qualified(resource: &Resource) -> String {
    if resource.group.is_empty() {
        resource.kind.to_owned()
    } else {
        format!("{}.{}", resource.kind, resource.group)
    }
}

/// The warning that comes with a name that is kept, but may surprise.
pub(super) fn warning(resource: &Resource, object: &Value) -> Option<String> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    (matches!(resource.plural, "deployments" | "replicasets" | "pods" | "jobs") && name.contains('.')).then(|| {
        "metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; \
         a DNS label is recommended: [must not contain dots]"
            .to_owned()
    })
}

/// Fills in the defaults that are seen when the object is shown, or that the controllers need.
pub(super) fn fill_in(resource: &Resource, object: &mut Value) {
    let default = |place: &mut Value, value: Value| {
        if place.is_null() {
            *place = value;
        }
    };
    match resource.plural {
        "namespaces" => {
            let name = object["metadata"]["name"].clone();
            default(&mut object["metadata"]["labels"]["kubernetes.io/metadata.name"], name);
            object["status"] = json!({ "phase": "Active" });
        }
        "deployments" => {
            let spec = &mut object["spec"];
            default(&mut spec["replicas"], json!(1));
            default(&mut spec["progressDeadlineSeconds"], json!(600));
            default(&mut spec["revisionHistoryLimit"], json!(10));
            default(&mut spec["strategy"]["type"], json!("RollingUpdate"));
            fill_in_pod(&mut spec["template"]["spec"], "Always");
            object["status"] = json!({});
        }
        "replicasets" => default(&mut object["spec"]["replicas"], json!(1)),
        "jobs" => {
            let name = object["metadata"]["name"].clone();
            let spec = &mut object["spec"];
            default(&mut spec["completions"], json!(1));
            default(&mut spec["parallelism"], json!(1));
            default(&mut spec["backoffLimit"], json!(6));
            spec["template"]["metadata"]["labels"]["batch.kubernetes.io/job-name"] = name.clone();
            spec["selector"] = json!({ "matchLabels": { "batch.kubernetes.io/job-name": name } });
            fill_in_pod(&mut spec["template"]["spec"], "Never");
            object["status"] = json!({});
        }
        "pods" => {
            fill_in_pod(&mut object["spec"], "Always");
            default(&mut object["status"]["phase"], json!("Pending"));
        }
        "services" => fill_in_service(&mut object["spec"]),
        "secrets" => {
            default(&mut object["type"], json!("Opaque"));
            let plain = object["stringData"].take();
            for (name, value) in plain.as_object().into_iter().flatten() {
                use base64::Engine as _;
                let text = value.as_str().unwrap_or_default();
                object["data"][name] = json!(base64::engine::general_purpose::STANDARD.encode(text));
            }
            if let Some(fields) = object.as_object_mut() {
                fields.remove("stringData");
            }
        }
        _ => {}
    }
}

fn fill_in_pod(spec: &mut Value, restart: &str) {
    if spec["restartPolicy"].is_null() {
        spec["restartPolicy"] = json!(restart);
    }
    if spec["terminationGracePeriodSeconds"].is_null() {
        spec["terminationGracePeriodSeconds"] = json!(30);
    }
    for container in spec["containers"].as_array_mut().into_iter().flatten() {
        for port in container["ports"].as_array_mut().into_iter().flatten() {
            if port["protocol"].is_null() {
                port["protocol"] = json!("TCP");
            }
        }
    }
}

fn fill_in_service(spec: &mut Value) {
    if spec["type"].is_null() {
        spec["type"] = json!("ClusterIP");
    }
    let nodes = matches!(spec["type"].as_str(), Some("NodePort" | "LoadBalancer"));
    for port in spec["ports"].as_array_mut().into_iter().flatten() {
        if port["protocol"].is_null() {
            port["protocol"] = json!("TCP");
        }
        if port["targetPort"].is_null() {
            port["targetPort"] = port["port"].clone();
        }
        if nodes && port["nodePort"].is_null() {
            port["nodePort"] = json!(fastrand::u16(30000..32768));
        }
    }
}
