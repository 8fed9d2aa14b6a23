//! The rules, a table for each part of the contract; a rule's id begins with the name of its part's module.

mod caching;
mod codings;
mod cors;
mod data;
mod documents;
mod errors;
mod headers;
mod limits;
mod methods;
mod negotiation;
mod pictures;
mod query;
mod representations;
mod routes;

use anyhow::ensure;

use crate::Rule;

/// All tables, what others stand on first. What looks at all that was seen stands last.
const TABLES: &[&[Rule]] = &[
    routes::RULES,
    methods::RULES,
    cors::RULES,
    pictures::RULES,
    documents::RULES,
    negotiation::RULES,
    representations::RULES,
    headers::RULES,
    errors::RULES,
    query::paging::RULES,
    query::sorting::RULES,
    query::filters::RULES,
    query::search::RULES,
    data::RULES,
    caching::RULES,
    codings::RULES,
    limits::RULES,
    errors::LAST_RULES,
    headers::LAST_RULES,
];

/// Every rule.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    TABLES.iter().copied().flatten()
}

/// The rules whose id begins with one of the prefixes; all where there are none.
///
/// # Errors
/// When no rule begins with one of them.
pub fn named(prefixes: &[String]) -> anyhow::Result<Vec<&'static Rule>> {
    for prefix in prefixes {
        ensure!(all().any(|rule| rule.id.starts_with(prefix)), "no rule begins with {prefix:?}; see --list");
    }
    let is_named =
        |rule: &&Rule| prefixes.is_empty() || prefixes.iter().any(|prefix| rule.id.starts_with(prefix));
    Ok(all().filter(is_named).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_names_its_part_and_itself_once() {
        let mut ids: Vec<&str> = all().map(|rule| rule.id).collect();
        assert!(ids.len() > 200, "{} rules", ids.len());
        for id in &ids {
            let (part, name) = id.split_once('/').unwrap();
            assert!(part.bytes().all(|b| b.is_ascii_lowercase()), "{id}");
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{id}");
        }
        ids.sort_unstable();
        let count = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), count, "two rules have one name");
    }

    #[test]
    fn what_rules_stand_on_are_rules() {
        let others = [crate::expect::ETAG_RULE, routes::VERSION_RULE];
        for id in crate::server::FOUNDATIONS.iter().chain(&documents::FOUNDATIONS).chain(&others) {
            assert!(all().any(|rule| rule.id == *id), "{id}");
        }
    }

    #[test]
    fn a_prefix_that_names_no_rule_is_refused() {
        assert!(named(&["negotiation/".to_owned()]).unwrap().len() > 50);
        assert!(named(&["negotiations".to_owned()]).is_err());
    }
}
