//! What a data file says, read and checked, before it is made into what answers requests.

use std::borrow::Cow;

use iso_currency::Currency;

use crate::decimal::Decimal;

/// An amount of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Money {
    /// In the currency's smallest unit, such as cents.
    pub minor_units: u64,
    /// Its currency.
    pub currency: Currency,
}

impl Money {
    /// The amount in major units, such as euros.
    #[must_use]
    pub(crate) fn major_units(self) -> Decimal {
        Decimal::from_units(self.minor_units, decimals(self.currency))
    }
}

/// How many decimals amounts of the currency have. One of which ISO 4217 does not say it is refused by the reader.
#[must_use]
pub(super) fn decimals(currency: Currency) -> u32 {
    currency.exponent().map_or(0, u32::from)
}

/// A store's own data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoreDraft {
    /// Its locale, in lower case.
    pub locale: String,
    /// Other names by which it is asked for, in lower case.
    pub aliases: Vec<String>,
    /// The country's name.
    pub name: String,
    /// The language tag by which it formats numbers (BCP 47).
    pub language: String,
    /// What its prices are in.
    pub currency: Currency,
}

/// A product's data.
#[derive(Clone, Debug)]
pub(crate) struct Draft<'file> {
    /// Unique in its store.
    pub id: u64,
    /// What it is called.
    pub title: Cow<'file, str>,
    /// What is said of it.
    pub description: Cow<'file, str>,
    /// What it costs.
    pub price: Money,
    /// Its picture.
    pub image: Option<ImageDraft<'file>>,
    /// What shoppers think of it.
    pub rating: Option<Rating>,
    /// What kind of product it is.
    pub category: Option<Cow<'file, str>>,
}

/// A reference to a picture.
#[derive(Clone, Debug)]
pub(crate) struct ImageDraft<'file> {
    /// The file's name.
    pub file: Cow<'file, str>,
    /// What it shows, for those who cannot see it.
    pub alt: Cow<'file, str>,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
}

impl ImageDraft<'_> {
    /// The path below the base of the API.
    #[must_use]
    pub(crate) fn path(&self) -> String {
        format!("/images/{}", self.file)
    }
}

/// What shoppers think of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rating {
    /// The mean, 0 to 5.
    pub stars: Decimal,
    /// How many there are.
    pub reviews: u32,
}
