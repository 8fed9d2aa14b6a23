//! A product as it comes: any version's members, and the product that they make.

use rust_decimal::Decimal;
use sava_service::excerpt;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    catalog::{
        product::{Picture, Product, ProductId, Rating, is_picture_file},
        store::Store,
    },
    money::{Currency, Money},
    release::ApiVersion,
};

/// A shopper reads no more of a title; a longer one is cut.
pub(crate) const MAX_TITLE_CHARS: usize = 300;
/// A shopper reads no more of a description; a longer one is cut.
const MAX_DESCRIPTION_CHARS: usize = 4000;
/// A category's name is a word or two; a longer one is cut.
pub(super) const MAX_CATEGORY_CHARS: usize = 60;
/// The largest element of a list that is looked at, in bytes.
const MAX_ELEMENT_BYTES: usize = 256 << 10;

/// The members of a product that any version has, each taken as it comes.
#[derive(Deserialize)]
pub(super) struct RawProduct<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    price: Option<&'a RawValue>,
    #[serde(borrow)]
    title: Option<&'a RawValue>,
    #[serde(borrow)]
    description: Option<&'a RawValue>,
    #[serde(borrow)]
    img: Option<&'a RawValue>,
    #[serde(borrow)]
    image: Option<&'a RawValue>,
    #[serde(borrow)]
    rating: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) category: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct RawPrice<'a> {
    #[serde(borrow)]
    amount: &'a RawValue,
    currency: String,
}

/// A picture of v3; of v2 there is the reference alone.
#[derive(Default, Deserialize)]
struct RawImage<'a> {
    #[serde(borrow)]
    src: Option<&'a RawValue>,
    #[serde(borrow)]
    alt: Option<&'a RawValue>,
    #[serde(borrow)]
    width: Option<&'a RawValue>,
    #[serde(borrow)]
    height: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct RatingDraft<'a> {
    #[serde(borrow)]
    stars: Option<&'a RawValue>,
    #[serde(borrow)]
    reviews: Option<&'a RawValue>,
}

impl<'a> RawProduct<'a> {
    pub(super) fn read(element: &'a str) -> Result<Self, String> {
        if element.len() > MAX_ELEMENT_BYTES {
            return Err(format!(
                "it has {} bytes, and a product has {MAX_ELEMENT_BYTES} at most",
                element.len()
            ));
        }
        object(element)
    }

    pub(super) fn own_currency(&self) -> Option<Currency> {
        serde_json::from_str::<RawPrice<'_>>(self.price?.get()).ok()?.currency.parse().ok()
    }

    /// The version that only its members tell.
    pub(super) fn api_version(&self) -> ApiVersion {
        if self.price.is_some_and(|price| price.get().starts_with('{')) {
            ApiVersion::V3
        } else if self.img.is_some() {
            ApiVersion::V2
        } else {
            ApiVersion::V1
        }
    }

    /// The product; a picture's reference that it cannot have is given to `refuse_picture`.
    pub(super) fn product(
        &self,
        store: &Store,
        refuse_picture: impl FnOnce(String),
    ) -> Result<Product, String> {
        let id: u64 = self
            .id
            .and_then(|id| id.get().parse().ok())
            .filter(|id| *id > 0)
            .ok_or("its id is not a positive integer")?;
        let title =
            text(self.title, MAX_TITLE_CHARS).ok_or_else(|| format!("the product {id} has no title"))?;
        let price = self.money(store).map_err(|reason| format!("the price of the product {id} {reason}"))?;
        Ok(Product {
            id: ProductId::Product(id),
            price_text: store.format(price),
            price,
            description: text(self.description, MAX_DESCRIPTION_CHARS).unwrap_or_default(),
            picture: self.picture(refuse_picture),
            rating: self.rating.and_then(rating),
            category: text(self.category, MAX_CATEGORY_CHARS),
            title,
        })
    }

