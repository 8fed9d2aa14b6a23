//! What checks demand of one answer, with a reason that names the request.

use serde_json::Value;

use crate::{
    http::{Response, shorten},
    objection::{Checked, Objection, demand},
    server::media_type,
};

/// The rule that says that lists have an `ETag`.
pub(crate) const ETAG_RULE: &str = "caching/list-has-etag";

impl Response {
    /// The request and what came of it, for messages.
    pub(crate) fn story(&self) -> String {
        format!("{} answered {}", self.asked, self.status)
    }

    /// The status code is this one.
    pub(crate) fn is(&self, status: u16) -> Checked<&Self> {
        demand!(
            self.status == status,
            "{}, not {status}: {}",
            self.story(),
            if self.body.is_empty() { "no content".to_owned() } else { shorten(&self.text()) }
        );
        Ok(self)
    }

    /// There is such a header.
    pub(crate) fn has(&self, name: &str) -> Checked<String> {
        let value = self.header(name);
        demand!(value.is_some(), "{} without {name}", self.story());
        Ok(value.unwrap_or_default())
    }

    /// The `ETag`, which other rules are about.
    pub(crate) fn etag(&self) -> Checked<String> {
        let why = || Objection::StandsOn(ETAG_RULE, format!("{} without ETag", self.story()));
        self.header("etag").ok_or_else(why)
    }

    /// There is no such header.
    pub(crate) fn has_no(&self, name: &str) -> Checked<&Self> {
        if let Some(value) = self.header(name) {
            demand!(false, "{} with {name}: {value}", self.story());
        }
        Ok(self)
    }

    /// The header is this value.
    pub(crate) fn says(&self, name: &str, value: &str) -> Checked<&Self> {
        let said = self.has(name)?;
        demand!(said == value, "{} with {name}: {said}, not {value}", self.story());
        Ok(self)
    }

    /// The header is a list that has these members, in any case and order.
    pub(crate) fn lists(&self, name: &str, members: &[&str]) -> Checked<&Self> {
        let said = self.has(name)?;
        let tokens = self.tokens(name);
        for member in members {
            demand!(
                tokens.contains(&member.to_ascii_lowercase()),
                "{} with {name}: {said}, without {member}",
                self.story()
            );
        }
        Ok(self)
    }

    /// The media type, parameters aside, is this one.
    pub(crate) fn is_of_type(&self, media_type: &str) -> Checked<&Self> {
        let said = self.has("content-type")?;
        demand!(
            self.media_type() == media_type,
            "{} with Content-Type: {said}, not {media_type}",
            self.story()
        );
        Ok(self)
    }

    /// The media type is that of a version.
    pub(crate) fn is_of_version(&self, version: u8) -> Checked<&Self> {
        self.is_of_type(&media_type(version))
    }

    /// The content is JSON.
    pub(crate) fn json(&self) -> Checked<Value> {
        match serde_json::from_slice(&self.body) {
            Ok(value) => Ok(value),
            Err(error) => {
                demand!(
                    false,
                    "{}, whose content is not JSON ({error}): {}",
                    self.story(),
                    shorten(&self.text())
                );
                Ok(Value::Null)
            }
        }
    }

    /// The content is a JSON array.
    pub(crate) fn array(&self) -> Checked<Vec<Value>> {
        match self.is(200)?.json()? {
            Value::Array(values) => Ok(values),
            other => {
                demand!(false, "{} with {}, not an array", self.story(), shorten(&other.to_string()));
                Ok(Vec::new())
            }
        }
    }

    /// The ids of the products in a list.
    pub(crate) fn ids(&self) -> Checked<Vec<i64>> {
        let values = self.array()?;
        let ids: Option<Vec<i64>> = values.iter().map(|value| value["id"].as_i64()).collect();
        demand!(ids.is_some(), "{} with a product without an id", self.story());
        Ok(ids.unwrap_or_default())
    }

    /// The answer is a problem (RFC 9457) of this status; gives its members.
    pub(crate) fn problem(&self, status: u16) -> Checked<Value> {
        self.is(status)?.is_of_type("application/problem+json")?;
        let problem = self.json()?;
        demand!(problem.is_object(), "{} with a problem that is not an object: {problem}", self.story());
        Ok(problem)
    }

    /// No error of the server's own making, such as a panic or a fallback in plain text.
    pub(crate) fn is_no_server_error(&self) -> Checked<&Self> {
        demand!(self.status < 500, "{}: {}", self.story(), shorten(&self.text()));
        Ok(self)
    }
}
