//! What a Service is to those who ask for it: an address, a port of a pod, and variables that announce it.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::{IpAddr, Ipv4Addr};

use serde_json::Value;

use super::store::ObjectStore;

/// The address of a Service, known before the Service exists, so that a name in a pod's settings can stand for it.
#[must_use]
pub(super) fn service_ip(salt: u64, namespace: &str, name: &str) -> Ipv4Addr {
    let mut hasher = DefaultHasher::new();
    (salt, namespace, name).hash(&mut hasher);
    let [a, b, c, ..] = hasher.finish().to_le_bytes();
    Ipv4Addr::new(127, 96 + a % 32, b, 1 + c % 254)
}

/// The port of a pod that a Service means: a number, or the name of a container port.
pub(super) fn target_port(target: &Value, pod: &Value) -> Option<u16> {
    if let Some(number) = target.as_u64() {
        return number.try_into().ok();
    }
    let containers = pod["spec"]["containers"].as_array()?.iter();
    let mut ports = containers.flat_map(|it| it["ports"].as_array().into_iter().flatten());
    ports.find(|it| it["name"] == *target)?["containerPort"].as_u64()?.try_into().ok()
}

/// The variables by which a pod learns of the Services that were there when it started.
pub(super) fn variables(store: &ObjectStore, namespace: &str) -> Vec<(String, String)> {
    let mut variables = Vec::new();
    for service in store.list("services", namespace).1 {
        let name = service["metadata"]["name"].as_str().unwrap_or_default().to_uppercase().replace('-', "_");
        let ip = service["spec"]["clusterIP"].as_str().unwrap_or_default();
        for (index, port) in service["spec"]["ports"].as_array().into_iter().flatten().enumerate() {
            let number = &port["port"];
            let url = format!("tcp://{ip}:{number}");
            if index == 0 {
                variables.push((format!("{name}_SERVICE_HOST"), ip.to_owned()));
                variables.push((format!("{name}_SERVICE_PORT"), number.to_string()));
                variables.push((format!("{name}_PORT"), url.clone()));
            }
            let prefix = format!("{name}_PORT_{number}_TCP");
            variables.push((prefix.clone(), url));
            variables.push((format!("{prefix}_PROTO"), "tcp".to_owned()));
            variables.push((format!("{prefix}_PORT"), number.to_string()));
            variables.push((format!("{prefix}_ADDR"), ip.to_owned()));
        }
    }
    variables
}

/// `value` with each `SERVICE:PORT`, `SERVICE.NAMESPACE:PORT` and so on in it replaced by the Service's address: what
/// the cluster's DNS would do. Only a name that stands as the host of a URL is one: after `//`, or after `@`.
pub(super) fn resolved(salt: u64, namespace: &str, value: &str) -> String {
    let Some(start) = value.find("//").map(|it| it + 2) else { return value.to_owned() };
    let start = value[start..].find('@').map_or(start, |at| start + at + 1);
    let end = value[start..].find([':', '/', '?']).map_or(value.len(), |it| start + it);
    let host = &value[start..end];
    let labels: Vec<&str> = host.split('.').collect();
    let (name, namespace) = match labels[..] {
        [name] if name != "localhost" => (name, namespace),
        [name, namespace] | [name, namespace, "svc", ..] => (name, namespace),
        _ => return value.to_owned(),
    };
    if host.is_empty() || host.parse::<IpAddr>().is_ok() {
        return value.to_owned();
    }
    format!("{}{}{}", &value[..start], service_ip(salt, namespace, name), &value[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_services_become_their_addresses() {
        let ip = service_ip(7, "ns", "sava-product");
        assert_eq!(resolved(7, "ns", "http://sava-product:9070"), format!("http://{ip}:9070"));
        assert_eq!(resolved(7, "else", "http://sava-product.ns:9070/"), format!("http://{ip}:9070/"));
        assert_eq!(resolved(7, "x", "http://sava-product.ns.svc.cluster.local"), format!("http://{ip}"));
        let database = service_ip(7, "ns", "db");
        assert_eq!(
            resolved(7, "ns", "postgres://u:p@db:5432/s"),
            format!("postgres://u:p@{database}:5432/s")
        );
        for other in ["sqlite:/data/x.db", "http://127.0.0.1:80", "IE", "http://localhost:1"] {
            assert_eq!(resolved(7, "ns", other), other);
        }
    }
}
