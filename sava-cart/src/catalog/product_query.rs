//! Which products of the store are wanted, and in what order: asked of a list that is held here, so that it works when
//! the product service does not; or, where the list is too long to be held, of the product service.

use std::{borrow::Cow, cmp::Reverse};

use sava_service::collation::{self, fold};

use super::{product::Product, product_list::ProductList};

/// The most words of a search that the product service is asked for.
const MAX_WORDS: usize = 8;

/// A query of the store's products.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductQuery {
    /// The words that a product must have, in any order.
    pub q: String,
    /// The category that it must be in.
    pub category: Option<String>,
    /// Their order.
    pub sort: Sort,
}

/// An order of products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// As the product service has it.
    Featured,
    /// The lowest price first.
    Cheapest,
    /// The highest price first.
    Dearest,
    /// The best rated first; those without a rating last.
    Rating,
    /// As in a dictionary.
    Title,
}

impl ProductQuery {
    /// All products, as the product service has them.
    pub const ALL: Self = Self { q: String::new(), category: None, sort: Sort::Featured };

    /// Whether it leaves nothing out.
    #[must_use]
    pub(crate) const fn is_everything(&self) -> bool {
        self.q.is_empty() && self.category.is_none()
    }

    /// The products of `list` that it selects, in its order.
    #[must_use]
    pub(crate) fn select<'a>(&self, list: &'a ProductList) -> Vec<&'a Product> {
        let words: Vec<_> = self.q.split_whitespace().map(fold).collect();
        let mut products: Vec<_> = list
            .products
            .iter()
            .filter(|product| self.category.is_none() || product.category == self.category)
            .filter(|product| {
                let category = product.category.as_deref().unwrap_or_default();
                let alt = product.picture.as_ref().map_or("", |picture| &picture.alt);
                let texts = || [&*product.title, &*product.description, category, alt].map(fold);
                words.is_empty() || has_all(&texts(), &words)
            })
            .collect();
        self.sort.apply(&mut products);
        products
    }

    /// The query string that asks the product service for a page of `size` products, from 1.
    ///
    /// The product service counts those without a rating as the best rated, so they are left out where the order is that
    /// of ratings.
    #[must_use]
    pub(super) fn parameters(&self, page: usize, size: usize) -> String {
        let mut words: Vec<_> = self.q.split_whitespace().collect();
        // The longest say most of what is wanted.
        words.sort_by_key(|word| Reverse(word.len()));
        let (page, size) = (page.to_string(), size.to_string());
        let parameters: Vec<_> = (words.into_iter().take(MAX_WORDS).map(|word| ("q", word)))
            .chain(self.category.iter().map(|category| ("category", &**category)))
            .chain(self.sort.parameters().iter().copied())
            .chain([("_page", &*page), ("_limit", &*size)])
            .collect();
        serde_urlencoded::to_string(parameters).unwrap_or_default()
    }
}

impl Sort {
    pub(crate) const ALL: [Self; 5] =
        [Self::Featured, Self::Cheapest, Self::Dearest, Self::Rating, Self::Title];

    fn apply(self, products: &mut [&Product]) {
        match self {
            Self::Featured => {}
            Self::Cheapest => products.sort_by_key(|product| product.price.amount),
            Self::Dearest => products.sort_by_key(|product| Reverse(product.price.amount)),
            Self::Rating => products.sort_by(|a, b| {
                let stars = |product: &Product| product.rating.map_or(-1.0, |rating| rating.stars);
                stars(b).total_cmp(&stars(a))
            }),
            Self::Title => products.sort_by(|a, b| collation::compare(&a.title, &b.title)),
        }
    }

    const fn parameters(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Featured => &[],
            Self::Cheapest => &[("_sort", "price")],
            Self::Dearest => &[("_sort", "price"), ("_order", "desc")],
            Self::Rating => &[("_sort", "rating.stars"), ("_order", "desc"), ("rating.stars_gte", "0")],
            Self::Title => &[("_sort", "title")],
        }
    }
}

fn has_all(texts: &[Cow<'_, str>], words: &[Cow<'_, str>]) -> bool {
    words.iter().all(|word| texts.iter().any(|text| text.contains(&**word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_asked_of_the_product_service_in_its_words() {
        let query = |q: &str, category: Option<&str>, sort| {
            ProductQuery { q: q.to_owned(), category: category.map(ToOwned::to_owned), sort }
                .parameters(2, 12)
        };
        assert_eq!(query("", None, Sort::Featured), "_page=2&_limit=12");
        assert_eq!(
            query("oak & bear", Some("a b"), Sort::Dearest),
            "q=bear&q=oak&q=%26&category=a+b&_sort=price&_order=desc&_page=2&_limit=12"
        );
        assert_eq!(
            query("a b c d e f g h i jj", None, Sort::Rating),
            "q=jj&q=a&q=b&q=c&q=d&q=e&q=f&q=g&_sort=rating.stars&_order=desc&rating.stars_gte=0&_page=2&_limit=12"
        );
    }

    #[test]
    fn accents_and_case_do_not_matter() {
        let mut list = ProductList::of_fruit(crate::catalog::Store::default_of("ie"));
        list.products[0].title = "Äpfel".to_owned();
        list.products[1].title = "Café".to_owned();
        let select = |q: &str, sort| {
            let query = ProductQuery { q: q.to_owned(), category: None, sort };
            query.select(&list).into_iter().map(|product| product.title.clone()).collect::<Vec<_>>()
        };
        assert_eq!(select("", Sort::Title), ["Äpfel", "Café", "Garlic", "Papayas"]);
        assert_eq!(select("CAFE", Sort::Featured), ["Café"]);
        assert_eq!(select("apfel six", Sort::Featured), ["Äpfel"]);
    }
}
