//! A parsed list of products with its store: made once for each answer that differs, and then only read.

use std::{
    collections::{BTreeSet, HashMap},
    sync::atomic::{AtomicU64, Ordering},
};

use super::{Fruit, Product, ProductId, Store};

/// The products of a store, in the order of the list.
#[derive(Debug)]
pub struct Shelf {
    /// Differs for each shelf of this process: what is made of a shelf can be kept by it.
    pub serial: u64,
    /// Whose products they are.
    pub store: Store,
    /// What is on sale, in the product service's order.
    pub products: Vec<Product>,
    /// The categories there are, sorted.
    pub categories: Vec<String>,
    fruit: Vec<Product>,
    places: HashMap<ProductId, usize>,
}

impl Shelf {
    /// The shelf with these products; of two with one id the first stays.
    #[must_use]
    pub fn new(store: Store, mut products: Vec<Product>) -> Self {
        static SERIAL: AtomicU64 = AtomicU64::new(1);
        let mut places = HashMap::with_capacity(products.len());
        products.retain(|product| {
            let place = places.len();
            let is_new = !places.contains_key(&product.id);
            if is_new {
                places.insert(product.id, place);
            }
            is_new
        });
        let categories: BTreeSet<_> =
            products.iter().filter_map(|product| product.category.clone()).collect();
        let fruit = Fruit::ALL.into_iter().map(|fruit| fruit.product(&store)).collect();
        Self {
            serial: SERIAL.fetch_add(1, Ordering::Relaxed),
            store,
            products,
            categories: categories.into_iter().collect(),
            fruit,
            places,
        }
    }

    /// The shelf with nothing but fruit.
    #[must_use]
    pub fn of_fruit(store: Store) -> Self {
        let fruit = Fruit::ALL.into_iter().map(|fruit| fruit.product(&store)).collect();
        Self::new(store, fruit)
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
