//! Reads a data file: everything that is wrong with it is found in one go, each mistake with its place.

use std::{borrow::Cow, collections::HashMap};

use iso_currency::Currency;
use sava_service::excerpt;
use serde_json::value::RawValue;

use super::{
    codes::{MAX_LANGUAGE_BYTES, currency, is_language_tag, is_locale_name, not_a_locale_name},
    data_file::DataFile,
    draft::{Draft, ImageDraft, Money, Rating, StoreDraft, decimals},
    fields::{Fields, Members, Text, shown, shown_text, whole_number},
    mistake::{Collector, Mistake, Mistakes},
    outline::{self, Element, Outline, Products},
    pictures::{Pictures, file_name},
    store::{STARS_PLACES, StoresBuilder},
};
use crate::decimal::Decimal;

/// The largest amount, in minor units.
const MAX_MINOR_UNITS: u64 = 1_000_000_000_000;
/// The largest id: beyond it JavaScript and others can no longer tell numbers apart.
const MAX_ID: u64 = (1 << 53) - 1;
/// The most characters of a store's name, which is on every page of its store front.
const MAX_NAME_CHARS: usize = 100;
/// The most stores; each is a label of a metric.
const MAX_STORES: usize = 250;

/// Reads a data file: the stores with their products, in the order of the file. A file without `stores` of its own takes
/// names, currencies, languages and aliases from `defaults`.
pub(super) fn read(
    file: &DataFile,
    pictures: &Pictures,
    defaults: &[StoreDraft],
) -> Result<StoresBuilder, Mistakes> {
    // Once for its form and its stores, as these may stand after the products, and once for the products.
    let outline = outline::read(file, |_product| {}).map_err(|error| unreadable(file, &error))?;
    let mut reader = Reader {
        file,
        pictures,
        mistakes: Collector::default(),
        is_bare: outline.stores.is_none(),
        wrong_locales: Vec::new(),
    };
    let stores = reader.read(&outline, defaults);
    reader.mistakes.finish(file)?;
    Ok(stores)
}

/// A file that is not JSON, or whose outermost form is another: nothing more can be said of it.
fn unreadable(file: &DataFile, error: &serde_json::Error) -> Mistakes {
    let message = if file.is_blank() {
        "the file is empty; it should be an object with the members stores and products".to_owned()
    } else {
        let error = error.to_string();
        error.rsplit_once(" at line ").map_or(error.as_str(), |(message, _)| message).to_owned()
    };
    let line = error.line().max(1);
    // serde_json counts bytes, people count characters.
    let column = file.characters(line, error.column()).max(1);
    Mistakes { reported: vec![Mistake { line, column, subject: None, field: None, message }], total: 1 }
}

struct Reader<'file> {
    file: &'file DataFile,
    pictures: &'file Pictures,
    mistakes: Collector,
    /// Whether it has no stores of its own, as a file of json-server has not.
    is_bare: bool,
    /// The locales of stores that have mistakes of their own: nothing more is said of their products' locale.
    wrong_locales: Vec<String>,
}

