//! What a shopper sees when there is nothing better to show: which status, in which words.

use askama::Template;
use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use sava_service::Problem;

use super::{
    layout::{Layout, Link},
    look,
    visit::{Dressed, Keep, Page, Section, Visit},
};
use crate::{reference::Route, state::AppState};

/// A request that comes to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
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

impl Fault {
    /// Its status, heading and text.
    const fn words(self) -> (StatusCode, &'static str, &'static str) {
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
                 again from our own pages.",
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
    fn of(status: StatusCode) -> Self {
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

impl IntoResponse for Fault {
    /// The bare answer; [`dress`] makes it a page, for it knows the visitor.
    fn into_response(self) -> Response {
        let mut response = self.words().0.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[derive(Template)]
#[template(path = "fault.html")]
struct FaultPage {
    layout: Layout,
    heading: &'static str,
    text: &'static str,
    again: Option<Link>,
}

impl Page for FaultPage {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn text(&self) -> String {
        format!("{}\n\n{}\n", self.heading, self.text)
    }
}

/// Gives each request its [`Visit`], each bare error its page, and each answer the headers that keep browsers safe.
pub async fn dress(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let visit = Visit::new(state, request.uri().path(), request.headers());
    request.extensions_mut().insert(visit.clone());
    let mut response = next.run(request).await;
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    if is_error && response.extensions().get::<Dressed>().is_none() {
        let fault = response.extensions().get::<Fault>().copied().unwrap_or_else(|| Fault::of(status));
        let allow = response.headers_mut().remove(header::ALLOW);
        response = page_of(fault, &visit);
        if let Some(allow) = allow {
            response.headers_mut().insert(header::ALLOW, allow);
        }
    }
    let safe = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    for (name, value) in safe {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

fn page_of(fault: Fault, visit: &Visit) -> Response {
    let (status, heading, text) = fault.words();
    let again = match fault {
        Fault::OrdersUnavailable => Some((Route::Orders, "Try again")),
        Fault::Broken | Fault::BadForm | Fault::TooLarge | Fault::CrossOrigin => {
            Some((Route::Cart, "To the cart"))
        }
        Fault::NoOrder => Some((Route::Orders, "Your orders")),
        _ => None,
    };
    let again =
        again.map(|(route, name)| Link { href: visit.to(route), name: name.to_owned(), ..Link::default() });
    let page = FaultPage { layout: visit.layout(Section::Elsewhere, None), heading, text, again };
    visit.show(status, Keep::Nowhere, &page)
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
    let page = ProblemPage { style: STYLE, heading: &problem.title, text: &problem.detail };
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
