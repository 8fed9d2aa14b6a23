//! Liveness and readiness: two questions, as Kubernetes asks them.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Arc, Mutex},
};

use axum::{
    http::{HeaderValue, Method, StatusCode, header, request},
    response::{IntoResponse as _, Response},
};
use serde_json::json;

use crate::{Problem, server::exchange::Shared};

/// Why the service is not ready, by the name of the check; ready when no check has a reason.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    /// Held only to read or write one entry, never over an await.
    checks: Arc<Mutex<BTreeMap<&'static str, Check>>>,
}

/// The state of one check.
#[derive(Clone, Debug)]
pub struct Check {
    /// Whether the check keeps traffic away; otherwise it is only reported.
    pub required: bool,
    /// `Ok`, or the reason why not.
    pub state: Result<(), String>,
}

impl Readiness {
    /// Sets the state of the check `name`, which keeps traffic away while it fails.
    pub fn require(&self, name: &'static str, state: Result<(), String>) {
        self.set(name, Check { required: true, state });
    }

    /// Sets the state of the check `name`, which `/readyz?verbose` reports and nothing more: degraded, but serving.
    pub fn report(&self, name: &'static str, state: Result<(), String>) {
        self.set(name, Check { required: false, state });
    }

    /// All checks and their states, by name.
    #[must_use]
    pub fn checks(&self) -> BTreeMap<&'static str, Check> {
        self.checks.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Whether traffic should come here.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.checks().values().all(|check| !check.required || check.state.is_ok())
    }

    fn set(&self, name: &'static str, check: Check) {
        self.checks.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(name, check);
    }
}

/// `/livez`, `/readyz` and `/version`, wherever the service's own routes begin; `None` for another path.
pub(crate) fn answer(shared: &Shared, request: &request::Parts) -> Option<Response> {
    let path = request.uri.path();
    if !is_probe(path) {
        return None;
    }
    if !matches!(request.method, Method::GET | Method::HEAD) {
        let problem = Problem::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "tag:sava.example,2026:method-not-allowed",
            "Method not allowed",
            format!("{path} takes GET and HEAD."),
        );
        let mut response = (shared.service.error)(problem);
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return Some(response);
    }
    let mut response = match path {
        "/livez" => "ok\n".into_response(),
        "/readyz" => readyz(&shared.service.readiness, request.uri.query().unwrap_or_default()),
        _ => version(shared),
    };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Some(response)
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

/// 200 or 503; the reasons as text, or under `?verbose` every check as JSON.
fn readyz(readiness: &Readiness, query: &str) -> Response {
    let checks = readiness.checks();
    let is_ready = readiness.is_ready();
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let is_verbose = query.split('&').any(|pair| pair == "verbose" || pair.starts_with("verbose="));
    if is_verbose {
        let checks: serde_json::Map<_, _> = checks
            .into_iter()
            .map(|(name, Check { required, state })| {
                let check = match state {
                    Ok(()) => json!({ "ok": true, "required": required }),
                    Err(reason) => json!({ "ok": false, "required": required, "reason": reason }),
                };
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
            let _ = writeln!(text, "{name}: {reason}");
        }
    }
    (status, text).into_response()
}

/// What the service says of itself, with the faults that are on.
fn version(shared: &Shared) -> Response {
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
    use super::*;

    #[test]
    fn only_required_checks_keep_traffic_away() {
        let readiness = Readiness::default();
        readiness.report("database", Err("read only".to_owned()));
        assert!(readiness.is_ready());
        readiness.require("catalog", Err("not loaded".to_owned()));
        assert!(!readiness.is_ready());
        assert_eq!(readyz(&readiness, "").status(), StatusCode::SERVICE_UNAVAILABLE);
        readiness.require("catalog", Ok(()));
        assert_eq!(readyz(&readiness, "verbose").status(), StatusCode::OK);
    }
}
