//! sava-product: the products of the shop as a versioned JSON API.
//!
//! A request is [routed](routes), its media type [negotiated](negotiation), its store found in the [`catalog`], and
//! answered from bytes that were made when the catalog was loaded.
#![warn(missing_docs)]

pub mod app;
pub mod array;
pub mod catalog;
pub mod check;
pub mod decimal;
pub mod document;
pub mod encoding;
#[cfg(test)]
mod fixture;
pub mod headers;
pub mod images;
pub mod metrics;
pub mod negotiation;
pub mod openapi;
pub mod pages;
pub mod problems;
pub mod products;
pub mod query;
pub mod release;
pub mod representation;
pub mod routes;
pub mod schemas;
pub mod settings;
pub mod version;

pub use app::App;
pub use routes::router;
