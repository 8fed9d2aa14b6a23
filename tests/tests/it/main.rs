//! What sava does as real processes. A module is an area; those of a browser are below `browser`, those of Docker
//! below `images`, so that `cargo xtask test --quick` can leave them out.

mod browser;
mod cluster;
mod contract;
mod document;
mod engine;
mod harness;
mod images;
mod pages;
mod pins;
mod product;
mod readme;
mod release;
mod service;
mod shop;
mod snapshots;
mod soak;
mod start;
mod storefront;
mod tree;
mod workflows;
