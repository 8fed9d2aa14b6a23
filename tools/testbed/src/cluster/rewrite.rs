//! What the API server's proxy changes in answers: root-absolute references in HTML, and `Location`.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::{DeflateDecoder, GzDecoder};
use flate2::write::{DeflateEncoder, GzEncoder};
use http::HeaderValue;
use lol_html::html_content::Element;
use lol_html::{HtmlRewriter, Settings, element};

/// The attributes that hold URLs, as `k8s.io/apimachinery/pkg/util/proxy` lists them.
const URL_ATTRIBUTES: &[(&str, &[&str])] = &[
    ("a", &["href"]),
    ("area", &["href"]),
    ("audio", &["src"]),
    ("base", &["href"]),
    ("blockquote", &["cite"]),
    ("body", &["background"]),
    ("button", &["formaction"]),
    ("del", &["cite"]),
    ("embed", &["src"]),
    ("form", &["action"]),
    ("frame", &["longdesc", "src"]),
    ("head", &["profile"]),
    ("html", &["manifest"]),
    ("iframe", &["longdesc", "src"]),
    ("img", &["longdesc", "src", "usemap"]),
    ("input", &["src", "usemap", "formaction"]),
    ("ins", &["cite"]),
    ("link", &["href"]),
    ("object", &["classid", "codebase", "data", "usemap"]),
    ("q", &["cite"]),
    ("script", &["src"]),
    ("source", &["src"]),
    ("video", &["poster", "src"]),
];

/// A page with its root-absolute references below `prefix`, in the coding in which it came. `None` if the API server
/// cannot read the coding: it knows gzip and deflate.
pub(super) fn html(body: &[u8], coding: &str, prefix: &str) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    match coding {
        "" | "identity" => plain.extend_from_slice(body),
        "gzip" => drop(GzDecoder::new(body).read_to_end(&mut plain).ok()?),
        "deflate" => drop(DeflateDecoder::new(body).read_to_end(&mut plain).ok()?),
        _ => return None,
    }
    let page = rewritten(&plain, prefix)?;
    match coding {
        "gzip" => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(&page).ok()?;
            encoder.finish().ok()
        }
        "deflate" => {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(&page).ok()?;
            encoder.finish().ok()
        }
        _ => Some(page),
    }
}

/// A redirect as the browser gets it: a path below `prefix`; a full URL with the host that the application saw
/// (`host`, the API server's) with the prefix in its path, which leads nowhere; anything else as it was.
pub(super) fn location(value: &[u8], prefix: &str, host: &[u8]) -> HeaderValue {
    let text = String::from_utf8_lossy(value);
    let host = String::from_utf8_lossy(host);
    let rewritten = if let Some(rest) = text.strip_prefix(&format!("http://{host}")) {
        format!("http://{host}{}", below(prefix, if rest.is_empty() { "/" } else { rest }))
    } else {
        below(prefix, &text)
    };
    HeaderValue::from_str(&rewritten).unwrap_or_else(|_| HeaderValue::from_static("/"))
}

/// A root-absolute reference with the prefix; any other unchanged.
fn below(prefix: &str, reference: &str) -> String {
    if !reference.starts_with('/') || reference.starts_with("//") || reference.starts_with(prefix) {
        return reference.to_owned();
    }
    format!("{prefix}{reference}")
}

fn rewritten(page: &[u8], prefix: &str) -> Option<Vec<u8>> {
    let mut output = Vec::with_capacity(page.len() + page.len() / 8);
    let settings =
        Settings::new().with_strict(false).append_element_content_handler(element!("*", |element| {
            start_tag(element, prefix);
            Ok(())
        }));
    let mut rewriter = HtmlRewriter::new(settings, |chunk: &[u8]| output.extend_from_slice(chunk));
    rewriter.write(page).ok()?;
    rewriter.end().ok()?;
    Some(output)
}

/// Every start tag is written again, so its quotes and spaces change, whether or not it holds a URL.
fn start_tag(element: &mut Element<'_, '_>, prefix: &str) {
    let name = element.tag_name();
    let urls = URL_ATTRIBUTES.iter().find(|(it, _)| *it == name).map_or(&[][..], |(_, it)| *it);
    let attributes: Vec<_> = element.attributes().iter().map(|it| (it.name(), it.value())).collect();
    for (attribute, value) in attributes {
        let value = if urls.contains(&attribute.as_str()) { below(prefix, &value) } else { value };
        // The name came from the page's own parser.
        let _ = element.set_attribute(&attribute, &value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PREFIX: &str = "/api/v1/namespaces/ns/services/s/proxy";

    fn page(text: &str) -> String {
        String::from_utf8(html(text.as_bytes(), "", PREFIX).expect("plain")).expect("UTF-8")
    }

    #[test]
    fn root_absolute_references_get_the_prefix() {
        assert_eq!(page("<a href=/x>x</a>"), format!("<a href=\"{PREFIX}/x\">x</a>"));
        assert_eq!(page("<button formaction='/x'>"), format!("<button formaction=\"{PREFIX}/x\">"));
    }

    #[test]
    fn other_references_are_left_alone() {
        for text in [
            r#"<a href="x">x</a>"#,
            r#"<a href="//host/x">x</a>"#,
            r#"<a href="https://host/x">x</a>"#,
            r#"<img srcset="/x 2x">"#,
            r#"<p style="background: url(/x)">"#,
            r#"<meta http-equiv="refresh" content="0; url=/x">"#,
            "<style>p { background: url(/x) }</style>",
            r#"<script>const link = "<a href='/x'>";</script>"#,
        ] {
            assert_eq!(page(text), text);
        }
    }

    #[test]
    fn brotli_and_zstd_break_a_page() {
        assert_eq!(html(b"x", "br", PREFIX), None);
        assert_eq!(html(b"x", "zstd", PREFIX), None);
    }

    #[test]
    fn redirects_are_rewritten_unless_relative() {
        let of = |value: &str| location(value.as_bytes(), PREFIX, b"127.0.0.1:6443");
        assert_eq!(of("/cart"), format!("{PREFIX}/cart"));
        assert_eq!(of("../cart"), "../cart");
        assert_eq!(of("http://127.0.0.1:6443/cart"), format!("http://127.0.0.1:6443{PREFIX}/cart"));
        assert_eq!(of("https://elsewhere/cart"), "https://elsewhere/cart");
    }
}
