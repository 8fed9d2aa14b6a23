//! Reads a data file: everything that is wrong with it is found in one go, each mistake with its place.

use std::{borrow::Cow, collections::HashMap};

use iso_currency::Currency;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    draft::{Draft, ImageDraft, Money, Rating, StoreDraft, decimals},
    fields::{Fields, Members, Text, shown, whole_number},
    mistake::{Collector, Mistake, Mistakes},
    pictures::{Pictures, file_name},
};
use crate::decimal::Decimal;

/// The largest amount, in minor units.
const MAX_MINOR_UNITS: u64 = 1_000_000_000_000;
/// The largest id: beyond it JavaScript and others can no longer tell numbers apart.
const MAX_ID: u64 = (1 << 53) - 1;
/// The most stores; each is a label of a metric.
const MAX_STORES: usize = 250;

/// A store with its products, in the order of the file.
pub(super) type Shelf<'file> = (StoreDraft, Vec<Draft<'file>>);

/// Reads the text of a data file. A file without `stores` of its own takes names, currencies, languages and aliases
/// from `defaults`.
pub(super) fn read<'file>(
    text: &'file str,
    pictures: &Pictures,
    defaults: &[StoreDraft],
) -> Result<Vec<Shelf<'file>>, Mistakes> {
    let parts: Parts<'_> = serde_json::from_str(text).map_err(|error| unreadable(text, &error))?;
    let mut reader = Reader { text, pictures, mistakes: Collector::default() };
    let shelves = reader.shelves(&parts, defaults);
    reader.mistakes.finish(text)?;
    Ok(shelves)
}

/// A file that is not JSON, or whose outermost form is another: nothing more can be said of it.
fn unreadable(text: &str, error: &serde_json::Error) -> Mistakes {
    let message = if text.trim().is_empty() {
        "the file is empty; it should be an object with the members stores and products".to_owned()
    } else {
        let error = error.to_string();
        error.rsplit_once(" at line ").map_or(error.as_str(), |(message, _)| message).to_owned()
    };
    let line = error.line().max(1);
    // serde_json counts bytes, people count characters.
    let before = text.lines().nth(line - 1).unwrap_or_default().as_bytes();
    let before = &before[..error.column().min(before.len())];
    let column = String::from_utf8_lossy(before).chars().count().max(1);
    Mistakes { told: vec![Mistake { line, column, subject: None, field: None, message }], total: 1 }
}

/// The outermost object. Members other than these are json-server's business, and are left alone.
#[derive(Deserialize)]
#[serde(expecting = "an object with the members stores and products")]
struct Parts<'file> {
    #[serde(borrow)]
    stores: Option<&'file RawValue>,
    #[serde(borrow)]
    products: Option<&'file RawValue>,
}

struct Reader<'file, 'pictures> {
    text: &'file str,
    pictures: &'pictures Pictures,
    mistakes: Collector,
}

