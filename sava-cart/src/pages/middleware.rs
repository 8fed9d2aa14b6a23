//! What every request of the store front passes: it becomes a visit, and its answer is completed.

use askama::Template;
use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue, header},
    middleware::Next,
    response::Response,
};

use super::{
    error_page::ErrorPage,
    layout::{Layout, Link},
    visit::{
        Visit,
        answer::{CachePolicy, Finished, Page},
        frame::Section,
    },
};
use crate::{product_service::preview_release::X_SAVA_PREVIEW, reference::Route, state::AppState};

/// Gives each request its [`Visit`], each bare error its page, and each answer the headers that keep browsers safe.
pub(super) async fn complete(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let visit = Visit::new(state, request.uri().path(), request.headers());
    request.extensions_mut().insert(visit.clone());
    let mut response = next.run(request).await;
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    if is_error && response.extensions().get::<Finished>().is_none() {
        let fault =
            response.extensions().get::<ErrorPage>().copied().unwrap_or_else(|| ErrorPage::of(status));
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
    if visit.can_preview() {
        tell_previews_apart(&visit, &mut response);
    }
    response
}

/// A preview is kept nowhere, and nothing that is kept is shown in its place. The answer names the release, so that who
/// asked for it knows that it was heard.
fn tell_previews_apart(visit: &Visit, response: &mut Response) {
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from(X_SAVA_PREVIEW));
    if let Some(launch) = visit.preview() {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(X_SAVA_PREVIEW, launch.release.header_value());
    }
}

fn page_of(fault: ErrorPage, visit: &Visit) -> Response {
    let (status, heading, text) = fault.words();
    let again = match fault {
        ErrorPage::OrdersUnavailable => Some((Route::Orders, "Try again")),
        ErrorPage::Broken | ErrorPage::BadForm | ErrorPage::TooLarge | ErrorPage::CrossOrigin => {
            Some((Route::Cart, "To the cart"))
        }
        ErrorPage::NoOrder => Some((Route::Orders, "Your orders")),
        _ => None,
    };
    let again =
        again.map(|(route, name)| Link { href: visit.to(route), name: name.to_owned(), ..Link::default() });
    let page = FaultPage { layout: visit.layout(Section::Elsewhere, None), heading, text, again };
    visit.show(status, CachePolicy::NoStore, &page)
}

#[derive(Template)]
#[template(path = "error_page.html")]
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
