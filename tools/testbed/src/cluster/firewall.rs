//! The `NetworkPolicies` at work: which pod a connection comes from, and whether it may go where it wants.

use std::net::SocketAddr;
use std::path::Path;

use super::api::ApiState;
use super::policy::{self, Peer, Port};
use super::store::Key;

/// Whether a connection, of which these are the two ends on this machine, may go on to a port of a pod.
pub(super) fn lets_through(shared: &ApiState, ends: Ends, to: &Key, port: u16) -> bool {
    let policies = shared.store.list("networkpolicies", "").1;
    if policies.is_empty() {
        return true;
    }
    // Whatever is not a pod stands for the node: the tests themselves, and the API server.
    let from = client(&shared.pods, ends).and_then(|uid| {
        let pods = shared.store.list("pods", "").1;
        let pod = pods.into_iter().find(|it| it["metadata"]["uid"] == uid.as_str())?;
        let name = pod["metadata"]["name"].as_str().unwrap_or_default();
        let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
        as_peer(shared, &Key::new("pods", namespace, name))
    });
    let Some(to) = as_peer(shared, to) else { return true };
    let port = Port { protocol: "TCP", number: port };
    policy::lets_through(&policies, &from.unwrap_or(Peer::Node), &to, port)
}

/// A connection: the end of the client, and that at which it was taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    pub(super) client: SocketAddr,
    pub(super) server: SocketAddr,
}

fn as_peer(shared: &ApiState, pod: &Key) -> Option<Peer> {
    let namespace = shared.store.get(&Key::new("namespaces", "", &pod.namespace))?;
    Some(Peer::Pod {
        pod: shared.store.get(pod)?,
        namespace: pod.namespace.clone(),
        namespace_labels: namespace["metadata"]["labels"].clone(),
    })
}

/// The uid of the pod that holds the client's socket, if a pod does. All pods share the addresses of one
/// machine, so the kernel's tables tell (proc(5), `/proc/net/tcp` and `/proc/PID/fd`); a process is of the pod in whose
/// folder below `pods` it works.
fn client(pods: &Path, ends: Ends) -> Option<String> {
    let socket = format!("socket:[{}]", inode(ends)?);
    let processes = std::fs::read_dir("/proc").ok()?.flatten();
    processes.into_iter().find_map(|process| {
        let folder = std::fs::read_link(process.path().join("cwd")).ok()?;
        let uid = folder.strip_prefix(pods).ok()?.iter().next()?.to_str()?.to_owned();
        let mut files = std::fs::read_dir(process.path().join("fd")).ok()?.flatten();
        files
            .any(|it| std::fs::read_link(it.path()).is_ok_and(|it| *it.as_os_str() == *socket))
            .then_some(uid)
    })
}

/// The number of the client's socket. Both ends tell it: a port is used for connections to several addresses at once, and
/// one that has ended is in the table for a while.
fn inode(ends: Ends) -> Option<String> {
    let (client, server) = (in_table(ends.client)?, in_table(ends.server)?);
    // The kernel tells the table in pieces: where connections come and go meanwhile, rows are left out now and then.
    (0..20).find_map(|_| {
        let table = std::fs::read_to_string("/proc/net/tcp").ok()?;
        let mut rows = table.lines().map(|row| row.split_whitespace().collect::<Vec<_>>());
        let row = rows.find(|row| row.get(1) == Some(&&*client) && row.get(2) == Some(&&*server))?;
        row.get(9).map(|&inode| inode.to_owned())
    })
}

/// An address as the kernel's table has it.
fn in_table(address: SocketAddr) -> Option<String> {
    let SocketAddr::V4(address) = address else { return None };
    Some(format!("{:08X}:{:04X}", u32::from_ne_bytes(address.ip().octets()), address.port()))
}
