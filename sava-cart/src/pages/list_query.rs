//! The query of the list's URL: which products a shopper wants to see, in what order, and which page of them.

use serde::Deserialize;

use crate::{
    catalog::{ProductId, ProductQuery, Sort},
    release::{Feature, Release},
};

/// How many products a page shows in a release that shows the list in pages.
const PAGE_SIZE: usize = 12;
/// The same in the others, where only a long list has pages.
const LONG_PAGE_SIZE: usize = 100;
/// The longest search text, in characters.
const MAX_SEARCH: usize = 100;

/// How the query says what was put into the cart.
const ADDED: &str = "added=";

/// A shopper's choice: the query of the list's URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListQuery {
    pub products: ProductQuery,
    /// The page, from 1.
    pub page: usize,
}

/// The value of an order in the query.
#[must_use]
pub(crate) const fn value_of(sort: Sort) -> &'static str {
    match sort {
        Sort::Featured => "",
        Sort::Cheapest => "price",
        Sort::Dearest => "-price",
        Sort::Rating => "rating",
        Sort::Title => "title",
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawQuery {
    q: String,
    category: String,
    sort: String,
    page: String,
}

impl ListQuery {
    /// The choice in `query`, as far as `release` offers it. What cannot be read is not chosen: a link of another
    /// release, or one that somebody shortened, still shows products.
    #[must_use]
    pub(crate) fn read(release: &Release, query: &str) -> Self {
        let RawQuery { q, category, sort, page } = serde_urlencoded::from_str(query).unwrap_or_default();
        let q = if release.has(Feature::Search) {
            q.trim().chars().take(MAX_SEARCH).collect()
        } else {
            String::new()
        };
        let category = Some(category).filter(|name| !name.is_empty() && release.has(Feature::Categories));
        let sort =
            Sort::ALL.into_iter().find(|choice| value_of(*choice) == sort && release.has(Feature::Sorting));
        let products = ProductQuery { q, category, sort: sort.unwrap_or(Sort::Featured) };
        Self { products, page: page.parse().unwrap_or(1).max(1) }
    }

    /// How many products a page of `release` shows.
    #[must_use]
    pub(crate) fn page_size(release: &Release) -> usize {
        if release.has(Feature::Pages) { PAGE_SIZE } else { LONG_PAGE_SIZE }
    }

    /// Whether it is what is shown first, where nothing is chosen.
    #[must_use]
    pub(crate) fn is_everything(&self) -> bool {
        self.products == ProductQuery::ALL && self.page == 1
    }

    /// The reference to this choice, where `home` is the reference to the list.
    #[must_use]
    pub(crate) fn reference(&self, home: &str) -> String {
        let query = self.query();
        if query.is_empty() { home.to_owned() } else { format!("{home}?{query}") }
    }

    /// The same for a shopper who has just put `added` into the cart: with that product in view, and [`added`] in the query.
    #[must_use]
    pub(crate) fn reference_after(&self, home: &str, added: ProductId) -> String {
        let query = self.query();
        let and = if query.is_empty() { "" } else { "&" };
        format!("{home}?{query}{and}{ADDED}{added}#p-{added}")
    }

    /// This choice, form-encoded; empty where nothing is chosen.
    #[must_use]
    pub(crate) fn query(&self) -> String {
        let page = self.page.to_string();
        let ProductQuery { q, category, sort } = &self.products;
        let pairs = [
            ("q", q.as_str()),
            ("category", category.as_deref().unwrap_or_default()),
            ("sort", value_of(*sort)),
            ("page", if self.page > 1 { page.as_str() } else { "" }),
        ];
        let chosen: Vec<_> = pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        serde_urlencoded::to_string(&chosen).unwrap_or_default()
    }
}

/// What was put into the cart just before the list is shown with that `query`. It is no part of the choice: no link of
/// the page repeats it.
#[must_use]
pub(crate) fn added(query: &str) -> Option<ProductId> {
    query.split('&').find_map(|pair| pair.strip_prefix(ADDED)?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(release: &str, query: &str) -> ListQuery {
        ListQuery::read(Release::find(release).unwrap(), query)
    }

    #[test]
    fn a_query_says_what_is_wanted() {
        let choice = read("3.0.0", "q=+oak+beard&category=home&sort=-price&page=2");
        assert_eq!(
            (choice.products.q.as_str(), choice.products.category.as_deref()),
            ("oak beard", Some("home"))
        );
        assert_eq!((choice.products.sort, choice.page), (Sort::Dearest, 2));
        assert_eq!(choice.reference("./"), "./?q=oak+beard&category=home&sort=-price&page=2");
    }

    #[test]
    fn the_way_back_says_what_was_added() {
        let garlic = "garlic".parse().unwrap();
        assert_eq!(read("3.0.0", "").reference_after("../", garlic), "../?added=garlic#p-garlic");
        let back = read("3.0.0", "q=oak&page=2&added=4").reference_after("../", garlic);
        assert_eq!(back, "../?q=oak&page=2&added=garlic#p-garlic");
        assert_eq!(added("q=oak&page=2&added=garlic"), Some(garlic));
        for query in ["", "q=added", "added=", "added=x", "unadded=4"] {
            assert_eq!(added(query), None, "{query}");
        }
    }

    #[test]
    fn nonsense_shows_everything() {
        for query in ["page=-1", "page=x&sort=colour", "sort=", "%FF=%FF", "q=a&q=b", "=&&="] {
            let choice = read("3.0.0", query);
            assert_eq!((choice.page, choice.products.sort), (1, Sort::Featured), "{query}");
        }
        assert_eq!(read("3.0.0", "q=%20").reference("../"), "../");
    }

    #[test]
    fn a_release_without_search_ignores_it() {
        assert_eq!(read("2.0.4", "q=oak&category=home&sort=price"), read("2.0.4", ""));
    }
}
