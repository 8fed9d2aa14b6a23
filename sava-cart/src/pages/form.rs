//! The content of a form.

use axum::{
    extract::{FromRequest, Request, rejection::FormRejection},
    http::{HeaderMap, HeaderValue, header},
};
use mime::Mime;
use serde::de::DeserializeOwned;

/// A form's fields. axum's own looks for its media type in lower case alone, while the names of media types are the same
/// in any case (RFC 9110 §8.3.1).
pub(super) struct Form<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Form<T> {
    type Rejection = FormRejection;

    async fn from_request(mut request: Request, state: &S) -> Result<Self, FormRejection> {
        if is_form(request.headers()) {
            let form = HeaderValue::from_static("application/x-www-form-urlencoded");
            request.headers_mut().insert(header::CONTENT_TYPE, form);
        }
        axum::extract::Form::from_request(request, state)
            .await
            .map(|axum::extract::Form(fields)| Self(fields))
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let stated = headers.get(header::CONTENT_TYPE).and_then(|stated| stated.to_str().ok());
    stated
        .and_then(|stated| stated.trim().parse::<Mime>().ok())
        .is_some_and(|stated| stated.essence_str() == mime::APPLICATION_WWW_FORM_URLENCODED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_are_the_same_in_any_case() {
        let is_form = |text: &'static str| {
            is_form(&HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(text))]))
        };
        for text in [
            "application/x-www-form-urlencoded",
            "APPLICATION/X-WWW-FORM-URLENCODED",
            "Application/x-www-form-urlencoded; charset=UTF-8",
            "application/x-www-form-urlencoded;charset=utf-8",
        ] {
            assert!(is_form(text), "{text}");
        }
        for text in
            ["", "text/plain", "application/x-www-form-urlencoded-not", "multipart/form-data; boundary=x"]
        {
            assert!(!is_form(text), "{text}");
        }
    }
}
