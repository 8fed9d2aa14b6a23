//! The two kinds of patch that kubectl sends: JSON merge patches (RFC 7396) and strategic ones.

use serde_json::Value;

/// Applies a JSON merge patch.
pub(super) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        target.clone_from(patch);
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    for (name, value) in patch {
        if value.is_null() {
            if let Some(object) = target.as_object_mut() {
                object.remove(name);
            }
        } else {
            merge(&mut target[name], value);
        }
    }
}

/// Applies a strategic merge patch: as above, but lists with a key are merged item by item.
pub(super) fn strategic(target: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else {
        target.clone_from(patch);
        return;
    };
    if !target.is_object() || fields.get("$patch").and_then(Value::as_str) == Some("replace") {
        *target = Value::Object(serde_json::Map::new());
    }
    for (name, value) in fields {
        if name.starts_with('$') {
            continue;
        }
        match (value, merge_key(name)) {
            (Value::Null, _) => {
                if let Some(object) = target.as_object_mut() {
                    object.remove(name);
                }
            }
            (Value::Array(items), Some(key)) => merge_list(&mut target[name], items, key),
            _ => strategic(&mut target[name], value),
        }
    }
}

/// The field by which the items of a list are told apart, for the lists of the kinds used here.
fn merge_key(list: &str) -> Option<&'static str> {
    match list {
        "containers" | "initContainers" | "env" | "volumes" | "imagePullSecrets" => Some("name"),
        "volumeMounts" => Some("mountPath"),
        // A Service's by `port`, a container's by `containerPort`: whichever the item has.
        "ports" => Some("port"),
        "ownerReferences" => Some("uid"),
        _ => None,
    }
}

fn merge_list(target: &mut Value, items: &[Value], key: &str) {
    if !target.is_array() {
        *target = Value::Array(Vec::new());
    }
    let id = |item: &Value| {
        if item[key].is_null() && key == "port" { item["containerPort"].clone() } else { item[key].clone() }
    };
    let list = target.as_array_mut().expect("made an array above");
    for item in items {
        let place = list.iter().position(|it| id(it) == id(item));
        if item["$patch"] == "delete" {
            if let Some(place) = place {
                list.remove(place);
            }
            continue;
        }
        match place {
            Some(place) => strategic(&mut list[place], item),
            None => list.push(item.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_merge_patch_replaces_lists_and_removes_nulls() {
        let mut object = json!({ "a": { "b": 1, "c": [1, 2] }, "d": 3 });
        merge(&mut object, &json!({ "a": { "b": null, "c": [3] } }));
        assert_eq!(object, json!({ "a": { "c": [3] }, "d": 3 }));
    }

    #[test]
    fn a_strategic_patch_merges_containers_by_name() {
        let mut pod =
            json!({ "containers": [{ "name": "a", "image": "x:1", "ports": [{ "containerPort": 80 }] }] });
        strategic(&mut pod, &json!({ "containers": [{ "name": "a", "image": "x:2" }, { "name": "b" }] }));
        assert_eq!(
            pod,
            json!({ "containers": [
                { "name": "a", "image": "x:2", "ports": [{ "containerPort": 80 }] }, { "name": "b" },
            ] })
        );
        strategic(&mut pod, &json!({ "containers": [{ "$patch": "delete", "name": "a" }] }));
        assert_eq!(pod, json!({ "containers": [{ "name": "b" }] }));
    }
}
