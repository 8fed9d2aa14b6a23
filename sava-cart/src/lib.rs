//! The store front of the shop: the products of one locale's store, a shopping cart, checkout and orders.
#![warn(missing_docs)]

// What serves: the pages, and the state that they are given.
pub mod pages;
mod reference;
mod state;
// What a shopper does, in that order.
mod address;
mod cart;
mod catalog;
mod checkout;
mod checkout_limit;
mod dark_launch;
pub mod migrate;
mod orders;
mod pending;
mod quote;
mod shopper;
// What it stands on.
mod authorities;
mod client;
pub mod cookies;
mod marks;
mod metrics;
mod money;
mod product_service;
mod relay;
mod release;
mod rendered;
pub mod settings;

#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;

pub use authorities::Authorities;
pub use catalog::{Catalog, Freshness, Listing, Product, ProductQuery, Sort};
pub use metrics::ShopMetrics;
pub use product_service::{Endpoint, PreviewRelease};
pub use state::AppState;
