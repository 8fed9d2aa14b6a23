//! The harness of the tests: starts the real binaries on free ports, talks to them, shows what they logged when a
//! test fails, and ends them whatever happens.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use sava_testbed::{Cart, Product};
//!
//! let product = Product::start().release("2.0.1").await;
//! let cart = Cart::start().locale("uk").product(&product.url("")).await;
//! assert_eq!(cart.get("/").await.status(), 200);
//! # Ok(())
//! # }
//! ```

#![expect(clippy::missing_panics_doc, reason = "a harness panics: so a test fails where it stands")]

mod balancer;
pub mod binaries;
pub mod browser;
mod cart;
pub mod cluster;
pub mod docker;
mod http;
mod ingress;
pub mod lighthouse;
pub mod memory;
mod postgres;
mod process;
mod processor;
mod product;
pub mod prometheus;
mod server;
mod shopper;
pub mod tools;

pub use balancer::Balancer;
pub use cart::{Cart, CartBuilder};
pub use http::{answer, body, client, json};
pub use ingress::Ingress;
pub use postgres::{PgBouncer, Postgres};
pub use process::{Exit, PATIENCE, Process, command};
pub use product::{Product, ProductBuilder};
pub use rustix::process::Signal;
pub use server::{Running, Start, has_own_resolver};
pub use shopper::BrowserShopper;
