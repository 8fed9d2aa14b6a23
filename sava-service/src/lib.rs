//! What both services of the shop need to be good citizens of a cluster: settings, identity, logs, metrics,
//! probes, faults on purpose, and a server that has limits and drains.
//!
//! A service's `main` reads: parse [`settings`], start [`telemetry`], make a [`Service`], make its router,
//! and [`Service::run`] it until SIGTERM.
#![warn(missing_docs)]

pub mod collation;
pub mod content_policy;
pub mod etag;
pub mod excerpt;
pub mod faults;
pub mod health;
pub mod identity;
pub mod metrics;
pub mod problem;
pub mod quality;
pub mod readiness;
pub mod resolver;
pub mod server;
pub mod settings;
pub mod telemetry;
pub mod trace;

pub use excerpt::excerpt;
pub use identity::Identity;
pub use metrics::Metrics;
pub use problem::Problem;
pub use readiness::Readiness;
pub use resolver::Resolver;
pub use server::Service;
