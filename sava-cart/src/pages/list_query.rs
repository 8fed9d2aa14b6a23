//! Which products of the list a shopper wants to see, and in what order. It works on the list that the store front
//! holds, so it works when the product service does not.

use std::cmp::Reverse;

use serde::Deserialize;

use crate::{
    catalog::{Product, ProductList},
    release::{Feature, Release},
};

/// How many products a page shows in a release that shows the list in pages.
const PAGE_SIZE: usize = 12;
/// The same in the others, where only a long list has pages.
const LONG_PAGE_SIZE: usize = 100;
/// The longest search text, in characters.
const MAX_SEARCH: usize = 100;

/// A shopper's choice: the query of the list's URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListQuery {
    /// The words that a product must have.
    pub q: String,
    /// The category that it must be in.
    pub category: Option<String>,
    pub sort: Sort,
    /// The page, from 1.
    pub page: usize,
}

/// An order of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    /// As the product service has it.
    Featured,
    Cheapest,
    Dearest,
    /// The best rated first; those without a rating last.
    Rating,
    Title,
}

impl Sort {
    pub(crate) const ALL: [Self; 5] =
        [Self::Featured, Self::Cheapest, Self::Dearest, Self::Rating, Self::Title];

    /// Its value in the query.
    #[must_use]
    pub(crate) const fn value(self) -> &'static str {
        match self {
            Self::Featured => "",
            Self::Cheapest => "price",
            Self::Dearest => "-price",
            Self::Rating => "rating",
            Self::Title => "title",
        }
    }

    /// Its name for the shopper.
    #[must_use]
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Featured => "Our favourites",
            Self::Cheapest => "Price, low to high",
            Self::Dearest => "Price, high to low",
            Self::Rating => "Best rated",
            Self::Title => "Name",
        }
    }

    fn apply(self, products: &mut [&Product]) {
        match self {
            Self::Featured => {}
            Self::Cheapest => products.sort_by_key(|product| product.price.amount),
            Self::Dearest => products.sort_by_key(|product| Reverse(product.price.amount)),
            Self::Rating => products.sort_by(|a, b| {
                let stars = |product: &Product| product.rating.map_or(-1.0, |rating| rating.stars);
                stars(b).total_cmp(&stars(a))
            }),
            Self::Title => products.sort_by_cached_key(|product| product.title.to_lowercase()),
        }
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
            Sort::ALL.into_iter().find(|choice| choice.value() == sort && release.has(Feature::Sorting));
        Self { q, category, sort: sort.unwrap_or(Sort::Featured), page: page.parse().unwrap_or(1).max(1) }
    }

    /// How many products a page of `release` shows.
    #[must_use]
    pub(crate) fn page_size(release: &Release) -> usize {
        if release.has(Feature::Pages) { PAGE_SIZE } else { LONG_PAGE_SIZE }
    }

    /// Whether it leaves nothing out.
    #[must_use]
    pub(crate) fn is_everything(&self) -> bool {
        self.q.is_empty() && self.category.is_none()
    }

    /// The reference to this choice, where `home` is the reference to the list.
    #[must_use]
    pub(crate) fn reference(&self, home: &str) -> String {
        let page = self.page.to_string();
        let pairs = [
            ("q", self.q.as_str()),
            ("category", self.category.as_deref().unwrap_or_default()),
            ("sort", self.sort.value()),
            ("page", if self.page > 1 { page.as_str() } else { "" }),
        ];
        let chosen: Vec<_> = pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        let query = serde_urlencoded::to_string(&chosen).unwrap_or_default();
        if query.is_empty() { home.to_owned() } else { format!("{home}?{query}") }
    }

    /// The products of `goods` that were chosen, in their order.
    #[must_use]
    pub(crate) fn of<'a>(&self, goods: &'a ProductList) -> Vec<&'a Product> {
        let wanted: Vec<_> = self.q.split_whitespace().map(str::to_lowercase).collect();
        let mut products: Vec<_> = goods
            .products
            .iter()
            .filter(|product| self.category.is_none() || product.category == self.category)
            .filter(|product| wanted.is_empty() || has_words(product, &wanted))
            .collect();
        self.sort.apply(&mut products);
        products
    }
}

fn has_words(product: &Product, words: &[String]) -> bool {
    let category = product.category.as_deref().unwrap_or_default();
    let text = format!("{} {} {category}", product.title, product.description).to_lowercase();
    words.iter().all(|word| text.contains(word))
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
        assert_eq!((choice.q.as_str(), choice.category.as_deref()), ("oak beard", Some("home")));
        assert_eq!((choice.sort, choice.page), (Sort::Dearest, 2));
        assert_eq!(choice.reference("./"), "./?q=oak+beard&category=home&sort=-price&page=2");
    }

    #[test]
    fn nonsense_shows_everything() {
        for query in ["page=-1", "page=x&sort=colour", "sort=", "%FF=%FF", "q=a&q=b", "=&&="] {
            let choice = read("3.0.0", query);
            assert_eq!((choice.page, choice.sort), (1, Sort::Featured), "{query}");
        }
        assert_eq!(read("3.0.0", "q=%20").reference("../"), "../");
    }

    #[test]
    fn a_release_without_search_ignores_it() {
        assert_eq!(read("2.0.4", "q=oak&category=home&sort=price"), read("2.0.4", ""));
    }
}
