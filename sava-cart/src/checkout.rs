//! Checkout: the form that orders a cart, and what becomes of a shopper's wish to order.

use std::time::Duration;

use serde::Deserialize;
use time::OffsetDateTime;

use crate::{
    address::{Address, AddressForm, Field, FieldErrors, country::Country, tidy},
    cart::Cart,
    catalog::{Catalog, Listing, ProductId},
    checkout_limit::CheckoutLimit,
    client::Client,
    metrics::ShopMetrics,
    money::Money,
    orders::{NotPlaced, Order, OrderLine, Orders, Placed, form_key::is_form_key},
    quote::{Quote, seen_total},
    release::{Feature, Release},
    shopper::ShopperId,
};

/// The form of the checkout, as a browser sends it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct CheckoutForm {
    #[serde(flatten)]
    pub address: AddressForm,
    /// For the courier; forms of older releases have none.
    pub note: String,
    /// What makes this form place one order and not two: from [`crate::orders::form_key`].
    pub key: String,
    /// The prices that the shopper saw: [`Quote::seen`].
    pub seen: String,
}

impl CheckoutForm {
    /// Where the order goes, and the note for the courier: an empty one where `release` takes none.
    ///
    /// # Errors
    /// The text of every field that is wrong.
    fn delivery(&self, country: &Country, release: &Release) -> Result<(Address, String), FieldErrors> {
        let note = if release.has(Feature::Note) { tidy(&self.note) } else { String::new() };
        match (self.address.address(country), Field::Note.too_long(&note)) {
            (Ok(address), None) => Ok((address, note)),
            (address, wrong) => {
                let mut errors = address.err().unwrap_or_default();
                errors.extend(wrong.map(|text| (Field::Note, text)));
                Err(errors)
            }
        }
    }
}

/// What became of a shopper's wish to order.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// The order is placed, by this form now or before: 303 to its page, and the cart is empty.
    Placed(Box<Order>),
    /// Nothing is in the cart: 303 to the cart.
    EmptyCart,
    /// This release fails at checkout, on purpose: 500.
    Broken,
    /// This form has placed no order: the form again, at the prices of the listing that this was decided on.
    NotPlaced(Reason, Listing),
}

/// Why a form has placed no order; the cart stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The form has mistakes: 422, and the texts beside their fields.
    Invalid(FieldErrors),
    /// The prices or the lines are not those that the shopper saw: 409.
    Changed {
        /// What the shopper saw; `None` where the form did not say.
        seen_total: Option<Money>,
    },
    /// sava-product is away, so prices cannot be confirmed: 503.
    PricesUnconfirmed,
    /// The orders' database cannot be written, and this try has placed nothing: 503.
    OrdersUnavailable,
    /// The order was sent to the database, and whether it is there is not known: 503, and with the same form's key
    /// another try is the same order.
    Unknown,
    /// The client has placed as many orders as it may for now: 429, and how long it has to wait.
    TooMany(Duration),
    /// This form has placed another browser's order: 409, and a new form.
    FormUsed,
}

impl Outcome {
    /// As metrics say it.
    const fn label(&self) -> &'static str {
        match self {
            Self::Placed(_) => "placed",
            Self::EmptyCart => "empty_cart",
            Self::Broken => "broken",
            Self::NotPlaced(reason, _) => match reason {
                Reason::Invalid(_) => "invalid",
                Reason::Changed { .. } => "changed",
                Reason::PricesUnconfirmed => "prices_unconfirmed",
                Reason::OrdersUnavailable => "orders_unavailable",
                Reason::Unknown => "unknown",
                Reason::TooMany(_) => "too_many",
                Reason::FormUsed => "form_used",
            },
        }
    }
}

/// What takes a shopper's order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Checkout<'a> {
    /// Where the prices come from.
    pub catalog: &'a Catalog,
    pub orders: &'a Orders,
    /// The release of the store front: the checkout of a bad one fails.
    pub release: &'a Release,
    /// Who orders, and how much one may.
    pub client: Client,
    pub limit: &'a CheckoutLimit,
    /// Where the outcome is counted.
    pub metrics: &'a ShopMetrics,
}

