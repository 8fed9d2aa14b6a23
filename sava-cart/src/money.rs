//! Money: integer minor units of a currency, never a float; written as the store's language writes it (CLDR data).

use std::{fmt, str::FromStr};

use icu_decimal::{DecimalFormatter, input::Decimal};
use icu_experimental::{
    dimension::{
        currency::{
            CurrencyType,
            formatter::{CurrencyFormatter, CurrencyFormatterPreferences},
            options::CurrencyFormatterOptions,
        },
        provider::currency::{
            essentials::CurrencyEssentialsV1,
            fractions::{CurrencyFractions, CurrencyFractionsV1, FractionInfo},
            no_currency::CurrencyPatternsNoCurrencyV1,
            symbols::{CurrencyDecimalSymbolsV1, CurrencySymbolsV1},
        },
    },
    provider::Baked,
};
use icu_locale_core::Locale;
use icu_provider::{DataError, DataPayload, DataProvider, DataRequest, DataResponse, DataResponseMetadata};

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
///
/// What is shown is what is paid. CLDR tells how many decimals people are used to, and rounds to them: none in Colombia,
/// whose peso has two by ISO 4217. An amount that would lose something by that is written with all its decimals.
pub(crate) struct Format {
    currency: Currency,
    /// With the decimals that people are used to.
    usual: CurrencyFormatter<DecimalFormatter>,
    /// With all decimals, for amounts that are no multiple of so many minor units; `None` where the usual ones are all.
    exact: Option<(i64, CurrencyFormatter<DecimalFormatter>)>,
}

impl Format {
    /// The format of amounts of `currency` in `language` (BCP 47). A language that nobody knows gets CLDR's root
    /// format.
    #[must_use]
    pub(crate) fn new(language: &str, currency: Currency) -> Option<Self> {
        let preferences =
            CurrencyFormatterPreferences::from(Locale::from_str(language).unwrap_or(Locale::UNKNOWN));
        let code = CurrencyType::try_from_str(&currency.code().to_ascii_lowercase()).ok()?;
        let options = CurrencyFormatterOptions::default();
        let usual = CurrencyFormatter::try_new_symbol(preferences, code, options).ok()?;
        let fractions: DataResponse<CurrencyFractionsV1> = Baked.load(DataRequest::default()).ok()?;
        let n_left_out = currency.decimals().saturating_sub(fractions.payload.get().resolve(code).digits);
        let exact = if n_left_out > 0 {
            let data = AllDecimals(currency.decimals());
            let formatter =
                CurrencyFormatter::try_new_symbol_unstable(&data, preferences, code, options).ok()?;
            Some((10_i64.pow(n_left_out.into()), formatter))
        } else {
            None
        };
        Some(Self { currency, usual, exact })
    }

    /// `money` for a shopper to read.
    #[must_use]
    pub(crate) fn format(&self, money: Money) -> String {
        debug_assert_eq!(money.currency, self.currency);
        let formatter = match &self.exact {
            Some((multiple, exact)) if money.amount % multiple != 0 => exact,
            _ => &self.usual,
        };
        formatter.format_fixed_decimal(&money.exact()).to_string()
    }
}

/// CLDR's data, but that every currency has so many decimals, and is rounded to no other multiple.
struct AllDecimals(u8);

impl DataProvider<CurrencyFractionsV1> for AllDecimals {
    fn load(&self, _: DataRequest<'_>) -> Result<DataResponse<CurrencyFractionsV1>, DataError> {
        let default = FractionInfo { digits: self.0, ..FractionInfo::default() };
        #[expect(clippy::default_trait_access, reason = "its type is of a crate that icu hides")]
        let fractions = CurrencyFractions { fractions: Default::default(), default };
        Ok(DataResponse {
            metadata: DataResponseMetadata::default(),
            payload: DataPayload::from_owned(fractions),
        })
    }
}

/// The rest of the data that a formatter asks for is as it is.
macro_rules! as_it_is {
    ($($baked:path: $($marker:path),+;)+) => {$($(
        impl DataProvider<$marker> for AllDecimals {
            fn load(&self, request: DataRequest<'_>) -> Result<DataResponse<$marker>, DataError> {
                $baked.load(request)
            }
        }
    )+)+};
}

