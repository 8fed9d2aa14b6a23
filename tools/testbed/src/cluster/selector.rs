//! Label and field selectors, as they stand in a query.

use serde_json::{Map, Value};

/// Whether labels meet a selector as `kubectl -l` writes it: `a=b,c!=d,e in (f,g),h notin (i),j,!k`.
#[must_use]
pub(super) fn labels_match(selector: &str, labels: &Value) -> bool {
    requirements(selector).iter().all(|requirement| label_matches(requirement, labels))
}

/// Whether labels have all of `wanted`, which is the form of a Service's selector and of `matchLabels`.
#[must_use]
pub(super) fn has_labels(wanted: &Map<String, Value>, labels: &Value) -> bool {
    wanted.iter().all(|(name, value)| labels[name] == *value)
}

/// Whether labels meet a selector as a policy has it: `matchLabels` and `matchExpressions`, both optional.
#[must_use]
pub(super) fn meets(selector: &Value, labels: &Value) -> bool {
    let wanted = selector["matchLabels"].as_object();
    wanted.is_none_or(|wanted| has_labels(wanted, labels))
        && selector["matchExpressions"].as_array().into_iter().flatten().all(|it| {
            let value = it["key"].as_str().map_or(&Value::Null, |key| &labels[key]);
            let is_listed = it["values"].as_array().is_some_and(|values| values.contains(value));
            match it["operator"].as_str() {
                Some("In") => is_listed,
                Some("NotIn") => !is_listed,
                Some("Exists") => !value.is_null(),
                Some("DoesNotExist") => value.is_null(),
                _ => false,
            }
        })
}

/// Whether an object meets a field selector: `metadata.name=x,status.phase!=Running`.
#[must_use]
pub(super) fn fields_match(selector: &str, object: &Value) -> bool {
    selector.split(',').filter(|it| !it.is_empty()).all(|requirement| {
        let (path, value, equal) = match requirement.split_once("!=") {
            Some((path, value)) => (path, value, false),
            None => match requirement.split_once('=') {
                Some((path, value)) => (path, value.trim_start_matches('='), true),
                None => return false,
            },
        };
        let found = path.split('.').fold(object, |it, part| &it[part]).as_str().unwrap_or_default();
        (found == value) == equal
    })
}

/// Splits at the commas that do not stand in parentheses.
fn requirements(selector: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, byte) in selector.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            b',' if depth == 0 => {
                parts.push(selector[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(selector[start..].trim());
    parts.retain(|it| !it.is_empty());
    parts
}

fn label_matches(requirement: &str, labels: &Value) -> bool {
    let value = |name: &str| labels[name.trim()].as_str();
    let set = |list: &str| -> Vec<String> {
        list.trim().trim_matches(['(', ')']).split(',').map(|it| it.trim().to_owned()).collect()
    };
    if let Some((name, list)) = requirement.split_once(" notin ") {
        return value(name).is_none_or(|it| !set(list).iter().any(|one| one == it));
    }
    if let Some((name, list)) = requirement.split_once(" in ") {
        return value(name).is_some_and(|it| set(list).iter().any(|one| one == it));
    }
    if let Some((name, wanted)) = requirement.split_once("!=") {
        return value(name) != Some(wanted.trim());
    }
    if let Some((name, wanted)) = requirement.split_once('=') {
        return value(name) == Some(wanted.trim_start_matches('=').trim());
    }
    match requirement.strip_prefix('!') {
        Some(name) => value(name).is_none(),
        None => value(requirement).is_some(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn labels_are_selected_as_kubectl_writes_it() {
        let labels = json!({ "app": "sava-product", "version": "2.0.1" });
        for selector in [
            "",
            "app=sava-product",
            "app==sava-product,version",
            "version in (1.0.3, 2.0.1),app",
            "version notin (1.0.3)",
            "version!=1.0.3",
            "!locale",
        ] {
            assert!(labels_match(selector, &labels), "{selector}");
        }
        for selector in ["app=sava-cart", "locale", "!app", "version in (1.0.3)", "version!=2.0.1"] {
            assert!(!labels_match(selector, &labels), "{selector}");
        }
    }

    #[test]
    fn labels_are_selected_by_expressions() {
        let labels = json!({ "app": "sava-product" });
        let one = |key: &str, operator: &str, values: &[&str]| json!({ "matchExpressions": [{ "key": key, "operator": operator, "values": values }] });
        assert!(meets(&json!({}), &labels));
        assert!(meets(&one("app", "In", &["x", "sava-product"]), &labels));
        assert!(!meets(&one("app", "NotIn", &["sava-product"]), &labels));
        assert!(
            meets(&one("track", "NotIn", &["canary"]), &labels),
            "a label that is not there is in no list"
        );
        assert!(meets(&one("app", "Exists", &[]), &labels));
        assert!(!meets(&one("app", "DoesNotExist", &[]), &labels));
        assert!(!meets(&json!({ "matchLabels": { "locale": "IE" } }), &labels));
    }

    #[test]
    fn fields_are_selected_by_their_path() {
        let pod = json!({ "metadata": { "name": "a" }, "status": { "phase": "Running" } });
        assert!(fields_match("metadata.name=a,status.phase!=Pending", &pod));
        assert!(!fields_match("metadata.name=b", &pod));
    }
}
