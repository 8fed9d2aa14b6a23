//! Money: integer minor units of a currency, never a float; written as the store's language writes it (CLDR data).

use std::{fmt, str::FromStr};

use icu_decimal::{DecimalFormatter, input::Decimal};
use icu_experimental::dimension::currency::{
    CurrencyType, formatter::CurrencyFormatter, options::CurrencyFormatterOptions,
};
use icu_locale_core::Locale;

/// A currency of ISO 4217.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency(iso_currency::Currency);

/// There is no currency of that code, or it has no minor unit to count in.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a currency of ISO 4217")]
pub struct UnknownCurrency(String);

impl Currency {
    pub const EUR: Self = Self(iso_currency::Currency::EUR);
    pub const GBP: Self = Self(iso_currency::Currency::GBP);

    /// Its code, such as `EUR`.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// How many decimals an amount in major units has: 2 for EUR, 0 for JPY.
    #[must_use]
    pub fn decimals(self) -> u8 {
        // Codes without an exponent (gold, the test code) are not constructed.
        self.0.exponent().and_then(|exponent| u8::try_from(exponent).ok()).unwrap_or(0)
    }
}

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(code: &str) -> Result<Self, UnknownCurrency> {
        iso_currency::Currency::from_code(code)
            .filter(|currency| currency.exponent().is_some())
            .map(Self)
            .ok_or_else(|| UnknownCurrency(code.chars().take(16).collect()))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code())
    }
}

/// An amount in minor units (cents, pence, yen) of a currency.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    /// The minor units.
    pub amount: i64,
    /// What they are units of.
    pub currency: Currency,
}

impl Money {
    /// The most that a price may be, in minor units. 50 lines of 99 pieces at this price still fit an `i64`.
    pub const MAX_PRICE: i64 = 1_000_000_000_000;

    #[must_use]
    pub const fn zero(currency: Currency) -> Self {
        Self { amount: 0, currency }
    }

    /// The price of a number of pieces.
    #[must_use]
    pub fn times(self, quantity: u32) -> Self {
        Self { amount: self.amount.saturating_mul(i64::from(quantity)), ..self }
    }

    /// The sum; `None` where the currencies differ.
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        (self.currency == other.currency)
            .then(|| Self { amount: self.amount.saturating_add(other.amount), ..self })
    }

    /// The amount in major units as a plain decimal, such as `25.00`: for data, not for shoppers.
    #[must_use]
    pub fn decimal(self) -> String {
        self.exact().to_string()
    }

    fn exact(self) -> Decimal {
        let mut decimal = Decimal::from(self.amount);
        decimal.multiply_pow10(-i16::from(self.currency.decimals()));
        decimal
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.decimal(), self.currency)
    }
}

/// Writes the amounts of one currency as one language does: `€1,234.50`, `1.234,50 €`, `￥1,235`.
pub(crate) struct Format {
    currency: Currency,
    formatter: CurrencyFormatter<DecimalFormatter>,
}

impl Format {
    /// The format of amounts of `currency` in `language` (BCP 47). A language that nobody knows gets CLDR's root
    /// format.
    #[must_use]
    pub(crate) fn new(language: &str, currency: Currency) -> Option<Self> {
        let locale = Locale::from_str(language).unwrap_or(Locale::UNKNOWN);
        let code = CurrencyType::try_from_str(&currency.code().to_ascii_lowercase()).ok()?;
        let formatter =
            CurrencyFormatter::try_new_symbol(locale.into(), code, CurrencyFormatterOptions::default())
                .ok()?;
        Some(Self { currency, formatter })
    }

    /// `money` for a shopper to read.
    #[must_use]
    pub(crate) fn format(&self, money: Money) -> String {
        debug_assert_eq!(money.currency, self.currency);
        self.formatter.format_fixed_decimal(&money.exact()).to_string()
    }
}

impl fmt::Debug for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Format").field("currency", &self.currency).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(language: &str, currency: &str, amount: i64, expected: &str) {
        let currency = currency.parse().unwrap();
        let text = Format::new(language, currency).unwrap().format(Money { amount, currency });
        assert_eq!(text, expected);
    }

    #[test]
    fn money_is_written_as_the_language_does() {
        check("en-IE", "EUR", 2_500, "€25.00");
        check("en-IE", "EUR", 123_456_789, "€1,234,567.89");
        check("en-GB", "GBP", 5, "£0.05");
        check("en-US", "USD", 123_450, "$1,234.50");
        check("de-DE", "EUR", 123_450, "1.234,50\u{a0}€");
        check("ja-JP", "JPY", 1_235, "￥1,235");
        check("ar-KW", "KWD", 1_234, "\u{200f}١٫٢٣٤\u{a0}د.ك.\u{200f}");
    }

    #[test]
    fn a_language_nobody_knows_still_has_a_format() {
        check("xx-XX", "EUR", 2_500, "€\u{a0}25.00");
        check("not a tag!", "EUR", 2_500, "€\u{a0}25.00");
    }

    #[test]
    fn decimals_follow_the_currency() {
        let decimals = |code: &str| code.parse::<Currency>().unwrap().decimals();
        assert_eq!((decimals("EUR"), decimals("JPY"), decimals("KWD")), (2, 0, 3));
    }

    #[test]
    fn codes_without_a_minor_unit_are_refused() {
        for code in ["XAU", "XXX", "eur", "EURO", ""] {
            assert!(code.parse::<Currency>().is_err(), "{code}");
        }
    }

    #[test]
    fn sums_do_not_mix_currencies() {
        let euro = Money { amount: 250, currency: Currency::EUR };
        assert_eq!(euro.times(3).plus(euro), Some(Money { amount: 1000, ..euro }));
        assert_eq!(euro.plus(Money::zero(Currency::GBP)), None);
    }

    #[test]
    fn the_largest_order_does_not_overflow() {
        let price = Money { amount: Money::MAX_PRICE, currency: Currency::EUR };
        assert_eq!(price.times(99).times(50).amount, 4_950_000_000_000_000);
    }
}
