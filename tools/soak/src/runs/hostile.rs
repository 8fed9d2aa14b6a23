//! Inputs that no client of good will sends: out of a seed, on raw sockets, at each place where text is read.

use std::sync::Arc;

use anyhow::Context as _;
use fastrand::Rng;
use futures_util::future::try_join_all;
use sava_testbed::{Cart, Process, Product, Running};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    time::{Duration, timeout},
};

use super::Effort;
use crate::oracle::Oracle;

/// Connections at once.
const SENDERS: u64 = 8;

/// Pieces that mean something at one of the places, and text that means something nowhere.
const PIECES: [&str; 64] = [
    "application/vnd.sava.v1+json",
    "application/json",
    "text/html",
    "*/*",
    "*",
    ";q=",
    "0.5",
    "1.001",
    "-1",
    ",",
    ";",
    "=",
    "\"",
    "\\",
    "%00",
    "%",
    "%2e%2e",
    "%F0%9F%8D%8E",
    "..",
    "/",
    "//",
    "?",
    "&",
    "&&",
    "#",
    "+",
    " ",
    "\t",
    "title",
    "title_like=",
    "price_gte=",
    "_sort=",
    "_order=desc",
    "_page=",
    "_limit=",
    "_ne",
    "q=",
    "id=",
    "[",
    "]",
    "(",
    ")",
    "(a*)*b",
    ".{1000}",
    "^$",
    "|",
    "\\p{L}",
    "(?i)",
    "18446744073709551616",
    "-0",
    "1e309",
    "NaN",
    "0x10",
    "é",
    "\u{202e}",
    "\u{0}",
    "name=",
    "quantity=",
    "key=",
    "seen=",
    "sava-cart-ie=",
    "sava-shopper-ie=",
    "gzip",
    "br;q=0",
];

/// Where a text is put.
#[derive(Clone, Copy)]
enum InputPart {
    Accept,
    AcceptEncoding,
    IfNoneMatch,
    Query,
    Path,
    Cookie,
    Form,
    /// Anywhere in the bytes of a request.
    Request,
}

impl InputPart {
    const OF_PRODUCT: [Self; 6] =
        [Self::Accept, Self::AcceptEncoding, Self::IfNoneMatch, Self::Query, Self::Path, Self::Request];
    const OF_CART: [Self; 5] = [Self::Query, Self::Path, Self::Cookie, Self::Form, Self::Request];

    /// A request with `text` there.
    fn request(self, rng: &mut Rng, text: &[u8]) -> Vec<u8> {
        let header = |name: &str| [name.as_bytes(), b": ", &visible(text)].concat();
        let get = |target: &[u8], header: &[u8]| {
            [b"GET ", target, b" HTTP/1.1\r\nHost: shop\r\n", header, b"\r\n\r\n"].concat()
        };
        match self {
            Self::Accept => get(b"/products/ie", &header("Accept")),
            Self::AcceptEncoding => get(b"/products/ie", &header("Accept-Encoding")),
            Self::IfNoneMatch => get(b"/products/ie", &header("If-None-Match")),
            Self::Query => {
                let path = *rng.choice(&["/products/ie?", "/?", "/products/1?"]).expect("some");
                get(&[path.as_bytes(), &target(text)].concat(), b"X-Nothing: at all")
            }
            Self::Path => get(&[b"/", &*target(text)].concat(), b"X-Nothing: at all"),
            Self::Cookie => get(b"/cart", &header("Cookie")),
            Self::Form => {
                let path = *rng.choice(&["/cart/items", "/checkout", "/cart"]).expect("some");
                let head = format!(
                    "POST {path} HTTP/1.1\r\nHost: shop\r\nContent-Length: {}\r\nContent-Type: \
                     application/x-www-form-urlencoded\r\n\r\n",
                    text.len()
                );
                [head.as_bytes(), text].concat()
            }
            Self::Request => {
                let mut request = get(b"/products/ie?q=a", b"Accept: application/json");
                let at = rng.usize(..request.len());
                let end = (at + rng.usize(..8)).min(request.len());
                request.splice(at..end, text.iter().copied());
                request
            }
        }
    }
}

/// Without what would end a field's line.
fn visible(text: &[u8]) -> Vec<u8> {
    text.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n' | 0)).collect()
}

/// Without what would end a request's target.
fn target(text: &[u8]) -> Vec<u8> {
    text.iter().copied().filter(|byte| !matches!(byte, 0..=b' ' | 0x7f)).collect()
}

fn text(rng: &mut Rng) -> Vec<u8> {
    let mut text = Vec::new();
    for _ in 0..rng.usize(1..12) {
        if rng.u8(..8) == 0 {
            text.extend(std::iter::repeat_with(|| rng.u8(..)).take(4));
        } else {
            text.extend(PIECES[rng.usize(..PIECES.len())].bytes());
        }
    }
    text
}

