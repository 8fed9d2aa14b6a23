//! How a session with a PostgreSQL server begins: it is found by its name, TLS is agreed on as `sslmode` says, and what
//! fails is told as the server would tell it (PostgreSQL's manual, "Message Flow").

use std::{io, sync::Arc, time::Duration};

use sqlx::postgres::PgSslMode;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpStream, UnixStream},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::tls::Tls;
use crate::relay::{Relay, Server};

/// The condition of what fails before there is a session: one of our own, as the standard leaves the classes from 5 to 9
/// and from I on to others (ISO 9075-2 §24.1).
pub(super) const UNREACHABLE: &str = "SV001";
/// The pool tries again after this one, `cannot_connect_now`, as it does where a direct connection is refused.
const NOT_NOW: &str = "57P03";
/// How long a server may take until its first answer: less than the pool waits, which has less to say.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a server may take over the end of a connection.
const FAREWELL: Duration = Duration::from_secs(1);
/// `MAX_STARTUP_PACKET_LENGTH` of PostgreSQL.
const LONGEST_STARTUP: usize = 10_000;
/// `SSLRequest` (PostgreSQL's manual, "Message Formats").
const TLS_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
/// The first byte of `ErrorResponse`.
const ERROR: u8 = b'E';

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Where sessions lead.
#[derive(Debug)]
struct Target {
    server: Server,
    /// `None` is a session without it.
    tls: Option<Tls>,
}

/// Why there is no session.
struct Failure {
    code: &'static str,
    reason: String,
}

impl From<String> for Failure {
    fn from(reason: String) -> Self {
        Self { code: UNREACHABLE, reason }
    }
}

/// Begins to relay to `server` what a client begins a session with that has agreed on no TLS.
///
/// # Errors
/// When the socket cannot be made.
pub(super) fn relay(server: Server, tls: Option<Tls>) -> io::Result<Relay> {
    let port = server.port;
    let target = Arc::new(Target { server, tls });
    Relay::start(port, move |client| {
        let target = Arc::clone(&target);
        async move { target.serve(client).await }
    })
}

/// Reads what a client begins with: its length, of four bytes, itself included, and as much.
async fn startup_message(client: &mut UnixStream) -> io::Result<Vec<u8>> {
    let length = client.read_u32().await?;
    let rest = usize::try_from(length).ok().and_then(|length| length.checked_sub(4));
    let rest = rest.filter(|rest| *rest <= LONGEST_STARTUP).ok_or(io::ErrorKind::InvalidData)?;
    let mut message = length.to_be_bytes().to_vec();
    message.resize(4 + rest, 0);
    client.read_exact(&mut message[4..]).await?;
    Ok(message)
}

/// `ErrorResponse` (PostgreSQL's manual, "Message Formats").
fn error_response(failure: &Failure) -> Vec<u8> {
    let reason = failure.reason.replace('\0', "");
    let fields = format!("SFATAL\0VFATAL\0C{}\0M{reason}\0\0", failure.code);
    let length = u32::try_from(4 + fields.len()).unwrap_or(u32::MAX);
    [&[ERROR], &length.to_be_bytes()[..], fields.as_bytes()].concat()
}

/// Passes on until one side has ended. PostgreSQL's clients do not close one half and go on listening.
async fn pass(client: UnixStream, server: Box<dyn Stream>) {
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let (mut from_server, mut to_server) = tokio::io::split(server);
    tokio::select! {
        _ = tokio::io::copy(&mut from_client, &mut to_server) => {}
        _ = tokio::io::copy(&mut from_server, &mut to_client) => {}
    }
    let _ = timeout(FAREWELL, to_server.shutdown()).await;
    let _ = timeout(FAREWELL, to_client.shutdown()).await;
}

