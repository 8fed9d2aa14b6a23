//! A stand-in for a Kubernetes cluster, for the real `kubectl`: in tests, and for a class (`cargo xtask classroom`).
//!
//! **What it is not.** It is not Kubernetes, and passing here does not show that Kubernetes agrees. It knows the few
//! kinds of object and the few verbs that sava's tutorial uses; it has no users, no authorization, no quotas, no
//! scheduler, no nodes, no container images. Its pods are processes of this machine, each on a
//! loopback address of its own (Linux gives a process all of 127.0.0.0/8), and so its proxy forwards to loopback
//! addresses, which a real API server refuses. Network policies are enforced where a pod connects to a Service; a pod
//! that knows the address of another gets there whatever they say. Objects live in memory, and every change is kept for
//! ever.
//!
//! **What it is.** [`ApiServer`] answers as much as the real `kubectl` 1.32 needs, and its proxy subresources keep the
//! facts that were observed on a real API server: which requests are redirected, which headers the application sees,
//! which references in pages are rewritten and which pages break. [`Cluster`] adds what makes objects come true:
//! Deployments that run the real binaries of the release that the image's tag names, with their probes, limits of memory,
//! restarts, rollouts and SIGTERM, and the events that tell of it; Jobs; `ConfigMap` and Secret volumes; Services whose connections go to a ready pod at random,
//! their variables and their names.

mod admission;
mod api;
mod controllers;
mod events;
mod firewall;
mod images;
mod kubectl;
mod kubelet;
mod network;
mod patch;
pub mod policy;
mod protobuf;
mod proxy;
mod resource;
mod rewrite;
mod selector;
mod service;
mod status;
mod store;
mod table;

use std::{ops::Deref, sync::Arc, time::Duration};

pub use api::ApiServer;
pub use kubectl::{Kubectl, KubectlProxy, kubeconfig};

use controllers::Controllers;
use kubelet::Kubelet;
use network::Balancers;
use store::Key;

/// A running cluster: an [`ApiServer`] and what makes its objects come true. Dropping it ends all that runs in it.
#[derive(Debug)]
pub struct Cluster {
    server: ApiServer,
    working: tokio::task::JoinHandle<()>,
}

impl Cluster {
    /// Starts one with nothing in it but the namespace `default`.
    pub async fn start() -> Self {
        // Cargo may have to build the binaries first: not while the cluster waits for them.
        tokio::task::spawn_blocking(|| crate::binaries::path("")).await.expect("the binaries build");
        let server = ApiServer::start().await;
        let shared = Arc::clone(server.shared());
        let working = tokio::spawn(async move {
            let (mut controllers, mut balancers, mut kubelet) =
                (Controllers::default(), Balancers::default(), Kubelet::default());
            let mut changes = shared.store.follow();
            loop {
                changes.borrow_and_update();
                controllers.reconcile(&shared.store);
                network::endpoints(&shared.store);
                balancers.reconcile(&shared).await;
                kubelet.reconcile(&shared);
                // Deadlines pass without a change.
                let _ = tokio::time::timeout(Duration::from_secs(1), changes.changed()).await;
            }
        });
        Self { server, working }
    }

    /// Ends a pod's process at once (SIGKILL), as a kernel does that has no memory left; whether it had one.
    #[must_use]
    pub fn kill(&self, namespace: &str, pod: &str) -> bool {
        kubelet::kill(self.server.shared(), &Key::new("pods", namespace, pod))
    }
}

impl Deref for Cluster {
    type Target = ApiServer;

    fn deref(&self) -> &ApiServer {
        &self.server
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.working.abort();
    }
}
