//! The store front as a process: orders that last, and a shop that is open whatever sava-product does.

mod authority;
mod countries;
mod flood;
mod forms;
mod hostile;
mod https;
mod large;
mod lost_answers;
mod migrations;
mod orders;
mod origins;
mod outage;
mod prices;
mod roving_shopper;
mod shared_pages;
mod shelf;
mod spread;
mod stores;
mod tls;
