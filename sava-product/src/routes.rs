//! All routes of the API, and what all their answers share.

use axum::{
    Router,
    extract::Request,
    handler::Handler,
    response::{IntoResponse as _, Response},
    routing::{MethodRouter, get},
};
use http::{HeaderName, HeaderValue, StatusCode, header};
use tower::util::MapResponseLayer;

use crate::{
    app::App,
    headers::add_common,
    images::show_image,
    pages::{show_docs, show_index, show_openapi},
    problems,
    products::{list_products, list_stores, show_product},
    schemas::show_schema,
};

/// What there is to do with any resource here.
const ALLOW: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

/// The routes of the API.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/products", read_only(list_stores))
        .route("/products/{locale}", read_only(list_products))
        .route("/products/{locale}/{id}", read_only(show_product))
        .route("/images/{file}", read_only(show_image))
        .route("/schemas/{file}", read_only(show_schema))
        .route("/openapi.json", read_only(show_openapi))
        .route("/docs", read_only(show_docs))
        .route("/", read_only(show_index))
        .fallback(unknown_route)
        .with_state(app)
        .layer(MapResponseLayer::new(add_common))
}

/// A resource that is only read.
fn read_only<H: Handler<T, App>, T: 'static>(handler: H) -> MethodRouter<App> {
    get(handler).options(options).fallback(method_not_allowed)
}

/// `OPTIONS`: what is allowed, to a CORS preflight in its own words (Fetch Standard, §3.2).
async fn options(request: Request) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(header::ALLOW, ALLOW);
    if request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
        let any_header =
            HeaderValue::from_static("Accept, Accept-Language, If-None-Match, Traceparent, X-Request-Id");
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, ALLOW);
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, any_header);
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    }
    response
}

async fn method_not_allowed(request: Request) -> Response {
    let allow: [(HeaderName, HeaderValue); 1] = [(header::ALLOW, ALLOW)];
    (allow, problems::method_not_allowed(request.method())).into_response()
}

async fn unknown_route(request: Request) -> Response {
    problems::unknown_route(request.uri().path()).into_response()
}

#[cfg(test)]
mod tests;
