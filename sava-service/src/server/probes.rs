//! Liveness and readiness: two questions, as Kubernetes asks them.

use std::fmt::Write as _;

use axum::{
    http::{HeaderValue, Method, StatusCode, header, request},
    response::{IntoResponse as _, Response},
};
use serde_json::json;

use super::state::ServerState;
use crate::{Readiness, problem::METHOD_NOT_ALLOWED, readiness::Check};

/// The port that is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Port {
    /// That of the service, for anybody: what is not well is named, not why.
    Service,
    /// The operators': reasons name hosts, databases and what these answered.
    Admin,
}

/// `/livez`, `/readyz` and `/version`, wherever the service's own routes begin; `None` for another path.
pub(crate) fn answer(shared: &ServerState, request: &request::Parts, port: Port) -> Option<Response> {
    let path = request.uri.path();
    if !is_probe(path) {
        return None;
    }
    let readiness = &shared.service.readiness;
    let mut response = match (&request.method, path) {
        (&Method::GET | &Method::HEAD, "/livez") => "ok\n".into_response(),
        (&Method::GET | &Method::HEAD, "/readyz") => {
            readyz(readiness, request.uri.query().unwrap_or_default(), port)
        }
        (&Method::GET | &Method::HEAD, _) => version(shared),
        // HAProxy's health check asks by this method, and takes any 2xx for yes.
        (&Method::OPTIONS, "/readyz") if !readiness.is_ready() => with_allow(readyz(readiness, "", port)),
        (&Method::OPTIONS, _) => with_allow(StatusCode::NO_CONTENT.into_response()),
        _ => {
            let problem = METHOD_NOT_ALLOWED.problem(format!("{path} takes GET, HEAD and OPTIONS."));
            with_allow((shared.service.error)(problem))
        }
    };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Some(response)
}

fn with_allow(mut response: Response) -> Response {
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, OPTIONS"));
    response
}

/// Whether a path is one of the probes'.
pub(crate) fn is_probe(path: &str) -> bool {
    matches!(path, "/livez" | "/readyz" | "/version")
}

/// The probe's path as a label.
pub(crate) fn route(path: &str) -> &'static str {
    match path {
        "/livez" => "/livez",
        "/readyz" => "/readyz",
        _ => "/version",
    }
}

/// 200 or 503; the checks that fail as text, or under `?verbose` every check as JSON; with reasons at the admin port.
fn readyz(readiness: &Readiness, query: &str, port: Port) -> Response {
    let checks = readiness.checks();
    let is_ready = readiness.is_ready();
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let is_verbose = query.split('&').any(|pair| pair == "verbose" || pair.starts_with("verbose="));
    if is_verbose {
        let checks: serde_json::Map<_, _> = checks
            .into_iter()
            .map(|(name, Check { required, state })| {
                let mut check = json!({ "ok": state.is_ok(), "required": required });
                if let (Err(reason), Port::Admin) = (state, port) {
                    check["reason"] = reason.into();
                }
                (name.to_owned(), check)
            })
            .collect();
        return (status, axum::Json(json!({ "ready": is_ready, "checks": checks }))).into_response();
    }
    if is_ready {
        return "ok\n".into_response();
    }
    let mut text = "not ready\n".to_owned();
    for (name, check) in checks {
        if let (true, Err(reason)) = (check.required, check.state) {
            let _ = match port {
                Port::Service => writeln!(text, "{name}"),
                Port::Admin => writeln!(text, "{name}: {reason}"),
            };
        }
    }
    (status, text).into_response()
}

/// What the service says of itself, with the faults that are on.
fn version(shared: &ServerState) -> Response {
    let mut version = (shared.service.version)(&shared.service.identity);
    if let Some(members) = version.as_object_mut() {
        let faults = shared.faults.current();
        let faults = if faults.is_none() { None } else { serde_json::to_value(faults).ok() };
        members.insert("faults".to_owned(), faults.unwrap_or(serde_json::Value::Null));
    }
    axum::Json(version).into_response()
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[test]
    fn only_required_checks_keep_traffic_away() {
        let readiness = Readiness::default();
        readiness.report("database", Err("read only".to_owned()));
        assert!(readiness.is_ready());
        readiness.require("catalog", Err("not loaded".to_owned()));
        assert!(!readiness.is_ready());
        assert_eq!(readyz(&readiness, "", Port::Service).status(), StatusCode::SERVICE_UNAVAILABLE);
        readiness.require("catalog", Ok(()));
        assert_eq!(readyz(&readiness, "verbose", Port::Service).status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn reasons_are_for_operators() {
        let readiness = Readiness::default();
        readiness.require("orders", Err("no route to db-1.internal".to_owned()));
        let text = async |query, port| {
            let body = readyz(&readiness, query, port).into_body().collect().await.unwrap().to_bytes();
            String::from_utf8(body.to_vec()).unwrap()
        };
        assert_eq!(text("", Port::Service).await, "not ready\norders\n");
        assert_eq!(text("", Port::Admin).await, "not ready\norders: no route to db-1.internal\n");
        let verbose = text("verbose", Port::Service).await;
        assert!(verbose.contains(r#""orders":{"ok":false"#) && !verbose.contains("internal"), "{verbose}");
        assert!(text("verbose", Port::Admin).await.contains("internal"));
    }
}
