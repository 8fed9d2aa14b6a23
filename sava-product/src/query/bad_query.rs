//! A query that cannot be answered, and why.

use sava_service::excerpt;

/// The most characters of what a client sent that a message repeats.
pub(crate) const MAX_QUOTED: usize = 80;

/// A query that cannot be answered.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub(crate) struct BadQuery {
    /// The parameter that is wrong.
    pub parameter: String,
    /// What is wrong with it, and what would be right.
    pub detail: String,
}

impl BadQuery {
    /// `parameter` is wrong: `message` says why.
    pub(crate) fn new(parameter: &str, message: impl std::fmt::Display) -> Self {
        Self {
            parameter: parameter.to_owned(),
            detail: format!("{}: {message}.", excerpt(parameter, MAX_QUOTED)),
        }
    }
}

/// What a client sent, for a message.
pub(super) fn quoted(text: &str) -> String {
    format!("{:?}", excerpt(text, MAX_QUOTED))
}
