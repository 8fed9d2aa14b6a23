//! A store: its products as bytes that are ready to be sent.

use std::borrow::Cow;

use bytes::Bytes;
use http::HeaderValue;

use super::{
    draft::{Draft, StoreDraft},
    field::Field,
    index::Index,
};
use crate::{
    decimal::Decimal,
    document::{Document, Tag},
    representation::{Pieces, Version, locale_member},
};

/// Lists up to this many bytes are kept whole.
const MAX_WHOLE_LIST: usize = 1 << 20;

/// A store and its products.
#[derive(Debug)]
pub struct Store {
    /// What is known of the store itself.
    pub data: StoreDraft,
    /// The bytes of all products, which their pieces point into.
    arena: Bytes,
    products: Vec<Pieces>,
    /// The member of version 3 that all products share.
    locale_member: Vec<u8>,
    /// By [`Field::index`].
    indexes: Vec<Index>,
    /// The plain list in each version, by [`Version::index`].
    lists: Vec<List>,
}

/// The plain list of all products, in one version.
#[derive(Clone, Debug)]
pub enum List {
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

impl Store {
    pub(super) fn new(data: StoreDraft, drafts: &[Draft<'_>]) -> Self {
        let mut arena = Vec::new();
        let products: Vec<_> =
            drafts.iter().map(|draft| Pieces::write(&mut arena, &data.locale, draft)).collect();
        arena.shrink_to_fit();
        let indexes = Index::of_all(&data.locale, drafts);
        let locale_member = locale_member(&data.locale);
        let lists = vec![List::Large { tag: Tag::of(b"") }; Version::ALL.len()];
        let mut store = Self { data, arena: arena.into(), products, locale_member, indexes, lists };
        store.lists = Version::ALL.iter().map(|version| store.make_list(*version)).collect();
        store
    }

    /// How many products it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.products.len()
    }

    /// Whether it has no products.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.products.is_empty()
    }

    /// The plain list in `version`.
    #[must_use]
    pub fn list(&self, version: Version) -> &List {
        &self.lists[version.index()]
    }

    /// The position of the product with this id.
    #[must_use]
    pub fn position(&self, id: u64) -> Option<u32> {
        let index = self.index_of(Field::Id);
        let id = Decimal::from_units(id, 0);
        let rank = index.partition(|rank| index.number(rank) < id);
        (rank < index.groups() && index.number(rank) == id).then(|| index.group(rank)[0])
    }

    /// The products in the order of a field.
    #[must_use]
    pub fn index_of(&self, field: Field) -> &Index {
        &self.indexes[field.index()]
    }

    /// A field of text of the product at `position`; none where it has no such field.
    #[must_use]
    pub fn text(&self, field: Field, position: u32) -> Option<Cow<'_, str>> {
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
    pub fn tag(&self, version: Version) -> Tag {
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
    pub fn positions(&self) -> std::ops::Range<u32> {
        0..u32::try_from(self.products.len()).expect("fewer products than bytes")
    }

    /// The product at `position` in `version`.
    #[must_use]
    pub fn product(&self, version: Version, position: u32) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.product_length(version, position));
        self.append_product(version, position, &mut bytes);
        bytes
    }

    /// Writes the product at `position` in `version`.
    pub fn append_product(&self, version: Version, position: u32, out: &mut Vec<u8>) {
        self.products[position as usize].append(version, &self.arena, &self.locale_member, out);
    }

    /// How many bytes the product at `position` has in `version`.
    #[must_use]
    pub fn product_length(&self, version: Version, position: u32) -> usize {
        self.products[position as usize].length(version, &self.locale_member)
    }

    fn make_list(&self, version: Version) -> List {
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
            plain: Box::new(document.in_form(document.content_type.clone(), version.plain_form())),
            vendor: Box::new(document.in_form(version.content_type(), version.vendor_form())),
        }
    }

    /// The JSON array of the products at `positions`.
    #[must_use]
    pub fn array(&self, version: Version, positions: impl Iterator<Item = u32> + Clone) -> Vec<u8> {
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
    pub fn array_length(&self, version: Version, positions: impl Iterator<Item = u32>) -> usize {
        let with_comma = positions.map(|position| self.product_length(version, position) + 1).sum::<usize>();
        with_comma.saturating_sub(1) + 2
    }
}
