//! Queries of a store's products, in the vocabulary of json-server: filters, full text, sorting, pages and slices.
//!
//! [`parameters`] reads a query string with its [`search`], [`matching`] holds it against the indexes of a store,
//! [`selection`] walks them
//! to the products that are wanted, [`links`] leads to the other pages.

mod bad_query;
pub(crate) mod links;
mod matching;
pub(crate) mod parameters;
mod pattern;
mod search;
mod selection;

#[cfg(any(test, feature = "fuzz"))]
pub(crate) use self::selection::by_looking;
pub(crate) use self::{
    bad_query::{BadQuery, MAX_QUOTED},
    parameters::{Query, Window},
    pattern::MAX_COMPILED_TOGETHER,
    selection::{Selection, select},
};
