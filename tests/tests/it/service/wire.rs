//! HTTP by hand: what a well-behaved client would not send, and what exactly came back.

use sava_testbed::PATIENCE;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// A whole answer, as it came.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: u16,
    /// Status line and header section.
    pub(super) head: String,
    pub(super) body: String,
}

impl Response {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (field, value) = line.split_once(':')?;
            field.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// Whether the server says that it closes the connection.
    pub(super) fn is_last(&self) -> bool {
        self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

/// Sends `bytes` on a connection of its own, and returns the first answer.
pub(super) async fn send(address: &str, bytes: impl AsRef<[u8]>) -> Response {
    let mut stream = connect(address).await;
    // The server may have answered, and closed, before it took everything.
    let _ = stream.write_all(bytes.as_ref()).await;
    read(&mut stream).await.expect("an answer")
}

pub(super) async fn connect(address: &str) -> TcpStream {
    TcpStream::connect(address).await.expect("it takes connections")
}

/// Reads one answer; `None` where the connection ends before it began.
pub(super) async fn read(stream: &mut TcpStream) -> Option<Response> {
    timeout(PATIENCE, read_patiently(stream)).await.expect("an answer in time")
}

async fn read_patiently(stream: &mut TcpStream) -> Option<Response> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        match stream.read_buf(&mut bytes).await {
            Ok(0) | Err(_) if bytes.is_empty() => return None,
            Ok(0) | Err(_) => panic!("half an answer: {}", String::from_utf8_lossy(&bytes)),
            Ok(_) => {}
        }
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let mut answer = Response { status, head, body: String::new() };
    let length: usize = answer.header("content-length").map_or(0, |length| length.parse().expect("a number"));
    while bytes.len() < head_end + length {
        let read = stream.read_buf(&mut bytes).await.expect("the rest of an answer");
        assert_ne!(read, 0, "the answer was cut: {}", answer.head);
    }
    answer.body = String::from_utf8_lossy(&bytes[head_end..]).into_owned();
    Some(answer)
}
