//! What a request may be: sizes, and a `Host` that names one host.

use axum::http::{HeaderMap, StatusCode, Uri, Version, header, request};

use crate::{
    Problem,
    metrics::Rejection,
    problem::{
        BAD_HOST, BAD_REQUEST, CONTENT_TOO_LARGE, HEADERS_TOO_LARGE, INTERNAL, OVERLOADED, TIMEOUT,
        URI_TOO_LONG, VERSION_NOT_SUPPORTED,
    },
};

/// Longest target, in bytes.
pub(crate) const MAX_TARGET: usize = 8 << 10;
/// Largest header section, in bytes as on the wire.
pub(crate) const MAX_HEADER_SECTION: usize = 32 << 10;
/// Most fields in it.
pub(crate) const MAX_HEADER_FIELDS: usize = 64;

/// Checks target and header section; these hold for every request.
pub(crate) fn check(request: &request::Parts, max_body: u64) -> Result<(), (Rejection, Problem)> {
    if target_length(&request.uri) > MAX_TARGET {
        return Err((Rejection::Target, uri_too_long()));
    }
    let section: usize =
        request.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len()).sum();
    if section > MAX_HEADER_SECTION || request.headers.len() > MAX_HEADER_FIELDS {
        return Err((Rejection::Headers, headers_too_large()));
    }
    check_transfer_encoding(&request.headers)?;
    let length =
        request.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: u64| length > max_body) {
        return Err((Rejection::Body, content_too_large(max_body)));
    }
    Ok(())
}

/// Checks `Transfer-Encoding`, if there is one: content is chunked, and that once (RFC 9112 §6.1). Where two servers in
/// a row take another combination in two ways, one request becomes two.
fn check_transfer_encoding(headers: &HeaderMap) -> Result<(), (Rejection, Problem)> {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(coding), None) if coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err((Rejection::BadRequest, BAD_REQUEST.problem("Transfer-Encoding takes chunked, once."))),
    }
}

/// Checks `Host` (RFC 9112 §3.2): HTTP/1.1 has it exactly once, and it names a host and perhaps a port.
pub(crate) fn check_host(request: &request::Parts) -> Result<(), (Rejection, Problem)> {
    let bad = |detail| Err((Rejection::Host, BAD_HOST.problem(detail)));
    let mut hosts = request.headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if request.version == Version::HTTP_11 => bad("HTTP/1.1 requires a Host header."),
        (Some(_), Some(_)) => bad("There is more than one Host header."),
        (Some(host), None) if !is_host(host.as_bytes()) => {
            bad("The Host header takes a host name or address, and perhaps a port.")
        }
        _ => Ok(()),
    }
}

pub(crate) fn bad_request() -> Problem {
    BAD_REQUEST.problem("This is not an HTTP/1.1 request.")
}

pub(crate) fn version_not_supported() -> Problem {
    VERSION_NOT_SUPPORTED.problem("The server speaks HTTP/1.1 and HTTP/1.0.")
}

pub(crate) fn uri_too_long() -> Problem {
    URI_TOO_LONG.problem(format!("The request's target may have {MAX_TARGET} bytes."))
}

pub(crate) fn headers_too_large() -> Problem {
    HEADERS_TOO_LARGE.problem(format!(
        "The header section may have {MAX_HEADER_SECTION} bytes in {MAX_HEADER_FIELDS} fields."
    ))
}

pub(crate) fn content_too_large(max: u64) -> Problem {
    CONTENT_TOO_LARGE.problem(format!("The request's content may have {max} bytes."))
}

/// The client was too slow.
pub(crate) fn request_timeout() -> Problem {
    TIMEOUT.problem("The request did not arrive in time.")
}

/// The service was too slow.
pub(crate) fn answer_timeout() -> Problem {
    TIMEOUT.problem("The answer was not ready in time.").with_status(StatusCode::SERVICE_UNAVAILABLE)
}

/// More at once than this instance takes.
pub(crate) fn overloaded() -> Problem {
    OVERLOADED.problem("This instance has as many requests as it takes. Please try again in a second.")
}

/// A handler panicked.
pub(crate) fn internal() -> Problem {
    INTERNAL.problem("Something went wrong here. It has been logged.")
}

