//! The tolerant reader: takes v1, v2 or v3 by what the products look like, whatever was asked for. Unknown members are
//! ignored, optional ones may be missing or odd, and one bad product costs that product alone.
//!
//! A list may be hostile: it is read element by element, and of an element nothing stays but its product.

pub(crate) mod raw_product;

use std::{fmt, time::Instant};

use sava_service::excerpt;
use serde::{
    Deserialize, Deserializer as _,
    de::{Error as _, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use self::raw_product::{MAX_CATEGORY_CHARS, RawProduct, object};
use super::{
    product_list::{MAX_CATEGORIES, ProductList},
    store::Store,
};
use crate::{money::Currency, release::ApiVersion};

/// The longest name of a store that is shown whole: it is on every page, several times.
const MAX_NAME_CHARS: usize = 100;
/// The longest language tag that is looked at.
const MAX_LANGUAGE_BYTES: usize = 35;
/// The most problems of a list that the log names; the others are counted.
const MAX_NAMED: usize = 5;

/// What was read of a list.
#[derive(Debug)]
pub(crate) struct ReadList {
    pub(crate) list: ProductList,
    /// The version that the products look like.
    pub(super) api_version: ApiVersion,
    /// The products that could not be read.
    pub(super) skipped: Problems,
    /// References of pictures that were refused.
    pub(super) pictures: Problems,
}

/// What is wrong with a list: the first few problems, and how many there are.
#[derive(Debug, Default)]
pub(super) struct Problems {
    n_problems: usize,
    /// Each with the place of its element in the list, from 0.
    named: Vec<(usize, String)>,
}

/// Reads a list of products of `store`, and gives up at the `deadline`. Where the store's currency is only a guess
/// (`is_guess`), that of the products' own prices is taken.
pub(crate) fn read_list(
    body: &[u8],
    store: &Store,
    is_guess: bool,
    deadline: Instant,
) -> Result<ReadList, String> {
    let currency = if is_guess { first_currency(body, deadline)? } else { None };
    let store = match currency {
        Some(currency) => Store::new(&store.locale, &store.name, &store.language, currency),
        None => store.clone(),
    };
    let mut reading = ReadList {
        list: ProductList::empty(store),
        api_version: ApiVersion::V1,
        skipped: Problems::default(),
        pictures: Problems::default(),
    };
    for_each_element(body, deadline, |place, element| reading.take(place, element))?;
    if reading.list.products.is_empty() && reading.skipped.n_problems > 0 {
        return Err(format!("none of its {} products can be read", reading.skipped.n_problems));
    }
    Ok(reading)
}

/// The currency of the first price that states one.
fn first_currency(body: &[u8], deadline: Instant) -> Result<Option<Currency>, String> {
    let mut currency = None;
    for_each_element(body, deadline, |_, element| {
        if currency.is_none() {
            currency = RawProduct::read(element).ok().and_then(|draft| draft.own_currency());
        }
    })?;
    Ok(currency)
}

/// The category of the first product of a list, if it has one.
pub(super) fn first_category(body: &[u8]) -> Option<String> {
    let elements: Vec<&RawValue> = serde_json::from_slice(body).ok()?;
    let product = RawProduct::read(elements.first()?.get()).ok()?;
    serde_json::from_str(product.category?.get()).ok()
}

/// Whether pages show that category as it is: it is not blank, not padded, and not too long.
pub(super) fn is_shown_whole(category: &str) -> bool {
    !category.is_empty() && category.trim() == category && category.chars().count() <= MAX_CATEGORY_CHARS
}

/// Calls `take` with the place and the text of each element of the JSON array in `body`. Only the array's own syntax is
/// read here, without recursion and without a value of anything.
fn for_each_element(body: &[u8], deadline: Instant, take: impl FnMut(usize, &str)) -> Result<(), String> {
    struct Elements<F> {
        deadline: Instant,
        take: F,
    }

    impl<'a, F: FnMut(usize, &'a str)> Visitor<'a> for Elements<F> {
        type Value = ();

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("an array")
        }

        fn visit_seq<A: SeqAccess<'a>>(mut self, mut sequence: A) -> Result<(), A::Error> {
            let mut place = 0;
            while let Some(element) = sequence.next_element::<&RawValue>()? {
                if Instant::now() >= self.deadline {
                    return Err(A::Error::custom("there was no time to read all of it"));
                }
                (self.take)(place, element.get());
                place += 1;
            }
            Ok(())
        }
    }

    let mut deserializer = serde_json::Deserializer::from_slice(body);
    deserializer
        .deserialize_seq(Elements { deadline, take })
        .and_then(|()| deserializer.end())
        .map_err(|error| format!("not a JSON array of products: {error}"))
}