impl Reader<'_> {
    fn read(&mut self, outline: &Outline, defaults: &[StoreDraft]) -> StoresBuilder {
        let n_products = match outline.products {
            Products::Array(n_products) => n_products,
            Products::Missing => {
                let message = "is missing; it is the array of all products";
                self.mistakes.note(0, None, Some("products"), message);
                0
            }
            Products::Other(start, end) => {
                self.no_array(start, end);
                0
            }
        };
        let stores = match &outline.stores {
            Some(stores) => self.stores(stores),
            None => self.implied_stores(defaults),
        };
        if stores.is_empty() && n_products == 0 && self.mistakes.is_empty() {
            let message = "is empty, and so is stores: there is nothing to sell";
            self.mistakes.note(0, None, Some("products"), message);
        }
        let mut stores = StoresBuilder::new(stores, self.file.n_bytes);
        let mut first_offsets = HashMap::with_capacity(n_products);
        self.each_product(|reader, product| reader.product(&product, &mut stores, &mut first_offsets));
        stores
    }

    /// Reads the file once more, for its products.
    fn each_product(&mut self, mut each: impl FnMut(&mut Self, Element)) {
        let again = outline::read(self.file, |product| each(self, product));
        debug_assert!(again.is_ok(), "what was read before reads again");
    }

    fn no_array(&mut self, start: usize, end: usize) {
        /// More than a message shows.
        const MAX: usize = 1 << 10;
        let text = self.file.beginning(start, MAX.min(end - start));
        let value = text.trim_start();
        let offset = start + text.len() - value.len();
        // A number's end shows only in what comes after it.
        let value = value.trim_end_matches(|after: char| after == ',' || after.is_whitespace());
        let value = if value.starts_with('{') { value } else { value.trim_end_matches('}').trim_end() };
        let message = format!("{} is not an array", shown_text(value));
        self.mistakes.note(offset, None, Some("products"), message);
    }

    fn stores(&mut self, all: &Element) -> Vec<StoreDraft> {
        let Ok(raws) = serde_json::from_str::<Vec<&RawValue>>(all.raw.get()) else {
            let message = format!("{} is not an array", shown(&all.raw));
            self.mistakes.note(all.offset, None, Some("stores"), message);
            return Vec::new();
        };
        let mut stores: Vec<StoreDraft> = Vec::new();
        for raw in raws {
            let offset = all.offset + (raw.get().as_ptr() as usize - all.raw.get().as_ptr() as usize);
            if stores.len() == MAX_STORES {
                let message = format!("there are more than {MAX_STORES} stores");
                self.mistakes.note(offset, None, Some("stores"), message);
                break;
            }
            if let Some(store) = self.store(raw, offset, &stores) {
                stores.push(store);
            }
        }
        stores
    }

    fn store(&mut self, raw: &RawValue, offset: usize, stores: &[StoreDraft]) -> Option<StoreDraft> {
        let subject =
            |members: &Members<'_>| Some(format!("store {}", unquoted(&shown(members.get("locale")?))));
        let mistakes = &mut self.mistakes;
        let fields = Fields::read(raw, offset, mistakes, subject)?;
        let written_locale = fields.text(mistakes, "locale");
        let locale = written_locale.as_ref().and_then(|name| locale_name(&fields, mistakes, "locale", name));
        let aliases = aliases(&fields, mistakes);
        let name = fields.visible_text(mistakes, "name").filter(|name| {
            let n_chars = name.chars().count();
            let fits = n_chars <= MAX_NAME_CHARS;
            if !fits {
                let message = format!("has {n_chars} characters; the most is {MAX_NAME_CHARS}");
                fields.note(mistakes, "name", message);
            }
            fits
        });
        let language = fields.text(mistakes, "language").filter(|tag| {
            let well_formed = is_language_tag(tag);
            if !well_formed {
                let tag = excerpt(tag, MAX_LANGUAGE_BYTES);
                fields.note(mistakes, "language", format!("{tag:?} is not a language tag such as en-IE"));
            }
            well_formed
        });
        let currency = fields.text(mistakes, "currency").and_then(|code| {
            currency(&code).map_err(|message| fields.note(mistakes, "currency", message)).ok()
        });
        for (name, field) in
            locale.iter().map(|name| (name, "locale")).chain(aliases.iter().map(|name| (name, "aliases")))
        {
            if let Some(other) = stores.iter().find(|store| store.answers_to(name)) {
                fields.note(mistakes, field, format!("{name:?} already names the store {}", other.locale));
            }
        }
        let (Some(locale), Some(name), Some(language), Some(currency)) = (locale, name, language, currency)
        else {
            self.wrong_locales.extend(written_locale.map(Cow::into_owned));
            return None;
        };
        let (name, language) = (name.into_owned(), language.into_owned());
        Some(StoreDraft { locale, aliases, name, language, currency })
    }

    /// The stores that the products of a file without `stores` are of, in the order of their first products.
    fn implied_stores(&mut self, defaults: &[StoreDraft]) -> Vec<StoreDraft> {
        let mut locales: Vec<String> = Vec::new();
        let mut is_full = false;
        self.each_product(|reader, product| {
            if is_full {
                return;
            }
            let Ok(members) = serde_json::from_str::<Members<'_>>(product.raw.get()) else { return };
            let locale =
                members.get("locale").and_then(|raw| serde_json::from_str::<Text<'_>>(raw.get()).ok());
            if let Some(Text(locale)) = locale
                && is_locale_name(&locale)
                && !locales.iter().any(|known| known.eq_ignore_ascii_case(&locale))
            {
                is_full = locales.len() == MAX_STORES;
                if is_full {
                    let message = format!("the products are of more than {MAX_STORES} locales");
                    reader.mistakes.note(product.offset, None, Some("locale"), message);
                } else {
                    locales.push(locale.to_ascii_lowercase());
                }
            }
        });
        let mut stores: Vec<StoreDraft> = Vec::with_capacity(locales.len());
        for locale in &locales {
            let default = defaults.iter().find(|store| store.answers_to(locale));
            let mut store = StoreDraft {
                locale: locale.clone(),
                aliases: Vec::new(),
                name: default.map_or_else(|| locale.to_ascii_uppercase(), |store| store.name.clone()),
                language: default.map_or_else(|| "en".to_owned(), |store| store.language.clone()),
                currency: default.map_or(Currency::EUR, |store| store.currency),
            };
            // A name that another locale of the file has, or took before, stays that one's.
            let names =
                default.into_iter().flat_map(|store| [&store.locale].into_iter().chain(&store.aliases));
            let is_free = |name: &&String| {
                !locales.contains(name) && !stores.iter().any(|store| store.answers_to(name))
            };
            store.aliases = names.filter(is_free).cloned().collect();
            stores.push(store);
        }
        stores
    }

    fn product(
        &mut self,
        product: &Element,
        stores: &mut StoresBuilder,
        first_offsets: &mut HashMap<(usize, u64), usize>,
    ) {
        let mistakes = &mut self.mistakes;
        let Some(fields) = Fields::read(&product.raw, product.offset, mistakes, product_subject) else {
            return;
        };
        let id = fields.id(mistakes, MAX_ID, self.is_bare);
        let locale = fields.text(mistakes, "locale");
        let position = locale.and_then(|locale| {
            let found = stores.data().position(|store| store.locale.eq_ignore_ascii_case(&locale));
            let is_of_wrong_store =
                self.wrong_locales.iter().any(|wrong| wrong.eq_ignore_ascii_case(&locale));
            if found.is_none() && !is_of_wrong_store {
                fields.note(mistakes, "locale", unknown_locale(&locale, stores));
            }
            found
        });
        let title = fields.visible_text(mistakes, "title");
        let description = fields.text(mistakes, "description");
        let currency = position.and_then(|position| stores.data().nth(position)).map(|store| store.currency);
        let price = price(&fields, mistakes, currency);
        let image = image(&fields, mistakes, self.pictures, title.as_ref());
        let rating = rating(&fields, mistakes);
        let category = fields.optional_text(mistakes, "category");
        let (Some(position), Some(id)) = (position, id) else { return };
        if let Some(first) = first_offsets.get(&(position, id)) {
            let message = format!("{id} is already the id of the product at line");
            fields.note_beside(mistakes, "id", message, *first);
            return;
        }
        first_offsets.insert((position, id), product.offset);
        if let (Some(title), Some(description), Some(price)) = (title, description, price)
            // Of a file with mistakes nothing is made.
            && mistakes.is_empty()
        {
            stores.push(position, &Draft { id, title, description, price, image, rating, category });
        }
    }
}

