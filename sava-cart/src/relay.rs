//! A way to a server that is known by its name, for clients that cannot look it up or speak TLS to it.
//!
//! sqlx holds a server's certificate against the host that it connects to, and has that resolved by the C library, which a
//! static binary in an empty image does not have. reqwest's TLS is a feature of the whole workspace, whose other clients
//! would not start with it. So they connect to a socket of this process, which connects on to an address of the name, by
//! TLS where it is told so. The name is resolved for each connection: after a failover the next one goes where it leads
//! by then.

use std::{
    fmt, io,
    os::unix::net::UnixListener as StdListener,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sava_service::Resolver;
use tokio::{
    net::{TcpStream, UnixListener, UnixStream},
    task::JoinHandle,
    time::timeout,
};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

use crate::cookies::random_hex;

/// Connecting to one address takes no longer; others may follow.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The socket and what listens on it; both end with this value.
#[derive(Debug)]
pub(crate) struct Relay {
    directory: String,
    port: u16,
    task: JoinHandle<()>,
}

/// Where a relay leads.
#[derive(Debug)]
struct Target {
    resolver: Resolver,
    host: String,
    port: u16,
    tls: Option<Tls>,
    /// Why the last connection failed, so that only news is logged. Held only to look, never over an await.
    failure: Mutex<Option<String>>,
}

impl Relay {
    /// A relay to `port` of `host`, by TLS where `tls` says how.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub(crate) fn start(resolver: Resolver, host: &str, port: u16, tls: Option<Tls>) -> io::Result<Self> {
        let directory = directory();
        let listener = listen(&socket(&directory, port))?;
        listener.set_nonblocking(true)?;
        let listener = UnixListener::from_std(listener)?;
        let target =
            Arc::new(Target { resolver, host: host.to_owned(), port, tls, failure: Mutex::default() });
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let target = Arc::clone(&target);
                tokio::spawn(async move {
                    let failure = target.carry(stream).await.err().map(|error| error.to_string());
                    target.report(failure);
                });
            }
        });
        Ok(Self { directory, port, task })
    }

    /// The directory of the socket, as libpq and its like are told it.
    pub(crate) fn directory(&self) -> &str {
        &self.directory
    }

    /// The socket itself.
    pub(crate) fn socket(&self) -> String {
        socket(&self.directory, self.port)
    }
}

/// The name that libpq and its like make of a directory.
fn socket(directory: &str, port: u16) -> String {
    format!("{directory}/.s.PGSQL.{port}")
}

/// How TLS is spoken.
#[derive(Clone)]
pub(crate) struct Tls {
    connector: TlsConnector,
    /// Whom the server has to be.
    name: ServerName<'static>,
}

impl Tls {
    /// By `connector`, to a server of the name or address `host`.
    ///
    /// # Errors
    /// When it is neither.
    pub(crate) fn new(connector: TlsConnector, host: &str) -> io::Result<Self> {
        let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned());
        Ok(Self { connector, name: name.map_err(io::Error::other)? })
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Tls").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Target {
    /// Carries what comes on `stream` to the first address that takes a connection, and back, until either side ends.
    async fn carry(&self, mut stream: UnixStream) -> io::Result<()> {
        let mut server = self.connect().await?;
        // How they end is for the two to see.
        let _ended = match &self.tls {
            None => tokio::io::copy_bidirectional(&mut stream, &mut server).await,
            Some(tls) => {
                let shaken = tls.connector.connect(tls.name.clone(), server);
                let mut server = timeout(CONNECT_TIMEOUT, shaken).await.map_err(io::Error::from).flatten()?;
                self.report(None);
                tokio::io::copy_bidirectional(&mut stream, &mut server).await
            }
        };
        Ok(())
    }

    async fn connect(&self) -> io::Result<TcpStream> {
        let addresses = self.resolver.resolve(&self.host).await.map_err(io::Error::other)?;
        let mut failure = io::Error::other("it has no address");
        for address in addresses {
            match timeout(CONNECT_TIMEOUT, TcpStream::connect((address, self.port))).await {
                Ok(Ok(server)) => {
                    server.set_nodelay(true)?;
                    return Ok(server);
                }
                Ok(Err(error)) => failure = error,
                Err(_) => failure = io::ErrorKind::TimedOut.into(),
            }
        }
        Err(failure)
    }

    fn report(&self, failure: Option<String>) {
        let mut last = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = failure.as_ref().filter(|failure| last.as_ref() != Some(failure)) {
            tracing::warn!(error, host = self.host, port = self.port, "a server cannot be connected to");
        }
        *last = failure;
    }
}

/// A name of nobody else's, in no file system: Linux keeps names that begin with NUL apart (unix(7), *abstract*).
#[cfg(target_os = "linux")]
fn directory() -> String {
    format!("\0sava-cart-{}", random_hex::<8>())
}

#[cfg(target_os = "linux")]
fn listen(name: &str) -> io::Result<StdListener> {
    use std::os::{linux::net::SocketAddrExt as _, unix::net::SocketAddr};

    StdListener::bind_addr(&SocketAddr::from_abstract_name(name.trim_start_matches('\0'))?)
}

/// A directory of its own among the temporary ones.
#[cfg(not(target_os = "linux"))]
fn directory() -> String {
    std::env::temp_dir().join(format!("sava-cart-{}", random_hex::<8>())).to_string_lossy().into_owned()
}

#[cfg(not(target_os = "linux"))]
fn listen(name: &str) -> io::Result<StdListener> {
    use std::os::unix::fs::DirBuilderExt as _;

    let directory = std::path::Path::new(name).parent().unwrap_or_else(|| std::path::Path::new("."));
    std::fs::DirBuilder::new().mode(0o700).create(directory)?;
    StdListener::bind(name)
}
