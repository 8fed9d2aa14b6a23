//! What the `NetworkPolicies` of a cluster let through, judged from the objects alone, as the API's documentation of
//! `NetworkPolicy` in `networking.k8s.io/v1` has it.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::selector::meets;
use super::service::target_port;

/// One end of a connection.
#[derive(Clone, Debug)]
pub enum Peer {
    /// A pod: its labels, its container ports, and the namespace that it is in.
    Pod {
        /// The pod, or the template of one: `metadata.labels` and `spec.containers` are read.
        pod: Value,
        /// The namespace's name.
        namespace: String,
        /// The namespace's labels.
        namespace_labels: Value,
    },
    /// The node that the other end runs on, which asks the probes: no policy keeps it out.
    Node,
    /// An address that is not a pod's.
    Address(IpAddr),
}

/// A port as a packet has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port {
    /// `TCP` or `UDP`.
    pub protocol: &'static str,
    /// The pod's own port, behind any Service.
    pub number: u16,
}

/// Whether a connection gets through: out of where it comes from, and into where it goes to.
#[must_use]
pub fn lets_through<'a>(
    policies: impl IntoIterator<Item = &'a Value>,
    from: &Peer,
    to: &Peer,
    port: Port,
) -> bool {
    let (mut is_bound, mut is_let) = ([false; 2], [false; 2]);
    for policy in policies {
        let ways = [(from, to, "Egress", "egress", "to"), (to, from, "Ingress", "ingress", "from")];
        for (index, (own, other, kind, rules, peers)) in ways.into_iter().enumerate() {
            if !binds(policy, own, kind) {
                continue;
            }
            is_bound[index] = true;
            // At a named port the pod that is connected to says which that is, in both directions.
            is_let[index] |= policy["spec"][rules].as_array().into_iter().flatten().any(|rule| {
                has_port(&rule["ports"], port, to) && has_peer(&rule[peers], other, namespace_of(policy))
            });
        }
    }
    let out = !is_bound[0] || is_let[0];
    let into = !is_bound[1] || is_let[1] || matches!(from, Peer::Node);
    out && into
}

/// Whether a policy is one for this pod in this direction.
fn binds(policy: &Value, peer: &Peer, kind: &str) -> bool {
    let Peer::Pod { pod, namespace, .. } = peer else { return false };
    let spec = &policy["spec"];
    let of_kind = match spec["policyTypes"].as_array() {
        Some(kinds) => kinds.iter().any(|it| it == kind),
        None => kind == "Ingress" || !spec["egress"].is_null(),
    };
    of_kind && namespace_of(policy) == namespace && meets(&spec["podSelector"], &pod["metadata"]["labels"])
}

fn namespace_of(policy: &Value) -> &str {
    policy["metadata"]["namespace"].as_str().unwrap_or("default")
}

fn has_port(ports: &Value, port: Port, to: &Peer) -> bool {
    let ports = ports.as_array().map_or(&[][..], Vec::as_slice);
    ports.is_empty()
        || ports.iter().any(|it| {
            let number = match (&it["port"], to) {
                (Value::Null, _) => return it["protocol"].as_str().unwrap_or("TCP") == port.protocol,
                (name @ Value::String(_), Peer::Pod { pod, .. }) => target_port(name, pod),
                (number, _) => number.as_u64().and_then(|it| it.try_into().ok()),
            };
            let last = it["endPort"].as_u64().and_then(|it| it.try_into().ok()).or(number);
            it["protocol"].as_str().unwrap_or("TCP") == port.protocol
                && number.is_some_and(|first| first <= port.number)
                && last.is_some_and(|last| port.number <= last)
        })
}

fn has_peer(peers: &Value, other: &Peer, policy_namespace: &str) -> bool {
    let peers = peers.as_array().map_or(&[][..], Vec::as_slice);
    peers.is_empty()
        || peers.iter().any(|it| match other {
            Peer::Node => false,
            Peer::Address(address) => is_in_block(&it["ipBlock"], *address),
            Peer::Pod { pod, namespace, namespace_labels } => {
                let (pods, namespaces) = (&it["podSelector"], &it["namespaceSelector"]);
                let in_namespace = if namespaces.is_null() {
                    namespace == policy_namespace
                } else {
                    meets(namespaces, namespace_labels)
                };
                (!pods.is_null() || !namespaces.is_null())
                    && in_namespace
                    && (pods.is_null() || meets(pods, &pod["metadata"]["labels"]))
            }
        })
}

