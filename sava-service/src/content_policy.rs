//! Content Security Policy (W3C, level 3): what a page may run and load.

use std::fmt::Write as _;

use axum::http::HeaderValue;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use sha2::{Digest as _, Sha256};

/// The header's value with the directives `policy`, and the inline texts that may take effect: pairs of a directive, such
/// as `style-src`, and the text as it stands in the page, which is named by its hash.
///
/// # Panics
/// Where `policy` or a directive has what no header may have.
#[must_use]
pub fn with_inline(policy: &str, inline: &[(&str, &str)]) -> HeaderValue {
    let mut policy = policy.to_owned();
    for (directive, text) in inline {
        let hash = BASE64_STANDARD.encode(Sha256::digest(text));
        write!(policy, "; {directive} 'sha256-{hash}'").expect("a string takes it");
    }
    HeaderValue::try_from(policy).expect("directives and hashes are plain ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_named_by_their_hash() {
        assert_eq!(
            with_inline("default-src 'none'", &[("script-src", "alert('Hello, world.');")]),
            // The example of the specification, §4.2.3.
            "default-src 'none'; script-src 'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='"
        );
    }
}
