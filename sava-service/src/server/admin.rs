//! The admin port: what operators and scrapers read, and faults on purpose.
//!
//! | route | |
//! | --- | --- |
//! | `GET /` | this list |
//! | `GET /metrics` | Prometheus text format |
//! | `GET`, `PUT`, `DELETE /faults` | for loopback peers only, such as `kubectl port-forward` |
//! | `GET /livez`, `/readyz`, `/version` | as on the service's port |

use std::sync::Arc;

use axum::{
    Extension, Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::{Next, from_fn},
    response::{Html, IntoResponse as _, Response},
    routing::get,
};
use serde_json::{Map, Value};
use tower::ServiceExt as _;

use super::{connection::Activity, exchange::Shared, limits};
use crate::{Problem, faults::Faults, probes};

const MAX_BODY: usize = 16 << 10;

/// The routes beside the probes.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let faults = get(show_faults).put(set_faults).delete(clear_faults).layer(from_fn(loopback_only));
    Router::new()
        .route("/", get(index))
        .route("/metrics", get(metrics))
        .route("/faults", faults)
        .method_not_allowed_fallback(async || {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "tag:sava.example,2026:method-not-allowed",
                "Method not allowed",
                "The header Allow has the methods there are.",
            )
        })
        .fallback(async || {
            Problem::new(
                StatusCode::NOT_FOUND,
                "tag:sava.example,2026:unknown-route",
                "Unknown route",
                "/ lists what is here.",
            )
        })
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(shared)
}

/// Answers one request; refuses those that a page of another site may have made a browser send.
pub(crate) async fn answer(
    shared: Arc<Shared>,
    router: Router,
    mut request: Request,
    activity: Arc<Activity>,
) -> Response {
    activity.begin();
    request.extensions_mut().insert(activity.clone());
    let (parts, body) = request.into_parts();
    let checked = limits::check(&parts, MAX_BODY as u64).and_then(|()| limits::check_host(&parts));
    let mut response = if let Err((rejection, problem)) = checked {
        shared.metrics.reject(rejection);
        problem.into_response()
    } else if is_from_another_site(&parts.headers) {
        Problem::new(
            StatusCode::FORBIDDEN,
            "tag:sava.example,2026:cross-origin",
            "Not from another site",
            "The admin port is asked by localhost or an address, not by a name that another site may have chosen.",
        )
        .into_response()
    } else if let Some(response) = probes::answer(&shared, &parts) {
        response
    } else {
        router.oneshot(Request::from_parts(parts, body)).await.unwrap_or_else(|never| match never {})
    };
    shared.sign(&mut response);
    response.map(|body| Body::new(Answer { body, activity }))
}

fn is_from_another_site(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site");
    !limits::is_local_or_literal(headers) || site.is_some_and(|site| site != "same-origin" && site != "none")
}

async fn loopback_only(
    Extension(activity): Extension<Arc<Activity>>,
    request: Request,
    next: Next,
) -> Response {
    if activity.peer.ip().to_canonical().is_loopback() {
        return next.run(request).await;
    }
    Problem::new(
        StatusCode::FORBIDDEN,
        "tag:sava.example,2026:cross-origin",
        "Loopback only",
        "Faults are set from this machine or pod alone; kubectl port-forward comes from there.",
    )
    .into_response()
}

async fn index(State(shared): State<Arc<Shared>>) -> Html<String> {
    let identity = &shared.service.identity;
    Html(format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>{service} admin</title>\
         <h1>{service} {release}</h1><p>The admin port of {instance}.</p><ul>\
         <li><a href=metrics>/metrics</a> for Prometheus\
         <li><a href=faults>/faults</a> on purpose: GET, PUT and DELETE, for loopback peers only\
         <li><a href=livez>/livez</a>, <a href=readyz?verbose>/readyz?verbose</a>, <a href=version>/version</a></ul>\n",
        service = identity.service,
        release = escape(&identity.release),
        instance = escape(&identity.instance),
    ))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    const TEXT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(header::CONTENT_TYPE, TEXT)], shared.service.metrics.text()).into_response()
}

async fn show_faults(State(shared): State<Arc<Shared>>) -> axum::Json<Faults> {
    axum::Json(shared.faults.current())
}

async fn set_faults(State(shared): State<Arc<Shared>>, body: Bytes) -> Result<axum::Json<Faults>, Problem> {
    let wrong = |reason: String| {
        Problem::new(StatusCode::BAD_REQUEST, "tag:sava.example,2026:bad-request", "Bad faults", reason)
    };
    // An object and nothing else: serde would take a list of the members' values, too.
    let members: Map<String, Value> =
        serde_json::from_slice(&body).map_err(|error| wrong(error.to_string()))?;
    let faults: Faults =
        serde_json::from_value(Value::Object(members)).map_err(|error| wrong(error.to_string()))?;
    faults.check().map_err(wrong)?;
    shared.faults.set(faults);
    Ok(axum::Json(shared.faults.current()))
}

async fn clear_faults(State(shared): State<Arc<Shared>>) -> StatusCode {
    shared.faults.set(Faults::NONE);
    StatusCode::NO_CONTENT
}

/// An answer's body that tells the connection when it is over.
struct Answer {
    body: Body,
    activity: Arc<Activity>,
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, axum::Error>>> {
        std::pin::Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.activity.end();
    }
}
