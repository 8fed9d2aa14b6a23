//! The pages of the store front: its routes, and how an answer is dressed for its visitor.

mod cart;
mod checkout;
mod fault;
mod form;
mod goods;
mod images;
mod layout;
mod look;
mod middleware;
mod orders;
mod products;
mod release;
mod representation;
mod same_origin;
mod selection;
mod text;
mod visit;

use axum::{
    Extension, Router,
    extract::{DefaultBodyLimit, OriginalUri},
    http::StatusCode,
    middleware::from_fn_with_state,
    response::Response,
    routing::{any, get},
};
use tower_http::{CompressionLevel, compression::CompressionLayer};

pub use fault::server_error;

use self::{
    fault::Fault,
    visit::{Visit, redirect},
};
use crate::{
    reference::{self, Route},
    state::AppState,
};

/// The largest form that is read.
const MAX_FORM_BYTES: usize = 16 * 1024;

/// The store front. Its routes are below the base path; the probes, which are not its business, at the root.
pub fn router(state: AppState) -> Router {
    let base = state.settings.base_path.clone();
    let at = |path: &str| format!("{base}{path}");
    let mut router = Router::new()
        .route(&at(""), get(products::show_products))
        .route(&at("products/{id}"), get(products::show_product))
        .route(&at("cart"), get(cart::show_cart))
        .route(&at("cart/items"), get(to_the_cart).post(cart::add_item))
        .route(&at("cart/items/{id}"), get(to_the_cart).post(cart::change_item))
        .route(&at("cart/items/{id}/remove"), get(to_the_cart).post(cart::remove_item))
        .route(&at("checkout"), get(checkout::show_checkout).post(checkout::place_order))
        .route(&at("orders"), get(orders::list_orders))
        .route(&at("orders/{number}"), get(orders::show_order))
        .route(&at("release"), get(release::show_release))
        .route(&at("release/sample"), get(release::show_sample))
        .route(&at("images/{file}"), get(images::show_image));
    // Each page has one address; with a slash after it, its references would be a level off.
    for page in
        ["products/{id}", "cart", "checkout", "orders", "orders/{number}", "release", "release/sample"]
    {
        router = router.route(&at(&format!("{page}/")), get(without_slash));
    }
    if base != "/" {
        router = router.route(base.trim_end_matches('/'), any(with_slash));
    }
    router
        .fallback(|| async { Fault::NoPage })
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

async fn without_slash(OriginalUri(uri): OriginalUri) -> Result<Response, Fault> {
    let location = reference::without_slash(uri.path()).ok_or(Fault::NoPage)?;
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
