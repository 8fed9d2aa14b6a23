//! A store: its products as bytes that are ready to be sent.

use std::borrow::Cow;

use bytes::Bytes;
use http::HeaderValue;

use super::{
    draft::{Draft, StoreDraft, decimals},
    field::Field,
    index::Index,
    pieces::{Pieces, locale_member},
};
use crate::{
    api_version::ApiVersion,
    decimal::Decimal,
    document::{Document, Tag},
};

/// Lists up to this many bytes are kept whole.
const MAX_WHOLE_LIST: usize = 1 << 20;

/// How many decimals a mean of stars may have.
pub(super) const STARS_PLACES: u32 = 2;

/// A store and its products.
#[derive(Debug)]
pub(crate) struct Store {
    /// What is known of the store itself.
    pub data: StoreDraft,
    /// The bytes of all products of the catalog, which their pieces point into.
    arena: Bytes,
    products: Vec<Pieces>,
    /// The member of version 3 that all products share.
    locale_member: Vec<u8>,
    /// By [`Field::index`].
    indexes: Vec<Index>,
    /// The plain list in each version, by [`ApiVersion::index`].
    lists: Vec<List>,
}

/// The plain list of all products, in one version.
#[derive(Clone, Debug)]
pub(crate) enum List {
    /// Kept whole.
    Whole {
        /// As `application/json`.
        plain: Box<Document>,
        /// As the version's own type.
        vendor: Box<Document>,
    },
    /// Put together while it is sent.
    Large {
        /// What tells it from others.
        tag: Tag,
    },
}

/// Stores whose products are still being read. Each product is written at once into what answers requests, so that
/// none is kept in another form.
pub(super) struct StoresBuilder {
    stores: Vec<StoreBuilder>,
    /// The bytes of all products, of whichever store.
    arena: Vec<u8>,
}

/// One of them.
struct StoreBuilder {
    data: StoreDraft,
    products: Vec<Pieces>,
    ids: Vec<Option<u64>>,
    /// In minor units.
    prices: Vec<Option<u64>>,
    /// In hundredths.
    stars: Vec<Option<u64>>,
    reviews: Vec<Option<u64>>,
}

impl StoresBuilder {
    /// Stores without products yet, from a file of `n_bytes`.
    pub(super) fn new(stores: Vec<StoreDraft>, n_bytes: usize) -> Self {
        // glibc maps a block of more than 32 MiB by itself, whatever was freed before. Such a block takes the memory that
        // is written to, is never copied to grow, and goes back to the system as soon as the catalog goes.
        const MAPPED: usize = 33 << 20;
        let stores = stores.into_iter().map(StoreBuilder::new).collect();
        Self { stores, arena: Vec::with_capacity(MAPPED.max(2 * n_bytes)) }
    }

    /// What is known of the stores.
    pub(super) fn data(&self) -> impl ExactSizeIterator<Item = &StoreDraft> {
        self.stores.iter().map(|store| &store.data)
    }

    /// One product more in the store at `position`, after those before it.
    pub(super) fn push(&mut self, position: usize, draft: &Draft<'_>) {
        let store = &mut self.stores[position];
        store.products.push(Pieces::write(&mut self.arena, &store.data.locale, draft));
        store.ids.push(Some(draft.id));
        store.prices.push(Some(draft.price.minor_units));
        store.stars.push(draft.rating.and_then(|rating| rating.stars.units(STARS_PLACES)));
        store.reviews.push(draft.rating.map(|rating| rating.reviews.into()));
    }

    /// The stores with all of their products.
    pub(super) fn build(mut self) -> Vec<Store> {
        self.arena.shrink_to_fit();
        let arena = Bytes::from(self.arena);
        self.stores.into_iter().map(|store| store.build(arena.clone())).collect()
    }
}

impl StoreBuilder {
    fn new(data: StoreDraft) -> Self {
        let (products, ids, prices, stars, reviews) = Default::default();
        Self { data, products, ids, prices, stars, reviews }
    }

    fn build(self, arena: Bytes) -> Store {
        let Self { data, mut products, ids, prices, stars, reviews } = self;
        products.shrink_to_fit();
        let price_places = decimals(data.currency);
        let locale_member = locale_member(&data.locale);
        let (indexes, lists) = Default::default();
        let mut store = Store { data, arena, products, locale_member, indexes, lists };
        store.indexes = Field::ALL
            .map(|field| match field {
                Field::Id => Index::of_numbers(&ids, 0),
                Field::Price => Index::of_numbers(&prices, price_places),
                Field::Stars => Index::of_numbers(&stars, STARS_PLACES),
                Field::Reviews => Index::of_numbers(&reviews, 0),
                _ => Index::of_texts(store.len(), |position| store.text(field, position)),
            })
            .into();
        store.lists = ApiVersion::ALL.iter().map(|version| store.make_list(*version)).collect();
        store
    }
}

