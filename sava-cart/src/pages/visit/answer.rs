//! An answer: a page in the form that its visitor wants, or a redirect.

use askama::Template;
use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::Visit;
use crate::{
    catalog::{Freshness, Listing},
    pages::{error_page::ErrorPage, layout::Layout, representation::Representation, text},
    reference::Route,
    rendered::{Coding, PageKey, RenderedPage, Subject},
};

/// The release of sava-product that the products of an answer are of.
pub(crate) const X_SAVA_PRODUCT_RELEASE: HeaderName = HeaderName::from_static("x-sava-product-release");
/// What was wrong with sava-product's part in an answer, and with which release of it.
pub(crate) const X_SAVA_PRODUCT_FAULT: HeaderName = HeaderName::from_static("x-sava-product-fault");

/// How long an answer may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CachePolicy {
    /// By this browser, which asks again each time: a canary shows at once.
    Revalidate,
    /// Nowhere: it is about this shopper and changes.
    NoStore,
}

/// A page: a template that is text, too.
pub(crate) trait Page: Template {
    fn layout(&self) -> &Layout;
    /// Its content as plain text.
    fn text(&self) -> String;
}

impl Visit {
    /// The answer that `page` is, in the form that the visitor wants.
    pub(crate) fn show<P: Page>(&self, status: StatusCode, cache: CachePolicy, page: &P) -> Response {
        match self.render(cache, page) {
            Ok(page) => finished(status, page),
            Err(error) => error.into_response(),
        }
    }

    /// The same for a page of the products of `listing`: where others have seen it, that one. `make` is asked for one that
    /// nobody has; `None` as its `subject` is a page that is for this shopper alone.
    pub(crate) fn show_shared<P: Page>(
        &self,
        listing: &Listing,
        subject: Option<Subject>,
        make: impl FnOnce() -> P,
    ) -> Response {
        let cache = CachePolicy::Revalidate;
        let Some(key) = subject.and_then(|subject| self.page_key(listing, subject)) else {
            return self.show(StatusCode::OK, cache, &make());
        };
        if let Some(page) = self.state.pages.get(&key) {
            return finished(StatusCode::OK, page);
        }
        match self.render(cache, &make()) {
            Ok(page) => {
                let page = page.coded(key.coding);
                self.state.pages.keep(key, &page);
                finished(StatusCode::OK, page)
            }
            Err(error) => error.into_response(),
        }
    }

    /// What tells the page of `subject` from all others; `None` where it is about this moment, as one with a notice that
    /// the product service is away.
    fn page_key(&self, listing: &Listing, subject: Subject) -> Option<PageKey> {
        let Listing { list, freshness: Freshness::Fresh, served_by: Some(served_by), fault: None } = listing
        else {
            return None;
        };
        // A preview says that it is one, and is told from others by what its catalog holds, not by the list's number.
        let is_shared = self.representation() == Representation::Html && self.preview().is_none();
        is_shared.then(|| PageKey {
            list: list.id,
            supplier: served_by.release.clone(),
            api_version: served_by.api_version,
            subject,
            place: self.references.clone(),
            n_pieces: self.cart.n_pieces(),
            coding: Coding::wanted(&self.headers),
        })
    }

    fn render<P: Page>(&self, cache: CachePolicy, page: &P) -> Result<RenderedPage, ErrorPage> {
        let layout = page.layout();
        let (body, content_type) = match self.representation() {
            Representation::Html => match page.render() {
                Ok(html) => (html, "text/html; charset=utf-8"),
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "a page could not be rendered");
                    return Err(ErrorPage::Unexpected);
                }
            },
            Representation::Text => (framed(layout, &page.text()), "text/plain; charset=utf-8"),
        };
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(header::CONTENT_SECURITY_POLICY, layout.look.policy.clone());
        headers.insert(header::VARY, HeaderValue::from_static("accept, cookie"));
        let cache = match cache {
            CachePolicy::Revalidate => "private, no-cache",
            CachePolicy::NoStore => "no-store",
        };
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
        if let Some(supplier) = &layout.supplier
            && let Ok(release) = HeaderValue::from_str(&supplier.release)
        {
            headers.insert(X_SAVA_PRODUCT_RELEASE, release);
        }
        if let Some(fault) = layout.product_fault.as_deref().and_then(|text| HeaderValue::from_str(text).ok())
        {
            headers.insert(X_SAVA_PRODUCT_FAULT, fault);
        }
        Ok(RenderedPage { headers, body: body.into() })
    }

    /// A 303 to `route`, and there to what has the id `fragment`.
    #[must_use]
    pub(crate) fn see(&self, route: Route<'_>, fragment: Option<&str>) -> Response {
        let mut location = self.to(route);
        if let Some(fragment) = fragment {
            location.push('#');
            location.push_str(fragment);
        }
        redirect(StatusCode::SEE_OTHER, &location)
    }
}

/// The mark of an answer that is as a visitor shall see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Finished;

fn finished(status: StatusCode, page: RenderedPage) -> Response {
    let mut response = page.into_response();
    *response.status_mut() = status;
    response.extensions_mut().insert(Finished);
    response
}

/// A redirect to `location`, a relative reference.
#[must_use]
pub(crate) fn redirect(status: StatusCode, location: &str) -> Response {
    match HeaderValue::from_str(location) {
        Ok(location) => (
            status,
            [(header::LOCATION, location), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))],
        )
            .into_response(),
        Err(_) => ErrorPage::NoPage.into_response(),
    }
}

/// Plain text with what the frame of a page says.
fn framed(layout: &Layout, content: &str) -> String {
    let notice = layout.notice.as_deref().map_or_else(String::new, |notice| format!("! {notice}\n\n"));
    let supplier = layout.supplier.as_ref().map_or_else(String::new, |supplier| {
        format!("; products from sava-product {}, API {}", text::printable(&supplier.release), supplier.api)
    });
    format!(
        "{}\n\n{notice}{content}\n{} {} on {}{supplier}\n",
        text::printable(&layout.store),
        layout.service,
        layout.release,
        layout.instance,
    )
}