fn is_in_block(block: &Value, address: IpAddr) -> bool {
    let is_in = |cidr: &Value| cidr.as_str().is_some_and(|it| has_prefix(it, address));
    is_in(&block["cidr"]) && !block["except"].as_array().into_iter().flatten().any(is_in)
}

/// Whether an address is in a block such as `169.254.20.10/32`.
fn has_prefix(cidr: &str, address: IpAddr) -> bool {
    let Some((base, length)) = cidr.split_once('/') else { return false };
    let (Ok(base), Ok(length)) = (base.parse::<IpAddr>(), length.parse::<u32>()) else { return false };
    let shifted = |it: IpAddr| match it {
        IpAddr::V4(it) => u128::from(it.to_bits()).checked_shr(32_u32.saturating_sub(length)).unwrap_or(0),
        IpAddr::V6(it) => it.to_bits().checked_shr(128_u32.saturating_sub(length)).unwrap_or(0),
    };
    base.is_ipv4() == address.is_ipv4() && shifted(base) == shifted(address)
}

/// A namespace's labels as far as an API server sets them itself.
#[must_use]
pub fn own_labels(namespace: &str) -> Value {
    json!({ "kubernetes.io/metadata.name": namespace })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(app: &str, namespace: &str) -> Peer {
        let ports = json!([{ "name": "http", "containerPort": 8080 }]);
        Peer::Pod {
            pod: json!({ "metadata": { "labels": { "app": app } }, "spec": { "containers": [{ "ports": ports }] } }),
            namespace: namespace.to_owned(),
            namespace_labels: own_labels(namespace),
        }
    }

    const HTTP: Port = Port { protocol: "TCP", number: 8080 };

    #[test]
    fn pods_without_a_policy_are_open() {
        assert!(lets_through([], &pod("a", "ns"), &pod("b", "ns"), HTTP));
    }

    #[test]
    fn a_policy_without_rules_denies() {
        let deny = json!({ "metadata": { "namespace": "ns" }, "spec": { "podSelector": {}, "policyTypes": ["Ingress"] } });
        assert!(!lets_through([&deny], &pod("a", "ns"), &pod("b", "ns"), HTTP));
        assert!(lets_through([&deny], &pod("a", "ns"), &pod("b", "other"), HTTP), "another namespace");
        assert!(lets_through([&deny], &Peer::Node, &pod("b", "ns"), HTTP), "the kubelet");
    }

    #[test]
    fn a_named_port_is_that_of_the_pod() {
        let policy = json!({ "metadata": { "namespace": "ns" }, "spec": {
            "podSelector": { "matchLabels": { "app": "b" } },
            "ingress": [{ "from": [{ "podSelector": { "matchLabels": { "app": "a" } } }], "ports": [{ "port": "http" }] }],
        } });
        assert!(lets_through([&policy], &pod("a", "ns"), &pod("b", "ns"), HTTP));
        let admin = Port { number: 8081, ..HTTP };
        assert!(!lets_through([&policy], &pod("a", "ns"), &pod("b", "ns"), admin));
        assert!(!lets_through([&policy], &pod("c", "ns"), &pod("b", "ns"), HTTP));
        assert!(
            !lets_through([&policy], &pod("a", "other"), &pod("b", "ns"), HTTP),
            "another namespace's pod"
        );
    }

    #[test]
    fn blocks_of_addresses_have_exceptions() {
        let policy = json!({ "metadata": { "namespace": "ns" }, "spec": {
            "podSelector": {}, "policyTypes": ["Egress"],
            "egress": [{ "to": [{ "ipBlock": { "cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"] } }] }],
        } });
        for (address, expected) in
            [("10.2.3.4", true), ("10.1.3.4", false), ("11.0.0.1", false), ("::1", false)]
        {
            let to = Peer::Address(address.parse().expect("an address"));
            assert_eq!(lets_through([&policy], &pod("a", "ns"), &to, HTTP), expected, "{address}");
        }
    }
}
