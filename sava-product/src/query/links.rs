//! The `Link` header that leads from a page to the others (RFC 8288).

use std::fmt::Write as _;

use http::HeaderValue;

/// The links from `page` of products, `limit` on each, `total` in all, that `query` asked for. They are relative to the
/// path of the request, so that they hold under any prefix.
///
/// # Panics
/// Never: what is written is ASCII without control characters.
#[must_use]
pub(crate) fn links(query: &str, page: usize, limit: usize, total: usize) -> HeaderValue {
    let last = total.div_ceil(limit).max(1);
    let previous = page.checked_sub(1).filter(|page| (1..=last).contains(page));
    let next = page.checked_add(1).filter(|page| *page <= last);
    let pages = [("first", Some(1)), ("prev", previous), ("next", next), ("last", Some(last))];
    let mut links = String::new();
    for (relation, page) in pages {
        let Some(page) = page else { continue };
        let separator = if links.is_empty() { "" } else { ", " };
        let _ = write!(links, "{separator}<?{}>; rel=\"{relation}\"", with_page(query, page));
    }
    HeaderValue::try_from(links).expect("ASCII without control characters")
}

/// The query string with another page; what else it says stays as it is.
fn with_page(query: &str, page: usize) -> String {
    let mut changed = String::with_capacity(query.len() + 8);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        if !changed.is_empty() {
            changed.push('&');
        }
        let is_page = form_urlencoded::parse(pair.as_bytes()).next().is_some_and(|(name, _)| name == "_page");
        if is_page {
            let _ = write!(changed, "_page={page}");
        } else {
            escape(pair, &mut changed);
        }
    }
    changed
}

/// Writes what a reference can hold as it is, and all else percent-encoded (RFC 3986 §2.1): a client may have sent it
/// raw, and it must not end the link early.
fn escape(text: &str, out: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'<' | b'>' | b'"' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | 0..=b' ' | 0x7f.. => {
                let _ = write!(out, "%{byte:02X}");
            }
            _ => out.push(char::from(byte)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_in_the_middle_leads_to_all_others() {
        assert_eq!(
            links("_page=2&_limit=5", 2, 5, 28),
            "<?_page=1&_limit=5>; rel=\"first\", <?_page=1&_limit=5>; rel=\"prev\", \
             <?_page=3&_limit=5>; rel=\"next\", <?_page=6&_limit=5>; rel=\"last\""
        );
    }

    #[test]
    fn there_is_no_page_before_the_first_or_after_the_last() {
        assert_eq!(links("_page=1", 1, 10, 7), "<?_page=1>; rel=\"first\", <?_page=1>; rel=\"last\"");
        assert_eq!(links("_page=9", 9, 10, 7), "<?_page=1>; rel=\"first\", <?_page=1>; rel=\"last\"");
        assert_eq!(
            links("_page=2", 2, 10, 0),
            "<?_page=1>; rel=\"first\", <?_page=1>; rel=\"prev\", <?_page=1>; rel=\"last\""
        );
    }

    #[test]
    fn other_parameters_stay_and_cannot_break_out() {
        assert_eq!(
            links("q=a+%26b&%5Fpage=1&title_like=>;x\"&&", 1, 1, 1),
            "<?q=a+%26b&_page=1&title_like=%3E;x%22>; rel=\"first\", <?q=a+%26b&_page=1&title_like=%3E;x%22>; rel=\"last\""
        );
    }
}
