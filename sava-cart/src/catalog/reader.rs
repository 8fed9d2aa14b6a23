//! The tolerant reader: takes v1, v2 or v3 by what the products look like, whatever was asked for. Unknown members are
//! ignored, optional ones may be missing or odd, and one bad product costs that product alone.

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::{Picture, Product, ProductId, Rating, Store};
use crate::{
    money::{Currency, Money},
    release::ApiVersion,
};

/// A shopper reads no more of a title; a longer one is cut.
const MAX_TITLE_CHARS: usize = 300;
/// A shopper reads no more of a description; a longer one is cut.
const MAX_DESCRIPTION_CHARS: usize = 4000;
/// So many bad products of a list are named in the log; the rest is counted.
const MAX_NAMED: usize = 5;

/// What was read of a list.
#[derive(Debug)]
pub(super) struct List {
    pub(super) products: Vec<Product>,
    pub(super) store: Store,
    /// The version that the products look like.
    pub(super) api_version: ApiVersion,
    /// How many products could not be read.
    pub(super) n_skipped: usize,
}

/// The members of a product that any version has, each taken as it comes.
#[derive(Deserialize)]
struct Draft<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    price: Option<&'a RawValue>,
    title: Option<Value>,
    description: Option<Value>,
    img: Option<Value>,
    image: Option<Value>,
    rating: Option<Value>,
    category: Option<Value>,
}

/// A price of v3.
#[derive(Deserialize)]
struct Price<'a> {
    #[serde(borrow)]
    amount: &'a RawValue,
    currency: String,
}

