//! The fault campaign: shoppers shop in real store fronts while processes are killed, connections break and disks
//! fill, and an [`oracle`] remembers what each shopper was promised.
//!
//! What is random comes from a seed, which each run prints and takes again. The schedule of faults is the same then;
//! which request meets which fault is up to the machine.

mod database;
mod effort;
mod faulty_link;
mod name_server;
mod oracle;
mod report;
mod runs;
mod shopper;
mod trace;

pub use effort::Effort;
pub use report::Report;
pub use runs::Run;
