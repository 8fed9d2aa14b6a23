//! Checkout: the form with its rules, the price as it is now, and what becomes of a shopper's wish to order.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{
    cart::Cart,
    catalog::{Listing, Product, ProductId},
    cookies::random_hex,
    country::Country,
    money::Money,
    orders::{Order, OrderLine, Placed, Unavailable},
    shopper::Shopper,
    state::AppState,
};

/// The form of the checkout, as a browser sends it. Unknown fields are ignored and missing ones are empty: forms of
/// one release are sent to every other.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Form {
    /// The shopper's full name.
    pub name: String,
    /// The shopper's e-mail address.
    pub email: String,
    /// House and street.
    pub address: String,
    /// Town or city.
    pub town: String,
    /// County; optional.
    pub county: String,
    /// Postcode, Eircode, …
    pub postcode: String,
    /// What makes this form place one order and not two: from [`new_form_key`].
    pub key: String,
    /// The prices that the shopper saw: [`Quote::seen`].
    pub seen: String,
}

/// A field of the form, by the name of its control.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// `name`
    Name,
    /// `email`
    Email,
    /// `address`
    Address,
    /// `town`
    Town,
    /// `county`
    County,
    /// `postcode`
    Postcode,
}

impl Field {
    /// The name of its control.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Email => "email",
            Self::Address => "address",
            Self::Town => "town",
            Self::County => "county",
            Self::Postcode => "postcode",
        }
    }

    /// The most characters that it takes.
    #[must_use]
    pub const fn max_chars(self) -> usize {
        match self {
            Self::Email => 254,
            Self::Address => 200,
            Self::Name | Self::Town | Self::County | Self::Postcode => 100,
        }
    }
}

/// What is wrong with the form, field by field in the form's order; each text is for the shopper.
pub type FieldErrors = BTreeMap<Field, String>;

/// Where an order goes: a form without mistakes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// The shopper's full name.
    pub name: String,
    /// The shopper's e-mail address.
    pub email: String,
    /// House and street.
    pub address: String,
    /// Town or city.
    pub town: String,
    /// County; empty where none was given.
    pub county: String,
    /// Written as the country writes it.
    pub postcode: String,
}

impl Form {
    /// The address in the form.
    ///
    /// # Errors
    /// The text of every field that is wrong.
    pub fn address(&self, country: &Country) -> Result<Address, FieldErrors> {
        let mut errors = FieldErrors::new();
        let mut required = |field: Field, text: &str, missing: &str| {
            let text = tidy(text);
            if text.is_empty() && !missing.is_empty() {
                errors.insert(field, missing.to_owned());
            } else if text.chars().count() > field.max_chars() {
                errors.insert(field, format!("Use at most {} characters", field.max_chars()));
            }
            text
        };
        let name = required(Field::Name, &self.name, "Enter your name");
        let email = required(Field::Email, &self.email, "Enter your e-mail address");
        let address = required(Field::Address, &self.address, "Enter your address");
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
            Ok(Address { name, email, address, town, county: county_or_region, postcode })
        } else {
            Err(errors)
        }
    }
}

