//! The contract of the product API, run against any server that says it keeps it.
//!
//! [`rules`] holds one rule for each thing that the API promises, named after what it is about. Nothing
//! in them knows a product: what a query should answer is worked out from the list that the server itself serves.
//! Below the rules stand [`server`] (the server under test, and what is known of it), [`http`] (requests as
//! bytes), [`release`] (which release serves which versions) and [`schema`] (the JSON Schemas that are published
//! with the API); [`report`] tells how it went.

mod expect;
pub mod http;
pub mod link;
mod objection;
pub mod price;
pub mod release;
pub mod report;
pub mod rule;
pub mod rules;
pub mod schema;
pub mod server;

pub use report::Report;
pub use rule::{Rule, Verdict};
pub use server::Server;
