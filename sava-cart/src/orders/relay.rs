//! A way to the database's server for connections with TLS.
//!
//! sqlx holds a server's certificate against the host that it connects to, and has that resolved by the C library, which a
//! static binary in an empty image does not have. So it keeps the name, and connects to a socket of this process, which
//! connects on to an address of that name. The name is resolved for each connection: after a failover the next one goes
//! where it leads by then.

use std::{io, os::unix::net::UnixListener as StdListener, time::Duration};

use sava_service::Resolver;
use tokio::{
    net::{TcpStream, UnixListener, UnixStream},
    task::JoinHandle,
    time::timeout,
};

use crate::cookies::random_hex;

/// Connecting to one address takes no longer; others may follow.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The socket and what listens on it; both end with this value.
#[derive(Debug)]
pub(super) struct Relay {
    directory: String,
    task: JoinHandle<()>,
}

impl Relay {
    /// A relay to `port` of `host`.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub(super) fn start(resolver: Resolver, host: &str, port: u16) -> io::Result<Self> {
        let directory = directory();
        // The name that sqlx, as libpq, makes of a directory.
        let listener = listen(&format!("{directory}/.s.PGSQL.{port}"))?;
        listener.set_nonblocking(true)?;
        let listener = UnixListener::from_std(listener)?;
        let host = host.to_owned();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (resolver, host) = (resolver.clone(), host.clone());
                tokio::spawn(async move {
                    if let Err(error) = carry(stream, &resolver, &host, port).await {
                        tracing::warn!(%error, host, port, "the orders' database cannot be connected to");
                    }
                });
            }
        });
        Ok(Self { directory, task })
    }

    /// The directory of the socket, as a client is told it.
    pub(super) fn directory(&self) -> &str {
        &self.directory
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Carries what comes on `stream` to the first address that takes a connection, and back, until either side ends.
async fn carry(mut stream: UnixStream, resolver: &Resolver, host: &str, port: u16) -> io::Result<()> {
    let addresses = resolver.resolve(host).await.map_err(io::Error::other)?;
    let mut failure = io::Error::other("it has no address");
    for address in addresses {
        match timeout(CONNECT_TIMEOUT, TcpStream::connect((address, port))).await {
            Ok(Ok(mut server)) => {
                server.set_nodelay(true)?;
                // How it ends is for the two to see.
                let _ended = tokio::io::copy_bidirectional(&mut stream, &mut server).await;
                return Ok(());
            }
            Ok(Err(error)) => failure = error,
            Err(_) => failure = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(failure)
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
