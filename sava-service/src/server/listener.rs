//! Listening: the sockets, and what comes in on them.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use anyhow::Context as _;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};

/// Connections that the kernel keeps for us; it cuts this to what it allows (`net.core.somaxconn`).
const BACKLOG: i32 = 4096;

/// Listens on `address`; `[::]` takes IPv4 too, whatever the system's default is, and it alone where IPv6 is off.
///
/// # Errors
/// The message names the address and `flag`, which changes it.
pub(crate) fn bind(address: SocketAddr, flag: &str) -> anyhow::Result<TcpListener> {
    listen_on_what_there_is(address, listen)
        .with_context(|| format!("cannot listen on {address}; {flag} takes another address"))
}

fn listen_on_what_there_is<T>(
    address: SocketAddr,
    listen: impl Fn(SocketAddr) -> io::Result<T>,
) -> io::Result<T> {
    match listen(address) {
        Err(error) if is_without_ipv6(&error) && address.ip() == Ipv6Addr::UNSPECIFIED => {
            tracing::debug!(%error, "no IPv6 here: IPv4 alone");
            listen((Ipv4Addr::UNSPECIFIED, address.port()).into())
        }
        listening => listening,
    }
}

/// A kernel that has no IPv6, or none that may be used.
fn is_without_ipv6(error: &io::Error) -> bool {
    use rustix::io::Errno;
    [Errno::AFNOSUPPORT, Errno::PROTONOSUPPORT, Errno::ADDRNOTAVAIL]
        .iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    // A restart need not wait for the connections of before.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// The next connection, whatever goes wrong with others.
pub(crate) async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Answers are written whole: waiting for more only delays them.
                let _ = stream.set_nodelay(true);
                return (stream, peer);
            }
            // The client has gone again.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::ConnectionAborted
                        | io::ErrorKind::ConnectionReset
                        | io::ErrorKind::ConnectionRefused
                ) => {}
            Err(error) => {
                // Out of file descriptors, most likely: trying again at once would only burn the processor.
                tracing::error!(%error, "cannot accept connections");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Lets the process have as many files open as the system allows it: connections are files.
pub(crate) fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn taken_address_is_named() {
        let first = bind(SocketAddr::from(([127, 0, 0, 1], 0)), "--listen").unwrap();
        let address = first.local_addr().unwrap();
        let error = format!("{:#}", bind(address, "--listen").unwrap_err());
        assert!(error.contains(&address.to_string()) && error.contains("--listen"), "{error}");
    }

    #[test]
    fn without_ipv6_there_is_ipv4() {
        use rustix::io::Errno;
        let listen = |errno: Errno| {
            move |address: SocketAddr| {
                if address.is_ipv6() { Err(io::Error::from(errno)) } else { Ok(address.to_string()) }
            }
        };
        let any = "[::]:8080".parse().unwrap();
        for errno in [Errno::AFNOSUPPORT, Errno::ADDRNOTAVAIL] {
            assert_eq!(listen_on_what_there_is(any, listen(errno)).unwrap(), "0.0.0.0:8080");
        }
        assert!(listen_on_what_there_is(any, listen(Errno::ADDRINUSE)).is_err());
        // One address is meant, and no other.
        let one = "[::1]:8080".parse().unwrap();
        assert!(listen_on_what_there_is(one, listen(Errno::AFNOSUPPORT)).is_err());
    }

    #[tokio::test]
    async fn ipv6_takes_ipv4_too() {
        let listener = bind(SocketAddr::from((std::net::Ipv6Addr::UNSPECIFIED, 0)), "--listen").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (client, (_, peer)) = tokio::join!(TcpStream::connect(("127.0.0.1", port)), accept(&listener));
        client.unwrap();
        assert!(peer.ip().to_canonical().is_loopback());
    }
}
