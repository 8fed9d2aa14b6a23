//! A store: what the product service says of the locale that this process serves, and how money is written there.

use std::sync::Arc;

use crate::{
    address::country::Country,
    money::{Currency, Format, Money},
};

/// The store of a locale. Another country is data: all of this comes from the product service.
#[derive(Clone, Debug)]
pub struct Store {
    /// Its code: `ie`, `uk`.
    pub locale: String,
    /// Its name: `Ireland`.
    pub name: String,
    /// The language that its numbers are written in (BCP 47): `en-IE`. The words of the pages are English.
    pub language: String,
    /// What it sells in.
    pub currency: Currency,
    /// What its addresses look like.
    pub country: Country,
    format: Arc<Format>,
}

impl Store {
    /// The store with those properties.
    ///
    /// # Panics
    /// Never: every currency has a format in CLDR's root.
    #[must_use]
    pub fn new(locale: &str, name: &str, language: &str, currency: Currency) -> Self {
        // The region is the subtag of two letters: `en-IE`, `zh-Hans-CN`.
        let region = language.split('-').skip(1).find(|subtag| subtag.len() == 2).unwrap_or_default();
        Self {
            locale: locale.to_owned(),
            name: name.to_owned(),
            language: language.to_owned(),
            currency,
            country: Country::of_region(&region.to_ascii_uppercase()),
            format: Arc::new(Format::new(language, currency).expect("CLDR's root formats every currency")),
        }
    }

    /// The store of that locale as far as it is known without the product service.
    #[must_use]
    pub fn default_of(locale: &str) -> Self {
        match locale {
            "ie" => Self::new("ie", "Ireland", "en-IE", Currency::EUR),
            "uk" => Self::new("uk", "United Kingdom", "en-GB", Currency::GBP),
            // Other names of that store in the catalog that sava-product comes with; in another they may be a store's own.
            "en" | "gb" => Self::new(locale, "United Kingdom", "en-GB", Currency::GBP),
            other => {
                let region = other.rsplit('-').next().unwrap_or(other).to_ascii_uppercase();
                Self::new(other, &region, &format!("en-{region}"), Currency::EUR)
            }
        }
    }

    /// `money` as this store writes it.
    #[must_use]
    pub fn format(&self, money: Money) -> String {
        if money.currency == self.currency {
            self.format.format(money)
        } else {
            // An order of before the store's currency changed.
            Format::new(&self.language, money.currency)
                .map_or_else(|| format!("{money:?}"), |format| format.format(money))
        }
    }
}

impl PartialEq for Store {
    fn eq(&self, other: &Self) -> bool {
        (&self.locale, &self.name, &self.language, self.currency)
            == (&other.locale, &other.name, &other.language, other.currency)
    }
}