impl ReadList {
    fn take(&mut self, place: usize, element: &str) {
        let product = RawProduct::read(element).and_then(|draft| {
            self.api_version = self.api_version.max(draft.api_version());
            draft.product(&self.list.store, |reference| self.pictures.add(place, reference))
        });
        match product.map(|product| (product.id, self.list.add(product))) {
            Ok((_, true)) => {}
            Ok((id, false)) => self.skipped.add(place, format!("the id {id} is taken")),
            Err(reason) => self.skipped.add(place, reason),
        }
    }

    /// How many products could not be read.
    pub(super) const fn n_skipped(&self) -> usize {
        self.skipped.n_problems
    }

    /// Writes to the log what is wrong with the list.
    pub(super) fn log_problems(&self) {
        for (place, reason) in &self.skipped.named {
            tracing::warn!(place, reason, "a product cannot be read and is left out");
        }
        if self.skipped.n_problems > MAX_NAMED {
            tracing::warn!(
                n_skipped = self.skipped.n_problems,
                "more products cannot be read and are left out"
            );
        }
        for (place, source) in &self.pictures.named {
            tracing::warn!(place, source, "a picture's reference is refused");
        }
        if self.pictures.n_problems > MAX_NAMED {
            tracing::warn!(n_refused = self.pictures.n_problems, "more references of pictures are refused");
        }
        if self.list.has_more_categories {
            let n_categories = MAX_CATEGORIES;
            tracing::warn!(
                n_categories,
                "there are too many categories: the others are not offered to browse"
            );
        }
    }
}

impl Problems {
    fn add(&mut self, place: usize, problem: String) {
        self.n_problems += 1;
        if self.named.len() < MAX_NAMED {
            self.named.push((place, problem));
        }
    }
}

/// A store as `/products` lists it. Members that say more are ignored.
#[derive(Deserialize)]
struct RawStore {
    #[serde(alias = "code")]
    locale: String,
    #[serde(default)]
    aliases: Vec<String>,
    name: String,
    language: String,
    currency: String,
}