impl StoreDraft {
    /// Whether `name` is its locale or one of its aliases; in lower case.
    fn answers_to(&self, name: &str) -> bool {
        self.locale == name || self.aliases.iter().any(|alias| alias == name)
    }
}

fn product_subject(members: &Members<'_>) -> Option<String> {
    let of = members.get("locale").map(|raw| unquoted(&shown(raw)).to_owned());
    match (members.get("id").map(shown), of) {
        (Some(id), Some(locale)) => Some(format!("product {id} of {locale}")),
        (Some(id), None) => Some(format!("product {id}")),
        (None, Some(locale)) => Some(format!("a product of {locale}")),
        (None, None) => None,
    }
}

fn unquoted(text: &str) -> &str {
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text)
}

fn unknown_locale(locale: &str, stores: &StoresBuilder) -> String {
    if !is_locale_name(locale) {
        return not_a_locale_name(locale);
    }
    let name = locale.to_ascii_lowercase();
    match stores.data().find(|store| store.answers_to(&name)) {
        Some(store) => format!("{locale:?} is an alias; the store's locale is {:?}", store.locale),
        None => format!("{locale:?} is not the locale of a store that stores lists"),
    }
}

fn aliases(fields: &Fields<'_>, mistakes: &mut Collector) -> Vec<String> {
    let Some(raw) = fields.get("aliases") else { return Vec::new() };
    let Ok(aliases) = serde_json::from_str::<Vec<Text<'_>>>(raw.get()) else {
        fields.note(mistakes, "aliases", format!("{} is not an array of texts", shown(raw)));
        return Vec::new();
    };
    aliases.iter().filter_map(|Text(alias)| locale_name(fields, mistakes, "aliases", alias)).collect()
}

