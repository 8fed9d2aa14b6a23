//! The store front of the shop: the products of one locale's store, a shopping cart, checkout and orders.
#![warn(missing_docs)]

pub mod cart;
pub mod catalog;
pub mod checkout;
pub mod cookies;
pub mod country;
pub mod metrics;
pub mod money;
pub mod orders;
pub mod pages;
pub mod reference;
pub mod release;
pub mod resolver;
pub mod sampler;
pub mod settings;
pub mod shopper;
pub mod shoppers;
pub mod state;

pub use state::AppState;
