//! The release that requests ask for, where a router between the store front and the product service sends them by it.

use std::str::FromStr;

use axum::http::{HeaderName, HeaderValue};

/// The release that a request wants to see, on each hop.
pub(crate) const X_SAVA_PREVIEW: HeaderName = HeaderName::from_static("x-sava-preview");

/// A release that may be previewed, as the header names it: up to 64 letters, digits and `.`, `-`, `+`, `_`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviewRelease(String);

impl PreviewRelease {
    /// `2.0.1`, …
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value of the header.
    ///
    /// # Panics
    /// Never: it is plain ASCII.
    #[must_use]
    pub(crate) fn header_value(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).expect("plain ASCII")
    }
}

impl FromStr for PreviewRelease {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-+_".contains(&byte));
        if is_plain && (1..=64).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err("takes releases, separated by commas, such as 2.0.1")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_what_a_header_can_name() {
        for text in ["2.0.1", " 3.0.1-broken", "4.0.0-rc.1+build_7", &"a".repeat(64)] {
            assert_eq!(text.parse::<PreviewRelease>().unwrap().header_value(), text.trim());
        }
        for text in ["", " ", "2.0.1 3.0.0", "2.0.1\r\nx: y", "é", "*", &"a".repeat(65)] {
            assert!(text.parse::<PreviewRelease>().is_err(), "{text}");
        }
    }
}
