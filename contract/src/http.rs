//! HTTP/1.1 as bytes: requests that a client library would refuse to send, and answers as they came.
//!
//! The contract asks with two `Accept` lines, without `Host`, with a target of nine thousand bytes. A client library
//! mends or rejects such requests, follows redirects and undoes codings; this one sends what it is given.

use std::{
    fmt,
    io::{self, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use mime::Mime;

/// How long connecting may take, and each read or write.
const TIMEOUT: Duration = Duration::from_secs(10);

/// An answer longer than this is cut: no list of the shop comes near.
const LONGEST_ANSWER: u64 = 64 << 20;

/// Where a server is, and the path that its routes stand below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// `host` or `host:port`, as it is written in `Host`.
    pub authority: String,
    host: String,
    port: u16,
    /// The path before `/products`, without a slash at its end: empty at the root.
    pub prefix: String,
}

impl Base {
    /// Reads an `http` URL.
    pub fn parse(url: &str) -> anyhow::Result<Self> {
        let Some(rest) = url.strip_prefix("http://") else {
            bail!(
                "{url:?} is not an http:// URL (through TLS: kubectl proxy or port-forward, and their http URL)"
            );
        };
        ensure!(
            rest.bytes().all(|byte| byte.is_ascii_graphic()) && !rest.contains(['?', '#', '@']),
            "{url:?} is not the base URL of an API: scheme, host, port and path only"
        );
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => {
                (host, port.parse().with_context(|| format!("{url:?}: {port:?} is not a port"))?)
            }
            _ => (authority, 80),
        };
        ensure!(!host.is_empty(), "{url:?} names no host");
        Ok(Self {
            authority: authority.to_owned(),
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port,
            prefix: path.trim_end_matches('/').to_owned(),
        })
    }

    /// Whether this is a path of the proxy of a Kubernetes API server, which changes requests and answers.
    #[must_use]
    pub fn is_api_server_proxy(&self) -> bool {
        let segments: Vec<&str> = self.prefix.split('/').collect();
        segments
            .windows(7)
            .any(|window| matches!(window, ["api", "v1", "namespaces", _, "services" | "pods", _, "proxy"]))
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in (self.host.as_str(), self.port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, TIMEOUT) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(TIMEOUT))?;
                    stream.set_write_timeout(Some(TIMEOUT))?;
                    stream.set_nodelay(true)?;
                    return Ok(stream);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

/// A request, sent as it is written here and on a connection of its own.
#[derive(Clone, Debug)]
pub struct Request {
    base: Base,
    method: String,
    /// Path and query below the base, from `/` on.
    path: String,
    query: Vec<String>,
    target: TargetForm,
    http: &'static str,
    headers: Vec<(String, String)>,
}

/// RFC 9112 §3.2: the forms of a request target.
#[derive(Clone, Copy, Debug)]
enum TargetForm {
    Origin,
    Absolute,
    Asterisk,
}

impl Request {
    /// A request with `Host` and `Connection: close`, for a path below the base.
    pub(crate) fn new(base: &Base, method: &str, path: &str) -> Self {
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        Self {
            base: base.clone(),
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.map(str::to_owned).into_iter().collect(),
            target: TargetForm::Origin,
            http: "HTTP/1.1",
            headers: vec![("Host".to_owned(), base.authority.clone())],
        }
    }

    /// Adds a header line, also where there is one of that name.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Takes away the header lines of the name.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(header, _)| !header.eq_ignore_ascii_case(name));
        self
    }

    /// Whether there is a line of the name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(header, _)| header.eq_ignore_ascii_case(name))
    }

    /// Adds an `Accept` line.
    #[must_use]
    pub fn accept(self, value: &str) -> Self {
        self.header("Accept", value)
    }

    /// The same request with the method HEAD.
    #[must_use]
    pub fn as_head(&self) -> Self {
        Self { method: "HEAD".to_owned(), ..self.clone() }
    }

    /// Adds a parameter, whose name and value are percent-encoded here.
    #[must_use]
    pub fn query(self, name: &str, value: &str) -> Self {
        let pair = format!("{}={}", percent_encode(name), percent_encode(value));
        self.raw_query(&pair)
    }

    /// Adds a piece of query as it is.
    #[must_use]
    pub fn raw_query(mut self, pair: &str) -> Self {
        self.query.push(pair.to_owned());
        self
    }

    /// Names the whole URL in the request line (RFC 9112 §3.2.2).
    #[must_use]
    pub fn absolute_form(mut self) -> Self {
        self.target = TargetForm::Absolute;
        self
    }

    /// Names no resource, as `OPTIONS *` does (RFC 9112 §3.2.4).
    #[must_use]
    pub fn asterisk_form(mut self) -> Self {
        self.target = TargetForm::Asterisk;
        self
    }

    /// As a client of HTTP/1.0 would ask.
    #[must_use]
    pub fn http_1_0(mut self) -> Self {
        self.http = "HTTP/1.0";
        self
    }

    fn target(&self) -> String {
        let query = if self.query.is_empty() { String::new() } else { format!("?{}", self.query.join("&")) };
        let path = format!("{}{}{query}", self.base.prefix, self.path);
        match self.target {
            TargetForm::Origin => path,
            TargetForm::Absolute => format!("http://{}{path}", self.base.authority),
            TargetForm::Asterisk => "*".to_owned(),
        }
    }

    /// Sends the request and reads the answer until the server closes.
    pub(crate) fn send(&self) -> anyhow::Result<Response> {
        let asked = self.to_string();
        let begun = Instant::now();
        let mut stream = self.base.connect().with_context(|| format!("{asked}: cannot connect"))?;
        let mut head = format!("{} {} {}\r\n", self.method, self.target(), self.http);
        for (name, value) in &self.headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        head.push_str("Connection: close\r\n\r\n");
        // A server may answer and close before it has read all of a request that it refuses: what it said is in
        // the buffer all the same, so only a failure to read counts.
        let _ = stream.write_all(head.as_bytes());
        let mut bytes = Vec::new();
        let read = stream.take(LONGEST_ANSWER).read_to_end(&mut bytes);
        match (read, parse(&bytes, self.method == "HEAD")) {
            (_, Ok(Some((status, headers, body)))) => {
                Ok(Response { asked, status, headers, body, elapsed: begun.elapsed() })
            }
            (Err(error), _) => Err(error).with_context(|| format!("{asked}: no answer")),
            (Ok(_), Ok(None)) => bail!("{asked}: the connection closed before the answer was whole"),
            (Ok(_), Err(error)) => Err(error).with_context(|| format!("{asked}: not an answer of HTTP/1.1")),
        }
    }
}

