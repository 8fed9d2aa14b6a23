//! Queries of a store's products, in the vocabulary of json-server: filters, full text, sorting, pages and slices.
//!
//! [`parameters`] reads a query string, [`matching`] holds it against the indexes of a store, [`selection`] walks them
//! to the products that are wanted, [`links`] leads to the other pages.

pub(crate) mod links;
mod matching;
pub(crate) mod parameters;
mod selection;

pub(crate) use self::{
    parameters::{BadQuery, MAX_QUOTED, Query, Window},
    selection::{Selection, select},
};
