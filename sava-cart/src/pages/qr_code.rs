//! The shop's address for phones: a QR code (ISO/IEC 18004) that the release view shows to an audience.

use axum::{
    Extension,
    extract::{Query, State},
    http::{HeaderValue, StatusCode, Uri, header, uri::Scheme},
    response::{IntoResponse, Response},
};
use qrcode::{QrCode, render::svg};
use serde::Deserialize;

use super::{
    images::POLICY,
    visit::{Visit, answer::Finished},
};
use crate::{
    reference::{Route, path},
    state::AppState,
};

/// The longest address whose code a phone reads from afar.
const MAX_ADDRESS_BYTES: usize = 300;

/// What the query can say.
#[derive(Debug, Deserialize)]
pub(crate) struct CodeQuery {
    /// Where the page that asks found the store, with a slash at the end: behind some proxies nobody else knows. It counts
    /// where the store front is not told its own address.
    address: String,
    page: CodedPage,
}

/// The page that a phone comes to.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum CodedPage {
    Store,
    Audience,
}

/// `GET /release/code`: a picture.
pub(crate) async fn show_code(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    Query(query): Query<CodeQuery>,
) -> Response {
    let root =
        if state.settings.public_url.is_some() { visit.address(Route::Home) } else { seen(&query.address) };
    let code = root.and_then(|root| {
        let address = match query.page {
            CodedPage::Store => root,
            CodedPage::Audience => format!("{root}{}?audience", path::RELEASE),
        };
        QrCode::new(address).ok()
    });
    let Some(code) = code else {
        return (StatusCode::BAD_REQUEST, "address: not that of a store\n").into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, "image/svg+xml"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ];
    let picture = code.render::<svg::Color<'_>>().min_dimensions(200, 200).build();
    let mut response =
        (headers.map(|(name, value)| (name, HeaderValue::from_static(value))), picture).into_response();
    response.extensions_mut().insert(Finished);
    response
}

/// The address of a store as a page saw it, if it can be one.
fn seen(address: &str) -> Option<String> {
    let uri: Uri = address.parse().ok().filter(|_| address.len() <= MAX_ADDRESS_BYTES)?;
    let is_web = [Some(&Scheme::HTTP), Some(&Scheme::HTTPS)].contains(&uri.scheme());
    (is_web && uri.query().is_none() && uri.path().ends_with('/')).then(|| address.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_a_store_is_coded() {
        for address in ["http://localhost:3000/", "https://shop.example/api/v1/proxy/"] {
            assert_eq!(seen(address).as_deref(), Some(address));
        }
        let long = format!("http://shop.example/{}/", "a".repeat(MAX_ADDRESS_BYTES));
        for address in
            ["", "/", "javascript:alert(1)", "ftp://shop.example/", "http://shop.example/?a=/", &long]
        {
            assert_eq!(seen(address), None, "{address}");
        }
    }
}
