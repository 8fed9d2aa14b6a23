//! What a request costs in instructions, counted by callgrind: `cargo xtask bench --instructions`.
//!
//! Counted are the instructions in user space, the C library's and the log thread's included and the kernel's not, of a
//! server that answers one request after the other on a kept connection.
//!
//! From run to run a count varies by less than 1 %, and by no more between machines with the same compiler, C library
//! and valgrind: valgrind shows each program the same processor on any machine with AVX2. Where one of these is another,
//! counts move: without AVX2, by another `memcpy`, by -1.5 % to +5.1 %, and their ratios to the bare server's by
//! -5.7 % to +1.1 %. So the counts themselves are held where all of these are those of the commit, and elsewhere the
//! ratios, with a wider margin.

use std::{fmt::Write as _, fs, path::Path, process::Command};

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};

use crate::{
    checkout::Shopper,
    client::{self, Connection, Request, Response},
    server::{Binaries, Server, Under},
    stores,
};

/// The counts that are committed.
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.json");

/// Where the table is for people.
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/speed.md");
const BEGIN: &str = "<!-- instructions -->\n";
const END: &str = "<!-- /instructions -->";

/// How far a count may be from the one that is committed, in either direction, in percent.
const MARGIN: f64 = 3.0;
/// How far its ratio to the bare server's, where something else than the code is not the same.
const RATIO_MARGIN: f64 = 10.0;

/// Requests before the first that counts: by then everything is allocated that is made once.
const FIRST: u32 = 100;

/// Requests that are counted together, and how often: the median counts, as timers of the process fall into some.
const REQUESTS: u32 = 200;
const TIMES: usize = 5;

/// What is done with the counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Purpose {
    /// They are shown.
    Show,
    /// They are shown, and it is an error where they are not those that are committed.
    Check,
    /// They are written to where they are committed, and as a table into the documentation.
    Commit,
}

/// What a request of one kind costs.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Count {
    what: String,
    /// In user space, a request.
    instructions: u64,
}

/// What requests of all kinds cost.
#[derive(Deserialize, Serialize)]
struct Counts {
    /// What they depend on beside the code.
    with: String,
    /// The bare server's is the first.
    counts: Vec<Count>,
}

/// Counts, and does with the counts what it is asked for.
pub(crate) fn run(binaries: &Binaries, purpose: Purpose) -> anyhow::Result<()> {
    let mut counts = Counts { with: machine()?, counts: Vec::new() };
    counts.products(binaries)?;
    counts.store_front(binaries)?;
    let table = counts.table();
    print!("{table}");
    match purpose {
        Purpose::Show => Ok(()),
        Purpose::Check => {
            let text = fs::read_to_string(FILE).with_context(|| format!("cannot read {FILE}"))?;
            counts.check(&serde_json::from_str(&text)?)
        }
        Purpose::Commit => {
            let text = serde_json::to_string_pretty(&counts)?;
            fs::write(FILE, text + "\n").with_context(|| format!("cannot write {FILE}"))?;
            write(Path::new(DOCUMENT), &table)
        }
    }
}

impl Counts {
    fn products(&mut self, binaries: &Binaries) -> anyhow::Result<()> {
        let list = Request::get("/products/ie");
        let product = binaries.product(&[])?;
        let answer = client::answer(product.address, &list)?;
        let bare = Server::bare(&answer, Under::Callgrind)?;
        self.add("the bytes and headers of `/products/ie` from a bare axum server", &bare, |_| list.clone())?;
        drop(bare);
        let quiet = binaries.product(&[("RUST_LOG", "warn")])?;
        self.add("`/products/ie` without a log line", &quiet, |_| list.clone())?;
        drop(quiet);
        self.add("`/products/ie` with its log line, as all below", &product, |_| list.clone())?;
        for version in ["v1", "v2", "v3"] {
            let list = list.clone().with("Accept", format!("application/vnd.sava.{version}+json"));
            self.add(&format!("`/products/ie` as {version}"), &product, |_| list.clone())?;
        }
        let known = list.with("If-None-Match", header(&answer, "etag")?).expecting(304);
        self.add("`/products/ie`, which the client has already: 304", &product, |_| known.clone())?;
        drop(product);
        let many = stores::with(100_000)?;
        let many = binaries.product(&[("DATA_DIR", &many.path().display().to_string())])?;
        let page = Request::get("/products/ie?_sort=price&_page=2&_limit=10");
        self.add("ten of 100,000 products, sorted by price", &many, |_| page.clone())
    }

    fn store_front(&mut self, binaries: &Binaries) -> anyhow::Result<()> {
        // What it does for the store front is counted above.
        let product = Binaries { under: Under::Nothing, ..binaries.clone() }.product(&[])?;
        let address = format!("http://{}", product.address);
        let cart = binaries.cart(&[("PRODUCT_SERVICE_ADDR", &address)])?;
        self.add("the store front's list", &cart, |_| Request::get("/"))?;
        self.add("the page of a product", &cart, |_| Request::get("/products/3"))?;
        self.add("a product is put into the cart", &cart, |_| Shopper::add())?;
        let shopper = Shopper::at(cart.address)?;
        self.add("the cart", &cart, |_| shopper.view())?;
        self.add("an order is placed, in SQLite", &cart, |number| shopper.order(number))
    }

