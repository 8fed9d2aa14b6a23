//! Problem details for HTTP APIs (RFC 9457): the form of every error of the API, and the kinds that the server has.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Serialize, Serializer, ser::SerializeStruct as _};

/// What the `type` of each problem begins with. A tag URI (RFC 4151) does not depend on where it is read.
pub(crate) const TYPE_PREFIX: &str = "tag:sava.example,2026:";

/// A kind of problem: what all its occurrences have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// The end of its `type`, after [`TYPE_PREFIX`].
    pub name: &'static str,
    /// The status that it comes with, unless an occurrence has another ([`Problem::with_status`]).
    pub status: StatusCode,
    /// A short summary, the same for every occurrence (RFC 9457 §3.1.3).
    pub title: &'static str,
    /// When it arises, and what helps; for the documentation.
    pub meaning: &'static str,
}

/// There is nothing at that path.
pub const UNKNOWN_ROUTE: Kind = Kind {
    name: "unknown-route",
    status: StatusCode::NOT_FOUND,
    title: "Unknown route",
    meaning: "There is nothing at that path.",
};
/// The method is not one of those that `Allow` lists.
pub const METHOD_NOT_ALLOWED: Kind = Kind {
    name: "method-not-allowed",
    status: StatusCode::METHOD_NOT_ALLOWED,
    title: "Method not allowed",
    meaning: "The path does not take that method; the header Allow lists those that it takes.",
};
/// The request cannot be read.
pub(crate) const BAD_REQUEST: Kind = Kind {
    name: "bad-request",
    status: StatusCode::BAD_REQUEST,
    title: "Bad request",
    meaning: "The request is not well-formed HTTP.",
};
/// `Host` does not name one host.
pub(crate) const BAD_HOST: Kind = Kind {
    name: "bad-host",
    status: StatusCode::BAD_REQUEST,
    title: "Bad Host header",
    meaning: "The request has no Host, more than one, or one that does not name a host (RFC 9112, section 3.2).",
};
/// The request is of another version of HTTP.
pub(crate) const VERSION_NOT_SUPPORTED: Kind = Kind {
    name: "version-not-supported",
    status: StatusCode::HTTP_VERSION_NOT_SUPPORTED,
    title: "HTTP version not supported",
    meaning: "The request is not of HTTP/1.1 or HTTP/1.0.",
};
/// The target is too long.
pub(crate) const URI_TOO_LONG: Kind = Kind {
    name: "uri-too-long",
    status: StatusCode::URI_TOO_LONG,
    title: "URI too long",
    meaning: "The request target is longer than 8 KiB.",
};
/// The header section is too large.
pub(crate) const HEADERS_TOO_LARGE: Kind = Kind {
    name: "headers-too-large",
    status: StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
    title: "Header section too large",
    meaning: "The header section has more than 32 KiB or 64 fields.",
};
/// The request's content is too large.
pub(crate) const CONTENT_TOO_LARGE: Kind = Kind {
    name: "content-too-large",
    status: StatusCode::PAYLOAD_TOO_LARGE,
    title: "Content too large",
    meaning: "The content of the request is larger than this instance takes.",
};
/// The client, or with status 503 the service, was too slow.
pub(crate) const TIMEOUT: Kind = Kind {
    name: "timeout",
    status: StatusCode::REQUEST_TIMEOUT,
    title: "Timeout",
    meaning: "The request did not arrive, or was not answered, in time. Trying again may help.",
};
/// More at once than this instance takes.
pub const OVERLOADED: Kind = Kind {
    name: "overloaded",
    status: StatusCode::SERVICE_UNAVAILABLE,
    title: "Overloaded",
    meaning: "There are too many requests, searches or connections. Try again after the seconds that Retry-After gives.",
};
/// A fault on purpose, with the status that it was given.
pub(crate) const FAULT: Kind = Kind {
    name: "fault",
    status: StatusCode::INTERNAL_SERVER_ERROR,
    title: "Fault on purpose",
    meaning: "This instance was told to fail on purpose, for a demonstration.",
};
/// Something that should not happen.
pub(crate) const INTERNAL: Kind = Kind {
    name: "internal",
    status: StatusCode::INTERNAL_SERVER_ERROR,
    title: "Internal error",
    meaning: "Something went wrong inside; the log knows what, by the answer's X-Request-Id.",
};

/// The kinds that the server answers a service's clients with, whatever the service is.
pub const SERVER_KINDS: [Kind; 12] = [
    UNKNOWN_ROUTE,
    METHOD_NOT_ALLOWED,
    BAD_REQUEST,
    BAD_HOST,
    VERSION_NOT_SUPPORTED,
    URI_TOO_LONG,
    HEADERS_TOO_LARGE,
    CONTENT_TOO_LARGE,
    TIMEOUT,
    OVERLOADED,
    FAULT,
    INTERNAL,
];

impl Kind {
    /// The `type` of its problems.
    #[must_use]
    pub fn uri(&self) -> String {
        format!("{TYPE_PREFIX}{}", self.name)
    }

    /// A problem of this kind: what was wrong this time, and what would be right.
    #[must_use]
    pub fn problem(self, detail: impl Into<String>) -> Problem {
        Problem { kind: self, status: self.status, detail: detail.into(), extensions: serde_json::Map::new() }
    }
}

/// The members `type` and `title` of a problem.
impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_struct("Kind", 2)?;
        members.serialize_field("type", &self.uri())?;
        members.serialize_field("title", self.title)?;
        members.end()
    }
}

/// An RFC 9457 problem: what went wrong, for people and programs.
#[derive(Clone, Debug, Serialize)]
pub struct Problem {
    /// Its kind: `type` and `title` (§3.1.1, §3.1.3).
    #[serde(flatten)]
    pub kind: Kind,
    /// The HTTP status code.
    #[serde(serialize_with = "status_code")]
    pub status: StatusCode,
    /// What was wrong this time, and what would be right.
    pub detail: String,
    /// Extension members (§3.2), such as the locales there are.
    #[serde(flatten)]
    pub(crate) extensions: serde_json::Map<String, serde_json::Value>,
}

impl Problem {
    /// The same with an extension member.
    #[must_use]
    pub fn with(mut self, member: &str, value: impl Into<serde_json::Value>) -> Self {
        self.extensions.insert(member.to_owned(), value.into());
        self
    }

    /// The same with another status than that of its kind.
    #[must_use]
    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).expect("a problem's members are all JSON");
        let json = HeaderValue::from_static("application/problem+json");
        let mut response = (self.status, [(header::CONTENT_TYPE, json)], body).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            // RFC 9110 §10.2.3, in seconds: what is too much now may be little then.
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn status_code<S: Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn members_have_the_order_of_the_rfc() {
        let problem =
            TIMEOUT.problem("Too late.").with_status(StatusCode::SERVICE_UNAVAILABLE).with("after", 3);
        assert_eq!(
            serde_json::to_string(&problem).unwrap(),
            r#"{"type":"tag:sava.example,2026:timeout","title":"Timeout","status":503,"detail":"Too late.","after":3}"#
        );
    }

    #[test]
    fn kinds_have_names_of_their_own() {
        let names: HashSet<_> = SERVER_KINDS.map(|kind| kind.name).into();
        assert_eq!(names.len(), SERVER_KINDS.len());
    }
}
