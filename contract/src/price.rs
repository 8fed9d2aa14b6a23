//! Prices as exact decimals, as they are written in JSON: a double would make 0.1 + 0.2 something else.

use std::fmt;

use rust_decimal::Decimal;

/// How many decimals are kept: two more than any currency has.
const DECIMALS: u32 = 6;

/// A number of major units (euros, pounds), exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Price(Decimal);

impl Price {
    /// Reads a JSON number; `None` where it is none or has more decimals than money has.
    #[must_use]
    pub fn parse(number: &str) -> Option<Self> {
        let read =
            if number.contains(['e', 'E']) { Decimal::from_scientific } else { Decimal::from_str_exact };
        let price = read(number).ok()?.normalize();
        (price.scale() <= DECIMALS).then_some(Self(price))
    }

    /// The price of a number of minor units (cents, pence) of a currency.
    #[must_use]
    pub fn of_minor(amount: i64, currency: &str) -> Self {
        Self(Decimal::new(amount, minor_digits(currency)))
    }

    /// Whether the price is a whole number of the minor units of the currency.
    #[must_use]
    pub fn fits(self, currency: &str) -> bool {
        self.0.normalize().scale() <= minor_digits(currency)
    }

    /// So many major units more; the largest there is where that is beyond it.
    #[must_use]
    pub fn plus(self, major: i64) -> Self {
        Self(self.0.saturating_add(major.into()))
    }
}

/// The shortest decimal: `25`, `7.5`.
impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.normalize().fmt(f)
    }
}

/// The number of decimals that ISO 4217 gives a currency.
fn minor_digits(currency: &str) -> u32 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "UYI"
        | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        "CLF" | "UYW" => 4,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_read_exactly() {
        let shown = |number| Price::parse(number).map(|price| price.to_string());
        assert_eq!(shown("25").as_deref(), Some("25"));
        assert_eq!(shown("1e2").as_deref(), Some("100"));
        assert_eq!(shown("2.50E1").as_deref(), Some("25"));
        assert_eq!(shown("0.10").as_deref(), Some("0.1"));
        assert_eq!(shown("-0.5").as_deref(), Some("-0.5"));
        assert_eq!(shown("1e-7"), None);
        assert_eq!(shown("1e99"), None);
        assert_eq!(shown("0.30000000000000004"), None);
        assert_eq!(shown("100000000000000.01").as_deref(), Some("100000000000000.01"));
        assert_eq!(shown("\"25\""), None);
    }

    #[test]
    fn minor_units_depend_on_the_currency() {
        assert_eq!(Price::of_minor(2500, "EUR"), Price::parse("25").unwrap());
        assert_eq!(Price::of_minor(2500, "JPY"), Price::parse("2500").unwrap());
        assert!(Price::parse("0.01").unwrap().fits("GBP"));
        assert!(!Price::parse("0.001").unwrap().fits("GBP"));
        assert_eq!(Price::of_minor(2500, "EUR").plus(-1).to_string(), "24");
    }
}
