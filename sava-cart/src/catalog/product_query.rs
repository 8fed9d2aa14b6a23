//! Which products of the store are wanted, and in what order: asked of a list that is held here, so that it works when
//! the product service does not; or, where the list is too long to be held, of the product service.

use std::cmp::Reverse;

use sava_service::collation::fold;

use super::{product::Product, product_list::ProductList, sort::Sort};

/// The most words of a search that the product service is asked for.
const MAX_WORDS: usize = 8;

/// A query of the store's products.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProductQuery {
    /// The words that a product must have, in any order.
    pub q: String,
    /// The category that it must be in.
    pub category: Option<String>,
    /// Their order.
    pub sort: Sort,
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
        let words = self.q.split_whitespace().map(fold).filter(|word| !word.is_empty());
        let mut is_chosen: Option<Vec<bool>> = None;
        for word in words {
            let mut has_word = vec![false; list.products.len()];
            for place in list.places_of_word(&word) {
                // Each word leaves fewer.
                has_word[place] = is_chosen.as_ref().is_none_or(|before| before[place]);
            }
            is_chosen = Some(has_word);
        }
        let is_chosen = |place: usize, product: &Product| {
            is_chosen.as_ref().is_none_or(|is_chosen| is_chosen[place])
                && (self.category.is_none() || product.category == self.category)
        };
        let products = list.in_order(self.sort);
        products.filter(|(place, product)| is_chosen(*place, product)).map(|(_, product)| product).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::ProductId;

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
        // A mark that combines with nothing is nothing to look for.
        assert_eq!(select("\u{301}", Sort::Featured).len(), 4);
    }

    /// What the index finds is what a look at each product finds.
    #[test]
    fn words_are_found_wherever_they_are_in_a_text() {
        const TEXTS: [&str; 8] = [
            "oak",
            "Oaken oaks",
            "soak  OAK-oak",
            "\u{a0}ök\u{2003}ak",
            "",
            "k a o",
            "o\u{301}ak",
            "Straße 7",
        ];
        let store = || crate::catalog::Store::default_of("ie");
        let model = ProductList::of_fruit(store()).products[0].clone();
        let mut list = ProductList::empty(store());
        for id in 0..512_usize {
            let product = Product {
                id: ProductId::Product(id as u64),
                title: TEXTS[id % 8].to_owned(),
                description: TEXTS[id / 8 % 8].to_owned(),
                category: (id % 3 > 0).then(|| TEXTS[id / 64].to_owned()),
                ..model.clone()
            };
            assert!(list.add(product));
        }
        for q in
            ["oak", "OAK ak", "k", "a k", "ok", "s", "7 oak", "strasse", "straße", "oak oak", "none", "oa k-"]
        {
            for sort in Sort::ALL {
                let query = ProductQuery { q: q.to_owned(), category: None, sort };
                let words: Vec<_> = q.split_whitespace().map(fold).collect();
                let has_all = |product: &&Product| {
                    let category = product.category.as_deref().unwrap_or_default();
                    let texts = [&*product.title, &*product.description, category].map(fold);
                    words.iter().all(|word| texts.iter().any(|text| text.contains(&**word)))
                };
                let mut expected: Vec<_> = list.products.iter().filter(has_all).collect();
                expected.sort_by(|one, other| sort.compare(one, other));
                let ids =
                    |products: Vec<&Product>| products.iter().map(|product| product.id).collect::<Vec<_>>();
                assert_eq!(ids(query.select(&list)), ids(expected), "{q} {sort:?}");
            }
        }
    }
}