/// A locale's name in lower case.
fn locale_name(
    fields: &Fields<'_>,
    mistakes: &mut Collector,
    field: &'static str,
    name: &str,
) -> Option<String> {
    let well_formed = is_locale_name(name);
    if !well_formed {
        fields.note(mistakes, field, not_a_locale_name(name));
    }
    well_formed.then(|| name.to_ascii_lowercase())
}

/// The price of a product; where its store is unknown, and so its currency, only the form is checked.
fn price(fields: &Fields<'_>, mistakes: &mut Collector, currency: Option<Currency>) -> Option<Money> {
    let raw = fields.required(mistakes, "price")?;
    match read_price(raw, currency) {
        Ok(price) => price,
        Err(message) => {
            fields.note(mistakes, "price", format!("{} {message}", shown(raw)));
            None
        }
    }
}

fn read_price(raw: &RawValue, currency: Option<Currency>) -> Result<Option<Money>, String> {
    if raw.get().starts_with('"') {
        return Err("is text; a price is a JSON number such as 25 or 9.99".to_owned());
    }
    let decimal = Decimal::parse(raw.get())
        .map_err(|error| format!("{error}; a price is a JSON number such as 25 or 9.99"))?;
    if decimal.is_negative() {
        return Err("is negative".to_owned());
    }
    let Some(currency) = currency else { return Ok(None) };
    let decimals = decimals(currency);
    let most = Decimal::from_units(MAX_MINOR_UNITS, decimals);
    if decimal > most {
        return Err(format!("is too much; the most is {most}"));
    }
    match decimal.units(decimals) {
        Some(minor_units) => Ok(Some(Money { minor_units, currency })),
        None => Err(format!("has more decimals than {} has, which is {decimals}", currency.code())),
    }
}

