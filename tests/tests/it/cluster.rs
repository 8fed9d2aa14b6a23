//! The stand-in control plane: first that it is what it says, then what runs in it.

mod control_plane;
mod manifests;
mod pipeline;
mod proxy;
pub(crate) mod tutorial;
