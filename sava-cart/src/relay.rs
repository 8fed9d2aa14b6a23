//! Connections of this process that go on to a server elsewhere, for clients that cannot find it or speak TLS to it.
//!
//! sqlx has a host's name resolved by the C library, which a static binary in an empty image does not have; reqwest's TLS
//! is a feature of the whole workspace, whose other clients would not start with it. So they connect to a socket of this
//! process, and what serves it goes on. The name is resolved for each connection: after a failover the next one goes where
//! it leads by then.

use std::{future::Future, io, os::unix::net::UnixListener as StdListener, time::Duration};

use sava_service::Resolver;
use tokio::{
    net::{TcpStream, UnixListener, UnixStream},
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::cookies::random_hex;

/// Connecting to one address takes no longer; others may follow.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Until the next connection is taken, after one could not be: there were too many files, say.
const PAUSE: Duration = Duration::from_millis(100);

/// The socket and what listens on it; both end with this value.
#[derive(Debug)]
pub(crate) struct Relay {
    directory: String,
    port: u16,
    task: JoinHandle<()>,
}

impl Relay {
    /// Begins to `serve` connections of this process. To libpq and its like `port` is a part of the socket's name.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub(crate) fn start<Serve, Served>(port: u16, serve: Serve) -> io::Result<Self>
    where
        Serve: Fn(UnixStream) -> Served + Send + 'static,
        Served: Future<Output = ()> + Send + 'static,
    {
        let directory = directory();
        let listener = listen(&socket(&directory, port))?;
        listener.set_nonblocking(true)?;
        let listener = UnixListener::from_std(listener)?;
        let task = tokio::spawn(async move {
            loop {
                match listener.accept().await {
                    Ok((stream, _)) if is_of_this_process(&stream) => {
                        tokio::spawn(serve(stream));
                    }
                    Ok(_) => tracing::warn!("another process tried to use a connection of the store front"),
                    Err(error) => {
                        tracing::warn!(%error, "no connection can be taken on now");
                        sleep(PAUSE).await;
                    }
                }
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

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Whoever else could connect would be at the server with a certificate of the store front's.
fn is_of_this_process(stream: &UnixStream) -> bool {
    let own = i32::try_from(std::process::id()).ok();
    own.is_some() && stream.peer_cred().is_ok_and(|peer| peer.pid() == own)
}

/// Where a server is.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) resolver: Resolver,
    /// A name or an address, without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Server {
    /// Connects to the first of its addresses that takes a connection.
    ///
    /// # Errors
    /// When its name has no address, or none takes one: the last one's error then.
    pub(crate) async fn connect(&self) -> io::Result<TcpStream> {
        let addresses = self.resolver.resolve(&self.host).await;
        let addresses = addresses.map_err(|error| {
            io::Error::new(io::ErrorKind::NotFound, format!("its name cannot be resolved: {error}"))
        })?;
        let mut failure = io::Error::new(io::ErrorKind::NotFound, "its name has no address");
        for address in addresses {
            match timeout(CONNECT_TIMEOUT, TcpStream::connect((address, self.port))).await {
                Ok(Ok(stream)) => {
                    stream.set_nodelay(true)?;
                    return Ok(stream);
                }
                Ok(Err(error)) => failure = error,
                Err(_) => failure = io::ErrorKind::TimedOut.into(),
            }
        }
        Err(failure)
    }
}

/// The name that libpq and its like make of a directory.
fn socket(directory: &str, port: u16) -> String {
    format!("{directory}/.s.PGSQL.{port}")
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

#[cfg(test)]
mod tests {
    use std::fs;

    use tokio::{io::AsyncReadExt as _, net::TcpListener};

    use super::*;

    /// Says `mark` to whoever connects.
    fn say(listener: TcpListener, mark: &'static [u8]) {
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.writable().await.unwrap();
                stream.try_write(mark).unwrap();
            }
        });
    }

    #[tokio::test]
    async fn each_connection_asks_for_the_name_anew() {
        let former = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = former.local_addr().unwrap().port();
        say(former, b"former");
        say(TcpListener::bind(("127.0.0.2", port)).await.unwrap(), b"newer");
        let directory = tempfile::tempdir().unwrap();
        let (hosts, resolv_conf) = (directory.path().join("hosts"), directory.path().join("resolv.conf"));
        let resolver = Resolver::of_files(&hosts, &resolv_conf, 1);
        let server = Server { resolver, host: "db.test".to_owned(), port };
        for (address, mark) in [("127.0.0.1", "former"), ("127.0.0.2", "newer")] {
            fs::write(&hosts, format!("{address} db.test\n")).unwrap();
            let mut heard = String::new();
            server.connect().await.unwrap().read_to_string(&mut heard).await.unwrap();
            assert_eq!(heard, mark);
        }
        fs::write(&hosts, "").unwrap();
        let error = server.connect().await.unwrap_err();
        assert!(error.to_string().contains("cannot be resolved"), "{error}");
    }
}