impl Target {
    async fn serve(&self, mut client: UnixStream) {
        let Ok(startup) = startup_message(&mut client).await else { return };
        let opened = timeout(PATIENCE, self.open(&startup)).await;
        let opened = opened.unwrap_or_else(|_| {
            let Server { host, port, .. } = &self.server;
            let seconds = PATIENCE.as_secs();
            Err(format!("{host} port {port} did not answer within {seconds} seconds").into())
        });
        match opened {
            Ok((stream, first)) => {
                if client.write_all(&[first]).await.is_ok() {
                    pass(client, stream).await;
                }
            }
            Err(failure) => {
                // A client that is gone needs no reason.
                let _ = client.write_all(&error_response(&failure)).await;
                let _ = client.shutdown().await;
            }
        }
    }

    /// Connects, sends `startup`, and waits for the first byte of the answer. What comes after a failure, or a refusal,
    /// is libpq's: `prefer` goes on without TLS, and `allow` with it.
    async fn open(&self, startup: &[u8]) -> Result<(Box<dyn Stream>, u8), Failure> {
        let mode = self.tls.as_ref().map_or(PgSslMode::Disable, Tls::mode);
        let (is_first_by_tls, is_second_by_tls) = match mode {
            PgSslMode::Disable => (false, None),
            PgSslMode::Allow => (false, Some(true)),
            PgSslMode::Prefer => (true, Some(false)),
            PgSslMode::Require | PgSslMode::VerifyCa | PgSslMode::VerifyFull => (true, None),
        };
        let first = self.attempt(self.connect().await?, is_first_by_tls, startup).await;
        let Some(is_by_tls) = is_second_by_tls else { return Ok(first?) };
        match first {
            Ok((_, ERROR)) => {}
            Ok(opened) => return Ok(opened),
            Err(reason) => {
                let how = if is_by_tls { "with" } else { "without" };
                tracing::warn!(reason, "the orders' database is connected to {how} TLS");
            }
        }
        Ok(self.attempt(self.connect().await?, is_by_tls, startup).await?)
    }

    async fn attempt(
        &self,
        plain: TcpStream,
        is_by_tls: bool,
        startup: &[u8],
    ) -> Result<(Box<dyn Stream>, u8), String> {
        let mut stream: Box<dyn Stream> = match &self.tls {
            Some(tls) if is_by_tls => self.encrypt(plain, tls).await?,
            _ => Box::new(plain),
        };
        let mut first = [0];
        let answered = async {
            stream.write_all(startup).await?;
            stream.flush().await?;
            stream.read_exact(&mut first).await
        };
        answered.await.map_err(|error| self.explain(&error))?;
        Ok((stream, first[0]))
    }

    async fn connect(&self) -> Result<TcpStream, Failure> {
        self.server.connect().await.map_err(|error| {
            let Server { host, port, .. } = &self.server;
            let is_refused = error.kind() == io::ErrorKind::ConnectionRefused;
            let code = if is_refused { NOT_NOW } else { UNREACHABLE };
            Failure { code, reason: format!("{host} port {port} cannot be connected to: {error}") }
        })
    }

    async fn encrypt(&self, mut plain: TcpStream, tls: &Tls) -> Result<Box<dyn Stream>, String> {
        let host = &self.server.host;
        let config = tls.config()?;
        let mut answer = [0];
        // Not a byte more is read: what else had been sent by somebody in between would be taken for the server's
        // (CVE-2021-23222).
        let asked = async {
            plain.write_all(&TLS_REQUEST).await?;
            plain.read_exact(&mut answer).await
        };
        asked.await.map_err(|error| self.explain(&error))?;
        match answer[0] {
            b'S' => {
                let connector = TlsConnector::from(Arc::new(config));
                let stream = connector.connect(tls.name(), plain).await;
                Ok(Box::new(stream.map_err(|error| self.explain(&error))?))
            }
            b'N' if matches!(tls.mode(), PgSslMode::Prefer) => Ok(Box::new(plain)),
            b'N' => Err(format!("{host} has no TLS, which sslmode asks for: its setting ssl is off")),
            _ => Err(format!("{host} answers a request for TLS in a way that PostgreSQL does not")),
        }
    }

    fn explain(&self, error: &io::Error) -> String {
        match &self.tls {
            Some(tls) => tls.explain(error),
            None => format!("the connection to {} broke: {error}", self.server.host),
        }
    }
}