/// Reads a list of products of `store`. Where the store's currency is only a guess (`is_guess`), that of the
/// products' own prices is taken.
pub(super) fn read_list(body: &[u8], store: &Store, is_guess: bool) -> Result<List, String> {
    let items: Vec<&RawValue> =
        serde_json::from_slice(body).map_err(|error| format!("not a JSON array of products: {error}"))?;
    let drafts = items.iter().map(|item| serde_json::from_str::<Draft<'_>>(item.get()));
    let drafts: Vec<_> = drafts.map(|draft| draft.map_err(|error| error.to_string())).collect();
    let readable = || drafts.iter().filter_map(|draft| draft.as_ref().ok());
    let store = match readable().find_map(Draft::own_currency) {
        Some(currency) if is_guess => Store::new(&store.locale, &store.name, &store.language, currency),
        _ => store.clone(),
    };
    let api_version = readable().map(Draft::api_version).max().unwrap_or(ApiVersion::V1);
    let mut products = Vec::with_capacity(drafts.len());
    let mut n_skipped = 0;
    for (place, draft) in drafts.into_iter().enumerate() {
        match draft.and_then(|draft| draft.product(&store)) {
            Ok(product) => products.push(product),
            Err(reason) => {
                n_skipped += 1;
                if n_skipped <= MAX_NAMED {
                    tracing::warn!(place, reason, "a product cannot be read and is left out");
                }
            }
        }
    }
    if n_skipped > MAX_NAMED {
        tracing::warn!(n_skipped, "more products cannot be read and are left out");
    }
    if products.is_empty() && n_skipped > 0 {
        return Err(format!("none of its {n_skipped} products can be read"));
    }
    Ok(List { products, store, api_version, n_skipped })
}

impl Draft<'_> {
    fn own_currency(&self) -> Option<Currency> {
        serde_json::from_str::<Price<'_>>(self.price?.get()).ok()?.currency.parse().ok()
    }

    /// The version that only its members tell.
    fn api_version(&self) -> ApiVersion {
        if self.price.is_some_and(|price| price.get().starts_with('{')) {
            ApiVersion::V3
        } else if self.img.is_some() {
            ApiVersion::V2
        } else {
            ApiVersion::V1
        }
    }

    fn product(&self, store: &Store) -> Result<Product, String> {
        let id: u64 = self
            .id
            .and_then(|id| id.get().parse().ok())
            .filter(|id| *id > 0)
            .ok_or("its id is not a positive integer")?;
        let title = text(self.title.as_ref(), MAX_TITLE_CHARS)
            .ok_or_else(|| format!("the product {id} has no title"))?;
        let price = self.money(store).map_err(|reason| format!("the price of the product {id} {reason}"))?;
        Ok(Product {
            id: ProductId::Product(id),
            price_text: store.format(price),
            price,
            description: text(self.description.as_ref(), MAX_DESCRIPTION_CHARS).unwrap_or_default(),
            picture: self.picture(),
            rating: self.rating.as_ref().and_then(rating),
            category: text(self.category.as_ref(), 60),
            title,
        })
    }

    fn money(&self, store: &Store) -> Result<Money, String> {
        let raw = self.price.ok_or("is missing")?.get();
        let amount = if raw.starts_with('{') {
            let price: Price<'_> = serde_json::from_str(raw).map_err(|error| format!("is wrong: {error}"))?;
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
    fn picture(&self) -> Option<Picture> {
        let (source, image) = match (&self.image, &self.img) {
            (Some(image), _) => (image.get("src")?.as_str()?, image),
            (None, Some(img)) => (img.as_str()?, &Value::Null),
            (None, None) => return None,
        };
        let pixels = |name| {
            let length = image.get(name).and_then(Value::as_u64)?;
            u32::try_from(length).ok().filter(|length| (1..=20_000).contains(length))
        };
        let Some(file) = picture_file(source) else {
            tracing::warn!(source = %source.chars().take(80).collect::<String>(), "a picture's reference is refused");
            return None;
        };
        Some(Picture {
            file: file.to_owned(),
            alt: text(image.get("alt"), MAX_TITLE_CHARS).unwrap_or_default(),
            width: pixels("width"),
            height: pixels("height"),
        })
    }
}

/// The file of a reference such as `/images/dreamcatcher.svg`, which is a path below the API's base. Anything else
/// (another host, a scheme, another folder, `..`, a backslash, an escape) is refused.
fn picture_file(reference: &str) -> Option<&str> {
    let path = reference.strip_prefix('/').unwrap_or(reference);
    let file = path.strip_prefix("images/").unwrap_or(path);
    is_picture_file(file).then_some(file)
}

/// Whether `file` can be the name of a picture: one segment of a path, with nothing that a URL could read otherwise.
pub(super) fn is_picture_file(file: &str) -> bool {
    (1..=120).contains(&file.len())
        && file.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        && !file.starts_with('.')
        && !file.ends_with('.')
}

fn rating(value: &Value) -> Option<Rating> {
    let stars = value.get("stars")?.as_f64()?;
    let reviews = match value.get("reviews") {
        None | Some(Value::Null) => 0,
        Some(reviews) => reviews.as_u64()?,
    };
    #[expect(clippy::cast_possible_truncation, reason = "0 to 5 stars, shown with one decimal")]
    (0.0..=5.0).contains(&stars).then_some(Rating { stars: stars as f32, reviews })
}

/// A text with something in it, cut where it is too long.
fn text(value: Option<&Value>, max_chars: usize) -> Option<String> {
    let text = value?.as_str()?.trim();
    match text.char_indices().nth(max_chars) {
        _ if text.is_empty() => None,
        Some((end, _)) => Some(format!("{}…", text[..end].trim_end())),
        None => Some(text.to_owned()),
    }
}

/// A JSON number times ten to the `decimals`, if that is an integer: exact, for a float would not be.
fn scaled(number: &str, decimals: u8) -> Option<i64> {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = fraction.trim_end_matches('0');
    let digits: i64 = format!("{integer}{fraction}").parse().ok().filter(|_| number.len() <= 64)?;
    if digits == 0 {
        return Some(0);
    }
    let exponent: i32 = exponent.parse().ok().filter(|exponent: &i32| exponent.abs() <= 64)?;
    let shift = exponent + i32::from(decimals) - i32::try_from(fraction.len()).ok()?;
    let power = 10_i64.checked_pow(shift.unsigned_abs())?;
    if shift >= 0 { digits.checked_mul(power) } else { (digits % power == 0).then_some(digits / power) }
}

/// A store as `/products` lists it. Members that say more are ignored.
#[derive(Deserialize)]
struct StoreDraft {
    #[serde(alias = "code")]
    locale: String,
    #[serde(default)]
    aliases: Vec<String>,
    name: String,
    language: String,
    currency: String,
}

/// The store of `locale` among those that `/products` lists; `None` where the answer does not tell.
pub(super) fn read_store(body: &[u8], locale: &str) -> Option<Store> {
    let items: Vec<&RawValue> = serde_json::from_slice(body).ok()?;
    let mut stores = items.iter().filter_map(|item| serde_json::from_str::<StoreDraft>(item.get()).ok());
    let is_it = |name: &str| name.eq_ignore_ascii_case(locale);
    let store =
        stores.find(|store| is_it(&store.locale) || store.aliases.iter().any(|alias| is_it(alias)))?;
    Some(Store::new(locale, &store.name, &store.language, store.currency.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(products: &Value) -> Result<List, String> {
        read_list(products.to_string().as_bytes(), &Store::default_of("ie"), false)
    }

    #[track_caller]
    fn one(product: &Value) -> Option<Product> {
        read(&json!([{"id": 99, "title": "Witness", "price": 1}, product]))
            .unwrap()
            .products
            .into_iter()
            .nth(1)
    }

    /// The product of v3 with one member replaced.
    #[track_caller]
    fn with(member: &str, value: &Value) -> Option<Product> {
        let mut product = json!({
            "id": 3, "locale": "ie", "title": "Dreamcatcher", "description": "Catches.",
            "price": {"amount": 2500, "currency": "EUR"},
            "image": {"src": "/images/dreamcatcher.svg", "alt": "A ring", "width": 640, "height": 480},
            "rating": {"stars": 4.2, "reviews": 21}, "category": "home"
        });
        product[member] = value.clone();
        one(&product)
    }

    #[test]
    fn each_version_is_known_by_its_looks() {
        let v1 = json!([{"id": 3, "title": "T", "description": "D", "price": 25, "locale": "ie"}]);
        let v2 = json!([{"id": 3, "title": "T", "description": "D", "price": 25.00, "img": "/images/t.svg"}]);
        let v3 = json!([{"id": 3, "title": "T", "price": {"amount": 2500, "currency": "EUR"}}]);
        for (list, version) in [(v1, ApiVersion::V1), (v2, ApiVersion::V2), (v3, ApiVersion::V3)] {
            let list = read(&list).unwrap();
            assert_eq!((list.api_version, list.products[0].price.amount), (version, 2500));
        }
    }

    #[test]
    fn all_of_v3_is_read() {
        let product = with("unknown", &json!({"is": "ignored"})).unwrap();
        assert_eq!(product.price_text, "€25.00");
        assert_eq!(product.rating, Some(Rating { stars: 4.2, reviews: 21 }));
        assert_eq!(product.category.as_deref(), Some("home"));
        let picture = product.picture.unwrap();
        assert_eq!((picture.file.as_str(), picture.alt.as_str()), ("dreamcatcher.svg", "A ring"));
        assert_eq!((picture.width, picture.height), (Some(640), Some(480)));
    }

    #[test]
    fn a_bad_product_costs_itself_alone() {
        for (member, value) in [
            ("id", json!(null)),
            ("id", json!("3")),
            ("id", json!(-3)),
            ("id", json!(3.5)),
            ("id", json!(0)),
            ("title", json!(null)),
            ("title", json!("  ")),
            ("title", json!(["T"])),
            ("price", json!(null)),
            ("price", json!("25")),
            ("price", json!(-1)),
            ("price", json!(25.005)),
            ("price", json!({"amount": 2500})),
            ("price", json!({"amount": 25.5, "currency": "EUR"})),
            ("price", json!({"amount": 2500, "currency": "USD"})),
            ("price", json!({"amount": -1, "currency": "EUR"})),
            ("price", json!({"amount": 1_000_000_000_001_i64, "currency": "EUR"})),
        ] {
            assert_eq!(with(member, &value), None, "{member}: {value}");
        }
        for product in [json!(null), json!(7), json!([]), json!({})] {
            assert_eq!(one(&product), None, "{product}");
        }
    }

    #[test]
    fn odd_optional_members_cost_themselves_alone() {
        assert_eq!(with("description", &json!(7)).unwrap().description, "");
        assert_eq!(with("category", &json!({})).unwrap().category, None);
        for rating in [
            json!({"stars": 5.1, "reviews": 1}),
            json!({"stars": -0.1, "reviews": 1}),
            json!({"stars": "4", "reviews": 1}),
            json!({"stars": 4, "reviews": -1}),
            json!({"reviews": 1}),
            json!(4),
        ] {
            assert_eq!(with("rating", &rating).unwrap().rating, None, "{rating}");
        }
        assert_eq!(
            with("rating", &json!({"stars": 4})).unwrap().rating,
            Some(Rating { stars: 4.0, reviews: 0 })
        );
        let picture =
            with("image", &json!({"src": "/images/x.svg", "width": "wide"})).unwrap().picture.unwrap();
        assert_eq!((picture.alt.as_str(), picture.width, picture.height), ("", None, None));
    }

    #[test]
    fn hostile_references_cost_the_picture() {
        for reference in [
            "https://evil.example/x.svg",
            "//evil.example/x.svg",
            "javascript:alert(1)",
            "data:image/svg+xml,x",
            "/images/../secret",
            "/images/..",
            "../x.svg",
            "/images/a/b.svg",
            "/other/x.svg",
            "\\\\evil\\x.svg",
            "/images/x.svg?y",
            "/images/%2e%2e",
            "/images/.hidden",
            "/images/",
            "",
            "/images/x\u{0}.svg",
            "/images/ä.svg",
        ] {
            for product in [
                with("image", &json!({"src": reference})),
                one(&json!({"id": 1, "title": "T", "price": 1, "img": reference})),
            ] {
                assert_eq!(product.unwrap().picture, None, "{reference}");
            }
        }
    }

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

    #[test]
    fn what_is_no_list_is_an_error() {
        for body in ["", "{}", "[", "null", "<html>", "[{}]", "[1, 2]"] {
            assert!(read_list(body.as_bytes(), &Store::default_of("ie"), false).is_err(), "{body}");
        }
        assert!(read_list(b"[]", &Store::default_of("ie"), false).unwrap().products.is_empty());
    }

    #[test]
    fn a_guessed_currency_gives_way_to_that_of_the_prices() {
        let body = json!([{"id": 1, "title": "T", "price": {"amount": 1235, "currency": "JPY"}}]).to_string();
        let list = read_list(body.as_bytes(), &Store::default_of("jp"), true).unwrap();
        assert_eq!(list.products[0].price_text, "¥1,235");
    }

    #[test]
    fn long_texts_are_cut() {
        let title = with("title", &json!("ö".repeat(1000))).unwrap().title;
        assert_eq!(title.chars().count(), MAX_TITLE_CHARS + 1);
    }

    #[test]
    fn stores_are_found_by_code_or_alias() {
        let body = json!([
            {"what": "is this"},
            {"locale": "ie", "name": "Ireland", "language": "en-IE", "currency": "EUR"},
            {"code": "JP", "name": "Japan", "language": "ja-JP", "currency": "JPY", "aliases": ["nippon"]},
        ])
        .to_string();
        let store =
            |locale| read_store(body.as_bytes(), locale).map(|store| (store.name, store.currency.code()));
        assert_eq!(store("jp"), Some(("Japan".to_owned(), "JPY")));
        assert_eq!(store("nippon"), Some(("Japan".to_owned(), "JPY")));
        assert_eq!(store("uk"), None);
        assert!(read_store(b"{}", "ie").is_none());
    }
}
