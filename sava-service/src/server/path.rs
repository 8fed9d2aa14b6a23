//! Paths: those that are written in two ways and mean the same, and those that are written down.

use axum::http::{Uri, uri::PathAndQuery};

use crate::excerpt::excerpt;

/// The target with unreserved characters of its path as they are: `%70` is `p` (RFC 3986 §6.2.2.2), and routes are told
/// by letters. None where it is written so already.
pub(crate) fn normalized(uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    if !path.contains('%') {
        return None;
    }
    let mut normal = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let unreserved = if *byte == b'%' { unreserved(after) } else { None };
        normal.push(unreserved.unwrap_or(*byte));
        rest = if unreserved.is_some() { &after[2..] } else { after };
    }
    if normal.len() == path.len() {
        return None;
    }
    if let Some(query) = uri.query() {
        normal.push(b'?');
        normal.extend_from_slice(query.as_bytes());
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(normal).ok()?);
    Uri::from_parts(parts).ok()
}

/// The unreserved character whose two hexadecimal digits `text` begins with.
fn unreserved(text: &[u8]) -> Option<u8> {
    let digit = |place: usize| char::from(*text.get(place)?).to_digit(16);
    let byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
    (byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)).then_some(byte)
}

/// The most of a path that is written down, in characters.
const MAX_SHOWN: usize = 100;

/// A path as it is written down: its beginning, without what a terminal would obey.
pub(crate) fn shown(path: &str) -> String {
    let beginning = path.chars().take(MAX_SHOWN + 1);
    let escaped: String = beginning
        .flat_map(|c| {
            let plain = Some(c).filter(char::is_ascii_graphic);
            let escape = plain.is_none().then(|| c.escape_default());
            plain.into_iter().chain(escape.into_iter().flatten())
        })
        .collect();
    excerpt(&escaped, MAX_SHOWN).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_path_is_short_and_obeyed_by_no_terminal() {
        assert_eq!(shown("/no/such?"), "/no/such?");
        assert_eq!(shown("/\u{1b}[2J\u{202e}é"), "/\\u{1b}[2J\\u{202e}\\u{e9}");
        let long = shown(&"/ab".repeat(200));
        assert!(long.ends_with('…') && long.chars().count() == 101, "{long}");
    }

    #[test]
    fn unreserved_characters_stand_for_themselves() {
        let normal = |uri: &str| normalized(&uri.parse().unwrap()).map(|uri| uri.to_string());
        assert_eq!(normal("/%70roducts/%69%65?q=%61").as_deref(), Some("/products/ie?q=%61"));
        assert_eq!(normal("/%7Euser%2d1%2E%5f").as_deref(), Some("/~user-1._"));
        assert_eq!(normal("http://shop/%61").as_deref(), Some("http://shop/a"));
        assert_eq!(normal("/%25%37").as_deref(), Some("/%257"), "each once");
        for same in ["/products", "/a%2Fb", "/%C3%A9", "/%", "/%7", "/%zz", "/%2525", "*"] {
            assert_eq!(normal(same), None, "{same}");
        }
    }
}
