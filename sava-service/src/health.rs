//! The subcommand `health`: asks the service that runs on this machine whether it is ready, for a container's health
//! check where there is no shell and no curl.

use std::{
    io::{Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};

/// For connecting, and for each read and write.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Asks `/readyz` of the service that listens on `listen`, over loopback.
///
/// # Errors
/// When it cannot be reached in 2 s, or is not ready: the message names the checks that fail.
pub fn check(listen: SocketAddr) -> anyhow::Result<()> {
    let (mut stream, address) = connect(listen)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    write!(stream, "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(64 << 10).read_to_end(&mut answer).with_context(|| format!("no answer from {address}"))?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).unwrap_or_default();
    ensure!(head.starts_with("HTTP/1.1 "), "{address} does not speak HTTP");
    if status != "200" {
        bail!("{address} answers {status}: {}", body.trim().replace('\n', "; "));
    }
    Ok(())
}

/// Connects as a process on the same machine does to what listens on `listen`.
fn connect(listen: SocketAddr) -> anyhow::Result<(TcpStream, SocketAddr)> {
    // Both families listen on [::], or IPv4 alone where IPv6 is off.
    let ips: &[IpAddr] = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => &[Ipv4Addr::LOCALHOST.into()],
        IpAddr::V6(ip) if ip.is_unspecified() => &[Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
        ip => &[ip],
    };
    let addresses = ips.iter().map(|ip| SocketAddr::new(*ip, listen.port()));
    let connected = addresses.clone().find_map(|address| {
        TcpStream::connect_timeout(&address, TIMEOUT).ok().map(|stream| (stream, address))
    });
    connected.with_context(|| {
        let addresses: Vec<_> = addresses.map(|address| address.to_string()).collect();
        format!("nothing answers on {}", addresses.join(" or "))
    })
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use super::*;

    /// What `check` says of a service that answers with `answer`.
    fn checked(answer: &'static str) -> Result<(), String> {
        checked_on(Ipv4Addr::UNSPECIFIED.into(), answer)
    }

    /// What it says where the service is told to listen on `listen`, and has IPv4 alone.
    fn checked_on(listen: IpAddr, answer: &'static str) -> Result<(), String> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let service = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let length = stream.read(&mut request).unwrap();
            assert!(request[..length].starts_with(b"GET /readyz "));
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let checked = check(SocketAddr::new(listen, port)).map_err(|error| format!("{error:#}"));
        service.join().unwrap();
        checked
    }

    #[test]
    fn ready_is_healthy() {
        assert_eq!(checked("HTTP/1.1 200 OK\r\n\r\nok\n"), Ok(()));
        let both = Ipv6Addr::UNSPECIFIED.into();
        assert_eq!(checked_on(both, "HTTP/1.1 200 OK\r\n\r\nok\n"), Ok(()));
    }

    #[test]
    fn not_ready_says_why() {
        let error = checked("HTTP/1.1 503 Service Unavailable\r\n\r\nnot ready\ncatalog: bad\n").unwrap_err();
        assert!(error.contains("503: not ready; catalog: bad"), "{error}");
        assert!(checked("SSH-2.0\r\n").is_err());
    }

    #[test]
    fn silence_is_not_healthy() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        assert!(check(SocketAddr::from(([127, 0, 0, 1], port))).is_err());
    }
}
