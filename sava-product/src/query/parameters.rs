//! What a query string asks for. A parameter that is unknown or wrong is an error that names it.

use std::borrow::Cow;

use regex::Regex;

use super::{
    bad_query::{BadQuery, quoted},
    pattern::{MAX_COMPILED_TOGETHER, pattern},
    search::Search,
};
use crate::{
    catalog::Field,
    decimal::{Decimal, NotDecimal},
};

/// The products on a page when none is said.
const DEFAULT_LIMIT: usize = 10;
/// The most products on a page.
const MAX_LIMIT: usize = 1000;
/// The most patterns of one query, of whatever fields.
pub(crate) const MAX_PATTERNS: usize = 8;
/// The most bytes that a compiled pattern may take; what it costs to compile and to match grows with it.
const MAX_COMPILED: usize = 64 << 10;

/// The parameters that are not filters of a field.
pub(crate) const CONTROLS: [&str; 7] = ["_page", "_limit", "_start", "_end", "_sort", "_order", "q"];
/// What jQuery adds, with the time, against caches: it says nothing of products.
const UNREAD: &str = "_";
/// The ends of a field's name that make other filters of it.
pub(crate) const OPERATORS: [&str; 4] = ["_gte", "_lte", "_ne", "_like"];

/// A query of a store's products.
#[derive(Debug, Default)]
pub(crate) struct Query {
    /// All of them hold for what is selected.
    pub filters: Vec<Filter>,
    /// What is found in titles, descriptions or categories.
    pub search: Option<Search>,
    /// By the first key, equal ones by the next; all equal ones in the order of the file.
    pub sort: Vec<SortKey>,
    /// Which of them are given.
    pub window: Window,
}

/// A condition on one field.
#[derive(Debug)]
pub(crate) struct Filter {
    /// The field.
    pub field: Field,
    /// Its name in the query, for messages.
    pub parameter: String,
    /// What holds for it.
    pub condition: Condition,
}

/// What holds for a field. A product without the field meets none of these.
#[derive(Debug)]
pub(crate) enum Condition {
    /// It is one of these.
    Is(Vec<Value>),
    /// It is none of these.
    IsNot(Vec<Value>),
    /// It is this or more.
    AtLeast(Value),
    /// It is this or less.
    AtMost(Value),
    /// One of these patterns is found in its text.
    Like(Vec<Regex>),
}

/// A value to compare with.
#[derive(Debug)]
pub(crate) enum Value {
    /// For a field of numbers.
    Number(Decimal),
    /// For a field of text.
    Text(String),
}

/// A field to sort by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SortKey {
    /// The field.
    pub field: Field,
    /// From the greatest to the least.
    pub descending: bool,
}

/// Which of the products that are selected are given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Window {
    /// All of them.
    #[default]
    All,
    /// Those from `start` up to but without `end`, counted from 0.
    Slice {
        /// The first.
        start: usize,
        /// The one after the last; none is to the end.
        end: Option<usize>,
    },
    /// A page of `limit` products, counted from 1.
    Page {
        /// The page.
        page: usize,
        /// The products on a page.
        limit: usize,
    },
}

