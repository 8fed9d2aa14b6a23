//! Who sends a request, as far as that can be known without an account: an address on the network.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// What one client can send from: an IPv4 address, or an IPv6 /64, in which it chooses its addresses itself
/// (RFC 8981).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Client(IpNet);

impl Client {
    /// The client of a request with these headers that came from `peer`. What `X-Forwarded-For` and `Forwarded`
    /// (RFC 7239) say is believed from the right on, as far as `trusted` proxies wrote it: the rest is anybody's word.
    pub(crate) fn of(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> Self {
        let peer = peer.to_canonical();
        let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
        if !is_trusted(&peer) {
            return Self::at(peer);
        }
        // The last that is no proxy of ours; before what is no address, or at the end, it is the proxy that said so.
        let first_of = |entries: Vec<Option<IpAddr>>| {
            let mut client = peer;
            for entry in entries.into_iter().rev() {
                let Some(address) = entry else { break };
                client = address;
                if !is_trusted(&address) {
                    break;
                }
            }
            client
        };
        let lines = |name| headers.contains_key(&name).then(|| headers.get_all(name).iter());
        let x_forwarded_for = lines(X_FORWARDED_FOR).map(|lines| first_of(lines.flat_map(listed).collect()));
        let forwarded = lines(header::FORWARDED).map(|lines| first_of(lines.flat_map(elements).collect()));
        Self::at(match (x_forwarded_for, forwarded) {
            // A proxy writes one of them, and passes on the other as it came.
            (Some(one), Some(other)) if one != other => peer,
            (one, other) => one.or(other).unwrap_or(peer),
        })
    }

    /// Whether it is 127.0.0.1 or `::1`: somebody on this machine or in this pod, or who came by `kubectl port-forward`. The
    /// rest of 127.0.0.0/8 is not, as a mesh's sidecar passes on by it what comes from anywhere.
    pub(crate) fn is_this_machine(self) -> bool {
        [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()].map(Self::at).contains(&self)
    }

    fn at(address: IpAddr) -> Self {
        let prefix = if address.is_ipv4() { 32 } else { 64 };
        Self(IpNet::new_assert(address, prefix).trunc())
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A proxy or a network of them, such as `10.0.0.7` or `10.0.0.0/8`; for a setting's `value_parser`.
pub(crate) fn proxies(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    text.parse()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| "takes addresses and networks, such as 10.0.0.0/8 or fd00::7".to_owned())
}

/// The entries of a line of `X-Forwarded-For`, `None` for what is no address.
fn listed(line: &HeaderValue) -> Vec<Option<IpAddr>> {
    let entries = line.as_bytes().split(|byte| *byte == b',');
    entries.map(|entry| address(std::str::from_utf8(entry).ok()?)).collect()
}

/// The `for` of each element of a line of `Forwarded`, `None` for one that says none; of a line that is malformed nothing
/// is believed, as an open quote of the client's would swallow what the proxy wrote.
fn elements(line: &HeaderValue) -> Vec<Option<IpAddr>> {
    line.to_str().ok().and_then(well_formed).unwrap_or_else(|| vec![None])
}

/// RFC 7239 §4: elements parted by commas, of pairs `token "=" (token / quoted-string)` parted by semicolons. Addresses of
/// IPv6 are taken without their quotes too.
fn well_formed(line: &str) -> Option<Vec<Option<IpAddr>>> {
    let mut elements = vec![None];
    let mut rest = line;
    loop {
        let (name, after) = rest.split_once('=')?;
        let (value, after) = match after.strip_prefix('"') {
            Some(after) => quoted(after)?,
            None => after.split_at(after.find([';', ',', '"']).unwrap_or(after.len())),
        };
        if name.contains(['"', ',', ';']) {
            return None;
        }
        let element = elements.last_mut()?;
        if name.trim().eq_ignore_ascii_case("for") {
            // Once in an element.
            if element.is_some() {
                return None;
            }
            *element = address(value);
        }
        match after.trim_start().split_at_checked(1) {
            None => return Some(elements),
            Some((";", pairs)) => rest = pairs,
            Some((",", pairs)) => {
                elements.push(None);
                rest = pairs;
            }
            Some(_) => return None,
        }
    }
}

/// The rest of a `quoted-string` and what is behind it (RFC 9110 §5.6.4).
fn quoted(text: &str) -> Option<(&str, &str)> {
    let mut is_escaped = false;
    let end = text.find(|c| {
        let is_end = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        is_end
    })?;
    Some((&text[..end], &text[end + 1..]))
}

/// An address as proxies write it: `192.0.2.1`, `2001:db8::1` or `[2001:db8::1]`, perhaps with a port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    Some(bare.parse().ok().or_else(with_port)?.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The client of a request from `peer` with these headers, where 10.0.0.0/8 is trusted.
    fn client(peer: &str, headers: &[(&'static str, &'static str)]) -> String {
        let headers = headers.iter().map(|(name, value)| {
            (HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap())
        });
        let mut map = HeaderMap::new();
        map.extend(headers.map(|(name, value)| (Some(name), value)));
        Client::of(peer.parse().unwrap(), &map, &[proxies("10.0.0.0/8").unwrap()]).to_string()
    }

    fn behind(x_forwarded_for: &'static str) -> String {
        client("10.0.0.1", &[("x-forwarded-for", x_forwarded_for)])
    }

    fn behind_forwarded(forwarded: &'static str) -> String {
        client("10.0.0.1", &[("forwarded", forwarded)])
    }

    #[test]
    fn headers_of_strangers_are_their_own_word() {
        let headers = [("x-forwarded-for", "198.51.100.1"), ("forwarded", "for=198.51.100.1")];
        assert_eq!(client("192.0.2.1", &headers), "192.0.2.1/32");
        assert_eq!(client("::ffff:192.0.2.1", &headers), "192.0.2.1/32");
        assert_eq!(client("::ffff:10.0.0.1", &headers), "198.51.100.1/32");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1/32");
    }

    #[test]
    fn an_ipv6_client_is_its_64() {
        assert_eq!(client("2001:db8:0:1::7", &[]), "2001:db8:0:1::/64");
        assert_eq!(client("2001:db8:0:1:ffff::", &[]), "2001:db8:0:1::/64");
        assert_eq!(behind("2001:db8:0:2::7"), "2001:db8:0:2::/64");
    }

    #[test]
    fn the_last_that_is_no_proxy_of_ours_counts() {
        assert_eq!(behind("198.51.100.1"), "198.51.100.1/32");
        assert_eq!(behind("203.0.113.9, 198.51.100.1"), "198.51.100.1/32");
        assert_eq!(behind("203.0.113.9,198.51.100.1 , 10.0.0.2,10.9.9.9"), "198.51.100.1/32");
        assert_eq!(behind("10.0.0.3, 10.0.0.2"), "10.0.0.3/32");
        let lines = [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-for", "198.51.100.1, 10.0.0.2")];
        assert_eq!(client("10.0.0.1", &lines), "198.51.100.1/32");
    }

    #[test]
    fn what_is_no_address_ends_what_is_believed() {
        assert_eq!(behind("198.51.100.1, unknown, 10.0.0.2"), "10.0.0.2/32");
        assert_eq!(behind("\u{e9}, 198.51.100.1, 10.0.0.2"), "198.51.100.1/32");
        for nothing in ["", "unknown", "198.51.100.1,", "198.51.100.1;", "300.1.1.1", "198.51.100.1 \u{e9}"] {
            assert_eq!(behind(nothing), "10.0.0.1/32", "{nothing}");
        }
    }

    #[test]
    fn addresses_may_have_ports() {
        assert_eq!(behind("198.51.100.1:4711"), "198.51.100.1/32");
        for text in ["[2001:db8::1]:4711", "[2001:db8::1]", "2001:db8::1"] {
            assert_eq!(behind(text), "2001:db8::/64", "{text}");
        }
    }

    #[test]
    fn forwarded_is_read_as_rfc_7239_has_it() {
        for line in [
            "for=198.51.100.1",
            "For=\"198.51.100.1:80\";proto=https;by=10.0.0.1",
            "for=203.0.113.9, for=198.51.100.1",
            "proto=http;for=198.51.100.1;host=\"a, for=203.0.113.9\", for=10.0.0.2",
            "for=_hidden, for=198.51.100.1; host=\"a\\\"b;for=203.0.113.9\"",
        ] {
            assert_eq!(behind_forwarded(line), "198.51.100.1/32", "{line}");
        }
        assert_eq!(behind_forwarded("for=\"[2001:db8:cafe::17]:4711\""), "2001:db8:cafe::/64");
        assert_eq!(behind_forwarded("for=198.51.100.1, for=unknown, for=10.0.0.2"), "10.0.0.2/32");
    }

    #[test]
    fn a_malformed_line_is_not_believed() {
        for line in [
            // What the client began swallows what the proxy wrote.
            "for=203.0.113.9;x=\", for=198.51.100.1",
            "for=203.0.113.9;x=\", for=198.51.100.1;host=\"shop\"",
            "for=203.0.113.9;for=198.51.100.1",
            "for=198.51.100.1 for=203.0.113.9",
            "for=\"198.51.100.1\"x",
            "for=198.51.100.1,",
            "198.51.100.1",
            "",
        ] {
            assert_eq!(behind_forwarded(line), "10.0.0.1/32", "{line}");
        }
    }

    #[test]
    fn headers_that_contradict_each_other_are_not_believed() {
        let both = |x_forwarded_for, forwarded| {
            client("10.0.0.1", &[("x-forwarded-for", x_forwarded_for), ("forwarded", forwarded)])
        };
        assert_eq!(both("203.0.113.9, 198.51.100.1", "for=198.51.100.1"), "198.51.100.1/32");
        assert_eq!(both("198.51.100.1", "for=203.0.113.9"), "10.0.0.1/32");
    }

    #[test]
    fn proxies_are_addresses_and_networks() {
        for (text, network) in
            [("10.0.0.0/8", "10.0.0.0/8"), (" 10.0.0.7", "10.0.0.7/32"), ("fd00::7", "fd00::7/128")]
        {
            assert_eq!(proxies(text).unwrap().to_string(), network);
        }
        for text in ["", "10.0.0.0/33", "ingress", "10.0.0", "*"] {
            assert!(proxies(text).is_err(), "{text}");
        }
    }
}
