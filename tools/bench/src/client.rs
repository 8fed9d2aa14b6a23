//! A client as small as can be: kept connections, one request at a time on each.

use std::{
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
}

impl Request {
    pub(crate) const fn get(path: &'static str) -> Self {
        Self { path }
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
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
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

struct Connection {
    stream: BufReader<TcpStream>,
    address: SocketAddr,
}

impl Connection {
    fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        Ok(Self { stream: BufReader::with_capacity(64 * 1024, stream), address })
    }

    fn ask(&mut self, request: &Request) -> anyhow::Result<Response> {
        let text = format!("GET {} HTTP/1.1\r\nHost: {}\r\nAccept: */*\r\n\r\n", request.path, self.address);
        self.stream.get_mut().write_all(text.as_bytes())?;
        let status = self.line()?;
        ensure!(status.starts_with("HTTP/1.1 200"), "{} of {}: {status}", request.path, self.address);
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