fn image<'file>(
    fields: &Fields<'file>,
    mistakes: &mut Collector,
    pictures: &Pictures,
    title: Option<&Cow<'file, str>>,
) -> Option<ImageDraft<'file>> {
    let alt = fields.optional_text(mistakes, "alt");
    let reference = fields.optional_text(mistakes, "img")?;
    // A json-server file may give the path that the API gives.
    let file = match &reference {
        Cow::Borrowed(text) => file_name(text).map(Cow::Borrowed),
        Cow::Owned(text) => file_name(text).map(|name| Cow::Owned(name.to_owned())),
    };
    let Some(file) = file else {
        let message = format!("{reference:?} is not the name of a picture's file such as lamp.svg");
        fields.note(mistakes, "img", message);
        return None;
    };
    match pictures.size(&file) {
        Ok((width, height)) => {
            let alt = alt.or_else(|| title.cloned()).unwrap_or_default();
            Some(ImageDraft { file, alt, width, height })
        }
        Err(message) => {
            fields.note(mistakes, "img", message);
            None
        }
    }
}

fn rating(fields: &Fields<'_>, mistakes: &mut Collector) -> Option<Rating> {
    let raw = fields.get("rating")?;
    let Ok(members) = serde_json::from_str::<Members<'_>>(raw.get()) else {
        fields.note(mistakes, "rating", format!("{} is not an object with stars and reviews", shown(raw)));
        return None;
    };
    let (stars, reviews) = (members.get("stars"), members.get("reviews"));
    let read_stars = |raw: &RawValue| {
        let stars = Decimal::parse(raw.get()).ok()?;
        (stars.units(STARS_PLACES)? <= 500).then_some(stars)
    };
    let read_reviews = |raw: &RawValue| u32::try_from(whole_number(raw, u32::MAX.into())?).ok();
    let rating = stars.and_then(read_stars).zip(reviews.and_then(read_reviews));
    let wrong = |raw: Option<&RawValue>, right| match raw {
        Some(raw) => format!("{} is not {right}", shown(raw)),
        None => format!("is missing; it is {right}"),
    };
    if stars.and_then(read_stars).is_none() {
        let message = wrong(stars, "a number from 0 to 5 with at most two decimals");
        fields.note_at(mistakes, stars.or(Some(raw)), "rating.stars", message);
    }
    if reviews.and_then(read_reviews).is_none() {
        let message = wrong(reviews, "a whole number");
        fields.note_at(mistakes, reviews.or(Some(raw)), "rating.reviews", message);
    }
    rating.map(|(stars, reviews)| Rating { stars, reviews })
}

#[cfg(test)]
mod tests {
    use crate::{
        catalog::LoadError,
        fixture::{data, load},
    };

    /// What is said of this file, without its path.
    #[track_caller]
    fn check(db: &str, expected: &[&str]) {
        let Err(LoadError::Mistakes(_, mistakes)) = load(data(db).path()) else {
            panic!("{db} has mistakes")
        };
        let reported: Vec<_> = mistakes.reported.iter().map(ToString::to_string).collect();
        assert_eq!(reported, expected, "{db}");
    }

    #[test]
    fn elements_of_every_kind_have_their_places() {
        check(
            "{\"products\": [1, -2.5e3 ,true,\n null, \"é\", [], \"x\"]}",
            &[
                "1:15: 1 is not an object",
                "1:18: -2.5e3 is not an object",
                "1:26: true is not an object",
                "2:2: null is not an object",
                "2:8: \"é\" is not an object",
                "2:13: [] is not an object",
                "2:17: \"x\" is not an object",
            ],
        );
    }