impl Query {
    /// Whether the query string has a pattern or a text to search in it: reading it takes more than a glance.
    #[must_use]
    pub(crate) fn has_pattern(query: &str) -> bool {
        form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "q" || name.ends_with("_like"))
    }

    /// Reads a query string, which is form-encoded.
    ///
    /// # Errors
    /// [`BadQuery`] names the first parameter that is wrong.
    pub(crate) fn parse(query: &str) -> Result<Self, BadQuery> {
        let pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> = form_urlencoded::parse(query.as_bytes()).collect();
        let max_compiled = max_compiled(&pairs)?;
        let mut parsed = Self { window: window(&pairs)?, sort: sort(&pairs)?, ..Self::default() };
        let texts = pairs.iter().filter(|(name, _)| name == "q").map(|(_, text)| &**text);
        parsed.search = Search::parse(texts)?;
        for (name, value) in &pairs {
            if !CONTROLS.contains(&&**name) && name != UNREAD {
                parsed.add_filter(name, value, max_compiled)?;
            }
        }
        Ok(parsed)
    }

    /// A filter that is given again widens the one before where that means something, and else is wrong.
    fn add_filter(&mut self, name: &str, value: &str, max_compiled: usize) -> Result<(), BadQuery> {
        let (field, operator) = field_and_operator(name).ok_or_else(|| unknown(name))?;
        let before = self.filters.iter_mut().find(|filter| filter.parameter == name);
        let condition = match (operator, before.map(|filter| &mut filter.condition)) {
            ("", None) => Condition::Is(vec![comparable(field, name, value)?]),
            ("_ne", None) => Condition::IsNot(vec![comparable(field, name, value)?]),
            ("_like", None) => Condition::Like(vec![pattern(name, value, max_compiled, value)?]),
            ("_gte", None) => Condition::AtLeast(comparable(field, name, value)?),
            ("_lte", None) => Condition::AtMost(comparable(field, name, value)?),
            (_, Some(Condition::Is(values) | Condition::IsNot(values))) => {
                values.push(comparable(field, name, value)?);
                return Ok(());
            }
            (_, Some(Condition::Like(patterns))) => {
                patterns.push(pattern(name, value, max_compiled, value)?);
                return Ok(());
            }
            _ => return Err(BadQuery::new(name, "is given more than once")),
        };
        self.filters.push(Filter { field, parameter: name.to_owned(), condition });
        Ok(())
    }
}

/// The bytes that each pattern of a query may take: few patterns may be large ones.
fn max_compiled(pairs: &[(Cow<'_, str>, Cow<'_, str>)]) -> Result<usize, BadQuery> {
    let mut patterns = pairs.iter().map(|(name, _)| name).filter(|name| name.ends_with("_like"));
    let n_patterns = patterns.by_ref().take(MAX_PATTERNS).count();
    if let Some(name) = patterns.next() {
        let message = format!("is one pattern too many; a query may have {MAX_PATTERNS}");
        return Err(BadQuery::new(name, message));
    }
    Ok(MAX_COMPILED.min(MAX_COMPILED_TOGETHER / n_patterns.max(1)))
}

/// A field and what is asked of it: `price_gte` is the price, and `_gte`.
fn field_and_operator(name: &str) -> Option<(Field, &'static str)> {
    let with_operator =
        OPERATORS.into_iter().find_map(|operator| Some((name.strip_suffix(operator)?, operator)));
    let (field, operator) = with_operator.unwrap_or((name, ""));
    Some((Field::named(field)?, operator))
}

fn comparable(field: Field, name: &str, value: &str) -> Result<Value, BadQuery> {
    if !field.is_number() {
        return Ok(Value::Text(value.to_owned()));
    }
    let wrong = |error: NotDecimal| {
        BadQuery::new(
            name,
            format!("{} {error}, but {} is a number such as 25 or 9.99", quoted(value), field.name()),
        )
    };
    Decimal::parse(value).map(Value::Number).map_err(wrong)
}

fn sort(pairs: &[(Cow<'_, str>, Cow<'_, str>)]) -> Result<Vec<SortKey>, BadQuery> {
    let orders =
        once(pairs, "_order")?.map(|orders| orders.split(',').collect::<Vec<_>>()).unwrap_or_default();
    for order in &orders {
        if !order.eq_ignore_ascii_case("asc") && !order.eq_ignore_ascii_case("desc") {
            return Err(BadQuery::new("_order", format!("{} is neither asc nor desc", quoted(order))));
        }
    }
    let Some(keys) = once(pairs, "_sort")? else { return Ok(Vec::new()) };
    let mut sort = Vec::new();
    for (place, key) in keys.split(',').enumerate() {
        let Some(field) = Field::named(key) else {
            let message = format!("{} is not a field; there are {}", quoted(key), field_names());
            return Err(BadQuery::new("_sort", message));
        };
        let descending = orders.get(place).is_some_and(|order| order.eq_ignore_ascii_case("desc"));
        // A field that is there already decides nothing more, so there are never more keys than fields.
        if !sort.iter().any(|before: &SortKey| before.field == field) {
            sort.push(SortKey { field, descending });
        }
    }
    Ok(sort)
}