    /// Adds what the server does for each request; `request` makes the one of a number.
    fn add(&mut self, what: &str, server: &Server, request: impl Fn(u32) -> Request) -> anyhow::Result<()> {
        let mut connection = Connection::open(server.address)?;
        let mut number = 0;
        let mut ask = |times: u32| {
            (0..times).try_for_each(|_| {
                number += 1;
                let answer = connection.ask(&request(number))?;
                ensure!(answer.header("connection") != Some("close"), "{what}: the connection is closed");
                Ok(())
            })
        };
        ask(FIRST)?;
        server.settle()?;
        server.instructions()?;
        let mut counts = Vec::new();
        for _ in 0..TIMES {
            ask(REQUESTS)?;
            counts.push(server.instructions()? / u64::from(REQUESTS));
        }
        eprintln!("{what}: {counts:?}");
        counts.sort_unstable();
        self.counts.push(Count { what: what.to_owned(), instructions: counts[TIMES / 2] });
        Ok(())
    }

    /// Each count as a multiple of the bare server's.
    fn ratios(&self) -> impl Iterator<Item = (&Count, f64)> {
        #[expect(clippy::cast_precision_loss, reason = "no request takes 2^53 instructions")]
        self.counts
            .iter()
            .map(|count| (count, count.instructions as f64 / self.counts[0].instructions as f64))
    }

    fn table(&self) -> String {
        let mut table =
            "| what | instructions a request | as a multiple of the bare server's |\n| --- | --- | --- |\n"
                .to_owned();
        for (Count { what, instructions }, ratio) in self.ratios() {
            let _ = writeln!(table, "| {what} | {} | {ratio:.2} |", thousands(*instructions));
        }
        table
    }

    /// Compares them with those that are committed.
    fn check(&self, committed: &Self) -> anyhow::Result<()> {
        const AGAIN: &str = "cargo xtask bench --instructions --commit";
        let names = |counts: &Self| counts.counts.iter().map(|count| count.what.clone()).collect::<Vec<_>>();
        ensure!(names(self) == names(committed), "{FILE} has other rows: {AGAIN}");
        let is_same = self.with == committed.with;
        if !is_same {
            println!(
                "Counted with {}; what is committed, with {}. So ratios to the bare server are held, by {RATIO_MARGIN} %.",
                self.with, committed.with
            );
        }
        let mut is_off = false;
        for (
            (Count { what, instructions: now }, ratio_now),
            (Count { instructions: then, .. }, ratio_then),
        ) in self.ratios().zip(committed.ratios())
        {
            #[expect(clippy::cast_precision_loss, reason = "no request takes 2^53 instructions")]
            let (change, margin) = if is_same {
                (*now as f64 / *then as f64, MARGIN)
            } else {
                (ratio_now / ratio_then, RATIO_MARGIN)
            };
            let percent = (change - 1.0) * 100.0;
            if percent.abs() > margin {
                is_off = true;
                println!("{what}: {percent:+.1} %, from {} to {}", thousands(*then), thousands(*now));
            }
        }
        ensure!(
            !is_off,
            "that is too far from what is committed: find out why it costs more, or commit what it costs now, by {AGAIN}"
        );
        Ok(())
    }
}

/// What counts depend on beside the code.
fn machine() -> anyhow::Result<String> {
    let first_line = |program: &str, argument: &str| {
        let output = Command::new(program).arg(argument).output();
        let output = output.with_context(|| format!("cannot start {program}"))?.stdout;
        let line = String::from_utf8_lossy(&output).lines().next().unwrap_or_default().to_owned();
        anyhow::Ok(line)
    };
    #[cfg(target_arch = "x86_64")]
    let vectors = if std::arch::is_x86_feature_detected!("avx2") { "with AVX2" } else { "without AVX2" };
    #[cfg(not(target_arch = "x86_64"))]
    let vectors = "with its own vectors";
    let rustc = first_line("rustc", "--version")?;
    let libc = first_line("getconf", "GNU_LIBC_VERSION")?;
    let valgrind = first_line("valgrind", "--version")?;
    Ok(format!("{} {vectors}, {rustc}, {libc}, {valgrind}", std::env::consts::ARCH))
}

fn header<'answer>(answer: &'answer Response, name: &str) -> anyhow::Result<&'answer str> {
    answer.header(name).with_context(|| format!("the answer has no {name}"))
}

/// A number as people read it: `26,000`.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Puts the table into its place.
fn write(document: &Path, table: &str) -> anyhow::Result<()> {
    let text = fs::read_to_string(document).with_context(|| format!("cannot read {}", document.display()))?;
    let place = text.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) =
        place.with_context(|| format!("{} has no place for the table", document.display()))?;
    fs::write(document, format!("{before}{BEGIN}{table}{END}{after}"))?;
    Ok(())
}
