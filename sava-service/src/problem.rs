//! Problem details for HTTP APIs (RFC 9457): the form of every error of the API.

use std::borrow::Cow;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

/// An RFC 9457 problem: what went wrong, for people and programs.
#[derive(Clone, Debug, Serialize)]
pub struct Problem {
    /// A URI reference that names the kind of problem (§3.1.1), stable; the documentation explains each.
    #[serde(rename = "type")]
    pub kind: Cow<'static, str>,
    /// A short summary, the same for every occurrence of the kind.
    pub title: Cow<'static, str>,
    /// The HTTP status code.
    #[serde(serialize_with = "status_code")]
    pub status: StatusCode,
    /// What was wrong this time, and what would be right.
    pub detail: String,
    /// Extension members (§3.2), such as the locales there are.
    #[serde(flatten)]
    pub extensions: serde_json::Map<String, serde_json::Value>,
}

impl Problem {
    /// A problem of the kind `kind` (its `type`), with its fixed title.
    pub fn new(
        status: StatusCode,
        kind: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            kind: kind.into(),
            title: title.into(),
            status,
            detail: detail.into(),
            extensions: serde_json::Map::new(),
        }
    }

    /// The same with an extension member.
    #[must_use]
    pub fn with(mut self, member: &str, value: impl Into<serde_json::Value>) -> Self {
        self.extensions.insert(member.to_owned(), value.into());
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).expect("a problem's members are all JSON");
        let json = HeaderValue::from_static("application/problem+json");
        (self.status, [(header::CONTENT_TYPE, json)], body).into_response()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn status_code<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}