fn window(pairs: &[(Cow<'_, str>, Cow<'_, str>)]) -> Result<Window, BadQuery> {
    let count = |name, least| once(pairs, name)?.map(|value| whole_number(name, value, least)).transpose();
    let (page, limit) = (count("_page", 1)?, count("_limit", 1)?);
    let (start, end) = (count("_start", 0)?, count("_end", 0)?);
    if limit.is_some_and(|limit| limit > MAX_LIMIT) {
        return Err(BadQuery::new("_limit", format!("is more than {MAX_LIMIT}")));
    }
    match (page, limit, start, end) {
        (None, None, None, None) => Ok(Window::All),
        (Some(page), limit, None, None) => Ok(Window::Page { page, limit: limit.unwrap_or(DEFAULT_LIMIT) }),
        (Some(_), ..) => Err(BadQuery::new("_page", "goes with _limit, not with _start or _end")),
        (None, Some(_), _, Some(_)) => Err(BadQuery::new("_end", "goes with _start, not with _limit")),
        (None, Some(limit), start, None) => {
            let start = start.unwrap_or(0);
            Ok(Window::Slice { start, end: Some(start.saturating_add(limit)) })
        }
        (None, None, start, end) => {
            let start = start.unwrap_or(0);
            if end.is_some_and(|end| end < start) {
                return Err(BadQuery::new("_end", "is before _start"));
            }
            Ok(Window::Slice { start, end })
        }
    }
}

/// A count in digits alone.
fn whole_number(name: &str, value: &str, least: usize) -> Result<usize, BadQuery> {
    let is_count = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let count = is_count.then(|| value.parse().ok()).flatten();
    count.filter(|count| *count >= least).ok_or_else(|| {
        let most = if name == "_limit" { format!(" to {MAX_LIMIT}") } else { String::new() };
        BadQuery::new(name, format!("{} is not a whole number from {least}{most}", quoted(value)))
    })
}

/// The value of a parameter that may be given once.
fn once<'pairs>(
    pairs: &'pairs [(Cow<'_, str>, Cow<'_, str>)],
    name: &str,
) -> Result<Option<&'pairs str>, BadQuery> {
    let mut values = pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| &**value);
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        _ => Err(BadQuery::new(name, "is given more than once")),
    }
}

fn unknown(name: &str) -> BadQuery {
    let message = format!(
        "is not a parameter; there are {}, and the fields {}, each also with {}",
        CONTROLS.join(", "),
        field_names(),
        OPERATORS.join(", ")
    );
    BadQuery::new(name, message)
}