/// Each input gets an answer that is not the server's fault, or, where it is not HTTP, perhaps none.
pub(super) async fn run(effort: Effort, seed: u64, oracle: &Arc<Oracle>) -> anyhow::Result<()> {
    let product = Product::start().env("RUST_LOG", "info,sava::access=error").await;
    let cart = Cart::start().product(&product.url("")).env("RUST_LOG", "info,sava::access=error").await;
    let inputs = effort.choose(100_000, 1_000_000) / (2 * SENDERS);
    let senders = (0..SENDERS).flat_map(|sender| {
        let senders: [(&Running, &[InputPart]); 2] =
            [(&product, &InputPart::OF_PRODUCT), (&cart, &InputPart::OF_CART)];
        senders.map(|(server, places)| {
            let mut rng = Rng::with_seed(seed ^ (sender << 32));
            let (address, oracle) = (server.address().to_owned(), Arc::clone(oracle));
            let places = places.to_vec();
            tokio::spawn(async move {
                let mut connection = Connection::to(&address).await?;
                for _ in 0..inputs {
                    let place = places[rng.usize(..places.len())];
                    let text = text(&mut rng);
                    let request = place.request(&mut rng, &text);
                    oracle.count("inputs");
                    let is_http = !matches!(place, InputPart::Request);
                    match connection.send(&request, !is_http).await {
                        Some(500..=599) if is_http => {
                            oracle.find(format!("a 5xx for {:?}", String::from_utf8_lossy(&request)));
                        }
                        // 501 and 505 are what a method or a version of nobody's is told.
                        Some(status) if status >= 500 && !matches!(status, 501 | 505) => {
                            oracle.find(format!("{status} for {:?}", String::from_utf8_lossy(&request)));
                        }
                        Some(_) => oracle.count("answers"),
                        None => {
                            if is_http {
                                oracle.find(format!("no answer to {:?}", String::from_utf8_lossy(&request)));
                            }
                            connection = Connection::to(&address).await?;
                        }
                    }
                    if connection.is_last || !is_http {
                        connection = Connection::to(&address).await?;
                    }
                }
                anyhow::Ok(())
            })
        })
    });
    for sent in try_join_all(senders).await? {
        sent?;
    }
    for (server, path) in [(&*product, "/products/ie"), (&*cart, "/")] {
        let status = server.get(path).await.status();
        if status != 200 {
            oracle.find(format!("afterwards {path} is {status}"));
        }
        is_calm(server.process(), oracle);
    }
    Ok(())
}

/// Nothing that a client sends is an error of the server's.
fn is_calm(process: &Process, oracle: &Oracle) {
    let output = process.output();
    for line in output.lines().filter(|line| line.contains("panicked") || line.contains("\"ERROR\"")).take(3)
    {
        oracle.find(line);
    }
}

struct Connection {
    stream: BufReader<TcpStream>,
    /// Whether the server said that it ends it.
    is_last: bool,
}

impl Connection {
    async fn to(address: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await.context("the server takes connections")?;
        Ok(Self { stream: BufReader::new(stream), is_last: false })
    }

    /// The status of the answer; `None` where the server ends the connection without one, or has not answered in ten
    /// seconds. `and_no_more` tells the server that this is all, so that it does not wait for a rest.
    async fn send(&mut self, request: &[u8], and_no_more: bool) -> Option<u16> {
        self.stream.write_all(request).await.ok()?;
        if and_no_more {
            self.stream.shutdown().await.ok()?;
        }
        timeout(Duration::from_secs(10), self.answer()).await.ok().flatten()
    }

    async fn answer(&mut self) -> Option<u16> {
        let status_line = self.line().await?;
        let status = status_line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
        let (mut length, mut is_chunked) = (0, false);
        loop {
            let line = self.line().await?.to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':')?;
            match (name, value.trim()) {
                ("content-length", value) => length = value.parse().ok()?,
                ("transfer-encoding", "chunked") => is_chunked = true,
                ("connection", "close") => self.is_last = true,
                _ => {}
            }
        }
        while is_chunked {
            let size = usize::from_str_radix(&self.line().await?, 16).ok()?;
            self.skip(size + 2).await?;
            is_chunked = size > 0;
        }
        if status != 304 {
            self.skip(length).await?;
        }
        Some(status)
    }

    async fn line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line).await.ok()?;
        let line = line.strip_suffix(b"\r\n")?;
        Some(String::from_utf8_lossy(line).into_owned())
    }

    async fn skip(&mut self, bytes: usize) -> Option<()> {
        let mut body = vec![0; bytes];
        self.stream.read_exact(&mut body).await.ok().map(|_| ())
    }
}
