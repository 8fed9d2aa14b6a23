//! How an API server says no: a `Status` object with a reason for programs and a message for people.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::{Value, json};

/// An answer other than the object asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) code: StatusCode,
    pub(super) reason: &'static str,
    pub(super) message: String,
    /// What kubectl wants to know besides: the kind and the name, causes.
    pub(super) details: Value,
}

impl Status {
    #[must_use]
    pub(super) fn new(code: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: json!({}) }
    }

    #[must_use]
    pub(super) fn not_found(plural: &str, group: &str, name: &str) -> Self {
        let of = if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") };
        let mut status = Self::new(StatusCode::NOT_FOUND, "NotFound", format!("{of} \"{name}\" not found"));
        status.details = json!({ "name": name, "group": group, "kind": plural });
        status
    }

    /// The object is another than the client has seen, by its `resourceVersion`.
    #[must_use]
    pub(super) fn conflict(plural: &str, group: &str, name: &str) -> Self {
        let of = if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") };
        let message = format!(
            "Operation cannot be fulfilled on {of} \"{name}\": the object has been modified; \
             please apply your changes to the latest version and try again"
        );
        let mut status = Self::new(StatusCode::CONFLICT, "Conflict", message);
        status.details = json!({ "name": name, "group": group, "kind": plural });
        status
    }

    #[must_use]
    pub(super) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", message)
    }

    #[must_use]
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    #[must_use]
    pub(super) fn to_json(&self) -> Value {
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": self.message,
            "reason": self.reason, "details": self.details, "code": self.code.as_u16(),
        })
    }
}

impl IntoResponse for Status {
    fn into_response(self) -> Response {
        let body = Body::from(self.to_json().to_string());
        (self.code, [(header::CONTENT_TYPE, "application/json")], body).into_response()
    }
}
