//! Who is shopping: a random token in a signed, long-lived cookie, by which a browser finds its own orders again.
//! There are no accounts.

use axum::http::{HeaderMap, HeaderValue};

use crate::cookies::{Cookies, random_hex};

const PURPOSE: &str = "shopper";
/// Browsers cap the age of cookies at 400 days.
const MAX_AGE: time::Duration = time::Duration::days(400);

/// A browser that has come as far as the checkout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ShopperId {
    token: String,
}

impl ShopperId {
    /// A shopper who was not here before.
    #[must_use]
    pub(crate) fn new() -> Self {
        Self { token: random_hex::<16>() }
    }

    /// The shopper of a request, if its cookie holds.
    #[must_use]
    pub(crate) fn read(cookies: &Cookies, headers: &HeaderMap) -> Option<Self> {
        let value = cookies.read(headers, PURPOSE)?;
        let token = value.strip_prefix("v1~")?;
        let is_ours = token.len() == 32 && token.bytes().all(|b| b.is_ascii_hexdigit());
        is_ours.then(|| Self { token: token.to_owned() })
    }

    /// The `Set-Cookie` header that makes this browser remember.
    #[must_use]
    pub(crate) fn set_cookie(&self, cookies: &Cookies) -> HeaderValue {
        cookies.set(PURPOSE, Some(&format!("v1~{}", self.token)), MAX_AGE)
    }

    /// The token, as orders are kept by it.
    #[must_use]
    pub(crate) fn token(&self) -> &str {
        &self.token
    }
}

impl Default for ShopperId {
    fn default() -> Self {
        Self::new()
    }
}
