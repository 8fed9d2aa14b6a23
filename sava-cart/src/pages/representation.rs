//! What form a visitor wants an answer in: a page for a browser, text for a terminal.

use axum::http::{HeaderMap, HeaderValue, header};
use sava_service::quality::{self, Quality};

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Representation {
    Html,
    /// Plain text, for `curl -H 'Accept: text/plain'`.
    Text,
}

impl Representation {
    /// What the `Accept` headers ask for (RFC 9110 §12.5.1). HTML is what everybody gets who does not prefer text:
    /// curl's own `*/*` does not, and there is no 406.
    #[must_use]
    pub(crate) fn wanted(headers: &HeaderMap) -> Self {
        let lists = || headers.get_all(header::ACCEPT).iter().map(HeaderValue::as_bytes);
        let text = quality::named(lists(), &["text/plain"]).unwrap_or(Quality::NONE);
        let named_html = quality::named(lists(), &["text/html", "application/xhtml+xml"]);
        let html =
            named_html.or_else(|| quality::named(lists(), &["text/*", "*/*"])).unwrap_or(Quality::NONE);
        // Of two that are equally welcome, the one that was named is meant.
        let is_meant = text.is_acceptable() && named_html.is_none();
        if text > html || (text == html && is_meant) { Self::Text } else { Self::Html }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(accept: &'static str, expected: Representation) {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        assert_eq!(Representation::wanted(&headers), expected, "{accept}");
    }

    #[test]
    fn text_is_for_those_who_prefer_it() {
        check("text/plain", Representation::Text);
        check("TEXT/PLAIN; charset=utf-8", Representation::Text);
        check("text/plain, */*;q=0.1", Representation::Text);
        check("text/plain, */*", Representation::Text);
        check("text/html;q=0.5, text/plain", Representation::Text);
        check("text/html;q=0, text/plain;q=0.1, */*", Representation::Text);
    }

    #[test]
    fn everybody_else_gets_a_page() {
        check("*/*", Representation::Html);
        check("", Representation::Html);
        check("application/json", Representation::Html);
        check("text/plain;q=0", Representation::Html);
        check("text/plain;q=many", Representation::Html);
        check("text/html, text/plain", Representation::Html);
        check(
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
            Representation::Html,
        );
        assert_eq!(Representation::wanted(&HeaderMap::new()), Representation::Html);
    }
}
