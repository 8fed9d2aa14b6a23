//! A parsed list of products with its store: made once for each answer that differs, and then only read.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    fruit::Fruit,
    product::{Product, ProductId},
    sort::Sort,
    store::Store,
    words::WordIndex,
};
use crate::money::Money;

/// The most categories that a page offers to browse.
pub(super) const MAX_CATEGORIES: usize = 100;
/// What a string takes beside its text, and what a product's place takes in the table of places.
const STRING_BYTES: usize = 16;
const PLACE_BYTES: usize = 48;

/// What tells a list from every other of this process: two that are read from the same bytes are two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ListId(u64);

impl ListId {
    fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// The products of a store, in the order of the list.
#[derive(Debug)]
pub struct ProductList {
    pub(crate) id: ListId,
    /// Whose products they are.
    pub store: Store,
    /// What is on sale, in the product service's order.
    pub products: Vec<Product>,
    /// The categories there are, sorted.
    pub categories: BTreeSet<String>,
    /// How many products the query selects that these are a page of; `None` where these are all there are.
    pub n_selected: Option<usize>,
    /// Whether there are more categories than these.
    pub has_more_categories: bool,
    /// Whether any product has a rating.
    pub has_ratings: bool,
    n_bytes: usize,
    /// What searches need, once there is one.
    words: OnceLock<WordIndex>,
    /// The places of the products in each order that was asked for, by [`Sort`].
    orders: [OnceLock<Box<[usize]>>; Sort::ALL.len()],
    fruit: Vec<Product>,
    places: HashMap<ProductId, usize>,
}

impl ProductList {
    /// The list with nothing but the fruit that carts may have.
    #[must_use]
    pub fn empty(store: Store) -> Self {
        Self {
            id: ListId::next(),
            fruit: Fruit::ALL.into_iter().map(|fruit| product_of(fruit, &store)).collect(),
            store,
            products: Vec::new(),
            categories: BTreeSet::new(),
            n_selected: None,
            has_more_categories: false,
            has_ratings: false,
            n_bytes: 0,
            words: OnceLock::new(),
            orders: Default::default(),
            places: HashMap::new(),
        }
    }

    /// The list that sells fruit.
    #[must_use]
    pub fn of_fruit(store: Store) -> Self {
        let mut list = Self::empty(store);
        list.products.clone_from(&list.fruit);
        list.has_ratings = list.products.iter().any(|fruit| fruit.rating.is_some());
        list.categories.extend(list.fruit.iter().filter_map(|fruit| fruit.category.clone()));
        list
    }

    /// Puts `product` behind those that are there, unless there is one with its id: then this is `false`.
    #[must_use]
    pub(super) fn add(&mut self, product: Product) -> bool {
        if self.places.contains_key(&product.id) {
            return false;
        }
        self.n_bytes += n_bytes(&product);
        self.has_ratings |= product.rating.is_some();
        self.places.insert(product.id, self.products.len());
        if let Some(category) = &product.category
            && !self.categories.contains(category)
        {
            if self.categories.len() < MAX_CATEGORIES {
                self.categories.insert(category.clone());
            } else {
                self.has_more_categories = true;
            }
        }
        self.products.push(product);
        true
    }

    /// The places of the products that have `word`, which is folded, in one of their texts.
    pub(super) fn places_of_word(&self, word: &str) -> impl Iterator<Item = usize> {
        let words = self.words.get_or_init(|| {
            WordIndex::new(self.products.iter().map(|product| {
                let Product { title, description, category, picture, .. } = product;
                let alt = picture.as_ref().map(|picture| picture.alt.as_str());
                [title, description].map(String::as_str).into_iter().chain(category.as_deref()).chain(alt)
            }))
        });
        words.find(word).into_iter().map(|place| place as usize)
    }

    /// The products in the order of `sort`, each with its place in this list.
    pub(super) fn in_order(&self, sort: Sort) -> impl Iterator<Item = (usize, &Product)> {
        let order = (sort != Sort::Featured).then(|| {
            self.orders[sort as usize].get_or_init(|| {
                let mut places: Box<[_]> = (0..self.products.len()).collect();
                places.sort_by(|one, other| sort.compare(&self.products[*one], &self.products[*other]));
                places
            })
        });
        (0..self.products.len()).map(move |place| {
            let place = order.map_or(place, |order| order[place]);
            (place, &self.products[place])
        })
    }

    /// The memory that its products take, about.
    pub(super) const fn n_bytes(&self) -> usize {
        self.n_bytes
    }

    /// The product of that id. Fruit is always there: a shopper who put it into the cart can buy it.
    #[must_use]
    pub fn product(&self, id: ProductId) -> Option<&Product> {
        match id {
            ProductId::Fruit(_) => self.fruit.iter().find(|product| product.id == id),
            ProductId::Product(_) => self.places.get(&id).map(|place| &self.products[*place]),
        }
    }
}

fn n_bytes(product: &Product) -> usize {
    let Product { title, description, price_text, picture, category, .. } = product;
    let picture = picture.as_ref().map(|picture| [&picture.file, &picture.alt]);
    let texts =
        [title, description, price_text].into_iter().chain(category).chain(picture.into_iter().flatten());
    let n_text_bytes: usize = texts.map(|text| text.capacity() + STRING_BYTES).sum();
    size_of::<Product>() + PLACE_BYTES + n_text_bytes
}

/// The fruit as a product of `store`, at its own price: the same number of major units in every currency, and a
/// hundred times that where a unit is worth about a cent (the yen and other currencies without decimals).
fn product_of(fruit: Fruit, store: &Store) -> Product {
    let (title, description, cents) = match fruit {
        Fruit::Apples => ("Apples", "Six, a little shy. They keep the doctor away and the shop open.", 250),
        Fruit::Oranges => ("Oranges", "A net of five. Not to be compared with apples.", 300),
        Fruit::Papayas => ("Papayas", "Two, ripe on the day that you forget them.", 450),
        Fruit::Garlic => ("Garlic", "Not a fruit. Nobody has had the heart to tell it.", 120),
    };
    let scale = 10_i64.pow(u32::from(store.currency.decimals().saturating_sub(2)));
    let price = Money { amount: cents * scale, currency: store.currency };
    Product {
        id: ProductId::Fruit(fruit),
        title: title.to_owned(),
        description: description.to_owned(),
        price,
        price_text: store.format(price),
        picture: None,
        rating: None,
        category: Some("fruit".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fruit_is_priced_in_every_currency() {
        let price = |language: &str, currency: &str| {
            product_of(Fruit::Apples, &Store::new("x", "X", language, currency.parse().unwrap())).price_text
        };
        assert_eq!(price("en-IE", "EUR"), "€2.50");
        assert_eq!(price("en-GB", "GBP"), "£2.50");
        assert_eq!(price("ja-JP", "JPY"), "￥250");
        assert_eq!(price("en-KW", "KWD"), "KWD\u{a0}2.500");
    }
}