/// One line of text: what no person can see or type is left out, and white space is one space.
fn tidy(text: &str) -> String {
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

/// A key for a new form.
#[must_use]
pub fn new_form_key() -> String {
    random_hex::<16>()
}

/// Whether `text` is a key that [`new_form_key`] may have made: a form with any other needs a new one.
#[must_use]
pub fn is_form_key(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// A cart with the prices of a listing: what the cart and the checkout show.
#[derive(Clone, Debug, PartialEq)]
pub struct Quote {
    /// The lines whose product is in the listing.
    pub lines: Vec<QuoteLine>,
    /// The lines whose product is not: it is gone, or, where the listing is not fresh, its price is not known now.
    pub missing: Vec<crate::cart::Line>,
    /// What [`Self::lines`] cost, VAT included.
    pub total: Money,
    /// The total as the store's language writes it.
    pub total_text: String,
}

/// A line of a cart with its price.
#[derive(Clone, Debug, PartialEq)]
pub struct QuoteLine {
    /// What.
    pub product: Product,
    /// How many pieces.
    pub quantity: u32,
    /// What they cost.
    pub total: Money,
    /// The same, written as the store's language does.
    pub total_text: String,
}

impl Quote {
    /// The cart at the listing's prices.
    #[must_use]
    pub fn new(cart: &Cart, listing: &Listing) -> Self {
        let store = &listing.shelf.store;
        let mut quote = Self {
            lines: Vec::with_capacity(cart.lines().len()),
            missing: Vec::new(),
            total: Money::zero(store.currency),
            total_text: String::new(),
        };
        for line in cart.lines() {
            let product = listing.product(line.id);
            let total = product.map(|product| product.price.times(line.quantity));
            match (product, total.and_then(|total| quote.total.plus(total))) {
                (Some(product), Some(sum)) => {
                    let total = product.price.times(line.quantity);
                    quote.total = sum;
                    quote.lines.push(QuoteLine {
                        product: product.clone(),
                        quantity: line.quantity,
                        total,
                        total_text: store.format(total),
                    });
                }
                _ => quote.missing.push(*line),
            }
        }
        quote.total_text = store.format(quote.total);
        quote
    }

    /// The prices in a form's hidden field, so that the shopper orders what was shown and nothing else:
    /// `v1 EUR 3*2@2500 garlic*1@120`.
    #[must_use]
    pub fn seen(&self) -> String {
        let lines = self
            .lines
            .iter()
            .map(|line| format!(" {}*{}@{}", line.product.id, line.quantity, line.product.price.amount));
        std::iter::once(format!("v1 {}", self.total.currency)).chain(lines).collect()
    }
}

/// What became of a shopper's wish to order.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The order is placed, by this form now or before: 303 to its page, and the cart is empty.
    Placed(Box<Order>),
    /// The form has mistakes: 422, and the form again with the texts beside their fields.
    Invalid(FieldErrors),
    /// The prices or the lines are not those that the shopper saw: 409, and the form again with the new ones.
    Changed {
        /// What it costs now; its [`Quote::seen`] goes into the new form.
        now: Box<Quote>,
        /// What the shopper saw; `None` where the form did not say.
        seen_total: Option<Money>,
        /// The products that are not sold any more: their ids, to be removed from the cart. Titles are not known.
        gone: Vec<ProductId>,
    },
    /// Nothing is in the cart: 303 to the cart.
    EmptyCart,
    /// sava-product is away, so prices cannot be confirmed: 503; the cart stays.
    PricesUnconfirmed,
    /// The orders' database cannot be written: 503; the cart stays.
    OrdersUnavailable,
    /// This form has placed another browser's order: 409, and a new form.
    FormUsed,
    /// This release fails at checkout, on purpose: 500.
    Broken,
}

impl Outcome {
    /// As metrics say it.
    const fn label(&self) -> &'static str {
        match self {
            Self::Placed(_) => "placed",
            Self::Invalid(_) => "invalid",
            Self::Changed { .. } => "changed",
            Self::EmptyCart => "empty_cart",
            Self::PricesUnconfirmed => "prices_unconfirmed",
            Self::OrdersUnavailable => "orders_unavailable",
            Self::FormUsed => "form_used",
            Self::Broken => "broken",
        }
    }
}

/// Takes a shopper's order: by the cart that they have, the form that they sent and the prices of now.
pub async fn submit(state: &AppState, shopper: &Shopper, cart: &Cart, form: &Form) -> Outcome {
    let outcome = decide(state, shopper, cart, form).await;
    state.metrics.checked_out(outcome.label());
    outcome
}

async fn decide(state: &AppState, shopper: &Shopper, cart: &Cart, form: &Form) -> Outcome {
    if state.release.checkout_fails {
        tracing::error!(release = state.release.version, "checkout failed: this release is bad on purpose");
        return Outcome::Broken;
    }
    // Asked first: after a double click or the back button the cart is empty and prices may differ, but the order
    // is placed.
    match state.orders.placed_by(shopper, &form.key).await {
        Ok(Some(placed)) => return outcome_of(placed),
        Ok(None) => {}
        Err(error) => return unavailable(&error),
    }
    if cart.is_empty() {
        return Outcome::EmptyCart;
    }
    let listing = state.catalog.list().await;
    let address = match form.address(&listing.shelf.store.country) {
        Ok(address) => address,
        Err(errors) => return Outcome::Invalid(errors),
    };
    let has_only_fruit = cart.lines().iter().all(|line| matches!(line.id, ProductId::Fruit(_)));
    if !listing.is_fresh() && !has_only_fruit {
        return Outcome::PricesUnconfirmed;
    }
    let quote = Quote::new(cart, &listing);
    if !quote.missing.is_empty() || quote.seen() != form.seen || !is_form_key(&form.key) {
        let gone = quote.missing.iter().map(|line| line.id).collect();
        return Outcome::Changed { seen_total: seen_total(&form.seen), gone, now: Box::new(quote) };
    }
    let order = new_order(&listing, quote, shopper, form, address);
    match state.orders.place(order).await {
        Ok(placed) => outcome_of(placed),
        Err(error) => unavailable(&error),
    }
}

fn outcome_of(placed: Placed) -> Outcome {
    match placed {
        Placed::New(order) | Placed::Before(order) => Outcome::Placed(Box::new(order)),
        Placed::Foreign => Outcome::FormUsed,
    }
}

