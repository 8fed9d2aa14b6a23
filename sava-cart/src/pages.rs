//! The pages of the store front: its routes, and what every answer of one passes through.

mod audience;
mod cart;
mod checkout;
mod count;
mod error_page;
mod form;
mod goods;
mod images;
mod layout;
pub(crate) mod list_query;
mod look;
mod marks;
mod middleware;
mod orders;
mod preview;
mod products;
mod qr_code;
mod release;
mod representation;
mod same_origin;
mod site_files;
mod text;
mod visit;

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::{DefaultBodyLimit, OriginalUri},
    http::StatusCode,
    middleware::from_fn_with_state,
    response::Response,
    routing::{any, get, post},
};
use tower_http::{CompressionLevel, compression::CompressionLayer};

pub use error_page::server_error;

use self::{
    error_page::ErrorPage,
    visit::{Visit, answer::redirect},
};
use crate::{
    checkout_limit::CheckoutLimit,
    reference::{self, Route, path},
    state::AppState,
};

/// The largest form that is read.
const MAX_FORM_BYTES: usize = 16 * 1024;

/// The store front. Its routes are below the base path; the probes, which are not its business, at the root.
pub fn router(state: AppState) -> Router {
    let base = state.settings.base_path.clone();
    let at = |path: &str| format!("{base}{path}");
    let limit = Arc::new(CheckoutLimit::new(state.settings.checkout_limit, &state.settings.trusted_proxies));
    // A page has one address; with a slash after it, its references would be a level off.
    let pages = [
        (path::PRODUCT, get(products::show_product)),
        (path::CART, get(cart::show_cart).post(cart::change_cart)),
        (path::CHECKOUT, get(checkout::show_checkout).post(checkout::place_order).layer(Extension(limit))),
        (path::ORDERS, get(orders::list_orders)),
        (path::ORDER, get(orders::show_order)),
        (path::RELEASE, get(release::show_release)),
        (path::RELEASE_SAMPLE, get(release::show_sample)),
    ];
    let others = [
        (path::HOME, get(products::show_products)),
        (path::CART_ITEMS, get(to_the_cart).post(cart::add_item)),
        (path::CART_ITEM, get(to_the_cart).post(cart::change_item)),
        (path::REMOVE_CART_ITEM, get(to_the_cart).post(cart::remove_item)),
        (path::IMAGE, get(images::show_image)),
        (path::RELEASE_CODE, get(qr_code::show_code)),
        (path::RELEASE_MARKS, post(marks::set_mark)),
        (path::ICON, get(site_files::show_icon)),
        (path::ROBOTS, get(site_files::show_robots)),
    ];
    let mut router = Router::new();
    for (path, methods) in pages {
        router = router.route(&at(path), methods).route(&at(&format!("{path}/")), get(without_slash));
    }
    for (path, methods) in others {
        router = router.route(&at(path), methods);
    }
    if base != "/" {
        router = router.route(base.trim_end_matches('/'), any(with_slash));
    }
    router
        .fallback(|| async { ErrorPage::NoPage })
        .layer(DefaultBodyLimit::max(MAX_FORM_BYTES))
        .layer(same_origin::layer(state.settings.public_url.as_ref()))
        .layer(from_fn_with_state(state.clone(), same_origin::explain))
        .layer(from_fn_with_state(state.clone(), middleware::complete))
        // gzip and nothing else: the API server's proxy breaks pages in any other coding that a browser offers.
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .with_state(state)
}

/// `GET` of a form's address, which the browser shows when a form came back: the cart is what was meant.
async fn to_the_cart(Extension(visit): Extension<Visit>) -> Response {
    visit.see(Route::Cart, None)
}

async fn without_slash(OriginalUri(uri): OriginalUri) -> Result<Response, ErrorPage> {
    let location = reference::without_slash(uri.path()).ok_or(ErrorPage::NoPage)?;
    Ok(redirect(StatusCode::PERMANENT_REDIRECT, &with_query(location, uri.query())))
}

async fn with_slash(OriginalUri(uri): OriginalUri) -> Response {
    redirect(StatusCode::PERMANENT_REDIRECT, &with_query(reference::with_slash(uri.path()), uri.query()))
}

fn with_query(location: String, query: Option<&str>) -> String {
    match query {
        Some(query) => format!("{location}?{query}"),
        None => location,
    }
}
