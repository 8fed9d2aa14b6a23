//! A proxy between the contract and the real server, which changes requests and answers as a test says.

use std::sync::Arc;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// A request without content: what the contract sends.
#[derive(Clone, Debug)]
pub(super) struct RecordedRequest {
    pub(super) method: String,
    pub(super) target: String,
    http: String,
    pub(super) headers: Vec<(String, String)>,
}

/// An answer, whole.
#[derive(Clone, Debug)]
pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

type ChangeRequest = Arc<dyn Fn(&mut RecordedRequest) + Send + Sync>;
type ChangeAnswer = Arc<dyn Fn(&RecordedRequest, &mut Answered) + Send + Sync>;

/// What a middleman does; it changes nothing unless it is told to.
#[derive(Clone)]
pub(super) struct MiddlemanBuilder {
    upstream: String,
    prefix: String,
    request: ChangeRequest,
    answer: ChangeAnswer,
}

/// A middleman that listens, until it is dropped.
pub(super) struct Middleman {
    address: std::net::SocketAddr,
    task: JoinHandle<()>,
}

impl Middleman {
    /// One before the server at `url`.
    pub(super) fn before(url: &str) -> MiddlemanBuilder {
        MiddlemanBuilder {
            upstream: url.trim_start_matches("http://").trim_end_matches('/').to_owned(),
            prefix: String::new(),
            request: Arc::new(|_| {}),
            answer: Arc::new(|_, _| {}),
        }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for Middleman {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl MiddlemanBuilder {
    /// Takes this prefix off each path, as an ingress does; what is not below it is a 404.
    pub(super) fn below(mut self, prefix: &str) -> Self {
        prefix.clone_into(&mut self.prefix);
        self
    }

    /// Changes each request before the server sees it.
    pub(super) fn asks(mut self, change: impl Fn(&mut RecordedRequest) + Send + Sync + 'static) -> Self {
        self.request = Arc::new(change);
        self
    }

    /// Changes each answer; the request is as the client sent it.
    pub(super) fn answers(
        mut self,
        change: impl Fn(&RecordedRequest, &mut Answered) + Send + Sync + 'static,
    ) -> Self {
        self.answer = Arc::new(change);
        self
    }

    pub(super) async fn start(self) -> Middleman {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let middleman = self.clone();
                // A client that goes away in the middle is its own business.
                tokio::spawn(async move { _ = middleman.serve(client).await });
            }
        });
        Middleman { address, task }
    }

    async fn serve(self, mut client: TcpStream) -> std::io::Result<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(client.read_u8().await?);
        }
        let asked = RecordedRequest::read(&String::from_utf8_lossy(&head));
        let mut forwarded = asked.clone();
        (self.request)(&mut forwarded);
        let below = forwarded.target.find(&self.prefix).map(|start| {
            let rest = &forwarded.target[start + self.prefix.len()..];
            format!("{}{rest}", &forwarded.target[..start])
        });
        let Some(target) = below else {
            return client.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await;
        };
        forwarded.target = target;
        let mut server = TcpStream::connect(&self.upstream).await?;
        server.write_all(forwarded.write().as_bytes()).await?;
        let mut bytes = Vec::new();
        // A server that refuses a request may close before it has read all of it.
        let _ = server.read_to_end(&mut bytes).await;
        let mut answered = Answered::read(&bytes);
        (self.answer)(&asked, &mut answered);
        client.write_all(&answered.write(&asked)).await?;
        client.shutdown().await
    }
}

impl RecordedRequest {
    fn read(head: &str) -> Self {
        let mut lines = head.split("\r\n");
        let first: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
        Self {
            method: first[0].to_owned(),
            target: first[1].to_owned(),
            http: first[2].to_owned(),
            headers: header_lines(lines),
        }
    }

    fn write(&self) -> String {
        let lines: Vec<String> =
            self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!("{} {} {}\r\n{}\r\n", self.method, self.target, self.http, lines.concat())
    }

    /// Changes the value of each line of that name.
    pub(super) fn change(&mut self, name: &str, change: impl Fn(&str) -> String) {
        for (_, value) in self.headers.iter_mut().filter(|(it, _)| it.eq_ignore_ascii_case(name)) {
            *value = change(value);
        }
    }

    /// Whether a line of that name has the text in it.
    pub(super) fn says(&self, name: &str, text: &str) -> bool {
        self.headers.iter().any(|(it, value)| it.eq_ignore_ascii_case(name) && value.contains(text))
    }
}

impl Answered {
    fn read(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("an answer has a head");
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap_or_default().split(' ').nth(1).expect("a status");
        let mut answered = Self {
            status: status.parse().expect("a number"),
            headers: header_lines(lines),
            body: bytes[end + 4..].to_vec(),
        };
        if answered.get("transfer-encoding").is_some() {
            answered.body = unchunk(&answered.body);
            answered.remove("transfer-encoding");
        }
        answered
    }

    /// A length of its own where there is content; as it was where the request or the status has none.
    fn write(&self, asked: &RecordedRequest) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} Whatever\r\n", self.status);
        let has_content = asked.method != "HEAD" && self.status != 304;
        for (name, value) in &self.headers {
            if !(has_content && name.eq_ignore_ascii_case("content-length")) {
                head.extend([name, ": ", value, "\r\n"]);
            }
        }
        if has_content {
            head.extend(["content-length: ", &self.body.len().to_string(), "\r\n"]);
        }
        head.push_str("\r\n");
        [head.as_bytes(), &self.body].concat()
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(it, _)| it.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.headers.retain(|(it, _)| !it.eq_ignore_ascii_case(name));
    }

    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    /// Changes the content as text, where it is not compressed.
    pub(super) fn change_text(&mut self, change: impl Fn(&str) -> String) {
        if self.get("content-encoding").is_none()
            && let Ok(text) = std::str::from_utf8(&self.body)
        {
            self.body = change(text).into_bytes();
        }
    }
}

fn header_lines<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<(String, String)> {
    lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect()
}

fn unchunk(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = bytes.windows(2).position(|window| window == b"\r\n").expect("a chunk has a size");
        let size = std::str::from_utf8(&bytes[..end]).expect("a size is text");
        let size = usize::from_str_radix(size, 16).expect("a size is hexadecimal");
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&bytes[end + 2..end + 2 + size]);
        bytes = &bytes[end + 4 + size..];
    }
}
