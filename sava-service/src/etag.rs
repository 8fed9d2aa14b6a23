//! Entity tags (RFC 9110 §8.8.3), and whether a client has what one names.

use axum::http::{HeaderMap, HeaderValue, header};

/// Whether two tags are the same by weak comparison (§8.8.3.2), as caches compare them.
#[must_use]
pub fn is_same(one: &HeaderValue, other: &HeaderValue) -> bool {
    opaque(one.as_bytes()) == opaque(other.as_bytes())
}

/// Whether the client of `headers` has what `etag` names: `If-None-Match` fails (§13.1.2).
#[must_use]
pub fn none_match_fails(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let etag = opaque(etag.as_bytes());
    headers.get_all(header::IF_NONE_MATCH).iter().any(|list| {
        let list = list.as_bytes();
        list.trim_ascii() == b"*" || tags(list).any(|tag| tag == etag)
    })
}

/// A tag without the mark of a weak one.
fn opaque(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

/// The tags of a list, each with its quotes, inside of which a comma is a tag's own. Those before one that is not closed.
fn tags(mut list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let next = move || {
        let begin = list.iter().position(|byte| *byte == b'"')?;
        let length = list[begin + 1..].iter().position(|byte| *byte == b'"')?;
        let (tag, rest) = list[begin..].split_at(length + 2);
        list = rest;
        Some(tag)
    };
    std::iter::from_fn(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(lists: &[&'static str], etag: &'static str, expected: bool) {
        let mut headers = HeaderMap::new();
        for list in lists {
            headers.append(header::IF_NONE_MATCH, HeaderValue::from_static(list));
        }
        assert_eq!(none_match_fails(&headers, &HeaderValue::from_static(etag)), expected, "{lists:?}");
    }

    #[test]
    fn a_client_has_what_it_names() {
        check(&[r#""a""#], r#""a""#, true);
        check(&[r#""b", "a""#], r#""a""#, true);
        check(&[r#""b""#, r#""a""#], r#""a""#, true);
        check(&["*"], r#""a""#, true);
        check(&[r#""b""#], r#""a""#, false);
        check(&[], r#""a""#, false);
    }

    #[test]
    fn weak_tags_are_as_good() {
        check(&[r#"W/"a""#], r#""a""#, true);
        check(&[r#""a""#], r#"W/"a""#, true);
        assert!(is_same(&HeaderValue::from_static(r#"W/"a""#), &HeaderValue::from_static(r#""a""#)));
    }

    #[test]
    fn commas_inside_a_tag_are_its_own() {
        check(&[r#""x,"a"#], r#""a""#, false);
        check(&[r#""x, y","a""#], r#""a""#, true);
        check(&[r#""*""#], r#""a""#, false);
        check(&[r#""a"#], r#""a""#, false);
    }
}
