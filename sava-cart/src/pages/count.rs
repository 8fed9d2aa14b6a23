//! How many there are of something, as the words beside it are written: in English, whatever the store's language is.

use std::{fmt, sync::LazyLock};

use askama::filters::HtmlSafe;
use icu_decimal::{DecimalFormatter, input::Decimal, options::DecimalFormatterOptions};
use icu_locale_core::locale;

/// A number of things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count(u64);

static ENGLISH: LazyLock<DecimalFormatter> = LazyLock::new(|| {
    DecimalFormatter::try_new(locale!("en").into(), DecimalFormatterOptions::default())
        .expect("English is compiled in")
});

impl Count {
    #[must_use]
    pub(crate) const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Whether the word beside it is in the singular.
    #[must_use]
    pub(crate) const fn is_one(self) -> bool {
        self.0 == 1
    }
}

impl From<u32> for Count {
    fn from(number: u32) -> Self {
        Self(number.into())
    }
}

impl From<usize> for Count {
    fn from(number: usize) -> Self {
        Self(number as u64)
    }
}

impl fmt::Display for Count {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Nearly all are small, and a page has many.
        if self.0 < 1000 {
            self.0.fmt(formatter)
        } else {
            ENGLISH.format(&Decimal::from(self.0)).fmt(formatter)
        }
    }
}

/// Digits and commas.
impl HtmlSafe for Count {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_have_separators() {
        for (number, text) in [
            (0, "0"),
            (1, "1"),
            (999, "999"),
            (1000, "1,000"),
            (1_000_000, "1,000,000"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(Count::new(number).to_string(), text);
        }
    }
}
