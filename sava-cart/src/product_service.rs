//! The product service as it is seen from here: where it is, how it is asked, and what it says of itself.

pub(crate) mod client;
pub(crate) mod endpoint;
mod https;
pub(crate) mod preview_release;
pub(crate) mod sampler;
pub(crate) mod single_flight;
pub(crate) mod statement;

pub use endpoint::Endpoint;
pub use preview_release::PreviewRelease;
