//! What form a visitor wants an answer in: a page for a browser, text for a terminal.

use axum::http::{HeaderMap, header};

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Representation {
    /// HTML.
    Html,
    /// Plain text, for `curl -H 'Accept: text/plain'`.
    Text,
}

impl Representation {
    /// What the `Accept` headers ask for (RFC 9110 §12.5.1). HTML is what everybody gets who does not prefer text:
    /// curl's own `*/*` does not, and nobody gets a 406.
    #[must_use]
    pub fn wanted(headers: &HeaderMap) -> Self {
        let mut text = 0;
        let mut html = 0;
        let mut html_is_named = false;
        for header in headers.get_all(header::ACCEPT) {
            for range in header.to_str().unwrap_or_default().split(',').take(64) {
                let (name, parameters) = range.split_once(';').unwrap_or((range, ""));
                match name.trim().to_ascii_lowercase().as_str() {
                    "text/plain" => text = text.max(quality(parameters)),
                    "text/html" | "application/xhtml+xml" => {
                        html_is_named = true;
                        html = html.max(quality(parameters));
                    }
                    "*/*" | "text/*" if !html_is_named => html = html.max(quality(parameters)),
                    _ => {}
                }
            }
        }
        // Of two that are equally welcome, the one that was named is meant.
        if text > html || (text == html && text > 0 && !html_is_named) { Self::Text } else { Self::Html }
    }
}

/// The q-value in the parameters of a range, in thousandths; one that cannot be read counts as 1.
fn quality(parameters: &str) -> u16 {
    let q = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| value.trim().parse::<f32>())
    });
    match q {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1000")]
        Some(Ok(q)) if (0.0..=1.0).contains(&q) => (q * 1000.0).round() as u16,
        _ => 1000,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

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
    }

    #[test]
    fn everybody_else_gets_a_page() {
        check("*/*", Representation::Html);
        check("", Representation::Html);
        check("application/json", Representation::Html);
        check("text/plain;q=0", Representation::Html);
        check("text/html, text/plain", Representation::Html);
        check(
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
            Representation::Html,
        );
        assert_eq!(Representation::wanted(&HeaderMap::new()), Representation::Html);
    }
}
