//! The store front as a process: orders that last, and a shop that is open whatever sava-product does.

mod countries;
mod orders;
mod outage;
mod prices;
mod shelf;
mod spread;
mod visitor;
