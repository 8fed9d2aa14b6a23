//! The codes that a store has: its locale's name, its language's tag and its currency's code.

use iso_currency::Currency;

/// The longest language tag: what RFC 5646 (4.4.1) asks everyone to have room for.
pub(super) const MAX_LANGUAGE_BYTES: usize = 35;

pub(super) fn not_a_locale_name(name: &str) -> String {
    format!("{name:?} is not a name of 1 to 35 letters, digits and hyphens")
}

/// Letters, digits and hyphens, so that it is one plain segment of a path.
pub(super) fn is_locale_name(name: &str) -> bool {
    (1..=35).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Whether `tag` has the form of a language tag (RFC 5646); whether its subtags are registered is not asked.
pub(super) fn is_language_tag(tag: &str) -> bool {
    let mut subtags = tag.split('-');
    let language = subtags.next().unwrap_or_default();
    tag.len() <= MAX_LANGUAGE_BYTES
        && (2..=8).contains(&language.len())
        && language.bytes().all(|byte| byte.is_ascii_alphabetic())
        && subtags.all(|subtag| {
            (1..=8).contains(&subtag.len()) && subtag.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
}

/// A currency that prices can be in: amounts are whole numbers of its minor unit.
pub(super) fn currency(code: &str) -> Result<Currency, String> {
    let currency = Currency::from_code(code)
        .ok_or_else(|| format!("{code:?} is not a currency code of ISO 4217 such as EUR"))?;
    match currency.exponent() {
        Some(_) => Ok(currency),
        None => Err(format!(
            "{code:?} ({}) has no minor unit in ISO 4217, so no store front can sell in it",
            currency.name()
        )),
    }
}