    fn money(&self, store: &Store) -> Result<Money, String> {
        let raw = self.price.ok_or("is missing")?.get();
        let amount = if raw.starts_with('{') {
            let price: RawPrice<'_> = object(raw).map_err(|error| format!("is wrong: {error}"))?;
            if price.currency != store.currency.code() {
                let currency: String = price.currency.chars().take(8).collect();
                return Err(format!("is in {currency}, and the store sells in {}", store.currency));
            }
            scaled(price.amount.get(), 0)
        } else {
            scaled(raw, store.currency.decimals())
        };
        let amount = amount.ok_or("is not an exact amount of money")?;
        if (0..=Money::MAX_PRICE).contains(&amount) {
            Ok(Money { amount, currency: store.currency })
        } else {
            Err("is negative or too high".to_owned())
        }
    }

    /// A hostile reference costs the picture, not the product.
    fn picture(&self, refuse: impl FnOnce(String)) -> Option<Picture> {
        let image = match (self.image, self.img) {
            (Some(image), _) => object(image.get()).ok()?,
            (None, img) => RawImage { src: img, ..RawImage::default() },
        };
        let pixels = |length| member::<u32>(length).filter(|length| (1..=20_000).contains(length));
        let source: String = member(image.src)?;
        let Some(file) = picture_file(&source) else {
            refuse(source.chars().take(80).collect());
            return None;
        };
        Some(Picture {
            file: file.to_owned(),
            alt: text(image.alt, MAX_TITLE_CHARS).unwrap_or_default(),
            width: pixels(image.width),
            height: pixels(image.height),
        })
    }
}

/// The object in `text`. Serde would take an array for an object with its members in order.
pub(super) fn object<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, String> {
    if !text.starts_with('{') {
        return Err("not a JSON object".to_owned());
    }
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// The value of a member, if there is one of that type.
fn member<'a, T: Deserialize<'a>>(value: Option<&'a RawValue>) -> Option<T> {
    serde_json::from_str(value?.get()).ok()
}

/// The file of a reference such as `/images/dreamcatcher.svg`, which is a path below the API's base. Anything else
/// (another host, a scheme, another folder, `..`, a backslash, an escape) is refused.
fn picture_file(reference: &str) -> Option<&str> {
    let path = reference.strip_prefix('/').unwrap_or(reference);
    let file = path.strip_prefix("images/").unwrap_or(path);
    is_picture_file(file).then_some(file)
}

fn rating(value: &RawValue) -> Option<Rating> {
    let rating: RatingDraft<'_> = object(value.get()).ok()?;
    let stars: f64 = member(rating.stars)?;
    let reviews = if rating.reviews.is_some() { member(rating.reviews)? } else { 0 };
    #[expect(clippy::cast_possible_truncation, reason = "0 to 5 stars, shown with one decimal")]
    (0.0..=5.0).contains(&stars).then_some(Rating { stars: stars as f32, reviews })
}

/// A text with something in it, cut where it is too long.
fn text(value: Option<&RawValue>, max_chars: usize) -> Option<String> {
    let text: String = member(value)?;
    let text = text.trim();
    (!text.is_empty()).then(|| excerpt(text, max_chars).into_owned())
}

/// A JSON number times ten to the `decimals`, if that is an integer: exact, for a float would not be.
fn scaled(number: &str, decimals: u8) -> Option<i64> {
    let has_exponent = number.contains(['e', 'E']);
    let parse = if has_exponent { Decimal::from_scientific } else { Decimal::from_str_exact };
    let mut amount = parse(number).ok()?.normalize();
    // Digits behind the last decimal would be rounded away.
    if amount.scale() > u32::from(decimals) {
        return None;
    }
    amount.rescale(u32::from(decimals));
    // Where the digits do not fit, the scale stays what it was.
    (amount.scale() == u32::from(decimals)).then(|| i64::try_from(amount.mantissa()).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_exact() {
        for (number, decimals, expected) in [
            ("25", 2, Some(2500)),
            ("0.07", 2, Some(7)),
            ("1e2", 2, Some(10_000)),
            ("1.5E+1", 2, Some(1500)),
            ("2500e-2", 2, Some(2500)),
            ("19.990", 2, Some(1999)),
            ("0.000", 0, Some(0)),
            ("1235", 0, Some(1235)),
            ("1235.5", 0, None),
            ("0.001", 2, None),
            ("1e99", 2, None),
            ("99999999999999999999", 2, None),
        ] {
            assert_eq!(scaled(number, decimals), expected, "{number}");
        }
    }
}
