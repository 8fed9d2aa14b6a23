//! Exact decimal numbers, from the text of a file or a query to the text of an answer; never by way of binary floats.
//!
//! Not by `rust_decimal`, with which sava-cart and the contract read prices: of its 29 digits 18 places leave 11 before the
//! point, where a query may compare with 20, as in `1234567890123.000000000000000001`; it takes `1_000`, `.5` and `5.`,
//! which JSON does not have; and it has one error for `1e99`, which is the largest number here, and for `1e-40`, which is
//! a mistake. The 35 lines that read a number would be as many around it, and the type stays as large, 16 bytes.

use std::fmt;

/// How many decimal places a [`Decimal`] holds.
pub(crate) const PLACES: u32 = 18;

/// A decimal number with up to 18 places, between about ±1.7·10²⁰; larger ones become the largest there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Decimal(i128);

/// Why a text is no [`Decimal`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotDecimal {
    /// It is not a number at all.
    #[error("is not a number")]
    Malformed,
    /// It has more decimal places than are told apart.
    #[error("has more than 18 decimal places")]
    TooFine,
}

impl Decimal {
    /// `count` units of the decimal place `places`: 2500 of two places are 25. Beyond the largest number it is that.
    #[must_use]
    pub(crate) fn from_units(count: u64, places: u32) -> Self {
        Self(i128::from(count).saturating_mul(10_i128.pow(PLACES.saturating_sub(places))))
    }

    /// The number in units of the decimal place `places`; none where it is negative, has more places than that,
    /// or does not fit.
    #[must_use]
    pub(crate) fn units(self, places: u32) -> Option<u64> {
        let unit = 10_i128.pow(PLACES.saturating_sub(places));
        (self.0 % unit == 0).then(|| u64::try_from(self.0 / unit).ok())?
    }

    /// Whether it is less than zero.
    #[must_use]
    pub(crate) fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// Reads a number as JSON writes them (RFC 8259 §6), such as `25`, `9.99` or `1e2`.
    ///
    /// # Errors
    /// [`NotDecimal`] tells which rule the text breaks.
    pub(crate) fn parse(text: &str) -> Result<Self, NotDecimal> {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = text.split_once(['e', 'E']).map_or((text, None), |(m, e)| (m, Some(e)));
        let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(w, f)| (w, Some(f)));
        let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(whole) || fraction.is_some_and(|fraction| !is_number(fraction)) {
            return Err(NotDecimal::Malformed);
        }
        let exponent = exponent.map_or(Ok(0), parse_exponent)?;
        let fraction = fraction.unwrap_or_default();
        // The first digit counts units of 10 to the power of `place`.
        let mut place =
            i64::try_from(whole.len()).map_err(|_| NotDecimal::Malformed)?.saturating_add(exponent);
        let mut value: i128 = 0;
        for digit in whole.bytes().chain(fraction.bytes()).map(|byte| i128::from(byte - b'0')) {
            place = place.saturating_sub(1);
            if digit == 0 {
                continue;
            }
            let power = place.saturating_add(i64::from(PLACES));
            if power < 0 {
                return Err(NotDecimal::TooFine);
            }
            let unit = u32::try_from(power).ok().and_then(|power| 10_i128.checked_pow(power));
            value = unit.and_then(|unit| unit.checked_mul(digit)?.checked_add(value)).unwrap_or(i128::MAX);
        }
        Ok(Self(if negative { -value } else { value }))
    }
}

fn parse_exponent(text: &str) -> Result<i64, NotDecimal> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', ..] => (true, &text[1..]),
        [b'+', ..] => (false, &text[1..]),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NotDecimal::Malformed);
    }
    // An exponent of more digits than an i64 has is far beyond what is told apart anyway.
    let exponent: i64 = digits.parse().unwrap_or(i64::MAX / 4);
    Ok(if negative { -exponent } else { exponent })
}

/// The shortest text that reads as the same number: `25`, `9.9`.
impl fmt::Display for Decimal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one = 10_u128.pow(PLACES);
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, fraction) = (self.0.unsigned_abs() / one, self.0.unsigned_abs() % one);
        if fraction == 0 {
            return write!(formatter, "{sign}{whole}");
        }
        let digits = format!("{fraction:018}");
        write!(formatter, "{sign}{whole}.{}", digits.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(
            Decimal::parse(text).map(|decimal| decimal.to_string()).as_deref(),
            Ok(expected),
            "{text}"
        );
    }

    #[test]
    fn numbers_are_read_exactly() {
        check("25", "25");
        check("25.50", "25.5");
        check("0.1", "0.1");
        check("1e2", "100");
        check("1.25E+1", "12.5");
        check("250e-1", "25");
        check("-3.7", "-3.7");
        check("0e999999999999999999999", "0");
        check("-0", "0");
        check("1234567890123.000000000000000001", "1234567890123.000000000000000001");
    }

    #[test]
    fn other_text_is_refused() {
        for text in ["", "-", ".5", "5.", "abc", "1e", "1e+", "0x10", "1 ", "1,5", "NaN", "--1", "٣"] {
            assert_eq!(Decimal::parse(text), Err(NotDecimal::Malformed), "{text}");
        }
        assert_eq!(Decimal::parse("1e-19"), Err(NotDecimal::TooFine));
        assert_eq!(Decimal::parse("1e-99999999999999999999"), Err(NotDecimal::TooFine));
    }

    #[test]
    fn what_is_too_large_is_the_largest() {
        for text in ["1e99", "1e99999999999999999999", "9999999999999999999999999"] {
            assert_eq!(Decimal::parse(text), Ok(Decimal(i128::MAX)), "{text}");
        }
    }

    proptest! {
        #[test]
        fn units_come_back(count in 0..1_000_000_000_000_u64, places in 0..5_u32) {
            let decimal = Decimal::from_units(count, places);
            prop_assert_eq!(decimal.units(places), Some(count));
            prop_assert_eq!(Decimal::parse(&decimal.to_string()), Ok(decimal));
        }

        #[test]
        fn any_text_is_safe(text in "[-+.eE0-9]{0,40}") {
            let _ = Decimal::parse(&text);
        }
    }
}