impl Checkout<'_> {
    /// Takes a shopper's order: by the cart that they have, the form that they sent and the prices of now.
    pub(crate) async fn submit(&self, shopper: &ShopperId, cart: &Cart, form: &CheckoutForm) -> Outcome {
        let outcome = self.decide(shopper, cart, form).await;
        self.metrics.checked_out(outcome.label());
        outcome
    }

    async fn decide(&self, shopper: &ShopperId, cart: &Cart, form: &CheckoutForm) -> Outcome {
        if self.release.checkout_fails {
            tracing::error!(
                release = self.release.version,
                "checkout failed: this release is bad on purpose"
            );
            return Outcome::Broken;
        }
        // Asked first: after a double click or the back button the cart is empty and prices may differ, but the order
        // is placed.
        let reason = match self.orders.placed_by(shopper, &form.key).await {
            Ok(Some(Placed::New(order) | Placed::Before(order))) => return Outcome::Placed(Box::new(order)),
            Ok(Some(Placed::Foreign)) => Some(Reason::FormUsed),
            Ok(None) if cart.is_empty() => return Outcome::EmptyCart,
            Ok(None) => None,
            Err(error) => Some(Reason::of(&NotPlaced::Refused(error))),
        };
        // The only time: what is decided, said and shown is all of this listing.
        let listing = self.catalog.products(cart.ids()).await;
        let placed = match reason {
            Some(reason) => Err(reason),
            None => self.order(&listing, shopper, cart, form).await,
        };
        match placed {
            Ok(order) => Outcome::Placed(Box::new(order)),
            Err(reason) => Outcome::NotPlaced(reason, listing),
        }
    }

    async fn order(
        &self,
        listing: &Listing,
        shopper: &ShopperId,
        cart: &Cart,
        form: &CheckoutForm,
    ) -> Result<Order, Reason> {
        let delivery = form.delivery(&listing.list.store.country, self.release).map_err(Reason::Invalid)?;
        let has_only_fruit = cart.lines().iter().all(|line| matches!(line.id, ProductId::Fruit(_)));
        if !listing.is_fresh() && !has_only_fruit {
            return Err(Reason::PricesUnconfirmed);
        }
        let quote = Quote::new(cart, listing);
        if !quote.missing.is_empty() || quote.seen() != form.seen || !is_form_key(&form.key) {
            return Err(Reason::Changed { seen_total: seen_total(&form.seen) });
        }
        self.limit.take_one(self.client).map_err(Reason::TooMany)?;
        let order = new_order(listing, quote, shopper, form, delivery);
        match self.orders.place(order).await {
            Ok(Placed::New(order) | Placed::Before(order)) => Ok(order),
            Ok(Placed::Foreign) => Err(Reason::FormUsed),
            Err(error) => Err(Reason::of(&error)),
        }
    }
}

impl Reason {
    fn of(error: &NotPlaced) -> Self {
        tracing::error!(%error, "an order could not be placed");
        match error {
            NotPlaced::Refused(_) => Self::OrdersUnavailable,
            NotPlaced::Unknown(_) => Self::Unknown,
        }
    }
}

fn new_order(
    listing: &Listing,
    quote: Quote,
    shopper: &ShopperId,
    form: &CheckoutForm,
    (address, note): (Address, String),
) -> Order {
    let lines = quote.lines.into_iter().map(|line| OrderLine {
        id: line.product.id,
        title: line.product.title,
        quantity: line.quantity,
        price: line.product.price,
    });
    Order {
        number: Order::new_number(&listing.list.store.locale),
        locale: listing.list.store.locale.clone(),
        shopper: shopper.token().to_owned(),
        form_key: form.key.clone(),
        placed_at: to_the_millisecond(OffsetDateTime::now_utc()),
        address,
        note,
        lines: lines.collect(),
        total: quote.total,
    }
}

/// Databases keep milliseconds; so that an order reads the same before and after.
fn to_the_millisecond(time: OffsetDateTime) -> OffsetDateTime {
    time.replace_millisecond(time.millisecond()).unwrap_or(time)
}
