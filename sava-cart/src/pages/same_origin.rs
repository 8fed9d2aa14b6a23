//! Forms are taken from pages of this store alone. [`CsrfLayer`] decides so by what the browser says, and compares bytes;
//! here `Origin` is spelled as it compares, and a refusal is explained in the log.

use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue, header},
    middleware::Next,
    response::Response,
};
use reqwest::Url;
use sava_service::excerpt;
use tower_http::csrf::{CsrfLayer, ProtectionError};

use crate::state::AppState;

/// The most of a header that a log line repeats.
const MAX_LOGGED_CHARS: usize = 200;

/// What refuses the forms of other origins: trusted are the one that the request is for and that of `public_url`, which
/// a proxy may hide behind a `Host` of its own.
///
/// # Panics
/// Never: an http URL's origin is one that browsers send.
pub(super) fn layer(public_url: Option<&Url>) -> CsrfLayer {
    match public_url {
        Some(url) => CsrfLayer::new()
            .add_trusted_origin(url.origin().ascii_serialization())
            .expect("an http URL has an origin"),
        None => CsrfLayer::new(),
    }
}

/// Stands around [`layer`].
pub(super) async fn explain(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let logged_headers =
        [header::ORIGIN, header::REFERER, HeaderName::from_static("sec-fetch-site"), header::HOST];
    let [origin, referer, fetch_site, host] = logged_headers.map(|name| request.headers().get(name).cloned());
    if let Some(spelled) = spelled_alike(&request) {
        request.headers_mut().insert(header::ORIGIN, spelled);
    }
    let response = next.run(request).await;
    if response.extensions().get::<ProtectionError>().is_some() {
        tracing::warn!(
            origin = origin.as_ref().map(logged),
            referer = referer.as_ref().map(logged),
            sec_fetch_site = fetch_site.as_ref().map(logged),
            host = host.as_ref().map(logged),
            public_url = state.settings.public_url.as_ref().map(Url::as_str),
            "a form of another origin was refused; if it was a page of this store, a proxy changes Host: set \
             PUBLIC_URL to the URL that shoppers use"
        );
    }
    response
}

/// A header's value as a log line repeats it.
fn logged(value: &HeaderValue) -> String {
    excerpt(&String::from_utf8_lossy(value.as_bytes()), MAX_LOGGED_CHARS).into_owned()
}

/// The `Origin` of `request` with the default port left out and the host in lower case, for neither tells two origins
/// apart (RFC 6454 §4, RFC 3986 §6.2.2.1 and §6.2.3), or as the request spells its host where that is the same. `None`
/// where it is not an http origin: it is left as it is.
fn spelled_alike(request: &Request) -> Option<HeaderValue> {
    let origin = http_origin(request.headers().get(header::ORIGIN)?.to_str().ok()?)?;
    let host = match request.uri().authority() {
        Some(authority) => Some(authority.as_str()),
        None => request.headers().get(header::HOST).and_then(|host| host.to_str().ok()),
    };
    // A request does not say by which scheme it came to the first proxy: that of `Origin` is assumed.
    let own = host.map(|host| format!("{}://{host}", origin.scheme()));
    let own = own.filter(|own| http_origin(own).is_some_and(|own| own.origin() == origin.origin()));
    HeaderValue::try_from(own.unwrap_or_else(|| origin.origin().ascii_serialization())).ok()
}

/// `text` where it is `http(s)://host[:port]` and nothing more.
fn http_origin(text: &str) -> Option<Url> {
    let (scheme, authority) = text.split_once("://")?;
    let is_http = ["http", "https"].iter().any(|http| scheme.eq_ignore_ascii_case(http));
    let is_bare = !authority.contains(['/', '\\', '?', '#', '@']);
    Url::parse(text).ok().filter(|_| is_http && is_bare)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    /// How `origin` is spelled in a request for `host`.
    fn spelled(origin: &str, host: &str) -> Option<String> {
        let request = Request::post("/cart/items").header("host", host).header("origin", origin);
        let spelled = spelled_alike(&request.body(Body::empty()).unwrap())?;
        Some(spelled.to_str().unwrap().to_owned())
    }

    #[test]
    fn origins_are_spelled_as_the_host_where_they_are_the_same() {
        for (origin, host, expected) in [
            ("http://shop", "shop", "http://shop"),
            ("http://shop", "shop:80", "http://shop:80"),
            ("http://shop:80", "shop", "http://shop"),
            ("https://shop", "shop:443", "https://shop:443"),
            ("https://shop:443", "shop", "https://shop"),
            ("HTTP://Shop:80", "sHOP", "http://sHOP"),
            ("http://[::1]:80", "[::1]", "http://[::1]"),
            // Others: of another port, scheme or host.
            ("http://shop", "shop:443", "http://shop"),
            ("https://shop", "shop:80", "https://shop"),
            ("http://shop:8080", "shop", "http://shop:8080"),
            ("http://shop.", "shop", "http://shop."),
            ("http://SHOP:80", "sava-cart:3000", "http://shop"),
        ] {
            assert_eq!(spelled(origin, host).as_deref(), Some(expected), "{origin} at {host}");
        }
        for origin in ["null", "", "shop", "file://shop", "http://shop/", "http://evil@shop", "http:\\\\shop"]
        {
            assert_eq!(spelled(origin, "shop"), None, "{origin}");
        }
    }
}
