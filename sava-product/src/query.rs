//! Queries of a store's products, in the vocabulary of json-server: filters, full text, sorting, pages and slices.
//!
//! [`parameters`] reads a query string, [`matching`] holds it against the indexes of a store, [`selection`] walks them
//! to the products that are wanted, [`links`] leads to the other pages.

pub mod links;
mod matching;
pub mod parameters;
mod selection;

pub use self::{
    parameters::{BadQuery, Query},
    selection::{Selection, select},
};
