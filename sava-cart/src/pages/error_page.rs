//! What a shopper sees when there is nothing better to show: which status, in which words.

use askama::Template;
use axum::{
    extract::rejection::FormRejection,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use sava_service::Problem;

use super::look;

/// Why a request is answered with an error page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorPage {
    /// There is no such page.
    NoPage,
    /// There is no such product, or not any more.
    NoProduct,
    /// There is no such order of this browser. Whether it is somebody else's is not said.
    NoOrder,
    /// There is no such picture, or it cannot be had now.
    NoPicture,
    /// The page does not take that method.
    WrongMethod,
    /// The form cannot be read.
    BadForm,
    /// The form is larger than any form of this store.
    TooLarge,
    /// The form came from a page of another site.
    CrossOrigin,
    /// The orders cannot be read or written now.
    OrdersUnavailable,
    /// The checkout of this release fails, on purpose.
    Broken,
    /// Something that should not happen did.
    Unexpected,
}

impl ErrorPage {
    /// Its status, heading and text.
    pub(super) const fn words(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::NoPage => (
                StatusCode::NOT_FOUND,
                "There is no such page",
                "It may have been discontinued before it was cool. Everything that we do have is one click away.",
            ),
            Self::NoProduct => (
                StatusCode::NOT_FOUND,
                "We do not have that",
                "This product is not, or no longer, in our range. Somebody must have bought the last one ironically.",
            ),
            Self::NoOrder => (
                StatusCode::NOT_FOUND,
                "There is no such order",
                "Orders are shown only in the browser that made them, as long as it keeps our cookie.",
            ),
            Self::NoPicture => {
                (StatusCode::NOT_FOUND, "There is no such picture", "You will have to imagine it.")
            }
            Self::WrongMethod => (
                StatusCode::METHOD_NOT_ALLOWED,
                "That is not how this page works",
                "The page is there, but it does not take this kind of request.",
            ),
            Self::BadForm => (
                StatusCode::BAD_REQUEST,
                "We could not read that form",
                "Nothing was changed. Please go back and try it again.",
            ),
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "That is more than we can take",
                "The form is larger than any that this store has. Nothing was changed.",
            ),
            Self::CrossOrigin => (
                StatusCode::FORBIDDEN,
                "That came from another site",
                "A page of another site tried to act in your name here. Nothing was changed. If it was you, do it \
                 again from our own pages. If that is what you did, this shop does not know its own address: whoever \
                 runs it behind a proxy sets PUBLIC_URL to the URL that you see.",
            ),
            Self::OrdersUnavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "We cannot look up orders just now",
                "They are safe; we cannot reach them. Please try again in a minute.",
            ),
            Self::Broken => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "The checkout of this release is broken",
                "Nothing was ordered, and your cart is as it was. Somebody should roll this release back.",
            ),
            Self::Unexpected => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "Something went wrong on our side",
                "It is not your fault, and it has been noted. Your cart is as it was.",
            ),
        }
    }

    /// What a bare answer of that status means here.
    pub(super) fn of(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::NoPage,
            StatusCode::METHOD_NOT_ALLOWED => Self::WrongMethod,
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge,
            StatusCode::FORBIDDEN => Self::CrossOrigin,
            status if status.is_client_error() => Self::BadForm,
            _ => Self::Unexpected,
        }
    }
}

impl From<FormRejection> for ErrorPage {
    fn from(rejection: FormRejection) -> Self {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE { Self::TooLarge } else { Self::BadForm }
    }
}

impl IntoResponse for ErrorPage {
    /// The bare answer; [`super::middleware`] makes it a page, for it knows the visitor.
    fn into_response(self) -> Response {
        let mut response = self.words().0.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage<'a> {
    style: &'static str,
    heading: &'a str,
    text: &'a str,
}

/// The page of an error of the server itself, which met the request before it came to a page: a limit, a fault on
/// purpose, a panic. Where it was on its way to is not known, so it links nowhere.
#[must_use]
#[expect(clippy::needless_pass_by_value, reason = "the signature that the server asks for")]
pub fn server_error(problem: Problem) -> Response {
    const STYLE: &str = include_str!("../../assets/problem.css");
    let page = ProblemPage { style: STYLE, heading: problem.kind.title, text: &problem.detail };
    let mut response = match page.render() {
        Ok(html) => (problem.status, html).into_response(),
        Err(_) => problem.status.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::CONTENT_SECURITY_POLICY, look::policy(&[("style-src", STYLE)]));
    response
}
