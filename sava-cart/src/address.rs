//! The address of an order: the form that a shopper fills in, its rules, and an address without mistakes.

pub(crate) mod country;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use self::country::Country;

/// The address in the checkout's form, as a browser sends it. Unknown fields are ignored and missing ones are empty:
/// forms of one release are sent to every other.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct AddressForm {
    pub name: String,
    pub email: String,
    /// House and street.
    pub address: String,
    pub town: String,
    /// County; optional.
    pub county: String,
    /// Postcode, Eircode, …
    pub postcode: String,
}

/// A field of the form, by the name of its control.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Field {
    Name,
    Email,
    Address,
    Town,
    County,
    Postcode,
    /// For the courier; optional, and no part of the address.
    Note,
}

impl Field {
    /// The name of its control.
    #[must_use]
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Email => "email",
            Self::Address => "address",
            Self::Town => "town",
            Self::County => "county",
            Self::Postcode => "postcode",
            Self::Note => "note",
        }
    }

    /// The most characters that it takes.
    #[must_use]
    pub(crate) const fn max_chars(self) -> usize {
        match self {
            Self::Email => 254,
            Self::Address | Self::Note => 200,
            Self::Name | Self::Town | Self::County | Self::Postcode => 100,
        }
    }

    /// What to tell a shopper whose text is longer than the field takes.
    #[must_use]
    pub(crate) fn too_long(self, text: &str) -> Option<String> {
        let max_chars = self.max_chars();
        (text.chars().count() > max_chars).then(|| format!("Use at most {max_chars} characters"))
    }
}

/// What is wrong with the form, field by field in the form's order; each text is for the shopper.
pub(crate) type FieldErrors = BTreeMap<Field, String>;

/// Where an order goes: a form without mistakes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Address {
    pub name: String,
    pub email: String,
    /// House and street.
    #[serde(rename = "address")]
    pub street: String,
    pub town: String,
    /// County; empty where none was given.
    pub county: String,
    /// Written as the country writes it.
    pub postcode: String,
}

impl AddressForm {
    /// The address in the form.
    ///
    /// # Errors
    /// The text of every field that is wrong.
    pub(crate) fn address(&self, country: &Country) -> Result<Address, FieldErrors> {
        let mut errors = FieldErrors::new();
        let mut required = |field: Field, text: &str, missing: &str| {
            let text = tidy(text);
            if text.is_empty() && !missing.is_empty() {
                errors.insert(field, missing.to_owned());
            } else if let Some(too_long) = field.too_long(&text) {
                errors.insert(field, too_long);
            }
            text
        };
        let name = required(Field::Name, &self.name, "Enter your name");
        let email = required(Field::Email, &self.email, "Enter your e-mail address");
        let street = required(Field::Address, &self.address, "Enter your address");
        let town = required(Field::Town, &self.town, "Enter your town or city");
        let county_or_region = required(Field::County, &self.county, "");
        if !is_email(&email) {
            let text = "Enter an e-mail address, like aoife@example.ie";
            errors.entry(Field::Email).or_insert_with(|| text.to_owned());
        }
        let postcode = country.postcode(&self.postcode).unwrap_or_else(|text| {
            errors.insert(Field::Postcode, text.into_owned());
            String::new()
        });
        if errors.is_empty() {
            Ok(Address { name, email, street, town, county: county_or_region, postcode })
        } else {
            Err(errors)
        }
    }
}

/// One line of text: what no person can see or type is left out, and white space is one space.
pub(crate) fn tidy(text: &str) -> String {
    let words: Vec<String> = text
        .split_whitespace()
        .map(|word| word.chars().filter(|c| !c.is_control()).collect::<String>())
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ")
}

/// A valid e-mail address as browsers see it (HTML, §4.10.5.1.5), with a dot in its domain, for orders do not go to
/// machines of one's own network.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let is_local = !local.is_empty()
        && local.bytes().all(|b| b.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&b));
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    is_local && domain.contains('.') && domain.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> AddressForm {
        AddressForm {
            name: " Aoife  Ní Bhriain ".to_owned(),
            email: "aoife@example.ie".to_owned(),
            address: "1 Main Street".to_owned(),
            town: "Dublin".to_owned(),
            county: String::new(),
            postcode: "d02x285".to_owned(),
        }
    }

    #[track_caller]
    fn errors(form: &AddressForm) -> Vec<(&'static str, String)> {
        let errors = form.address(&Country::of_region("IE")).unwrap_err();
        errors.into_iter().map(|(field, text)| (field.name(), text)).collect()
    }

    #[test]
    fn addresses_are_tidied() {
        let address = form().address(&Country::of_region("IE")).unwrap();
        assert_eq!((address.name.as_str(), address.postcode.as_str()), ("Aoife Ní Bhriain", "D02 X285"));
    }

    #[test]
    fn an_empty_form_has_an_error_beside_every_required_field() {
        let names: Vec<_> = errors(&AddressForm::default()).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["name", "email", "address", "town", "postcode"]);
    }

    #[test]
    fn fields_are_bounded() {
        let long = AddressForm { town: "x".repeat(101), county: "y".repeat(101), ..form() };
        let text = "Use at most 100 characters".to_owned();
        assert_eq!(errors(&long), [("town", text.clone()), ("county", text)]);
    }

    #[test]
    fn control_characters_do_not_come_through() {
        let address = AddressForm { name: "A\u{0}\u{7}b\r\nc\u{1b}".to_owned(), ..form() };
        assert_eq!(address.address(&Country::of_region("IE")).unwrap().name, "Ab c");
        let nothing = AddressForm { name: "\u{0}\u{1} \u{2}".to_owned(), ..form() };
        assert_eq!(errors(&nothing)[0].0, "name");
    }

    #[test]
    fn mail_addresses_are_judged_as_browsers_do() {
        for good in ["a@b.ie", "first.last+tag@sub.example.co.uk", "x_y@a-b.io"] {
            assert!(is_email(good), "{good}");
        }
        for bad in
            ["", "a", "a@", "@b.ie", "a@b", "a@b..ie", "a@-b.ie", "a b@c.ie", "a@b.ie ", "a@b@c.ie", "é@b.ie"]
        {
            assert!(!is_email(bad), "{bad}");
        }
    }
}
