//! The beginning of a request's head as it came: tells what is wrong with it where hyper's error does not.

/// The most bytes that are kept, of each connection.
const MAX_KEPT: usize = 1024;

/// A request line and header fields, or what came of them.
#[derive(Debug, Default)]
pub(crate) struct Head {
    kept: Vec<u8>,
    has_line: bool,
}

impl Head {
    /// More of it has come.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.has_line |= bytes.contains(&b'\n');
        let room = MAX_KEPT - self.kept.len();
        self.kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// Another one begins.
    pub(crate) fn clear(&mut self) {
        self.has_line = false;
        self.kept.clear();
    }

    /// Whether the request line is there, so that what is too long is not its target.
    pub(crate) fn has_line(&self) -> bool {
        self.has_line
    }

    /// Whether the request line ends with a version of HTTP that is not 1.0 or 1.1.
    pub(crate) fn is_of_another_version(&self) -> bool {
        let line = self.lines().next().unwrap_or_default();
        let word = line.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
        word.strip_prefix(b"HTTP/").is_some_and(|version| {
            version.first().is_some_and(u8::is_ascii_digit) && version != b"1.0" && version != b"1.1"
        })
    }

    /// Whether `Content-Length` is a number too large for any body, however many digits it has.
    pub(crate) fn announces_too_much(&self) -> bool {
        const ENOUGH: usize = "18446744073709551".len();
        self.lines().skip(1).any(|line| {
            let (name, value) = line.split_at(line.iter().position(|byte| *byte == b':').unwrap_or(0));
            let digits = value.get(1..).unwrap_or_default().trim_ascii();
            name.eq_ignore_ascii_case(b"content-length")
                && digits.iter().all(u8::is_ascii_digit)
                && digits.trim_ascii_start().len() > ENOUGH
        })
    }

    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.kept.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Head {
        let mut head = Head::default();
        // However it is cut.
        let (one, other) = text.as_bytes().split_at(text.len() / 2);
        head.push(one);
        head.push(other);
        head
    }

    #[test]
    fn versions_of_the_request_line() {
        for other in
            ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET / HTTP/3\r\n", "GET / HTTP/1.2\r\nHost: shop\r\n"]
        {
            assert!(head(other).is_of_another_version(), "{other}");
        }
        for one in
            ["GET / HTTP/1.1\r\nUpgrade: HTTP/2.0\r\n", "GET / HTTP/1.0\r\n", "GET /\r\n", "HTTP/x\r\n", ""]
        {
            assert!(!head(one).is_of_another_version(), "{one}");
        }
    }

    #[test]
    fn lengths_that_no_body_has() {
        let announces = |length: &str| head(&format!("PUT / HTTP/1.1\r\ncontent-LENGTH: {length}\r\n"));
        for length in ["18446744073709551615", "18446744073709551616", "99999999999999999999999"] {
            assert!(announces(length).announces_too_much(), "{length}");
        }
        for length in ["16384", "-1", "0x7fffffffffffffffffff", "", "1, 99999999999999999999"] {
            assert!(!announces(length).announces_too_much(), "{length}");
        }
    }

    #[test]
    fn little_is_kept() {
        let mut head = Head::default();
        for _ in 0..100 {
            head.push(&[b'a'; 100]);
        }
        assert_eq!(head.kept.len(), MAX_KEPT);
        assert!(!head.has_line());
        head.push(b"\n");
        assert!(head.has_line());
        head.clear();
        assert!(!head.has_line() && head.kept.is_empty());
    }
}