impl Store {
    /// How many products it has.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.products.len()
    }

    /// The plain list in `version`.
    #[must_use]
    pub(crate) fn list(&self, version: ApiVersion) -> &List {
        &self.lists[version.index()]
    }

    /// The position of the product with this id.
    #[must_use]
    pub(crate) fn position(&self, id: u64) -> Option<u32> {
        let index = self.index_of(Field::Id);
        let id = Decimal::from_units(id, 0);
        let rank = index.partition(|rank| index.number(rank) < id);
        (rank < index.groups() && index.number(rank) == id).then(|| index.group(rank)[0])
    }

    /// The products in the order of a field.
    #[must_use]
    pub(crate) fn index_of(&self, field: Field) -> &Index {
        &self.indexes[field.index()]
    }

    /// A field of text of the product at `position`; none where it has no such field.
    #[must_use]
    pub(crate) fn text(&self, field: Field, position: u32) -> Option<Cow<'_, str>> {
        if field == Field::Locale {
            return Some((&*self.data.locale).into());
        }
        let json = self.products[position as usize].text(field, &self.arena)?;
        if json.contains(&b'\\') {
            return serde_json::from_slice(json).ok().map(Cow::Owned);
        }
        std::str::from_utf8(&json[1..json.len() - 1]).ok().map(Cow::Borrowed)
    }

    /// What tells the products of this store in `version` from all others.
    #[must_use]
    pub(crate) fn tag(&self, version: ApiVersion) -> Tag {
        match self.list(version) {
            List::Whole { plain, .. } => plain.tag,
            List::Large { tag } => *tag,
        }
    }

    /// The positions of all products, in the order of the file.
    ///
    /// # Panics
    /// Never: the bytes of all products are addressed by u32, and each has many.
    #[must_use]
    pub(crate) fn positions(&self) -> std::ops::Range<u32> {
        0..u32::try_from(self.products.len()).expect("fewer products than bytes")
    }

    /// The product at `position` in `version`.
    #[must_use]
    pub(crate) fn product(&self, version: ApiVersion, position: u32) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.product_length(version, position));
        self.append_product(version, position, &mut bytes);
        bytes
    }

    /// Writes the product at `position` in `version`.
    pub(crate) fn append_product(&self, version: ApiVersion, position: u32, out: &mut Vec<u8>) {
        self.products[position as usize].append(version, &self.arena, &self.locale_member, out);
    }

    /// How many bytes the product at `position` has in `version`.
    #[must_use]
    pub(crate) fn product_length(&self, version: ApiVersion, position: u32) -> usize {
        self.products[position as usize].length(version, &self.locale_member)
    }

    fn make_list(&self, version: ApiVersion) -> List {
        if self.array_length(version, self.positions()) > MAX_WHOLE_LIST {
            let mut product = Vec::new();
            let tag = Tag::of_pieces(|feed| {
                for position in self.positions() {
                    product.clear();
                    self.append_product(version, position, &mut product);
                    feed(&product);
                }
            });
            return List::Large { tag };
        }
        let document = Document::new(
            HeaderValue::from_static("application/json"),
            self.array(version, self.positions()),
        );
        List::Whole {
            plain: Box::new(
                document.with_media_type(document.content_type.clone(), version.plain_etag_suffix()),
            ),
            vendor: Box::new(document.with_media_type(version.content_type(), version.vendor_etag_suffix())),
        }
    }

    /// The JSON array of the products at `positions`.
    #[must_use]
    pub(crate) fn array(&self, version: ApiVersion, positions: impl Iterator<Item = u32> + Clone) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.array_length(version, positions.clone()));
        bytes.push(b'[');
        for (count, position) in positions.enumerate() {
            if count > 0 {
                bytes.push(b',');
            }
            self.append_product(version, position, &mut bytes);
        }
        bytes.push(b']');
        bytes
    }

    /// How many bytes that array has.
    #[must_use]
    pub(crate) fn array_length(&self, version: ApiVersion, positions: impl Iterator<Item = u32>) -> usize {
        let with_comma = positions.map(|position| self.product_length(version, position) + 1).sum::<usize>();
        with_comma.saturating_sub(1) + 2
    }
}
