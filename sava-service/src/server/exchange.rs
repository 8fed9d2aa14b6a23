//! One request and its answer: what is refused, what every answer carries, and what is written down of it.

use std::{panic::AssertUnwindSafe, sync::Arc};

use axum::{
    Router,
    extract::Request,
    http::{HeaderValue, header},
    response::Response,
};
use futures_util::FutureExt as _;
use tower::Service as _;

use super::{
    NegotiatedVersion,
    body::{Watched, limited},
    limits,
    path::{normalized, shown},
    probes::{self, Port},
    record::{Record, Route, Wire},
    state::ServerState,
};
use crate::{
    metrics::Rejection,
    trace::{self, X_REQUEST_ID},
};

/// Answers one request.
pub(crate) async fn exchange(
    shared: Arc<ServerState>,
    mut router: Router,
    request: Request,
    wire: Wire,
) -> Response<Watched<Record>> {
    let context = {
        let is_probe = probes::is_probe(request.uri().path());
        trace::Context::of_request(request.method(), request.headers(), is_probe, &shared.tracing)
    };
    let mut record = Record::begin(shared, request.method(), &context, wire);
    let shared = Arc::clone(&record.shared);
    let (mut parts, body) = request.into_parts();
    let checked = record.check(&parts);
    if let Some(uri) = normalized(&parts.uri) {
        parts.uri = uri;
    }

    let mut response = if let Err((rejection, problem)) = checked {
        record.path = Some(shown(parts.uri.path()));
        record.refuse(rejection, problem)
    } else if let Some(response) = probes::answer(&shared, &parts, Port::Service) {
        record.is_probe = true;
        record.route = Route::Fixed(probes::route(parts.uri.path()));
        response
    } else {
        let max_body = shared.service.settings.max_body.as_u64();
        let (body, received) = limited(body, max_body);
        let work = AssertUnwindSafe(router.call(Request::from_parts(parts, body))).catch_unwind();
        let mut answering = std::pin::pin!(trace::answering(context.clone(), record.peer(), work));
        let result = tokio::time::timeout(shared.service.settings.request_timeout, &mut answering).await;
        if let Some(answering) = answering.take_value() {
            record.route = answering.route.into_inner().map_or(Route::Unmatched, Route::Matched);
            record.path = answering.path.into_inner();
        }
        match result {
            Ok(_) if received.as_ref().is_some_and(|received| received.is_too_large()) => {
                record.refuse(Rejection::Body, limits::content_too_large(max_body))
            }
            Ok(Ok(Ok(response))) => response,
            Ok(Err(_panic)) => {
                // The panic hook has logged it, with the request's ids.
                shared.metrics.panics.inc();
                (shared.service.error)(limits::internal())
            }
            Err(_elapsed) if received.is_some_and(|received| !received.is_whole()) => {
                record.refuse(Rejection::RequestTimeout, limits::request_timeout())
            }
            Err(_elapsed) => record.refuse(Rejection::RequestTimeout, limits::answer_timeout()),
        }
    };

    shared.sign(&mut response);
    let headers = response.headers_mut();
    headers.insert(X_REQUEST_ID, context.request_id);
    if record.is_last() {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    record.status = response.status();
    if let Some(NegotiatedVersion(version)) = response.extensions().get() {
        record.api_version = Some(version);
    }
    // Of the answer to HEAD nothing is asked for.
    record.is_whole = record.method == "HEAD";
    response.map(|body| Watched::new(body, record))
}