/// What a person would type to ask again, cut where it is very long.
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let query = if self.query.is_empty() { String::new() } else { format!("?{}", self.query.join("&")) };
        let path = match self.target {
            TargetForm::Asterisk => "*".to_owned(),
            _ => format!("{}{query}", self.path),
        };
        write!(f, "{} {}", self.method, shorten(&path))?;
        for (name, value) in self.headers.iter().skip(1).take(3) {
            write!(f, " [{name}: {}]", shorten(value))?;
        }
        Ok(())
    }
}

/// The first part of a text that may be long, for messages.
pub(crate) fn shorten(text: &str) -> String {
    const LENGTH: usize = 160;
    match text.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}

/// Percent-encodes all but the unreserved characters (RFC 3986 §2.3).
fn percent_encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// What a server answered.
#[derive(Clone, Debug)]
pub struct Response {
    /// The request, for messages.
    pub asked: String,
    /// The status code.
    pub status: u16,
    /// The header lines, in order, as they came.
    pub headers: Vec<(String, String)>,
    /// The content, still in its coding; for HEAD and 304 whatever wrongly followed the head.
    pub body: Vec<u8>,
    /// From the start of connecting to the end of the answer.
    pub elapsed: Duration,
}

impl Response {
    /// All values of a header, one for each line.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers
            .iter()
            .filter(move |(header, _)| header.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The value of a header, its lines joined as RFC 9110 §5.3 says.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        let values: Vec<&str> = self.values(name).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    /// The members of a header that is a list of tokens, in lower case.
    #[must_use]
    pub fn tokens(&self, name: &str) -> Vec<String> {
        let value = self.header(name).unwrap_or_default();
        value.split(',').map(|token| token.trim().to_ascii_lowercase()).filter(|t| !t.is_empty()).collect()
    }

    /// The media type without its parameters, in lower case; empty where there is none that can be read.
    #[must_use]
    pub fn media_type(&self) -> String {
        let value = self.header("content-type").and_then(|value| value.parse::<Mime>().ok());
        value.map(|value| value.essence_str().to_owned()).unwrap_or_default()
    }

    /// The content as text, for messages and pages.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

type Parsed = (u16, Vec<(String, String)>, Vec<u8>);

/// Reads an answer; `None` where it is not whole.
fn parse(bytes: &[u8], to_head: bool) -> anyhow::Result<Option<Parsed>> {
    let mut rest = bytes;
    loop {
        let mut lines = [httparse::EMPTY_HEADER; 128];
        let mut response = httparse::Response::new(&mut lines);
        let httparse::Status::Complete(length) = response.parse(rest)? else { return Ok(None) };
        let status = response.code.unwrap_or_default();
        let headers: Vec<(String, String)> = response
            .headers
            .iter()
            .map(|line| (line.name.to_owned(), String::from_utf8_lossy(line.value).into_owned()))
            .collect();
        rest = &rest[length..];
        if (100..200).contains(&status) {
            continue; // RFC 9110 §15.2: interim
        }
        let value =
            |name: &str| headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, v)| v);
        let body = if to_head || status == 304 || status == 204 {
            rest.to_vec()
        } else if value("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            match unchunk(rest)? {
                Some(body) => body,
                None => return Ok(None),
            }
        } else if let Some(length) = value("content-length") {
            let length: usize = length.trim().parse().context("Content-Length is not a number")?;
            match rest.get(..length) {
                Some(body) => body.to_vec(),
                None => return Ok(None),
            }
        } else {
            rest.to_vec()
        };
        return Ok(Some((status, headers, body)));
    }
}

