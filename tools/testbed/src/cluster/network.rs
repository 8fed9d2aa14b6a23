//! Services at work: which pods are behind one, and the balancer at its address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use super::api::ApiState;
use super::controllers::is_ready;
use super::firewall::{self, Ends};
use super::resource::Resource;
use super::selector::has_labels;
use super::service::target_port;
use super::store::{Key, ObjectStore};

/// An address for a new pod.
#[must_use]
pub(super) fn pod_ip() -> Ipv4Addr {
    Ipv4Addr::new(127, fastrand::u8(32..96), fastrand::u8(..), fastrand::u8(1..255))
}

/// Writes the endpoints of each Service that has a selector.
pub(super) fn endpoints(store: &ObjectStore) {
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

/// The listeners at the addresses of Services, as kube-proxy's rules stand for them.
#[derive(Debug, Default)]
pub(super) struct Balancers {
    running: HashMap<SocketAddr, tokio::task::JoinHandle<()>>,
}

impl Balancers {
    /// Listens for each Service with an address that is there, and for no other.
    pub(super) async fn reconcile(&mut self, shared: &Arc<ApiState>) {
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

/// Gives each connection to an endpoint at random, for as long as it lives, as kube-proxy does. What a policy forbids is
/// closed at once, where a cluster would leave the client without an answer.
async fn balance(listener: TcpListener, shared: Arc<ApiState>, key: Key, port_name: Value) {
    while let Ok((mut client, peer)) = listener.accept().await {
        let Ok(server) = client.local_addr() else { continue };
        let endpoints = shared.store.get(&key).unwrap_or_default();
        let mut addresses = Vec::new();
        for subset in endpoints["subsets"].as_array().into_iter().flatten() {
            let (address, port) = (&subset["addresses"][0]["ip"], &subset["ports"][0]);
            if port["name"] == port_name
                && let Some(ip) = address.as_str().and_then(|it| it.parse::<IpAddr>().ok())
                && let Some(number) = port["port"].as_u64().and_then(|it| it.try_into().ok())
            {
                addresses
                    .push((SocketAddr::new(ip, number), subset["addresses"][0]["targetRef"]["name"].clone()));
            }
        }
        let Some((address, pod)) = fastrand::choice(addresses) else { continue };
        let pod = Key::new("pods", &key.namespace, pod.as_str().unwrap_or_default());
        if !firewall::lets_through(&shared, Ends { client: peer, server }, &pod, address.port()) {
            continue;
        }
        tokio::spawn(async move {
            if let Ok(mut server) = TcpStream::connect(address).await {
                // Either side may go at any time: that ends the connection, and concerns nobody else.
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            }
        });
    }
}
