//! A client as small as can be: kept connections, one request at a time on each.

use std::{
    fmt::Write as _,
    io::{BufRead, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};

/// How many connections ask at the same time.
const CONNECTIONS: u32 = 4;

/// What is asked.
#[derive(Clone)]
pub(crate) struct Request {
    path: &'static str,
    headers: Vec<(&'static str, String)>,
    /// What is sent with POST; `None` for GET.
    form: Option<String>,
    /// The status that the answer must have.
    status: u16,
}

impl Request {
    pub(crate) const fn get(path: &'static str) -> Self {
        Self { path, headers: Vec::new(), form: None, status: 200 }
    }

    /// Sends a form, which the store front answers by showing the way to a page.
    pub(crate) fn post(path: &'static str, form: impl Into<String>) -> Self {
        Self { path, headers: Vec::new(), form: Some(form.into()), status: 303 }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn expecting(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// As it goes over the wire.
    fn text(&self, host: SocketAddr) -> String {
        let method = if self.form.is_some() { "POST" } else { "GET" };
        let mut text = format!("{method} {} HTTP/1.1\r\nHost: {host}\r\n", self.path);
        if !self.headers.iter().any(|(name, _)| *name == "Accept") {
            text.push_str("Accept: */*\r\n");
        }
        for (name, value) in &self.headers {
            let _ = write!(text, "{name}: {value}\r\n");
        }
        if let Some(form) = &self.form {
            let _ = write!(
                text,
                "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n",
                form.len()
            );
        }
        text.push_str("\r\n");
        text.push_str(self.form.as_deref().unwrap_or_default());
        text
    }
}

/// What is answered.
#[derive(Deserialize, Serialize)]
pub(crate) struct Response {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).next()
    }

    /// The values of a header that may be there more than once.
    pub(crate) fn headers(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.iter().filter(move |(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

/// One answer.
pub(crate) fn answer(address: SocketAddr, request: &Request) -> anyhow::Result<Response> {
    Connection::open(address)?.ask(request)
}

/// Asks `requests` times.
pub(crate) fn load(address: SocketAddr, request: &Request, requests: u32) -> anyhow::Result<()> {
    std::thread::scope(|scope| {
        let shares = (0..CONNECTIONS).map(|_| {
            scope.spawn(|| -> anyhow::Result<()> {
                let mut connection = Connection::open(address)?;
                for _ in 0..requests / CONNECTIONS {
                    // A server that has had the connection for long closes it with an answer.
                    if connection.ask(request)?.header("connection") == Some("close") {
                        connection = Connection::open(address)?;
                    }
                }
                Ok(())
            })
        });
        let shares: Vec<_> = shares.collect();
        shares.into_iter().try_for_each(|share| share.join().expect("a client does not panic"))
    })
}

/// A kept connection.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    address: SocketAddr,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        Ok(Self { stream: BufReader::with_capacity(64 * 1024, stream), address })
    }

    pub(crate) fn ask(&mut self, request: &Request) -> anyhow::Result<Response> {
        self.stream.get_mut().write_all(request.text(self.address).as_bytes())?;
        let status = self.line()?;
        let expected = format!("HTTP/1.1 {} ", request.status);
        ensure!(status.starts_with(&expected), "{} of {}: {status}", request.path, self.address);
        let mut answer = Response { headers: Vec::new(), body: Vec::new() };
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else { break };
            answer.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        if answer.header("transfer-encoding") == Some("chunked") {
            loop {
                let length = usize::from_str_radix(&self.line()?, 16)?;
                let end = answer.body.len();
                answer.body.resize(end + length, 0);
                self.stream.read_exact(&mut answer.body[end..])?;
                self.line()?;
                if length == 0 {
                    return Ok(answer);
                }
            }
        }
        if request.status == 304 {
            return Ok(answer);
        }
        let length = answer.header("content-length").context("an answer has a length")?.parse()?;
        answer.body.resize(length, 0);
        self.stream.read_exact(&mut answer.body)?;
        Ok(answer)
    }

    fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }
}