/// Undoes the chunked coding (RFC 9112 §7.1); `None` where the last chunk is missing.
fn unchunk(mut bytes: &[u8]) -> anyhow::Result<Option<Vec<u8>>> {
    let mut body = Vec::new();
    loop {
        let size = match httparse::parse_chunk_size(bytes) {
            Ok(httparse::Status::Complete((length, size))) => {
                bytes = &bytes[length..];
                usize::try_from(size)?
            }
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => bail!("the size of a chunk is not a number"),
        };
        if size == 0 {
            return Ok(Some(body));
        }
        let Some(chunk) = bytes.get(..size) else { return Ok(None) };
        body.extend_from_slice(chunk);
        bytes = bytes.get(size + 2..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_splits_into_authority_and_prefix() {
        let base = Base::parse("http://localhost:8001/api/v1/namespaces/n/services/s:9070/proxy/").unwrap();
        assert_eq!((base.authority.as_str(), base.port), ("localhost:8001", 8001));
        assert_eq!(base.prefix, "/api/v1/namespaces/n/services/s:9070/proxy");
        assert!(base.is_api_server_proxy());
        let base = Base::parse("http://[::1]/shop").unwrap();
        assert_eq!((base.host.as_str(), base.port, base.prefix.as_str()), ("::1", 80, "/shop"));
        assert!(!base.is_api_server_proxy());
    }

    #[test]
    fn what_is_not_a_base_is_refused() {
        for url in ["https://a", "a", "http://", "http://a:b", "http://a/?q", "http://a b/", "http://u@a/"] {
            assert!(Base::parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn an_answer_is_read_in_each_framing() {
        let read = |text: &str, to_head| parse(text.as_bytes(), to_head).unwrap();
        let whole = |text: &str| String::from_utf8(read(text, false).unwrap().2).unwrap();
        assert_eq!(whole("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokXX"), "ok");
        assert_eq!(
            whole("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n1\r\n!\r\n0\r\n\r\n"),
            "ok!"
        );
        assert_eq!(whole("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nto the end"), "to the end");
        assert!(read("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", false).is_none());
        assert!(read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", false).is_none());
        assert!(read("HTTP/1.1 200", false).is_none());
        assert_eq!(read("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", true).unwrap().2, b"");
    }
}