fn field_names() -> String {
    Field::ALL.map(Field::name).join(", ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn refused(query: &str, parameter: &str, detail: &str) {
        let refusal = Query::parse(query).expect_err(query);
        assert_eq!(refusal.parameter, parameter, "{query}");
        assert!(refusal.detail.contains(detail), "{query}: {}", refusal.detail);
    }

    #[test]
    fn an_unknown_parameter_is_named_with_those_there_are() {
        refused("colour=red", "colour", "there are _page, _limit");
        refused("colour=red", "colour", "id, locale, title, description, price");
        refused("price_gt=5", "price_gt", "_gte, _lte, _ne, _like");
        refused("_embed=x", "_embed", "is not a parameter");
        refused("=1", "", "is not a parameter");
    }

    #[test]
    fn a_wrong_window_is_refused() {
        refused("_page=0", "_page", "from 1");
        refused("_page=two", "_page", "\"two\" is not a whole number");
        refused("_page=-1", "_page", "whole number");
        refused("_page=", "_page", "whole number");
        refused("_limit=0", "_limit", "from 1 to 1000");
        refused("_limit=1001", "_limit", "more than 1000");
        refused("_limit=1e2", "_limit", "whole number");
        refused("_start=5&_end=3", "_end", "before _start");
        refused("_page=1&_start=3", "_page", "not with _start");
        refused("_end=3&_limit=3", "_end", "not with _limit");
        refused("_page=1&_page=2", "_page", "more than once");
    }

    #[test]
    fn a_wrong_sort_is_refused() {
        refused("_sort=colour", "_sort", "there are id, locale");
        refused("_sort=", "_sort", "is not a field");
        refused("_sort=price,", "_sort", "is not a field");
        refused("_sort=price&_order=up", "_order", "neither asc nor desc");
    }

    #[test]
    fn a_wrong_value_is_refused() {
        refused("price=abc", "price", "is not a number");
        refused("price_gte=1,5", "price_gte", "is not a number");
        refused("rating.stars_ne=", "rating.stars_ne", "is not a number");
        refused("price_gte=1&price_gte=2", "price_gte", "more than once");
        refused("title_like=(", "title_like", "unclosed group");
        refused("title_like=(a{1000}){1000}", "title_like", "too large");
        refused(&format!("q={}", "x".repeat(201)), "q", "more than 200 characters");
        refused(&format!("q={}&q={}", "x".repeat(100), "y".repeat(101)), "q", "more than 200 characters");
        refused(&"q=a&".repeat(9), "q", "is given 9 times; a query may have 8");
    }

    #[test]
    fn patterns_are_few() {
        let likes = |n| vec!["title_like=a"; n].join("&");
        assert!(Query::parse(&likes(MAX_PATTERNS)).is_ok());
        refused(&likes(MAX_PATTERNS + 1), "title_like", "a query may have 8");
        // Of whatever fields, and before any is compiled.
        let mixed = format!("{}&description_like=(", likes(MAX_PATTERNS));
        refused(&mixed, "description_like", "one pattern too many");
        refused(&likes(370), "title_like", "a query may have 8");
    }

    #[test]
    fn patterns_are_small_together() {
        // Some 40 KiB: one may be so large, eight may not.
        let large = "title_like=[a-z]{200}";
        assert!(Query::parse(large).is_ok());
        refused(&[large; MAX_PATTERNS].join("&"), "title_like", "more than 32 KiB");
        refused(&[large; MAX_PATTERNS].join("&"), "title_like", "share 256 KiB");
        refused(r"title_like=\w{200}", "title_like", "more than 64 KiB");
        // Eight of an ordinary kind may.
        assert!(Query::parse(&["title_like=^(red|blue) .*bike$"; MAX_PATTERNS].join("&")).is_ok());
    }

    #[test]
    fn what_takes_time_is_known_before_it_is_read() {
        for query in ["q=a", "title_like=a", "_page=1&%71=a", "title%5Flike=a", "x_like="] {
            assert!(Query::has_pattern(query), "{query}");
        }
        for query in ["", "_page=1", "title=a_like", "quantity=1", "_sort=q"] {
            assert!(!Query::has_pattern(query), "{query}");
        }
    }

    #[test]
    fn messages_cannot_be_made_long() {
        let refusal = Query::parse(&format!("_page={}", "x".repeat(8000))).unwrap_err();
        assert!(refusal.detail.len() < 300, "{}", refusal.detail);
    }

    proptest! {
        #[test]
        fn any_query_is_safe(query in "[ -~]{0,80}") {
            let _ = Query::parse(&query);
        }

        #[test]
        fn any_pattern_is_safe(pattern in r"[ab().*+?{}0-9\[\]^$|\\-]{0,20}") {
            let query = form_urlencoded::Serializer::new(String::new()).append_pair("title_like", &pattern).finish();
            let _ = Query::parse(&query);
        }
    }
}