impl<'file> Reader<'file, '_> {
    fn shelves(&mut self, parts: &Parts<'file>, defaults: &[StoreDraft]) -> Vec<Shelf<'file>> {
        let products = if let Some(raw) = parts.products {
            self.array(raw, "products")
        } else {
            let message = "is missing; it is the array of all products";
            self.mistakes.note(0, None, Some("products"), message);
            Vec::new()
        };
        let stores = match parts.stores {
            Some(raw) => self.stores(raw),
            None => self.implied_stores(&products, defaults),
        };
        if stores.is_empty() && self.mistakes.is_empty() {
            let message = "is empty, and so is stores: there is nothing to sell";
            self.mistakes.note(0, None, Some("products"), message);
        }
        let mut shelves: Vec<_> = stores.into_iter().map(|store| (store, Vec::new())).collect();
        let mut first_lines = HashMap::with_capacity(products.len());
        for product in products {
            self.product(product, &mut shelves, &mut first_lines);
        }
        shelves
    }

    fn stores(&mut self, raw: &'file RawValue) -> Vec<StoreDraft> {
        let mut stores: Vec<StoreDraft> = Vec::new();
        for raw in self.array(raw, "stores") {
            if stores.len() == MAX_STORES {
                let message = format!("there are more than {MAX_STORES} stores");
                self.mistakes.note(self.offset(raw), None, Some("stores"), message);
                break;
            }
            if let Some(store) = self.store(raw, &stores) {
                stores.push(store);
            }
        }
        stores
    }

    fn store(&mut self, raw: &'file RawValue, stores: &[StoreDraft]) -> Option<StoreDraft> {
        let subject =
            |members: &Members<'_>| Some(format!("store {}", unquoted(&shown(members.get("locale")?))));
        let mistakes = &mut self.mistakes;
        let fields = Fields::read(raw, self.text, mistakes, subject)?;
        let locale = fields.text(mistakes, "locale");
        let locale = locale.and_then(|name| locale_name(&fields, mistakes, "locale", &name));
        let aliases = aliases(&fields, mistakes);
        let name = fields.text(mistakes, "name");
        let language = fields.text(mistakes, "language").filter(|tag| {
            let well_formed = is_language_tag(tag);
            if !well_formed {
                fields.note(mistakes, "language", format!("{tag:?} is not a language tag such as en-IE"));
            }
            well_formed
        });
        let currency = fields.text(mistakes, "currency").and_then(|code| {
            let currency = Currency::from_code(&code);
            if currency.is_none() {
                let message = format!("{code:?} is not a currency code of ISO 4217 such as EUR");
                fields.note(mistakes, "currency", message);
            }
            currency
        });
        for (name, field) in
            locale.iter().map(|name| (name, "locale")).chain(aliases.iter().map(|name| (name, "aliases")))
        {
            if let Some(other) = stores.iter().find(|store| store.answers_to(name)) {
                fields.note(mistakes, field, format!("{name:?} already names the store {}", other.locale));
            }
        }
        Some(StoreDraft {
            locale: locale?,
            aliases,
            name: name?.into_owned(),
            language: language?.into_owned(),
            currency: currency?,
        })
    }

    /// The stores that the products of a file without `stores` are of, in the order of their first products.
    fn implied_stores(&mut self, products: &[&'file RawValue], defaults: &[StoreDraft]) -> Vec<StoreDraft> {
        let mut locales: Vec<String> = Vec::new();
        for raw in products {
            let Ok(members) = serde_json::from_str::<Members<'_>>(raw.get()) else { continue };
            let locale =
                members.get("locale").and_then(|raw| serde_json::from_str::<Text<'_>>(raw.get()).ok());
            if let Some(Text(locale)) = locale
                && is_locale_name(&locale)
                && !locales.iter().any(|known| known.eq_ignore_ascii_case(&locale))
            {
                if locales.len() == MAX_STORES {
                    let message = format!("the products are of more than {MAX_STORES} locales");
                    self.mistakes.note(self.offset(raw), None, Some("locale"), message);
                    break;
                }
                locales.push(locale.to_ascii_lowercase());
            }
        }
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
        raw: &'file RawValue,
        shelves: &mut [Shelf<'file>],
        first_offsets: &mut HashMap<(usize, u64), usize>,
    ) {
        let mistakes = &mut self.mistakes;
        let Some(fields) = Fields::read(raw, self.text, mistakes, product_subject) else { return };
        let id = fields.whole_number(mistakes, "id", MAX_ID);
        let locale = fields.text(mistakes, "locale");
        let position = locale.and_then(|locale| {
            let found = shelves.iter().position(|(store, _)| store.locale.eq_ignore_ascii_case(&locale));
            if found.is_none() {
                fields.note(mistakes, "locale", unknown_locale(&locale, shelves));
            }
            found
        });
        let title = fields.text(mistakes, "title").filter(|title| {
            let is_blank = title.trim().is_empty();
            if is_blank {
                fields.note(mistakes, "title", "is empty");
            }
            !is_blank
        });
        let description = fields.text(mistakes, "description");
        let price = price(&fields, mistakes, position.map(|position| shelves[position].0.currency));
        let image = image(&fields, mistakes, self.pictures, title.as_ref());
        let rating = rating(&fields, mistakes);
        let category = fields.optional_text(mistakes, "category");
        let (Some(position), Some(id)) = (position, id) else { return };
        let offset = self.offset(raw);
        if let Some(first) = first_offsets.get(&(position, id)) {
            // Counted only while it is told, or a file of duplicates would be read over and over.
            let end = if self.mistakes.is_full() { 0 } else { *first };
            let line = self.text[..end].matches('\n').count() + 1;
            let message = format!("{id} is already the id of the product at line {line}");
            fields.note(&mut self.mistakes, "id", message);
            return;
        }
        first_offsets.insert((position, id), offset);
        if let (Some(title), Some(description), Some(price)) = (title, description, price) {
            shelves[position].1.push(Draft { id, title, description, price, image, rating, category });
        }
    }

    fn array(&mut self, raw: &'file RawValue, field: &'static str) -> Vec<&'file RawValue> {
        serde_json::from_str(raw.get()).unwrap_or_else(|_| {
            let message = format!("{} is not an array", shown(raw));
            self.mistakes.note(self.offset(raw), None, Some(field), message);
            Vec::new()
        })
    }

    /// Where `raw`, which is borrowed from the file's text, begins in it.
    fn offset(&self, raw: &RawValue) -> usize {
        raw.get().as_ptr() as usize - self.text.as_ptr() as usize
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

fn unknown_locale(locale: &str, shelves: &[Shelf<'_>]) -> String {
    if !is_locale_name(locale) {
        return not_a_locale_name(locale);
    }
    let name = locale.to_ascii_lowercase();
    match shelves.iter().find(|(store, _)| store.answers_to(&name)) {
        Some((store, _)) => format!("{locale:?} is an alias; the store's locale is {:?}", store.locale),
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

fn not_a_locale_name(name: &str) -> String {
    format!("{name:?} is not a name of 1 to 35 letters, digits and hyphens")
}

/// Letters, digits and hyphens, so that it is one plain segment of a path.
fn is_locale_name(name: &str) -> bool {
    (1..=35).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Whether `tag` has the form of a language tag (RFC 5646); whether its subtags are registered is not asked.
fn is_language_tag(tag: &str) -> bool {
    let mut subtags = tag.split('-');
    let language = subtags.next().unwrap_or_default();
    (2..=8).contains(&language.len())
        && language.bytes().all(|byte| byte.is_ascii_alphabetic())
        && subtags.all(|subtag| {
            (1..=8).contains(&subtag.len()) && subtag.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
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
        (stars.units(2)? <= 500).then_some(stars)
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
