//! The router: what answers at each route, and what all answers share.

use axum::{
    Router,
    extract::{Request, State},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get},
};
use http::{HeaderValue, StatusCode, header};
use sava_service::Problem;

use crate::{
    headers::add_common,
    images::show_image,
    pages::{show_docs, show_index, show_openapi},
    problem_form::ProblemForm,
    problems,
    products::{list_products, list_stores, show_product},
    routes::Route,
    schemas::show_schema,
    state::AppState,
};

/// What there is to do with any resource here.
const ALLOW: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

/// The routes of the API, and what all their answers share.
pub fn router(state: AppState) -> Router {
    let of_api = Route::ALL.into_iter().filter_map(|route| Some((route.path(), resource(route)?)));
    of_api
        .fold(Router::new(), |router, (path, resource)| router.route(path, resource))
        .fallback(unknown_route)
        .with_state(state)
}

/// What answers at a route; nothing here where the server around the API does.
fn resource(route: Route) -> Option<MethodRouter<AppState>> {
    Some(match route {
        Route::Index => read_only(show_index),
        Route::Stores => read_only(list_stores),
        Route::Products => read_only(list_products),
        Route::Product => read_only(show_product),
        Route::Image => read_only(show_image),
        Route::Schema => read_only(show_schema),
        Route::Docs => read_only(show_docs),
        Route::OpenApi => read_only(show_openapi),
        Route::Version | Route::Live | Route::Ready => return None,
    })
}

/// A resource that is only read.
fn read_only<F>(handler: fn(State<AppState>, Request) -> F) -> MethodRouter<AppState>
where
    F: Future<Output = Result<Response, Problem>> + Send + 'static,
{
    // Within the handler: a layer around the routes would be two allocations a request.
    let handler = move |state: State<AppState>, request: Request| {
        let form = ProblemForm::of(&request);
        let release = state.release;
        let answer = handler(state, request);
        async move { add_common(answer.await.unwrap_or_else(|problem| form.answer(problem, release))) }
    };
    get(handler).options(options).fallback(method_not_allowed)
}

/// `OPTIONS`: what is allowed, to a CORS preflight in its own words (Fetch Standard, §3.2).
async fn options(request: Request) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(header::ALLOW, ALLOW);
    if request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
        // Whatever is asked for: nothing here is secret, and pages send what their tools add (tracestate, baggage).
        let asked_for = request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, ALLOW);
        headers
            .insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked_for.unwrap_or(HeaderValue::from_static("*")));
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    }
    add_common(response)
}

async fn method_not_allowed(State(state): State<AppState>, request: Request) -> Response {
    let problem = problems::method_not_allowed(request.method());
    let mut response = ProblemForm::of(&request).answer(problem, state.release);
    response.headers_mut().insert(header::ALLOW, ALLOW);
    add_common(response)
}

async fn unknown_route(State(state): State<AppState>, request: Request) -> Response {
    let problem = problems::unknown_route(request.uri().path());
    add_common(ProblemForm::of(&request).answer(problem, state.release))
}

#[cfg(test)]
mod tests;
