//! Patterns and texts to search, compiled.

use regex::{Regex, RegexBuilder};

use super::bad_query::{BadQuery, quoted};

/// The most bytes that all patterns of a query may take together; each gets an equal share.
pub(crate) const MAX_COMPILED_TOGETHER: usize = 256 << 10;
/// The longest pattern or text to search, in characters.
pub(super) const MAX_PATTERN: usize = 200;

/// A case-insensitive pattern that cannot be made slow: matching takes time linear in the text (the `regex` crate has
/// no backtracking), and the pattern's size is limited.
pub(super) fn pattern(
    name: &str,
    pattern: &str,
    max_compiled: usize,
    given: &str,
) -> Result<Regex, BadQuery> {
    if given.chars().count() > MAX_PATTERN {
        return Err(BadQuery::new(name, format!("has more than {MAX_PATTERN} characters")));
    }
    let built = RegexBuilder::new(pattern)
        .case_insensitive(true)
        .size_limit(max_compiled)
        .dfa_size_limit(1 << 20)
        .nest_limit(20)
        .build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => {
            let message = format!(
                "the pattern {} is too large: it takes more than {} KiB compiled; make it simpler, or give fewer \
                 (all of a query share {} KiB)",
                quoted(given),
                max_compiled >> 10,
                MAX_COMPILED_TOGETHER >> 10,
            );
            BadQuery::new(name, message)
        }
        error => BadQuery::new(name, format!("is not a pattern of the regex crate: {error}")),
    })
}
