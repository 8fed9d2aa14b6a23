//! A stand-in for a Kubernetes cluster, for tests with the real `kubectl`.
//!
//! **What it is not.** It is not Kubernetes, and passing here does not show that Kubernetes agrees. It knows the few
//! kinds of object and the few verbs that sava's tutorial uses; it has no users, no authorization, no quotas, no
//! scheduler, no nodes, no container images, no network policies. Its pods are processes of this machine, each on a
//! loopback address of its own (Linux gives a process all of 127.0.0.0/8), and so its proxy forwards to loopback
//! addresses, which a real API server refuses. Objects live in memory, and every change is kept for ever.
//!
//! **What it is.** [`ApiServer`] answers as much as the real `kubectl` 1.32 needs, and its proxy subresources keep the
//! facts that were observed on a real API server: which requests are redirected, which headers the application sees,
//! which references in pages are rewritten and which pages break.

mod admission;
mod api;
mod kubectl;
mod patch;
mod proxy;
mod resource;
mod rewrite;
mod selector;
mod status;
mod store;
mod table;

pub use api::ApiServer;
pub use kubectl::{Kubectl, KubectlProxy};
