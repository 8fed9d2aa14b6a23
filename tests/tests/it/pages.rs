//! The pages of the store front, as a shopper and a terminal meet them: every page, every state, every reference.

mod lists;
mod references;
mod states;
mod terminal;
pub(crate) mod visitor;