as_it_is! {
    Baked:
        CurrencyEssentialsV1, CurrencySymbolsV1, CurrencyPatternsNoCurrencyV1, CurrencyDecimalSymbolsV1;
    icu_decimal::provider::Baked:
        icu_decimal::provider::DecimalSymbolsV1, icu_decimal::provider::DecimalDigitsV1;
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
    fn no_decimals_of_a_price_are_lost() {
        check("es-CO", "COP", 1_999, "$\u{a0}19,99");
        check("es-CO", "COP", 5_997, "$\u{a0}59,97");
        check("en-US", "IRR", 1_050, "IRR\u{a0}10.50");
        check("fa-IR", "IRR", 1_005, "\u{200e}ریال\u{a0}۱۰٫۰۵");
        check("hu-HU", "HUF", 199_050, "1990,50\u{a0}Ft");
        check("zh-TW", "TWD", 5_050, "$50.50");
        check("id-ID", "IDR", 1_500_050, "Rp\u{a0}15.000,50");
        check("es-CL", "CLF", 12_345, "CLF\u{a0}1,2345");
    }

    #[test]
    fn whole_amounts_have_the_decimals_that_people_are_used_to() {
        check("es-CO", "COP", 2_000_000, "$\u{a0}20.000");
        check("ja-JP", "JPY", 1_235, "￥1,235");
        check("en-IE", "EUR", 2_500, "€25.00");
    }

    /// The number that a text of a language whose decimals follow `separator` shows, in units of so many decimals.
    fn shown(text: &str, separator: char, decimals: u8) -> Option<i64> {
        const ZEROS: [char; 3] = ['0', '٠', '۰'];
        let digit = |c: char| {
            ZEROS
                .iter()
                .find_map(|zero| u32::from(c).checked_sub(u32::from(*zero)).filter(|digit| *digit < 10))
        };
        let (first, last) = (text.find(|c| digit(c).is_some())?, text.rfind(|c| digit(c).is_some())?);
        let last = last + text[last..].chars().next()?.len_utf8();
        let (whole, fraction) = text[first..last].split_once(separator).unwrap_or((&text[first..last], ""));
        let digits = |text: &str| text.chars().filter_map(digit).collect::<Vec<_>>();
        let mut fraction = digits(fraction);
        let n_needed = fraction.iter().rposition(|digit| *digit != 0).map_or(0, |position| position + 1);
        assert!(n_needed <= decimals.into(), "{text}");
        fraction.resize(decimals.into(), 0);
        let number = digits(whole).into_iter().chain(fraction);
        Some(number.fold(0, |number, digit| number * 10 + i64::from(digit)))
    }

    #[test]
    fn what_is_shown_in_any_currency_is_what_is_paid() {
        let letters = || b'A'..=b'Z';
        let codes = letters().flat_map(|a| letters().flat_map(move |b| letters().map(move |c| [a, b, c])));
        let currencies: Vec<Currency> =
            codes.filter_map(|code| str::from_utf8(&code).unwrap().parse().ok()).collect();
        assert!(currencies.len() > 150, "{}", currencies.len());
        let languages = [
            ("en-IE", '.'),
            ("de-DE", ','),
            ("es-CO", ','),
            ("hu-HU", ','),
            ("id-ID", ','),
            ("ja-JP", '.'),
            ("fr-CH", ','),
            ("hi-IN", '.'),
            ("fa-IR", '٫'),
            ("ar-EG", '٫'),
            ("ar-KW", '٫'),
            ("xx", '.'),
        ];
        for currency in currencies {
            for (language, separator) in languages {
                let format = Format::new(language, currency).unwrap();
                for amount in [
                    0,
                    1,
                    5,
                    9,
                    10,
                    49,
                    50,
                    99,
                    100,
                    105,
                    150,
                    999,
                    1_000,
                    1_999,
                    5_997,
                    10_000,
                    12_345,
                    123_450,
                    1_234_567,
                    100_000_000,
                    Money::MAX_PRICE - 1,
                    Money::MAX_PRICE * 4_950,
                ] {
                    let text = format.format(Money { amount, currency });
                    let read = shown(&text, separator, currency.decimals());
                    assert_eq!(read, Some(amount), "{currency} in {language}: {text}");
                }
            }
        }
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
