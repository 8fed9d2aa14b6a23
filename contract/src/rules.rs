//! The rules, a table for each part of the contract.

mod caching;
mod codings;
mod cors;
mod data;
mod documents;
mod errors;
mod filters;
mod headers;
mod limits;
mod methods;
mod negotiation;
mod paging;
mod pictures;
mod query;
mod representations;
mod routes;
mod search;
mod sorting;

use anyhow::ensure;

use crate::Rule;

/// All tables, in the order of the sections. What looks at all that was seen stands last.
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
    paging::RULES,
    sorting::RULES,
    filters::RULES,
    search::RULES,
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
    fn every_rule_names_a_section_and_itself_once() {
        let mut ids: Vec<&str> = all().map(|rule| rule.id).collect();
        assert!(ids.len() > 200, "{} rules", ids.len());
        for id in &ids {
            let (section, name) = id.split_once('/').unwrap();
            assert!(["3", "3.1", "3.2", "3.3", "3.4", "3.5", "5"].contains(&section), "{id}");
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
        assert!(named(&["3.1".to_owned()]).unwrap().len() > 50);
        assert!(named(&["3.9".to_owned()]).is_err());
    }
}
