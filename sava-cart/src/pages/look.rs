//! How a release looks: style sheet, shape and icon, all inside the page.
//!
//! In a canary a page may come from one release and the browser's next request go to another, so a page depends
//! on no asset that only its own release has: the style is in the page, and the content security policy allows
//! it by its hash.

use std::{fmt::Write as _, sync::LazyLock};

use axum::http::HeaderValue;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};

/// The look that goes with the theme of a release.
#[derive(Debug)]
pub struct Look {
    /// The theme's name in the release table.
    pub name: &'static str,
    /// The style sheet, as it stands in the page.
    pub style: String,
    /// The content security policy of the pages: this style and nothing else.
    pub policy: HeaderValue,
    /// The colour of the header, which a browser may use for its own frame.
    pub band: &'static str,
    /// The outline of the shape, in a box of 40 by 40.
    pub shape: &'static str,
    /// The shape in the band's colour, as a `data:` URL.
    pub icon: String,
}

const SQUARE: &str = "M4 4h32v32H4z";
const CIRCLE: &str = "M20 2a18 18 0 0 1 0 36 18 18 0 0 1 0-36z";
const HEXAGON: &str = "M20 1 36.500 10.500v19L20 39 3.500 29.500v-19z";
const TRIANGLE: &str = "M20 3 39 37H1z";

static LOOKS: LazyLock<[Look; 4]> = LazyLock::new(|| {
    const HEXAGONS: &str = include_str!("../../assets/hexagon.css");
    [
        Look::new("square", &[include_str!("../../assets/square.css")], "#0a4a8f", SQUARE),
        Look::new("circle", &[include_str!("../../assets/circle.css")], "#a83a00", CIRCLE),
        Look::new("hexagon", &[HEXAGONS], "#0b5c46", HEXAGON),
        Look::new("triangle", &[HEXAGONS, include_str!("../../assets/triangle.css")], "#8a1250", TRIANGLE),
    ]
});

impl Look {
    /// The look of that name; the first there is, where there is none of that name.
    #[must_use]
    pub fn named(name: &str) -> &'static Self {
        LOOKS.iter().find(|look| look.name == name).unwrap_or(&LOOKS[0])
    }

    fn new(name: &'static str, theme: &[&str], band: &'static str, shape: &'static str) -> Self {
        let mut style = String::new();
        for sheet in [include_str!("../../assets/base.css")].iter().chain(theme) {
            style.extend(sheet.lines().map(str::trim));
        }
        let policy = policy(&[("style-src", &style)]);
        let colour = band.replace('#', "%23");
        let icon = format!(
            "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 40 40'%3E\
             %3Cpath fill='{colour}' d='{shape}'/%3E%3C/svg%3E"
        );
        Self { name, style, policy, band, shape, icon }
    }
}

/// A content security policy of which each directive allows one inline text, by its hash (CSP Level 3, §2.3.1).
///
/// # Panics
/// Where a directive is no header's text.
#[must_use]
pub fn policy(inline: &[(&str, &str)]) -> HeaderValue {
    // The release view asks its own origin, and so do judges of pages, for robots.txt.
    let mut policy = String::from(
        "default-src 'none'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    );
    for (directive, text) in inline {
        let hash = STANDARD.encode(Sha256::digest(text));
        write!(policy, "; {directive} 'sha256-{hash}'").expect("a string takes it");
    }
    HeaderValue::try_from(policy).expect("directives and hashes are plain ASCII")
}
