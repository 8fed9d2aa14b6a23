//! The stand-in control plane: first that it is what it says, then what runs in it.

mod base;
mod classroom;
mod control_plane;
mod gitops;
mod manifests;
mod pipeline;
mod policies;
mod proxy;
mod releases;
mod rendered;
pub(crate) mod tutorial;
