//! sava-product: the products of the shop as a versioned JSON API.
//!
//! A request is [routed](router), its media type negotiated, its store found in the [catalog](Catalog), and answered from bytes
//! that were made when the catalog was loaded.
#![warn(missing_docs)]

mod release;
pub mod settings;

mod images;
mod pages;
mod path;
mod products;
mod router;
mod routes;
mod schemas;
mod state;

mod api_version;
mod negotiation;
mod representation;

mod catalog;
mod check;
mod decimal;
mod disk;
mod reload;

mod query;
mod searches;

mod array;
mod document;
mod encoding;
mod headers;

mod documents;
mod openapi;
mod problem_form;
mod problems;

mod metrics;

#[cfg(test)]
mod fixture;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;

pub use catalog::{Catalog, LoadError, Source};
pub use check::check;
pub use disk::Disk;
pub use metrics::ApiMetrics;
pub use problems::respond;
pub use reload::watch;
pub use router::router;
pub use state::AppState;