/// The store of `locale` among those that `/products` lists; `None` where the answer does not tell.
pub(super) fn read_store(body: &[u8], locale: &str, deadline: Instant) -> Option<Store> {
    let is_it = |name: &str| name.eq_ignore_ascii_case(locale);
    let mut found = None;
    for_each_element(body, deadline, |_, element| {
        let is_wanted =
            |store: &RawStore| is_it(&store.locale) || store.aliases.iter().any(|alias| is_it(alias));
        found = found.take().or_else(|| object(element).ok().filter(is_wanted));
    })
    .ok()?;
    let store = found?;
    // A language of no use is one that nobody knows.
    let language = if store.language.len() <= MAX_LANGUAGE_BYTES { store.language.as_str() } else { "und" };
    let name = excerpt(store.name.trim(), MAX_NAME_CHARS);
    Some(Store::new(locale, &name, language, store.currency.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::{fmt::Write as _, time::Duration};

    use serde_json::{Value, json};

    use super::{raw_product::MAX_TITLE_CHARS, *};
    use crate::catalog::{Product, product::Rating};

    fn soon() -> Instant {
        Instant::now() + Duration::from_mins(1)
    }

    fn read_text(body: &str) -> Result<ReadList, String> {
        read_list(body.as_bytes(), &Store::default_of("ie"), false, soon())
    }

    fn read(products: &Value) -> Result<ReadList, String> {
        read_text(&products.to_string())
    }

    #[track_caller]
    fn one(product: &Value) -> Option<Product> {
        read(&json!([{"id": 99, "title": "Witness", "price": 1}, product]))
            .unwrap()
            .list
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
            let reading = read(&list).unwrap();
            assert_eq!((reading.api_version, reading.list.products[0].price.amount), (version, 2500));
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
    fn what_is_no_list_is_an_error() {
        for body in ["", "{}", "[", "null", "<html>", "[{}]", "[1, 2]", "[]]", "[]x", "[0,]", "[\"\u{1}\"]"] {
            assert!(read_text(body).is_err(), "{body}");
        }
        assert!(read_text("[]").unwrap().list.products.is_empty());
    }

    #[test]
    fn a_guessed_currency_gives_way_to_that_of_the_prices() {
        let body = json!([{"id": 1, "title": "T", "price": {"amount": 1235, "currency": "JPY"}}]).to_string();
        let reading = read_list(body.as_bytes(), &Store::default_of("jp"), true, soon()).unwrap();
        assert_eq!(reading.list.products[0].price_text, "¥1,235");
    }

    #[test]
    fn long_texts_are_cut() {
        let title = with("title", &json!("ö".repeat(1000))).unwrap().title;
        assert_eq!(title.chars().count(), MAX_TITLE_CHARS + 1);
    }

    /// A list of `n_products`; `members` writes those of a product beside its id and price.
    fn long_list(n_products: usize, members: impl Fn(usize) -> String) -> String {
        let mut body = String::from("[");
        for id in 1..=n_products {
            let comma = if id == 1 { "" } else { "," };
            write!(body, r#"{comma}{{"id":{id},"price":1,{}}}"#, members(id)).unwrap();
        }
        body.push(']');
        body
    }

    #[test]
    fn too_many_categories_are_cut_and_their_products_stay() {
        let reading = read_text(&long_list(1000, |id| format!(r#""title":"T","category":"c{id}""#))).unwrap();
        assert_eq!((reading.list.categories.len(), reading.list.products.len()), (MAX_CATEGORIES, 1000));
        assert!(reading.list.has_more_categories);
    }

    #[test]
    fn problems_are_counted_and_the_first_are_named() {
        let body = format!("[{}{}]", "0,".repeat(500), r#"{"id":1,"title":"T","price":1}"#);
        let reading = read_text(&body).unwrap();
        assert_eq!((reading.n_skipped(), reading.skipped.named.len()), (500, MAX_NAMED));
        let odd = r#""title":"T","img":"javascript:x""#;
        let reading = read_text(&long_list(100, |_| odd.to_owned())).unwrap();
        assert_eq!((reading.pictures.n_problems, reading.pictures.named.len()), (100, MAX_NAMED));
    }

    #[test]
    fn of_products_with_one_id_the_first_stays() {
        let body = json!([{"id": 1, "title": "A", "price": 1}, {"id": 1, "title": "B", "price": 1}]);
        let reading = read(&body).unwrap();
        assert_eq!((reading.list.products.len(), reading.n_skipped()), (1, 1));
        assert_eq!(reading.list.products[0].title, "A");
    }

    #[test]
    fn hostile_elements_cost_themselves_alone() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        let digits = "9".repeat(1 << 20);
        let large = format!(r#"{{"id":1,"price":1,"title":"{}"}}"#, "x".repeat(1 << 20));
        let members = format!(r#"{{"id":1,"price":1,"title":"T","image":{deep}}}"#);
        for (element, stays) in [(&deep, false), (&digits, false), (&large, false), (&members, true)] {
            let reading = read_text(&format!(r#"[{element},{{"id":7,"title":"T","price":1}}]"#)).unwrap();
            assert_eq!(reading.list.products.len(), if stays { 2 } else { 1 });
        }
        // Not the members of a product in the order of the reader.
        assert!(one(&json!([1, 1, "T", null, null, null, null, null])).is_none());
    }

    #[test]
    fn reading_ends_at_the_deadline() {
        let error = read_list(b"[1, 2]", &Store::default_of("ie"), false, Instant::now()).unwrap_err();
        assert!(error.contains("no time"), "{error}");
    }

    #[test]
    fn long_names_of_stores_are_cut() {
        let body = json!([{"locale": "ie", "name": "ö".repeat(200_000), "language": "en-x".repeat(50_000), "currency": "EUR"}]);
        let store = read_store(body.to_string().as_bytes(), "ie", soon()).unwrap();
        assert_eq!(store.name, format!("{}…", "ö".repeat(100)));
        assert_eq!(store.language, "und");
    }

    #[test]
    fn stores_are_found_by_code_or_alias() {
        let body = json!([
            {"what": "is this"},
            {"locale": "ie", "name": "Ireland", "language": "en-IE", "currency": "EUR"},
            {"code": "JP", "name": "Japan", "language": "ja-JP", "currency": "JPY", "aliases": ["nippon"]},
        ])
        .to_string();
        let store = |locale| {
            read_store(body.as_bytes(), locale, soon()).map(|store| (store.name, store.currency.code()))
        };
        assert_eq!(store("jp"), Some(("Japan".to_owned(), "JPY")));
        assert_eq!(store("nippon"), Some(("Japan".to_owned(), "JPY")));
        assert_eq!(store("uk"), None);
        assert!(read_store(b"{}", "ie", soon()).is_none());
    }
}
