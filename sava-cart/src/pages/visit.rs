//! A visit: what a request says of its visitor, and how an answer is made for them.

use std::{net::Ipv6Addr, sync::Arc};

use askama::Template;
use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use sava_service::server;
use time::{OffsetDateTime, macros::format_description};

use super::{
    count::Count,
    error_page::ErrorPage,
    layout::{Layout, Link, Supplier},
    list_query::ListQuery,
    look::Look,
    representation::Representation,
    text,
};
use crate::{
    cart::Cart,
    catalog::{Catalog, FaultKind, Freshness, Listing, ProductId, ProductQuery, Store},
    client::Client,
    cookies::Cookies,
    dark_launch::DarkLaunch,
    pending,
    product_service::sampler::Sampler,
    reference::{ReferenceBase, Route},
    release::{Feature, Release},
    rendered::{Coding, PageKey, RenderedPage, Subject},
    shopper::ShopperId,
    state::AppState,
};

/// A request's visitor: where they are, what is in their cart, what form of answer they want.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    pub cart: Cart,
    state: AppState,
    /// Where the page is.
    references: ReferenceBase,
    /// The headers of the request.
    headers: Arc<HeaderMap>,
}

/// The part of the store front that a page belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    Products,
    /// The cart, and nothing below it.
    Cart,
    Orders,
    /// None of those.
    Elsewhere,
}

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
    /// The visit of a request for `path` (from the server's root) with these headers.
    #[must_use]
    pub(crate) fn new(state: AppState, path: &str, headers: &HeaderMap) -> Self {
        let base = state.settings.base_path.as_str();
        let references = match path.strip_prefix(base.trim_end_matches('/')) {
            Some(below) if below.starts_with('/') => ReferenceBase::at(below),
            _ => ReferenceBase::outside(base, path),
        };
        let cart = Cart::read(&state.cookies, headers);
        Self { state, references, cart, headers: Arc::new(headers.clone()) }
    }

    /// The reference from here to `route`.
    #[must_use]
    pub(crate) fn to(&self, route: Route<'_>) -> String {
        self.references.to(route)
    }

    /// The URL of `route` for those who are elsewhere, if the store front is told its own. A URL without a path is that of
    /// the server: the store front is where it is there.
    #[must_use]
    pub(crate) fn address(&self, route: Route<'_>) -> Option<String> {
        let settings = &self.state.settings;
        let url = settings.public_url.as_ref()?;
        let path = if url.path() == "/" { settings.base_path.as_str() } else { url.path() };
        let origin = url.origin().ascii_serialization();
        Some(format!("{origin}{}/{route}", path.trim_end_matches('/')))
    }

    /// Whether this release shows `feature`.
    #[must_use]
    pub(crate) fn has(&self, feature: Feature) -> bool {
        self.state.release.has(feature)
    }

    #[must_use]
    pub(crate) fn release(&self) -> &'static Release {
        self.state.release
    }

    /// The visitor as a shopper, if they have come as far as the checkout before.
    #[must_use]
    pub(crate) fn shopper(&self) -> Option<ShopperId> {
        ShopperId::read(&self.state.cookies, &self.headers)
    }

    /// Who the visitor is on the network. Where there is none, all are one.
    #[must_use]
    pub(crate) fn client(&self) -> Client {
        let peer = server::peer().unwrap_or(Ipv6Addr::UNSPECIFIED.into());
        Client::of(peer, &self.headers, &self.state.settings.trusted_proxies)
    }

    /// The list that the visitor comes from, if the browser says so. Of what it says only the query counts, and that is read
    /// as a choice of products: a reference that is made of it leads to a list of this store.
    #[must_use]
    pub(crate) fn list_before(&self) -> Option<ListQuery> {
        let referer = self.headers.get(header::REFERER)?.to_str().ok()?;
        let (page, query) = referer.split_once('?').unwrap_or((referer, ""));
        // No other page of the store ends in a slash.
        page.ends_with('/').then(|| ListQuery::read(self.state.release, query))
    }

    /// The key of the form that may have ordered this cart before.
    #[must_use]
    pub(crate) fn pending_key(&self) -> Option<String> {
        pending::read(&self.state.cookies, &self.headers, &self.cart)
    }

    /// The cookies that an answer sets.
    #[must_use]
    pub(crate) fn cookies(&self) -> &Cookies {
        &self.state.cookies
    }

    /// The release that the visitor sees before others do, if they ask for one that may be previewed.
    #[must_use]
    pub(crate) fn preview(&self) -> Option<&DarkLaunch> {
        self.state.dark_launches.asked_for(&self.headers)
    }

    /// Whether answers depend on what the visitor wants to preview.
    #[must_use]
    pub(crate) fn can_preview(&self) -> bool {
        !self.state.dark_launches.is_empty()
    }

    /// The products as this visitor sees them.
    #[must_use]
    pub(crate) fn catalog(&self) -> &Catalog {
        self.state.catalog_for(&self.headers)
    }

    /// Samples of the product service as this visitor sees it.
    #[must_use]
    pub(crate) fn sampler(&self) -> &Sampler {
        self.preview().map_or(&self.state.sampler, |launch| &launch.sampler)
    }

    /// What is on sale now: all of it, or, where that is too much to be held, the products of this page of `query`.
    pub(crate) async fn page_of_products(&self, query: &ProductQuery, page: usize, size: usize) -> Listing {
        self.catalog().page(query, page, size).await
    }

    /// The same with those of these ids.
    pub(crate) async fn products(&self, ids: impl IntoIterator<Item = ProductId>) -> Listing {
        self.catalog().products(ids).await
    }

    /// The same with those in the cart.
    pub(crate) async fn products_in_cart(&self) -> Listing {
        self.products(self.cart.ids()).await
    }

    /// The same as the checkout sells them: a preview shows prices, and sells at none that others do not have.
    pub(crate) async fn products_to_order(&self) -> Listing {
        self.state.catalog.products(self.cart.ids()).await
    }

    /// The store, for pages that show no products.
    #[must_use]
    pub(crate) fn store(&self) -> Store {
        self.catalog().store()
    }

    /// What a product is called that is not on sale any more.
    #[must_use]
    pub(crate) fn title_of_gone(&self, id: ProductId) -> String {
        self.catalog().title_of_gone(id)
    }

    /// What form of answer the visitor wants.
    #[must_use]
    pub(crate) fn representation(&self) -> Representation {
        Representation::wanted(&self.headers)
    }

    /// The frame of a page; `listing` is what its products come from, if it shows any.
    #[must_use]
    pub(crate) fn layout(&self, section: Section, listing: Option<&Listing>) -> Layout {
        let settings = &self.state.settings;
        let link = |route, name: &str, here| Link {
            href: self.to(route),
            name: name.to_owned(),
            chosen: section == here,
            ..Link::default()
        };
        let pieces = Count::from(self.cart.n_pieces());
        let store = listing.map_or_else(|| self.store(), |listing| listing.list.store.clone());
        Layout {
            brand: settings.title.clone(),
            store: format!("{} {}", settings.title, store.name),
            country: store.name.clone(),
            look: Look::of(self.state.release.theme),
            release: self.state.release.version,
            service: self.state.identity.service,
            instance: self.state.identity.instance.clone(),
            supplier: listing.and_then(|listing| listing.served_by.as_ref()).map(|served_by| Supplier {
                release: served_by.release.clone().unwrap_or_else(|| "of an unknown release".to_owned()),
                api: served_by.api_version.as_str(),
            }),
            no_supplier: if listing.is_some() { "fruit of our own" } else { "none on this page" },
            product_fault: listing.and_then(|listing| listing.fault.as_ref()).map(|fault| {
                match &fault.release {
                    Some(release) => format!("{}; release={release}", fault.what),
                    None => fault.what.clone(),
                }
            }),
            home: self.to(Route::Home),
            cart: self.to(Route::Cart),
            release_view: self.to(Route::Release),
            nav: vec![
                link(Route::Home, "Products", Section::Products),
                link(Route::Orders, "Orders", Section::Orders),
                Link { count: Some(pieces), ..link(Route::Cart, "Cart", Section::Cart) },
            ],
            pieces,
            language: language_of_texts(&store),
            notice: self.notice(listing),
            stores: settings
                .stores
                .iter()
                .map(|store| Link { href: store.url.clone(), name: store.name.clone(), ..Link::default() })
                .collect(),
        }
    }

    /// The honest words on what the visitor sees, where that is not what sava-product says now to everybody.
    fn notice(&self, listing: Option<&Listing>) -> Option<String> {
        let of_products = listing.and_then(notice);
        let Some(launch) = self.preview() else { return of_products };
        let wanted = launch.release.as_str();
        let product = listing.and_then(|listing| listing.served_by.as_ref()?.release.as_deref());
        let of_preview = if product == Some(wanted) || self.state.release.version == wanted {
            format!(
                "This is a preview of release {wanted}, as you asked for. What you order is ordered, at everybody’s prices."
            )
        } else {
            let service = self.state.identity.service;
            let products = product.map_or_else(String::new, |release| format!(" and sava-product {release}"));
            let here = self.state.release.version;
            format!(
                "You asked for a preview of release {wanted}: this is not it, but {service} {here}{products}."
            )
        };
        Some([Some(of_preview), of_products].into_iter().flatten().collect::<Vec<_>>().join(" "))
    }

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
            headers.insert("x-sava-product-release", release);
        }
        if let Some(fault) = layout.product_fault.as_deref().and_then(|text| HeaderValue::from_str(text).ok())
        {
            headers.insert("x-sava-product-fault", fault);
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

/// The honest words on products that are not what sava-product says now, or not all of it.
fn notice(listing: &Listing) -> Option<String> {
    let mut sentences = Vec::new();
    let (what, until) = match listing.fault_kind() {
        Some(FaultKind::UnknownStore) => ("Our product service does not know this store.", "does"),
        Some(FaultKind::TooLong) => {
            ("The list of all our products is longer than we can read.", "is shorter")
        }
        Some(FaultKind::Unreachable) | None => ("We cannot reach our product service just now.", "is back"),
    };
    match listing.freshness {
        Freshness::Fresh => {}
        Freshness::Stale { since } => {
            sentences.push(format!("{what} You see the products and prices of {}.", moment(since)));
        }
        Freshness::Fruit => sentences.push(format!("{what} Until it {until}, there is fruit.")),
    }
    if listing.list.has_more_categories {
        let n_categories = listing.list.categories.len();
        sentences.push(format!("There are more categories than the {n_categories} that you can browse."));
    }
    (!sentences.is_empty()).then(|| sentences.join(" "))
}

fn language_of_texts(store: &Store) -> Option<String> {
    let primary = store.language.split(['-', '_']).next().unwrap_or_default();
    (!primary.eq_ignore_ascii_case("en")).then(|| store.language.clone())
}

/// A moment as pages write it, such as `23 November 2026, 15:40 UTC`.
#[must_use]
pub(crate) fn moment(time: OffsetDateTime) -> String {
    let format = format_description!("[day padding:none] [month repr:long] [year], [hour]:[minute] UTC");
    time.to_offset(time::UtcOffset::UTC).format(format).unwrap_or_default()
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
