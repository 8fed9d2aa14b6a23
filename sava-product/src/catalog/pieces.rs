//! A product in each version of the API, as bytes that are put together but never serialized again.
//!
//! Versions differ in few members, so each product is written once, in pieces that lie side by side:
//!
//! | piece | what | v1 | v2 | v3 |
//! | --- | --- | --- | --- | --- |
//! | id | `"id":3,` | yes | yes | yes |
//! | (the store's) | `"locale":"ie",` | | | yes |
//! | text | `"title":"…","description":"…"` | yes | yes | yes |
//! | plain | `,"price":25,"locale":"ie"` | yes | yes | |
//! | img | `,"img":"/images/dreamcatcher.svg"` | | yes | |
//! | rich | `,"price":{…},"image":{…},"rating":{…},"category":"home"` | | | yes |

use std::ops::Range;

use super::{Draft, Field, ImageDraft, Money, Rating};
use crate::api_version::ApiVersion;

/// Where the pieces of a product are in the bytes of its store.
#[derive(Clone, Debug)]
pub(super) struct Pieces {
    start: u32,
    text: u32,
    plain: u32,
    img: u32,
    rich: u32,
    end: u32,
    /// Where the description's member begins, in the text.
    description: u32,
    /// Where the text of the picture begins and ends, quotes included; empty where there is no picture.
    alt: (u32, u32),
    /// Where the text of the category begins, quote included; `end` where there is none.
    category: u32,
}

impl Pieces {
    /// Writes the pieces of `product` at the end of `arena`.
    ///
    /// # Panics
    /// When the arena outgrows 4 GiB; the loader bounds what it reads far below.
    pub(super) fn write(arena: &mut Vec<u8>, locale: &str, product: &Draft<'_>) -> Self {
        let mark = |arena: &Vec<u8>| mark_of(arena.len());
        let start = mark(arena);
        member(arena, "id", &product.id);
        arena.push(b',');
        let text = mark(arena);
        member(arena, "title", &*product.title);
        arena.push(b',');
        let description = mark(arena);
        member(arena, "description", &*product.description);
        let plain = mark(arena);
        arena.extend_from_slice(b",\"price\":");
        arena.extend_from_slice(product.price.major_units().to_string().as_bytes());
        arena.push(b',');
        member(arena, "locale", locale);
        let img = mark(arena);
        if let Some(image) = &product.image {
            arena.extend_from_slice(b",\"img\":");
            json(arena, &image.path());
        }
        let rich = mark(arena);
        write_price(arena, product.price);
        let alt = product.image.as_ref().map(|image| write_image(arena, image)).unwrap_or_default();
        if let Some(rating) = product.rating {
            write_rating(arena, rating);
        }
        let category = product.category.as_ref().map(|category| {
            arena.extend_from_slice(b",\"category\":");
            let start = mark(arena);
            json(arena, &**category);
            start
        });
        let end = mark(arena);
        let (alt, category) = ((mark_of(alt.start), mark_of(alt.end)), category.unwrap_or(end));
        Self { start, text, plain, img, rich, end, description, alt, category }
    }

    /// The JSON text of a field of text, quotes included; none where the product has no such field.
    pub(super) fn text<'arena>(&self, field: Field, arena: &'arena [u8]) -> Option<&'arena [u8]> {
        let after = |start: u32, member: &str| start + mark_of(member.len());
        let (start, end) = match field {
            Field::Title => (after(self.text, "\"title\":"), self.description - 1),
            Field::Description => (after(self.description, "\"description\":"), self.plain),
            Field::Img if self.img < self.rich => (after(self.img, ",\"img\":"), self.rich),
            Field::Alt => self.alt,
            Field::Category => (self.category, self.end),
            _ => return None,
        };
        (start < end).then(|| &arena[span(start, end)])
    }

    /// Writes the product in `version`; `locale` is the store's member of version 3.
    pub(super) fn append(&self, version: ApiVersion, arena: &[u8], locale: &[u8], out: &mut Vec<u8>) {
        out.push(b'{');
        match version {
            ApiVersion::V1 => out.extend_from_slice(&arena[span(self.start, self.img)]),
            ApiVersion::V2 => out.extend_from_slice(&arena[span(self.start, self.rich)]),
            ApiVersion::V3 => {
                out.extend_from_slice(&arena[span(self.start, self.text)]);
                out.extend_from_slice(locale);
                out.extend_from_slice(&arena[span(self.text, self.plain)]);
                out.extend_from_slice(&arena[span(self.rich, self.end)]);
            }
        }
        out.push(b'}');
    }

    /// How many bytes [`append`](Self::append) writes.
    pub(super) fn length(&self, version: ApiVersion, locale: &[u8]) -> usize {
        let braces = 2;
        braces
            + match version {
                ApiVersion::V1 => span(self.start, self.img).len(),
                ApiVersion::V2 => span(self.start, self.rich).len(),
                ApiVersion::V3 => {
                    span(self.start, self.plain).len() + locale.len() + span(self.rich, self.end).len()
                }
            }
    }
}

/// The store's member of version 3, which all its products share.
pub(super) fn locale_member(locale: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    member(&mut bytes, "locale", locale);
    bytes.push(b',');
    bytes
}

fn write_price(arena: &mut Vec<u8>, price: Money) {
    arena.extend_from_slice(b",\"price\":{");
    member(arena, "amount", &price.minor_units);
    arena.push(b',');
    member(arena, "currency", price.currency.code());
    arena.push(b'}');
}

/// Writes the image, and tells where the text of the picture is.
fn write_image(arena: &mut Vec<u8>, image: &ImageDraft<'_>) -> Range<usize> {
    arena.extend_from_slice(b",\"image\":{");
    member(arena, "src", &image.path());
    arena.extend_from_slice(b",\"alt\":");
    let start = arena.len();
    json(arena, &*image.alt);
    let alt = start..arena.len();
    arena.push(b',');
    member(arena, "width", &image.width);
    arena.push(b',');
    member(arena, "height", &image.height);
    arena.push(b'}');
    alt
}

fn write_rating(arena: &mut Vec<u8>, rating: Rating) {
    arena.extend_from_slice(b",\"rating\":{\"stars\":");
    arena.extend_from_slice(rating.stars.to_string().as_bytes());
    arena.push(b',');
    member(arena, "reviews", &rating.reviews);
    arena.push(b'}');
}

/// A place in the arena. The loader bounds what it reads far below the 4 GiB that this addresses.
fn mark_of(place: usize) -> u32 {
    u32::try_from(place).expect("the bytes of a store are far below 4 GiB")
}

fn member<T: serde::Serialize + ?Sized>(arena: &mut Vec<u8>, name: &str, value: &T) {
    arena.push(b'"');
    arena.extend_from_slice(name.as_bytes());
    arena.extend_from_slice(b"\":");
    json(arena, value);
}

fn json<T: serde::Serialize + ?Sized>(arena: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(arena, value).expect("numbers and text are JSON, and a Vec takes all");
}

fn span(start: u32, end: u32) -> Range<usize> {
    start as usize..end as usize
}
