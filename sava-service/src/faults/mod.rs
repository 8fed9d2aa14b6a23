//! Faults on purpose: a release or an instance that misbehaves exactly as told, to be seen and rolled back.
//!
//! [`Faults`] is plain data, so a table of releases can hold a bad one. [`control`] applies it to requests.

pub(crate) mod control;
mod data;

pub use data::{Delay, Faults, Rate};