    #[test]
    fn what_is_wrong_once_is_told_once() {
        let product = |locale: &str| {
            format!(r#"{{"id": 1, "locale": "{locale}", "title": "t", "description": "d", "price": 1}}"#)
        };
        check(
            &format!(r#"{{"products": [{}]}}"#, product("en_IE")),
            &[
                r#"1:35: product 1 of en_IE: locale: "en_IE" is not a name of 1 to 35 letters, digits and hyphens"#,
            ],
        );
        let store = r#"{"locale": "en_IE", "name": "Ireland", "language": "en-IE", "currency": "EUR"}"#;
        check(
            &format!(r#"{{"stores": [{store}], "products": [{}]}}"#, product("en_IE")),
            &[r#"1:24: store en_IE: locale: "en_IE" is not a name of 1 to 35 letters, digits and hyphens"#],
        );
        let store = r#"{"locale": "ie", "name": "Ireland", "language": "en-IE", "currency": "PUNT"}"#;
        check(
            &format!(r#"{{"stores": [{store}], "products": [{}]}}"#, product("ie")),
            &[r#"1:82: store ie: currency: "PUNT" is not a currency code of ISO 4217 such as EUR"#],
        );
    }

    #[test]
    fn currencies_are_those_that_a_store_front_can_sell_in() {
        let file = |currency: &str| {
            let store = serde_json::json!(
                {"locale": "ie", "name": "Ireland", "language": "en-IE", "currency": currency}
            );
            serde_json::json!({"products": [], "stores": [store]}).to_string()
        };
        for (code, name) in [
            ("XAU", "Gold (one troy ounce)"),
            ("XTS", "Code reserved for testing"),
            ("XXX", "No currency"),
            ("XDR", "Special drawing rights"),
        ] {
            check(
                &file(code),
                &[&format!(
                    "1:88: store ie: currency: {code:?} ({name}) has no minor unit in ISO 4217, so no store front can sell in it"
                )],
            );
        }
        for code in ["EUR", "COP", "JPY", "KWD", "CLF", "UYW", "IRR"] {
            assert!(load(data(file(code)).path()).is_ok(), "{code}");
        }
    }

    #[test]
    fn names_and_languages_of_stores_have_a_bound() {
        let file = |name: &str, language: &str| {
            let store =
                serde_json::json!({"currency": "EUR", "language": language, "locale": "ie", "name": name});
            serde_json::json!({"products": [], "stores": [store]}).to_string()
        };
        let (name, language) = ("é".repeat(100), format!("en{}", "-x1234567".repeat(3)));
        assert!(load(data(file(&name, &language)).path()).is_ok());
        let expected = "1:81: store ie: name: has 200000 characters; the most is 100";
        check(&file(&"x".repeat(200_000), "en"), &[expected]);
        let tag = format!("en{}", "-abcdefgh".repeat(20_000));
        let cut = format!("{}…", &tag[..35]);
        check(
            &file("Ireland", &tag),
            &[&format!("1:55: store ie: language: {cut:?} is not a language tag such as en-IE")],
        );
    }

    #[test]
    fn names_show_something() {
        for (title, message) in
            [("", "is empty"), ("\u{200b}", "shows nothing"), (" \u{2060}\u{feff}", "shows nothing")]
        {
            let product =
                serde_json::json!({"locale": "ie", "id": 1, "title": title, "description": "", "price": 1});
            let expected = format!("1:44: product 1 of ie: title: {message}");
            check(&serde_json::json!({ "products": [product] }).to_string(), &[&expected]);
        }
    }

    #[test]
    fn other_than_arrays_have_their_places() {
        check("{\"products\": 12}", &["1:14: products: 12 is not an array"]);
        check("{\"products\":\n true}", &["2:2: products: true is not an array"]);
        check("{\"products\": {\"a\": {}} , \"x\": 1}", &["1:14: products: {\"a\": {}} is not an array"]);
        check("{\"products\": [], \"stores\" : -7.5}", &["1:29: stores: -7.5 is not an array"]);
    }

    #[test]
    fn other_than_json_has_its_place() {
        check(
            " \n",
            &["2:1: the file is empty; it should be an object with the members stores and products"],
        );
        check("{\"products\": [{\"é\": tru}]}", &["1:24: expected ident"]);
        check("{\"products\": []} x", &["1:18: trailing characters"]);
        check("{\"products\": [], \"products\": []}", &["1:28: duplicate field `products`"]);
    }
}
