//! What a request costs in processor time, as ratios of servers that take turns in one run: `cargo xtask bench`.
//!
//! Processor time rather than elapsed time, as the kernel accounts it to the server's threads: on a busy machine it
//! varies least, and in turns, so that what still varies hits all servers alike.

#![expect(clippy::print_stdout, reason = "the table is what it is asked for")]

mod bare;
mod callgrind;
mod checkout;
mod client;
mod instructions;
mod orders;
mod postgres;
mod server;
mod stores;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Parser, Subcommand, value_parser};

use client::Request;
use instructions::Purpose;
use server::{Binaries, Server, Under};

/// Measure processor time a request, against a bare axum server, nginx and json-server, in about five minutes
#[derive(Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench", version, max_term_width = 100)]
#[expect(clippy::struct_excessive_bools, reason = "options of a command line")]
struct Bench {
    #[command(subcommand)]
    command: Option<Command>,

    /// Count instructions by valgrind instead of time, in about two minutes
    #[arg(long)]
    instructions: bool,

    /// Measure orders a second instead, against the disk and against pgbench, in about two minutes
    #[arg(long, conflicts_with = "instructions")]
    orders: bool,

    /// Fail where a count is not the one that is committed
    #[arg(long, requires = "instructions", conflicts_with = "commit")]
    check: bool,

    /// Write the counts to tools/bench/instructions.json and docs/speed.md
    #[arg(long, requires = "instructions")]
    commit: bool,

    /// The folder with the services' binaries [default: this program's own]
    #[arg(long)]
    binaries: Option<PathBuf>,

    /// json-server's program [default: the one in target/tools, if it is there]
    #[arg(long)]
    json_server: Option<PathBuf>,

    /// Requests of a server in each of its turns
    #[arg(long, default_value_t = 4000, value_parser = value_parser!(u32).range(4..=1_000_000))]
    requests: u32,

    /// Turns of each server; the median of the ratios counts
    #[arg(long, default_value_t = 9, value_parser = value_parser!(u32).range(1..=1000))]
    turns: u32,
}

#[derive(Subcommand)]
enum Command {
    /// Be the bare server: one answer, as JSON on standard input, to every request
    #[command(hide = true)]
    Bare,
}

fn main() -> anyhow::Result<()> {
    let bench = Bench::parse();
    match bench.command {
        Some(Command::Bare) => bare::serve(),
        None => bench.run(),
    }
}

impl Bench {
    fn run(&self) -> anyhow::Result<()> {
        let own = std::env::current_exe()?.parent().context("a program is in a folder")?.to_owned();
        let folder = self.binaries.clone().unwrap_or_else(|| own.clone());
        if self.instructions {
            let purpose = match (self.check, self.commit) {
                (true, _) => Purpose::Check,
                (_, true) => Purpose::Commit,
                _ => Purpose::Show,
            };
            return instructions::run(&Binaries { folder, under: Under::Callgrind }, purpose);
        }
        let binaries = Binaries { folder, under: Under::Nothing };
        if self.orders {
            return orders::run(&binaries, self.turns);
        }
        let installed = own.join("../tools/json-server/node_modules/json-server/lib/cli/bin.js");
        let json_server = self.json_server.clone().or_else(|| installed.is_file().then_some(installed));
        println!("| what | processor time a request | ratio |\n| --- | --- | --- |");
        self.list(&binaries, json_server.as_deref())?;
        self.queries(&binaries)?;
        self.pages(&binaries)
    }

    /// The list of a store, against the same bytes from other servers.
    fn list(&self, binaries: &Binaries, json_server: Option<&Path>) -> anyhow::Result<()> {
        let list = Request::get("/products/ie");
        let product = binaries.product(&[])?;
        let answer = client::answer(product.address, &list)?;
        let quiet = binaries.product(&[("RUST_LOG", "warn")])?;
        let bare = Server::bare(&answer, Under::Nothing)?;
        let nginx = server::nginx(&answer)?;
        let json_server = json_server.map(server::json_server).transpose()?;
        let mut rivals = vec![
            ("`/products/ie`", &product, list.clone()),
            ("`/products/ie`, without a log line a request", &quiet, list.clone()),
            ("the same bytes and headers from a bare axum server, which logs nothing", &bare, list.clone()),
        ];
        match &nginx {
            Some(nginx) => {
                rivals.push(("the same from nginx, as a file, its log off", nginx, Request::get("/")));
            }
            None => eprintln!("nginx is not installed: left out"),
        }
        match &json_server {
            Some(json_server) => {
                rivals.push((
                    "the same list from json-server, with its log line",
                    json_server,
                    Request::get("/products?locale=ie"),
                ));
            }
            None => eprintln!("json-server is not installed: left out"),
        }
        self.compare(&rivals)
    }

    /// A page of ten out of many products, against one out of a few.
    fn queries(&self, binaries: &Binaries) -> anyhow::Result<()> {
        let (few, many) = (stores::with(24)?, stores::with(100_000)?);
        let data = |folder: &tempfile::TempDir| folder.path().display().to_string();
        let few = binaries.product(&[("DATA_DIR", &data(&few))])?;
        let many = binaries.product(&[("DATA_DIR", &data(&many))])?;
        let page = Request::get("/products/ie?_sort=price&_page=2&_limit=10");
        self.compare(&[
            ("ten of 100,000 products, sorted by price", &many, page.clone()),
            ("ten of 24 products, sorted by price", &few, page),
        ])?;
        println!(
            "| 100,000 products: ready after {:.2} s, {} MB resident, {} MB at most | | |",
            many.started_in.as_secs_f64(),
            many.memory("VmRSS")? / 1_000_000,
            many.memory("VmHWM")? / 1_000_000
        );
        Ok(())
    }

    /// The store front's list, with what the product service behind it does for it.
    fn pages(&self, binaries: &Binaries) -> anyhow::Result<()> {
        let product = binaries.product(&[])?;
        let address = format!("http://{}", product.address);
        let cart = binaries.cart(&[("PRODUCT_SERVICE_ADDR", &address)])?.with(&product);
        let plain =
            binaries.cart(&[("PRODUCT_SERVICE_ADDR", &address), ("SAVA_RELEASE", "1.0.5")])?.with(&product);
        let answer = client::answer(cart.address, &Request::get("/"))?;
        let bare = Server::bare(&answer, Under::Nothing)?;
        self.compare(&[
            ("the store front's list, 3.0.0, with its product service", &cart, Request::get("/")),
            ("the store front's list, 1.0.5, with its product service", &plain, Request::get("/")),
            ("the page's bytes from a bare axum server", &bare, Request::get("/")),
        ])
    }

    /// Lets the servers take turns, and tells what a request costs each, and the first in terms of the others.
    fn compare(&self, rivals: &[(&str, &Server, Request)]) -> anyhow::Result<()> {
        let mut costs = vec![Vec::new(); rivals.len()];
        for turn in 0..=self.turns {
            for ((_, server, request), costs) in rivals.iter().zip(&mut costs) {
                let before = server.processor_time()?;
                client::load(server.address, request, self.requests)?;
                let cost = (server.processor_time()? - before) / f64::from(self.requests);
                // The first turn warms up.
                if turn > 0 {
                    costs.push(cost);
                }
            }
        }
        for ((what, ..), other) in rivals.iter().zip(&costs) {
            let ratios = costs[0].iter().zip(other).map(|(first, other)| first / other).collect();
            println!("| {what} | {:.1} µs | {:.2} |", median(other.clone()) * 1e6, median(ratios));
        }
        Ok(())
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