/// The length of the target as it was sent.
fn target_length(uri: &Uri) -> usize {
    let authority = uri.authority().map_or(0, |authority| {
        authority.as_str().len() + uri.scheme_str().map_or(0, |scheme| scheme.len() + "://".len())
    });
    authority + uri.path_and_query().map_or(0, |path| path.as_str().len())
}

/// `uri-host [ ":" port ]` of RFC 9112 §3.2 and RFC 3986 §3.2.2. Not by `http::uri::Authority`: that takes `[x]`, `a:b`
/// and `me@a`, and refuses an empty host and one with percent-encodings, which the RFCs allow.
fn is_host(host: &[u8]) -> bool {
    let (name, port) = match host {
        [b'[', rest @ ..] => {
            let Some(end) = rest.iter().position(|byte| *byte == b']') else { return false };
            let literal = &rest[..end];
            let is_address =
                std::str::from_utf8(literal).is_ok_and(|text| text.parse::<std::net::Ipv6Addr>().is_ok());
            let is_future = literal.first().is_some_and(|byte| byte.eq_ignore_ascii_case(&b'v'))
                && literal.iter().all(|byte| is_name_byte(*byte) || *byte == b':');
            if !(is_address || is_future) {
                return false;
            }
            (&[][..], &rest[end + 1..])
        }
        _ => host.split_at(host.iter().position(|byte| *byte == b':').unwrap_or(host.len())),
    };
    let port_is_right = match port {
        [] => true,
        [b':', digits @ ..] => digits.len() <= 5 && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    port_is_right && name.iter().all(|byte| is_name_byte(*byte))
}

/// A byte of `reg-name`: unreserved, sub-delims, or of a percent-encoding.
fn is_name_byte(byte: u8) -> bool {
    // A table of the compiler's: to search a text for the byte takes more.
    matches!(
        byte,
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z'
            | b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' | b'%'
    )
}

/// Whether a `Host` can only mean this machine's address: localhost or a literal address. A page of another site,
/// whose name was made to resolve to this address (DNS rebinding), sends that name.
pub(crate) fn is_local_or_literal(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST).and_then(|host| host.to_str().ok()) else { return false };
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or("", |(literal, _)| literal),
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<std::net::IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderValue, Request};

    use super::*;

    #[test]
    fn hosts_are_names_or_addresses() {
        for right in
            ["", "localhost", "sava-product:9070", "10.0.0.1:80", "[::1]:80", "[::1]", "a.b-c_d", "a:"]
        {
            assert!(is_host(right.as_bytes()), "{right}");
        }
        for wrong in
            ["a b", "a/b", "user@a", "a:b", "a:80:80", "[::1", "[x]", "[::1]80", "a,b?", "a:123456", "\u{e9}"]
        {
            assert!(!is_host(wrong.as_bytes()), "{wrong}");
        }
    }

    #[test]
    fn http_1_1_has_one_host() {
        let check = |version, hosts: &[&'static str]| {
            let mut request = Request::new(());
            *request.version_mut() = version;
            for host in hosts {
                request.headers_mut().append(header::HOST, HeaderValue::from_static(host));
            }
            check_host(&request.into_parts().0).is_ok()
        };
        assert!(check(Version::HTTP_11, &["a"]));
        assert!(check(Version::HTTP_10, &[]));
        assert!(!check(Version::HTTP_11, &[]));
        assert!(!check(Version::HTTP_11, &["a", "a"]));
        assert!(!check(Version::HTTP_10, &["a/b"]));
    }

    #[test]
    fn rebound_names_are_not_local() {
        let check = |host| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static(host));
            is_local_or_literal(&headers)
        };
        for local in ["localhost", "LOCALHOST:8081", "127.0.0.1:8081", "10.1.2.3", "[::1]:8081", "[fe80::1]"]
        {
            assert!(check(local), "{local}");
        }
        for foreign in ["evil.example", "localhost.evil.example:8081", "127.0.0.1.nip.io", "", "[::1"] {
            assert!(!check(foreign), "{foreign}");
        }
        assert!(!is_local_or_literal(&HeaderMap::new()));
    }
}
