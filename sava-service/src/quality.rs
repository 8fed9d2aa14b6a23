//! Quality values (RFC 9110 §12.4.2), and the lists in which a client gives them: `Accept`, `Accept-Encoding`.
//!
//! Nothing is allocated, and the work is linear in the length of a header. Real clients are met with kindness: `q=.2` is
//! 0.2, and a member that cannot be read is skipped.

/// A quality in thousandths, from 0, which refuses, to 1000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quality(u16);

impl Quality {
    /// That of a member that gives none.
    pub(crate) const FULL: Self = Self(1000);
    /// Not acceptable.
    pub const NONE: Self = Self(0);

    /// Whether a client takes what has it.
    #[must_use]
    pub fn is_acceptable(self) -> bool {
        self > Self::NONE
    }

    /// `1`, `0.25`, `.2`; more decimals than three are cut, but no small quality becomes a refusal.
    fn parse(text: &[u8]) -> Option<Self> {
        let dot = text.iter().position(|byte| *byte == b'.').unwrap_or(text.len());
        let (whole, decimals) = (&text[..dot], text.get(dot + 1..).unwrap_or_default());
        if whole.is_empty() && decimals.is_empty() || !decimals.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let digit = |place| decimals.get(place).map_or(0, |digit| u16::from(digit - b'0'));
        let thousandths = (0..3).fold(0, |sum, place| sum * 10 + digit(place));
        let is_more = decimals.iter().any(|digit| *digit != b'0');
        match whole {
            b"1" if !is_more => Some(Self::FULL),
            b"" | b"0" => Some(Self(if is_more { thousandths.max(1) } else { 0 })),
            _ => None,
        }
    }
}

/// The members of a list with their qualities: what stands before the first parameter, and the parameter `q`. Other
/// parameters are ignored.
pub fn weighted(list: &[u8]) -> impl Iterator<Item = (&[u8], Quality)> {
    split(list, b',').filter_map(member)
}

/// The best quality that the lists give to one of `names`; `None` where they name none of them.
pub fn named<'list>(lists: impl IntoIterator<Item = &'list [u8]>, names: &[&str]) -> Option<Quality> {
    let members = lists.into_iter().flat_map(weighted);
    members
        .filter(|(name, _)| names.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes())))
        .map(|(_, quality)| quality)
        .max()
}

/// A member and its quality; `None` for what cannot be read.
fn member(member: &[u8]) -> Option<(&[u8], Quality)> {
    let mut parts = split(member, b';');
    let name = parts.next()?.trim_ascii();
    for parameter in parts {
        if has_open_quote(parameter) {
            return None;
        }
        let mut pair = parameter.splitn(2, |byte| *byte == b'=');
        let key = pair.next().unwrap_or_default().trim_ascii();
        if key.eq_ignore_ascii_case(b"q") {
            // What follows `q` once was for extensions (RFC 7231 §5.3.2), and has no meaning now.
            return Some((name, Quality::parse(pair.next()?.trim_ascii())?));
        }
    }
    Some((name, Quality::FULL))
}

fn has_open_quote(text: &[u8]) -> bool {
    let mut quotes = Quotes::default();
    for byte in text {
        quotes.read(*byte);
    }
    quotes.open
}

/// The parts of `text` between separators that are not inside a quoted string (RFC 9110 §5.6.4).
fn split(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut quotes = Quotes::default();
    text.split(move |byte| {
        let separates = *byte == separator && !quotes.open;
        quotes.read(*byte);
        separates
    })
}

/// Whether a reader is inside a quoted string.
#[derive(Default)]
struct Quotes {
    open: bool,
    escaped: bool,
}

impl Quotes {
    fn read(&mut self, byte: u8) {
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' if self.open => self.escaped = true,
            b'"' => self.open = !self.open,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(list: &str, expected: &[(&str, u16)]) {
        let members = weighted(list.as_bytes());
        let members: Vec<_> =
            members.map(|(name, quality)| (std::str::from_utf8(name).unwrap(), quality.0)).collect();
        assert_eq!(members, expected, "{list}");
    }

    #[test]
    fn members_have_qualities() {
        check("gzip, br;q=0.5 ,zstd ; Q=0", &[("gzip", 1000), ("br", 500), ("zstd", 0)]);
        check("text/html;level=\"1,2\";q=0.7, */*;q=0.1;ext=1", &[("text/html", 700), ("*/*", 100)]);
        check("a;charset=utf-8", &[("a", 1000)]);
    }

    #[test]
    fn qualities_are_read_with_kindness() {
        check("a;q=1., b;q=.2, c;q=1.000, d;q=0.", &[("a", 1000), ("b", 200), ("c", 1000), ("d", 0)]);
        check("a;q=0.12345, b;q=0.0001", &[("a", 123), ("b", 1)]);
    }

    #[test]
    fn what_cannot_be_read_is_skipped() {
        check("a;q=2, b;q=1.001, c;q=x, d;q=, e;q, f;q=-1, g;q=1e0, h;q=., i", &[("i", 1000)]);
        check("a;b=\"c, d", &[]);
    }

    #[test]
    fn the_best_of_the_names_counts() {
        let html = |list: &str| named([list.as_bytes()], &["text/html", "application/xhtml+xml"]);
        assert_eq!(html("TEXT/HTML;q=0.1, application/xhtml+xml;q=0.3"), Some(Quality(300)));
        assert_eq!(html("text/html;q=0"), Some(Quality::NONE));
        assert_eq!(html("*/*"), None);
    }
}
