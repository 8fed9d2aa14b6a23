//! A visit: what a request says of its visitor. Its answer, and the frame of its pages, are parts of their own.

pub(super) mod answer;
pub(super) mod frame;

use std::{net::Ipv6Addr, sync::Arc};

use axum::http::{HeaderMap, header};
use sava_service::server;

use super::{list_query::ListQuery, representation::Representation};
use crate::{
    cart::Cart,
    catalog::{Catalog, Listing, ProductId, ProductQuery, Store},
    client::Client,
    cookies::Cookies,
    dark_launch::DarkLaunch,
    pending,
    product_service::sampler::Sampler,
    reference::{ReferenceBase, Route},
    release::{Feature, Release},
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
}