fn unavailable(error: &Unavailable) -> Outcome {
    tracing::error!(error = %error, "an order could not be placed");
    Outcome::OrdersUnavailable
}

fn new_order(listing: &Listing, quote: Quote, shopper: &Shopper, form: &Form, address: Address) -> Order {
    let lines = quote.lines.into_iter().map(|line| OrderLine {
        id: line.product.id,
        title: line.product.title,
        quantity: line.quantity,
        price: line.product.price,
    });
    Order {
        number: Order::new_number(&listing.shelf.store.locale),
        locale: listing.shelf.store.locale.clone(),
        shopper: shopper.token().to_owned(),
        form_key: form.key.clone(),
        placed_at: to_the_millisecond(OffsetDateTime::now_utc()),
        address,
        lines: lines.collect(),
        total: quote.total,
    }
}

/// Databases keep milliseconds; so that an order reads the same before and after.
fn to_the_millisecond(time: OffsetDateTime) -> OffsetDateTime {
    time.replace_millisecond(time.millisecond()).unwrap_or(time)
}

/// The total of [`Quote::seen`].
fn seen_total(seen: &str) -> Option<Money> {
    let mut words = seen.strip_prefix("v1 ")?.split(' ');
    let mut total = Money::zero(words.next()?.parse().ok()?);
    for line in words.take(crate::cart::MAX_LINES) {
        let (_, line) = line.split_once('*')?;
        let (quantity, amount) = line.split_once('@')?;
        let price = Money { amount: amount.parse().ok()?, ..total };
        total = total.plus(price.times(quantity.parse().ok()?))?;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        catalog::{Freshness, Fruit, Shelf, Store},
        money::Currency,
    };

    fn form() -> Form {
        Form {
            name: " Aoife  Ní Bhriain ".to_owned(),
            email: "aoife@example.ie".to_owned(),
            address: "1 Main Street".to_owned(),
            town: "Dublin".to_owned(),
            county: String::new(),
            postcode: "d02x285".to_owned(),
            ..Form::default()
        }
    }

    #[track_caller]
    fn errors(form: &Form) -> Vec<(&'static str, String)> {
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
        let names: Vec<_> = errors(&Form::default()).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["name", "email", "address", "town", "postcode"]);
    }

    #[test]
    fn fields_are_bounded() {
        let long = Form { town: "x".repeat(101), county: "y".repeat(101), ..form() };
        let text = "Use at most 100 characters".to_owned();
        assert_eq!(errors(&long), [("town", text.clone()), ("county", text)]);
    }

    #[test]
    fn control_characters_do_not_come_through() {
        let address = Form { name: "A\u{0}\u{7}b\r\nc\u{1b}".to_owned(), ..form() };
        assert_eq!(address.address(&Country::of_region("IE")).unwrap().name, "Ab c");
        let nothing = Form { name: "\u{0}\u{1} \u{2}".to_owned(), ..form() };
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

    #[test]
    fn a_quote_prices_what_is_there_and_names_what_is_not() {
        let shelf = Arc::new(Shelf::of_fruit(Store::default_of("ie")));
        let listing = Listing { shelf, freshness: Freshness::Fruit, served_by: None, fault: None };
        let mut cart = Cart::default();
        cart.add(ProductId::Fruit(Fruit::Apples), 3).unwrap();
        cart.add(ProductId::Product(7), 1).unwrap();
        cart.add(ProductId::Fruit(Fruit::Garlic), 1).unwrap();
        let quote = Quote::new(&cart, &listing);
        assert_eq!(quote.total_text, "€8.70");
        assert_eq!(quote.missing.iter().map(|line| line.id).collect::<Vec<_>>(), [ProductId::Product(7)]);
        assert_eq!(quote.seen(), "v1 EUR apples*3@250 garlic*1@120");
        assert_eq!(seen_total(&quote.seen()), Some(quote.total));
    }

    #[test]
    fn what_was_seen_is_read_carefully() {
        assert_eq!(seen_total("v1 EUR"), Some(Money::zero(Currency::EUR)));
        for odd in ["", "v2 EUR 3*1@2", "v1", "v1 XXX 3*1@2", "v1 EUR 3", "v1 EUR 3*1@x", "v1 EUR 3*-1@2"] {
            assert_eq!(seen_total(odd), None, "{odd}");
        }
        assert!(seen_total("v1 EUR 3*4294967295@9223372036854775807 3*1@9223372036854775807").is_some());
    }

    #[test]
    fn form_keys_are_random() {
        assert!(is_form_key(&new_form_key()));
        assert_ne!(new_form_key(), new_form_key());
        assert!(!is_form_key("") && !is_form_key(&"G".repeat(32)));
    }
}
