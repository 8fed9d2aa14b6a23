//! The admin port: what operators and scrapers read, and faults on purpose.
//!
//! | route | |
//! | --- | --- |
//! | `GET /` | this list |
//! | `GET /metrics` | Prometheus text format |
//! | `GET`, `PUT`, `DELETE /faults` | for 127.0.0.1 and `::1` only, such as `kubectl port-forward`, under a local `Host` |
//! | `GET /livez`, `/readyz`, `/version` | as on the service's port, with the reasons why it is not ready |
//!
//! What only tells is for whoever reaches the port, under any `Host`: a scraper names the pod as it likes, and behind the
//! API server's proxy `Host` is the API server's.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use axum::{
    Extension, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::{Next, from_fn},
    response::{Html, IntoResponse as _, Response},
    routing::get,
};
use serde_json::{Map, Value};
use tower::ServiceExt as _;

use super::{
    activity::Answering,
    body::{Watch, Watched},
    limits,
    path::normalized,
    probes::{self, Port},
    state::ServerState,
};
use crate::{
    Problem,
    faults::Faults,
    problem::{Kind, METHOD_NOT_ALLOWED, UNKNOWN_ROUTE},
};

const MAX_BODY: usize = 16 << 10;

const LOCAL_ONLY: Kind = Kind {
    name: "local-only",
    status: StatusCode::FORBIDDEN,
    title: "Local only",
    meaning: "Faults are for 127.0.0.1 and ::1, and not for a browser that a page of another site sends here.",
};
const BAD_FAULTS: Kind = Kind {
    name: "bad-faults",
    status: StatusCode::BAD_REQUEST,
    title: "Bad faults",
    meaning: "The faults cannot be read. The detail says what would be right.",
};

/// The routes beside the probes.
pub(crate) fn router(shared: Arc<ServerState>) -> Router {
    let router = Router::new().route("/", get(index)).route("/metrics", get(metrics));
    let faults = get(show_faults).put(set_faults).delete(clear_faults).layer(from_fn(local_only));
    let router = if shared.service.settings.admin_faults { router.route("/faults", faults) } else { router };
    router
        .method_not_allowed_fallback(async || {
            METHOD_NOT_ALLOWED.problem("The header Allow has the methods there are.")
        })
        .fallback(async || UNKNOWN_ROUTE.problem("/ lists what is here."))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(shared)
}

/// Who asks.
#[derive(Clone, Copy)]
struct Peer(IpAddr);

/// Answers one request.
pub(crate) async fn answer(
    shared: Arc<ServerState>,
    router: Router,
    mut request: Request,
    answering: Answering,
) -> Response<Watched<Answering>> {
    request.extensions_mut().insert(Peer(answering.peer().ip()));
    let (mut parts, body) = request.into_parts();
    let checked = limits::check(&parts, MAX_BODY as u64).and_then(|()| limits::check_host(&parts));
    if let Some(uri) = normalized(&parts.uri) {
        parts.uri = uri;
    }
    let mut response = if let Err((rejection, problem)) = checked {
        shared.reject(rejection, problem.status);
        problem.into_response()
    } else if let Some(response) = probes::answer(&shared, &parts, Port::Admin) {
        response
    } else {
        router.oneshot(Request::from_parts(parts, body)).await.unwrap_or_else(|never| match never {})
    };
    shared.sign(&mut response);
    response.map(|body| Watched::new(body, answering))
}

/// Faults are for this machine or pod, and not for a browser that a page of another site sends here.
async fn local_only(Extension(Peer(peer)): Extension<Peer>, request: Request, next: Next) -> Response {
    let detail = if !is_local(peer) {
        "Faults are set from this machine or pod alone; kubectl port-forward comes from there."
    } else if is_from_another_site(request.headers()) {
        "Faults are asked for by localhost or an address, not by a name that another site may have chosen."
    } else {
        return next.run(request).await;
    };
    LOCAL_ONLY.problem(detail).into_response()
}

/// Whether a peer is 127.0.0.1 or `::1`. The rest of 127.0.0.0/8 is not from here: a mesh's sidecar passes on what comes
/// from elsewhere, from 127.0.0.6.
fn is_local(peer: IpAddr) -> bool {
    [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()].contains(&peer.to_canonical())
}

fn is_from_another_site(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site");
    !limits::is_local_or_literal(headers) || site.is_some_and(|site| site != "same-origin" && site != "none")
}

async fn index(State(shared): State<Arc<ServerState>>) -> Html<String> {
    let identity = &shared.service.identity;
    let faults = if shared.service.settings.admin_faults {
        "<li><a href=faults>/faults</a> on purpose: GET, PUT and DELETE, for this machine or pod only"
    } else {
        ""
    };
    Html(format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>{service} admin</title>\
         <h1>{service} {release}</h1><p>The admin port of {instance}.</p><ul>\
         <li><a href=metrics>/metrics</a> for Prometheus\
         {faults}<li><a href=livez>/livez</a>, <a href=readyz?verbose>/readyz?verbose</a>, <a href=version>/version</a></ul>\n",
        service = identity.service,
        release = escape(&identity.release),
        instance = escape(&identity.instance),
    ))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

async fn metrics(State(shared): State<Arc<ServerState>>) -> Response {
    const TEXT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(header::CONTENT_TYPE, TEXT)], shared.service.metrics.text()).into_response()
}

async fn show_faults(State(shared): State<Arc<ServerState>>) -> axum::Json<Faults> {
    axum::Json(shared.faults.current())
}

async fn set_faults(
    State(shared): State<Arc<ServerState>>,
    body: Bytes,
) -> Result<axum::Json<Faults>, Problem> {
    let wrong = |reason: String| BAD_FAULTS.problem(reason);
    // An object and nothing else: serde would take a list of the members' values, too.
    let members: Map<String, Value> =
        serde_json::from_slice(&body).map_err(|error| wrong(error.to_string()))?;
    let faults: Faults =
        serde_json::from_value(Value::Object(members)).map_err(|error| wrong(error.to_string()))?;
    faults.check().map_err(wrong)?;
    shared.faults.set(faults);
    Ok(axum::Json(shared.faults.current()))
}

async fn clear_faults(State(shared): State<Arc<ServerState>>) -> StatusCode {
    shared.faults.set(Faults::NONE);
    StatusCode::NO_CONTENT
}

impl Watch for Answering {
    fn data(&mut self, _: &Bytes) -> Result<(), axum::Error> {
        Ok(())
    }

    fn whole(&mut self) {}
}
