//! How a release looks: style sheet, shape and icon, all inside the page.
//!
//! In a canary a page may come from one release and the browser's next request go to another, so a page depends
//! on no asset that only its own release has: the style is in the page, and the content security policy allows
//! it by its hash.

use std::sync::LazyLock;

use axum::http::HeaderValue;
use sava_service::content_policy::with_inline;
use sava_theme::Theme;

#[derive(Debug)]
pub(crate) struct Look {
    /// The style sheet, as it stands in the page.
    pub style: String,
    /// The content security policy of the pages: this style and nothing else.
    pub policy: HeaderValue,
    /// The colour of the header, which a browser may use for its own frame.
    pub band: &'static str,
    /// The outline of the shape, in a box of 40 by 40.
    pub shape: &'static str,
    /// The shape in the band's colour, as a picture of its own.
    pub sign: String,
    /// The same as a `data:` URL.
    pub icon: String,
}

impl Look {
    #[must_use]
    pub(crate) fn of(theme: Theme) -> &'static Self {
        const SQUARE: &[&str] = &[include_str!("../../assets/square.css")];
        const CIRCLE: &[&str] = &[include_str!("../../assets/circle.css")];
        const HEXAGON: &[&str] = &[include_str!("../../assets/hexagon.css")];
        const TRIANGLE: &[&str] = &[HEXAGON[0], include_str!("../../assets/triangle.css")];
        static LOOKS: LazyLock<[Look; 4]> = LazyLock::new(|| {
            [
                Look::new(Theme::Square, SQUARE),
                Look::new(Theme::Circle, CIRCLE),
                Look::new(Theme::Hexagon, HEXAGON),
                Look::new(Theme::Triangle, TRIANGLE),
            ]
        });
        &LOOKS[theme as usize]
    }

    fn new(theme: Theme, sheets: &[&str]) -> Self {
        let sheets = [include_str!("../../assets/base.css")].iter().chain(sheets);
        let style: String = sheets.map(|sheet| minified(sheet)).collect();
        let policy = policy(&[("style-src", &style)]);
        let (band, shape) = (theme.band(), theme.sign().path);
        let sign = format!(
            "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 40 40'><path fill='{band}' d='{shape}'/></svg>"
        );
        let icon = data_url(&sign);
        Self { style, policy, band, shape, sign, icon }
    }
}

/// A drawing, in the page itself.
#[must_use]
pub(crate) fn data_url(svg: &str) -> String {
    let mut url = String::from("data:image/svg+xml,");
    for letter in svg.chars() {
        match letter {
            '\n' => {}
            '"' => url.push('\''),
            '#' => url.push_str("%23"),
            '<' => url.push_str("%3C"),
            '>' => url.push_str("%3E"),
            letter => url.push(letter),
        }
    }
    url
}

/// A style sheet without its comments and the white space that means nothing: each page carries it and is compressed
/// anew, and a list of 40 kB is 3 kB smaller so. It is for the sheets of this crate, whose selectors and texts have no
/// such space beside a mark; one for any sheet would have to parse it.
fn minified(sheet: &str) -> String {
    let mut style = String::new();
    for (place, part) in sheet.split("/*").enumerate() {
        let part = if place == 0 { part } else { part.split_once("*/").map_or("", |(_, rest)| rest) };
        style.extend(part.lines().map(str::trim));
    }
    let shorter = [(": ", ":"), (", ", ","), ("; ", ";"), (" {", "{"), ("{ ", "{"), (" }", "}"), (";}", "}")];
    shorter.into_iter().fold(style, |style, (long, short)| style.replace(long, short))
}

/// A content security policy of which each directive allows one inline text, by its hash (CSP Level 3, §2.3.1).
///
/// # Panics
/// Where a directive cannot stand in a header.
#[must_use]
pub(crate) fn policy(inline: &[(&str, &str)]) -> HeaderValue {
    // The release view asks its own origin, and so do judges of pages, for robots.txt.
    with_inline(
        "default-src 'none'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'",
        inline,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn styles_are_short_and_mean_the_same() {
        let sheet = "/* Said\n to people. */\n@media (min-width: 1rem) {\n  .a :focus, .b { margin: calc(-1 * var(--x)) 0; top: 0; }\n}\n";
        assert_eq!(
            minified(sheet),
            "@media (min-width:1rem){.a :focus,.b{margin:calc(-1 * var(--x)) 0;top:0}}"
        );
        for theme in [Theme::Square, Theme::Circle, Theme::Hexagon, Theme::Triangle] {
            let style = &Look::of(theme).style;
            assert!(!style.contains("/*") && !style.contains("*/") && !style.contains('\n'), "{style}");
            assert_eq!(style.matches('{').count(), style.matches('}').count());
        }
    }
}
