//! The names that this machine knows by itself: hosts(5).

use std::{net::IpAddr, path::Path};

/// The addresses of `name` in the file: IPv4 ones where there are any, else IPv6. None where the file cannot be read.
pub(super) fn look_up(file: &Path, name: &str) -> Vec<IpAddr> {
    let Ok(text) = std::fs::read(file) else { return Vec::new() };
    let name = name.strip_suffix('.').unwrap_or(name);
    let addresses: Vec<_> =
        String::from_utf8_lossy(&text).lines().filter_map(|line| address_of(name, line)).collect();
    let is_ipv4 = addresses.iter().any(IpAddr::is_ipv4);
    addresses.into_iter().filter(|address| address.is_ipv4() == is_ipv4).collect()
}

/// The line's address, if it is one of `name`.
fn address_of(name: &str, line: &str) -> Option<IpAddr> {
    let (line, _comment) = line.split_once('#').unwrap_or((line, ""));
    let mut words = line.split_whitespace();
    // A scope is useless without an interface: `fe80::1%eth0`.
    let address = words.next()?.split('%').next()?.parse().ok()?;
    words.any(|word| word.eq_ignore_ascii_case(name)).then_some(address)
}
