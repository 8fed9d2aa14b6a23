//! What an address looks like in a country. The store's country is the region of its language tag (`en-IE` is IE).

use std::{borrow::Cow, sync::LazyLock};

use regex_lite::Regex;

/// The rules and labels of a country's addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Country {
    /// What its postcodes are called, as the label of the field.
    pub postcode_label: &'static str,
    /// An example that the field's hint shows; empty where there is none.
    pub postcode_example: &'static str,
    /// What its counties are called.
    pub county_label: &'static str,
    rule: CountryRule,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CountryRule {
    Eircode,
    UkPostcode,
    UsZip,
    Any,
}

/// A routing key and a unique identifier of the letters that Eircode uses; `D6W` is the one key that ends in a letter.
static EIRCODE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new("^([AC-FHKNPRTV-Y][0-9]{2}|D6W)([0-9AC-FHKNPRTV-Y]{4})$").expect("a constant expression")
});

/// The forms of BS 7666, with the Girobank's own.
static UK_POSTCODE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        "^(GIR|[A-PR-UWYZ]([0-9]{1,2}|[A-HK-Y][0-9]{1,2}|[0-9][A-HJKPSTUW]|[A-HK-Y][0-9][ABEHMNPRVWXY]))\
         ([0-9][ABD-HJLNP-UW-Z]{2})$",
    )
    .expect("a constant expression")
});

static US_ZIP: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("^([0-9]{5})-?([0-9]{4})?$").expect("a constant expression"));

impl Country {
    /// The rules of the country with the ISO 3166-1 code `region`; where none are known, lenient ones.
    #[must_use]
    pub fn of_region(region: &str) -> Self {
        match region {
            "IE" => Self {
                postcode_label: "Eircode",
                postcode_example: "D02 X285",
                county_label: "County",
                rule: CountryRule::Eircode,
            },
            "GB" => Self {
                postcode_label: "Postcode",
                postcode_example: "SW1A 1AA",
                county_label: "County",
                rule: CountryRule::UkPostcode,
            },
            "US" => Self {
                postcode_label: "ZIP code",
                postcode_example: "10001",
                county_label: "State",
                rule: CountryRule::UsZip,
            },
            _ => Self {
                postcode_label: "Postcode",
                postcode_example: "",
                county_label: "County or region",
                rule: CountryRule::Any,
            },
        }
    }

    /// The postcode as it is written in this country, or what is wrong with it, for the shopper. Case and spaces
    /// are forgiven.
    pub fn postcode(&self, text: &str) -> Result<String, Cow<'static, str>> {
        let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_uppercase();
        if compact.is_empty() {
            return Err(format!("Enter your {}", in_a_sentence(self.postcode_label)).into());
        }
        let parts = |pattern: &Regex, separator: &str| {
            let found = pattern.captures(&compact)?;
            let last = found.get(found.len() - 1);
            Some(last.map_or_else(
                || compact.clone(),
                |last| {
                    format!("{}{separator}{}", compact[..last.start()].trim_end_matches('-'), last.as_str())
                },
            ))
        };
        match self.rule {
            CountryRule::Eircode => {
                parts(&EIRCODE, " ").ok_or_else(|| "Enter an Eircode, like D02 X285".into())
            }
            CountryRule::UkPostcode => {
                parts(&UK_POSTCODE, " ").ok_or_else(|| "Enter a UK postcode, like SW1A 1AA".into())
            }
            CountryRule::UsZip => {
                parts(&US_ZIP, "-").ok_or_else(|| "Enter a ZIP code, like 10001 or 10001-2345".into())
            }
            CountryRule::Any => {
                let words: Vec<_> = text.split_whitespace().collect();
                let text = words.join(" ").to_uppercase();
                let fits = text.chars().count() <= 12
                    && text.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | '-'))
                    && text.chars().any(char::is_alphanumeric);
                if fits { Ok(text) } else { Err("Enter a postcode of at most 12 letters and digits".into()) }
            }
        }
    }
}

/// "Postcode" within a sentence is "postcode"; "Eircode" and "ZIP code" are names and stay.
fn in_a_sentence(label: &'static str) -> &'static str {
    if label == "Postcode" { "postcode" } else { label }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(region: &str, text: &str, expected: Option<&str>) {
        assert_eq!(Country::of_region(region).postcode(text).ok().as_deref(), expected, "{region} {text:?}");
    }

    #[test]
    fn eircodes_are_written_with_a_space() {
        check("IE", "d02x285", Some("D02 X285"));
        check("IE", " D02 X285 ", Some("D02 X285"));
        check("IE", "D6W XY00", Some("D6W XY00"));
        check("IE", "SW1A 1AA", None);
        check("IE", "B02 X285", None);
        check("IE", "D02 X28", None);
        check("IE", "D02 X285 9", None);
    }

    #[test]
    fn uk_postcodes_have_their_six_forms() {
        for text in ["M1 1AA", "M60 1NW", "CR2 6XH", "DN55 1PT", "W1A 1HQ", "EC1A 1BB", "GIR 0AA"] {
            check("GB", text, Some(text));
        }
        check("GB", "ec1a1bb", Some("EC1A 1BB"));
        check("GB", "D02 X285", None);
        check("GB", "EC1A 1B", None);
        check("GB", "QQ1 1AA", None);
    }

    #[test]
    fn zip_codes_have_five_or_nine_digits() {
        check("US", "10001", Some("10001"));
        check("US", "10001-2345", Some("10001-2345"));
        check("US", "100012345", Some("10001-2345"));
        check("US", "1000", None);
    }

    #[test]
    fn other_countries_are_lenient_but_bounded() {
        check("DE", "10115", Some("10115"));
        check("JP", "100-0001", Some("100-0001"));
        check("NL", "1012  js", Some("1012 JS"));
        check("DE", "<script>", None);
        check("DE", "1234567890123", None);
        check("DE", " - ", None);
    }

    #[test]
    fn an_empty_postcode_is_asked_for_by_its_name() {
        assert_eq!(Country::of_region("IE").postcode(" ").unwrap_err(), "Enter your Eircode");
        assert_eq!(Country::of_region("GB").postcode("").unwrap_err(), "Enter your postcode");
    }
}
