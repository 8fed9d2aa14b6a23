//! Services at work: which pods are behind one, the variables that announce it, and the balancer at its address.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use super::api::Shared;
use super::controllers::is_ready;
use super::resource::Resource;
use super::selector::has_labels;
use super::store::{Key, Store};

/// The address of a Service, known before the Service exists, so that a name in a pod's settings can stand for it.
#[must_use]
pub(super) fn service_ip(salt: u64, namespace: &str, name: &str) -> Ipv4Addr {
    let mut hasher = DefaultHasher::new();
    (salt, namespace, name).hash(&mut hasher);
    let [a, b, c, ..] = hasher.finish().to_le_bytes();
    Ipv4Addr::new(127, 96 + a % 32, b, 1 + c % 254)
}

/// An address for a new pod.
#[must_use]
pub(super) fn pod_ip() -> Ipv4Addr {
    Ipv4Addr::new(127, fastrand::u8(32..96), fastrand::u8(..), fastrand::u8(1..255))
}

/// Writes the endpoints of each Service that has a selector.
pub(super) fn endpoints(store: &Store) {
    for service in store.list("services", "").1 {
        let Some(selector) = service["spec"]["selector"].as_object() else { continue };
        let namespace = service["metadata"]["namespace"].as_str().unwrap_or_default();
        let name = service["metadata"]["name"].as_str().unwrap_or_default();
        let mut pods = store.list("pods", namespace).1;
        pods.retain(|it| has_labels(selector, &it["metadata"]["labels"]) && is_ready(it));
        let mut subsets = Vec::new();
        for port in service["spec"]["ports"].as_array().into_iter().flatten() {
            for pod in &pods {
                let Some(target) = target_port(&port["targetPort"], pod) else { continue };
                let address = json!({
                    "ip": pod["status"]["podIP"], "targetRef": { "kind": "Pod", "name": pod["metadata"]["name"] },
                });
                let mut target = json!({ "port": target, "protocol": "TCP" });
                if !port["name"].is_null() {
                    target["name"] = port["name"].clone();
                }
                subsets.push(json!({ "addresses": [address], "ports": [target] }));
            }
        }
        let key = Key::new("endpoints", namespace, name);
        if store.get(&key).is_none() {
            let empty = json!({ "metadata": { "name": name }, "subsets": [] });
            store.create(Resource::named("endpoints"), namespace, empty);
        }
        store.update(&key, |it| it["subsets"] = json!(subsets));
    }
    for endpoints in store.list("endpoints", "").1 {
        let namespace = endpoints["metadata"]["namespace"].as_str().unwrap_or_default();
        let name = endpoints["metadata"]["name"].as_str().unwrap_or_default();
        if store.get(&Key::new("services", namespace, name)).is_none() {
            store.remove(&Key::new("endpoints", namespace, name));
        }
    }
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
pub(super) fn variables(store: &Store, namespace: &str) -> Vec<(String, String)> {
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

/// The listeners at the addresses of Services, as kube-proxy's rules stand for them.
#[derive(Debug, Default)]
pub(super) struct Balancers {
    running: HashMap<SocketAddr, tokio::task::JoinHandle<()>>,
}

impl Balancers {
    /// Listens for each Service with an address that is there, and for no other.
    pub(super) async fn reconcile(&mut self, shared: &Arc<Shared>) {
        let mut wanted = HashMap::new();
        for service in shared.store.list("services", "").1 {
            let Some(ip) = service["spec"]["clusterIP"].as_str().and_then(|it| it.parse::<IpAddr>().ok())
            else {
                continue;
            };
            let namespace = service["metadata"]["namespace"].as_str().unwrap_or_default();
            let key =
                Key::new("endpoints", namespace, service["metadata"]["name"].as_str().unwrap_or_default());
            for port in service["spec"]["ports"].as_array().into_iter().flatten() {
                if let Some(number) = port["port"].as_u64().and_then(|it| it.try_into().ok()) {
                    wanted.insert(SocketAddr::new(ip, number), (key.clone(), port["name"].clone()));
                }
            }
        }
        self.running.retain(|address, task| {
            let keep = wanted.contains_key(address);
            if !keep {
                task.abort();
            }
            keep
        });
        for (address, (key, port_name)) in wanted {
            if self.running.contains_key(&address) {
                continue;
            }
            // Ports below 1024 are not everybody's: without one the Service works through the proxy only.
            let Ok(listener) = TcpListener::bind(address).await else { continue };
            let shared = Arc::clone(shared);
            self.running.insert(address, tokio::spawn(balance(listener, shared, key, port_name)));
        }
    }
}

impl Drop for Balancers {
    fn drop(&mut self) {
        self.running.values().for_each(tokio::task::JoinHandle::abort);
    }
}

/// Gives each connection to an endpoint at random, for as long as it lives, as kube-proxy does.
async fn balance(listener: TcpListener, shared: Arc<Shared>, key: Key, port_name: Value) {
    while let Ok((mut client, _)) = listener.accept().await {
        let endpoints = shared.store.get(&key).unwrap_or_default();
        let mut addresses = Vec::new();
        for subset in endpoints["subsets"].as_array().into_iter().flatten() {
            let (address, port) = (&subset["addresses"][0]["ip"], &subset["ports"][0]);
            if port["name"] == port_name
                && let Some(ip) = address.as_str().and_then(|it| it.parse::<IpAddr>().ok())
                && let Some(number) = port["port"].as_u64().and_then(|it| it.try_into().ok())
            {
                addresses.push(SocketAddr::new(ip, number));
            }
        }
        let Some(address) = fastrand::choice(addresses) else { continue };
        tokio::spawn(async move {
            if let Ok(mut server) = TcpStream::connect(address).await {
                // Either side may go at any time: that ends the connection, and concerns nobody else.
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            }
        });
    }
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
