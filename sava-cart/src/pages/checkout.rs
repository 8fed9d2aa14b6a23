//! The checkout: one form, and every way in which it can come back.

use std::{sync::Arc, time::Duration};

use askama::Template;
use axum::{
    Extension,
    extract::{State, rejection::FormRejection},
    http::{HeaderValue, StatusCode, header},
    response::Response,
};

use super::{
    error_page::ErrorPage,
    form::Form,
    layout::{Alert, Layout, Link},
    text::{Align, Table},
    visit::{
        Visit,
        answer::{CachePolicy, Page, X_SAVA_PRODUCT_FAULT},
        frame::Section,
    },
};
use crate::{
    address::{Field, FieldErrors, country::Country},
    cart::{Cart, CartLine},
    catalog::Listing,
    checkout::{Checkout, CheckoutForm, Outcome, Reason},
    checkout_limit::CheckoutLimit,
    money::Money,
    orders::{
        Order,
        form_key::{is_form_key, new_form_key},
    },
    pending,
    quote::Quote,
    reference::Route,
    release::Feature,
    shopper::ShopperId,
    state::{AppState, Parts},
};

#[derive(Template)]
#[template(path = "checkout.html")]
struct CheckoutPage {
    layout: Layout,
    alert: Option<Alert>,
    mistakes: Vec<InputError>,
    action: String,
    rows: Vec<Vec<Control>>,
    lines: Vec<CheckoutRow>,
    total: String,
    /// The form's hidden fields, whatever the release: its key, and the prices that the shopper sees.
    key: String,
    seen: String,
    /// None where no order can be placed before the cart is changed.
    button: Option<&'static str>,
}

/// A line of the error summary.
struct InputError {
    field: &'static str,
    text: String,
}

/// A field of the form, ready to show.
struct Control {
    name: &'static str,
    label: &'static str,
    kind: &'static str,
    autocomplete: &'static str,
    longest: usize,
    required: bool,
    /// Whether it takes a code: a few letters and digits, and no word.
    is_code: bool,
    hint: Option<String>,
    wrong: Option<String>,
    described: Option<String>,
    value: String,
}

struct CheckoutRow {
    quantity: u32,
    title: String,
    sum: String,
}

/// `GET /checkout`
pub(crate) async fn show_checkout(Extension(visit): Extension<Visit>) -> Response {
    if visit.cart.is_empty() {
        return visit.see(Route::Cart, None);
    }
    let listing = visit.products_to_order().await;
    let key = visit.pending_key().unwrap_or_else(new_form_key);
    let form = CheckoutForm { key, ..CheckoutForm::default() };
    // The cookie comes with the form and not with the order: of two that are sent at once, both have it.
    let shopper = visit.shopper().unwrap_or_default();
    let page = Attempt { visit: &visit, listing: &listing, form: &form }.page(
        StatusCode::OK,
        None,
        &FieldErrors::new(),
    );
    remember(&visit, &shopper, visit.show(StatusCode::OK, CachePolicy::NoStore, &page))
}

/// `POST /checkout`
pub(crate) async fn place_order(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    Extension(limit): Extension<Arc<CheckoutLimit>>,
    form: Result<Form<CheckoutForm>, FormRejection>,
) -> Result<Response, ErrorPage> {
    let Form(mut form) = form?;
    let shopper = visit.shopper().unwrap_or_default();
    let pending = visit.pending_key();
    if let Some(key) = &pending {
        // Whatever form it is by now: it is for the same cart, and so for the same order.
        form.key.clone_from(key);
    }
    let Parts { catalog, orders, release, metrics, .. } = &*state;
    let checkout = Checkout { catalog, orders, release, client: visit.client(), limit: &limit, metrics };
    let (reason, listing) = match checkout.submit(&shopper, &visit.cart, &form).await {
        Outcome::Placed(order) => {
            let mut response = placed(&visit, &shopper, &order);
            if pending.is_some() {
                response.headers_mut().append(header::SET_COOKIE, pending::forget(visit.cookies()));
            }
            return Ok(response);
        }
        Outcome::EmptyCart => return Ok(visit.see(Route::Cart, None)),
        Outcome::Broken => return Err(ErrorPage::Broken),
        // This try has placed nothing; of the one before it is not known.
        Outcome::NotPlaced(Reason::OrdersUnavailable, listing) if pending.is_some() => {
            (Reason::Unknown, listing)
        }
        Outcome::NotPlaced(reason, listing) => (reason, listing),
    };
    if reason == Reason::FormUsed || !is_form_key(&form.key) {
        form.key = new_form_key();
    }
    let attempt = Attempt { visit: &visit, listing: &listing, form: &form };
    let mut response = attempt.answer(&reason);
    if reason == Reason::Unknown {
        let pending = pending::set_cookie(visit.cookies(), &form.key, &visit.cart);
        response.headers_mut().append(header::SET_COOKIE, pending);
    }
    Ok(remember(&visit, &shopper, response))
}

/// The way to the order's page. The cart is emptied if it is what was ordered: after the back button it may hold
/// something new.
fn placed(visit: &Visit, shopper: &ShopperId, order: &Order) -> Response {
    let mut response = visit.see(Route::Order(&order.number), None);
    let is_ordered = visit.cart.lines().len() == order.lines.len()
        && order.lines.iter().all(|line| visit.cart.quantity(line.id) == line.quantity);
    if is_ordered {
        let empty = Cart::default().set_cookie(visit.cookies());
        response.headers_mut().append(header::SET_COOKIE, empty);
    }
    remember(visit, shopper, response)
}

fn remember(visit: &Visit, shopper: &ShopperId, mut response: Response) -> Response {
    response.headers_mut().append(header::SET_COOKIE, shopper.set_cookie(visit.cookies()));
    response
}

/// What differs from what the shopper saw, in a sentence or two.
fn changed(visit: &Visit, listing: &Listing, now: &Quote, seen_total: Option<Money>) -> Alert {
    if !now.missing.is_empty() {
        let title_of = |line: &CartLine| visit.title_of_gone(line.id);
        let names: Vec<_> = now.missing.iter().map(title_of).collect();
        let (title, is) = if names.len() == 1 {
            ("Something in your cart is gone", "is")
        } else {
            ("Some things in your cart are gone", "are")
        };
        let text = format!(
            "{} {is} no longer for sale. Nothing has been ordered: go back to the cart and remove what is gone.",
            names.join(", ")
        );
        return Alert { title: title.to_owned(), text, link: None };
    }
    let (title, text) = match seen_total.filter(|seen| *seen != now.total) {
        Some(seen) => (
            "The price has changed",
            format!(
                "It was {} when you last looked, and is {} now. Nothing has been ordered yet.",
                listing.list.store.format(seen),
                now.total_text
            ),
        ),
        None => (
            "Your order has changed",
            format!(
                "It is not what you last saw: the total is {} now. Nothing has been ordered yet.",
                now.total_text
            ),
        ),
    };
    Alert { title: title.to_owned(), text, link: None }
}

fn unconfirmed() -> Alert {
    Alert {
        title: "We cannot confirm the prices just now".to_owned(),
        text: "Our product service does not answer, and we sell at no price that we cannot stand by. Nothing has \
               been ordered. Your cart is safe: please try again in a minute."
            .to_owned(),
        link: None,
    }
}

fn unkept() -> Alert {
    Alert {
        title: "We cannot take orders just now".to_owned(),
        text: "We could not keep your order safe, so we did not take it. Your cart is as it was: please try again in \
               a minute."
            .to_owned(),
        link: None,
    }
}

fn unknown(visit: &Visit) -> Alert {
    Alert {
        title: "We do not know whether your order was placed".to_owned(),
        text: "Our order book fell silent while we were writing your order into it. Please look at your orders in a \
               minute, or try again here: however often you do, this cart is ordered once."
            .to_owned(),
        link: Some(Link {
            href: visit.to(Route::Orders),
            name: "Your orders".to_owned(),
            ..Link::default()
        }),
    }
}

fn too_many(wait: Duration) -> Alert {
    let seconds = whole_seconds(wait);
    let (count, unit) = if seconds < 120 { (seconds, "second") } else { (seconds.div_ceil(60), "minute") };
    let plural = if count == 1 { "" } else { "s" };
    Alert {
        title: "That is more orders than we take at once".to_owned(),
        text: format!(
            "So many have come from where you are that we did not take this one. Nothing is lost: your cart and what \
             you filled in are here. Please try again in {count} {unit}{plural}."
        ),
        link: None,
    }
}

/// A wait as `Retry-After` has it (RFC 9110 §10.2.3).
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

fn used() -> Alert {
    Alert {
        title: "This form has been used already".to_owned(),
        text: "It placed an order from another browser. Nothing has been ordered from this one: to do so, place the \
               order again."
            .to_owned(),
        link: None,
    }
}

/// A shopper's try at the form.
struct Attempt<'a> {
    visit: &'a Visit,
    listing: &'a Listing,
    form: &'a CheckoutForm,
}

impl Attempt<'_> {
    /// The form again, and why it has placed no order.
    fn answer(&self, reason: &Reason) -> Response {
        let none = FieldErrors::new();
        let quote = Quote::new(&self.visit.cart, self.listing);
        let (status, alert, mistakes) = match reason {
            Reason::Invalid(mistakes) => (StatusCode::UNPROCESSABLE_ENTITY, None, mistakes),
            Reason::Changed { seen_total } => {
                let alert = changed(self.visit, self.listing, &quote, *seen_total);
                (StatusCode::CONFLICT, Some(alert), &none)
            }
            Reason::FormUsed => (StatusCode::CONFLICT, Some(used()), &none),
            Reason::PricesUnconfirmed => (StatusCode::SERVICE_UNAVAILABLE, Some(unconfirmed()), &none),
            Reason::OrdersUnavailable => (StatusCode::SERVICE_UNAVAILABLE, Some(unkept()), &none),
            Reason::TooMany(wait) => (StatusCode::TOO_MANY_REQUESTS, Some(too_many(*wait)), &none),
            Reason::Unknown => (StatusCode::SERVICE_UNAVAILABLE, Some(unknown(self.visit)), &none),
        };
        let page = self.page(status, alert, mistakes);
        let mut response = self.visit.show(status, CachePolicy::NoStore, &page);
        let headers = response.headers_mut();
        let retry_after = match reason {
            Reason::TooMany(wait) => Some(whole_seconds(*wait)),
            _ => (status == StatusCode::SERVICE_UNAVAILABLE).then_some(5),
        };
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if *reason == Reason::PricesUnconfirmed {
            // What stopped this order is the product service's fault, and not this release's.
            let fault = HeaderValue::from_static("unconfirmed prices");
            headers.entry(X_SAVA_PRODUCT_FAULT).or_insert(fault);
        }
        response
    }

    fn page(&self, status: StatusCode, alert: Option<Alert>, mistakes: &FieldErrors) -> CheckoutPage {
        let quote = Quote::new(&self.visit.cart, self.listing);
        let lines = quote.lines.iter().map(|line| CheckoutRow {
            quantity: line.quantity,
            title: line.product.title.clone(),
            sum: line.total_text.clone(),
        });
        let missing = quote.missing.iter().map(|line| CheckoutRow {
            quantity: line.quantity,
            title: self.visit.title_of_gone(line.id),
            sum: if self.listing.is_fresh() { "no longer for sale" } else { "not known now" }.to_owned(),
        });
        let button = match status {
            StatusCode::CONFLICT if self.listing.is_fresh() && !quote.missing.is_empty() => None,
            StatusCode::CONFLICT => Some("Place the order at this price"),
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => Some("Try again"),
            _ => Some("Place the order"),
        };
        CheckoutPage {
            layout: self.visit.layout(Section::Elsewhere, Some(self.listing)),
            mistakes: mistakes
                .iter()
                .map(|(field, text)| InputError { field: field.name(), text: text.clone() })
                .collect(),
            action: self.visit.to(Route::Checkout),
            rows: self.rows(mistakes),
            lines: lines.chain(missing).collect(),
            total: quote.total_text.clone(),
            key: self.form.key.clone(),
            seen: quote.seen(),
            button,
            alert,
        }
    }

    fn rows(&self, mistakes: &FieldErrors) -> Vec<Vec<Control>> {
        let Country { postcode_label, postcode_example, county_label, .. } = self.listing.list.store.country;
        let form = &self.form.address;
        let control = |field: Field, label, autocomplete, value: &str| {
            let wrong = mistakes.get(&field).cloned();
            let hint = (field == Field::Postcode && !postcode_example.is_empty())
                .then(|| format!("For example {postcode_example}"));
            let name = field.name();
            let parts = [
                hint.as_ref().map(|_| format!("{name}-hint")),
                wrong.as_ref().map(|_| format!("{name}-wrong")),
            ];
            let described: Vec<_> = parts.into_iter().flatten().collect();
            Control {
                name,
                label,
                kind: if field == Field::Email { "email" } else { "text" },
                autocomplete,
                longest: field.max_chars(),
                required: !matches!(field, Field::County | Field::Note),
                is_code: field == Field::Postcode,
                hint,
                wrong,
                described: (!described.is_empty()).then(|| described.join(" ")),
                value: value.to_owned(),
            }
        };
        let mut rows = vec![
            vec![control(Field::Name, "Name", "name", &form.name)],
            vec![control(Field::Email, "E-mail", "email", &form.email)],
            vec![control(Field::Address, "Address", "address-line1", &form.address)],
            vec![
                control(Field::Town, "Town or city", "address-level2", &form.town),
                control(Field::County, county_label, "address-level1", &form.county),
            ],
            vec![control(Field::Postcode, postcode_label, "postal-code", &form.postcode)],
        ];
        if self.visit.has(Feature::Note) {
            rows.push(vec![control(Field::Note, "Note for the courier", "off", &self.form.note)]);
        }
        rows
    }
}

impl Page for CheckoutPage {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn text(&self) -> String {
        let alert = self.alert.as_ref().map_or_else(String::new, Alert::as_text);
        let mistakes: Vec<_> = self
            .mistakes
            .iter()
            .map(|mistake| {
                format!(
                    "{}: {}
",
                    mistake.field, mistake.text
                )
            })
            .collect();
        let mut table =
            Table::new(vec![("PIECES", Align::Right), ("PRODUCT", Align::Left), ("SUM", Align::Right)]);
        for line in &self.lines {
            table.row([line.quantity.to_string(), line.title.clone(), line.sum.clone()]);
        }
        table.row([String::new(), "Total".to_owned(), self.total.clone()]);
        let fields: Vec<_> = self.rows.iter().flatten().map(|control| control.name).collect();
        format!(
            "{alert}{}{table}\nVAT included. Place the order: POST to {}\n  {}\n  key={}\n  seen={}\n",
            mistakes.concat(),
            self.action,
            fields.join(", "),
            self.key,
            self.seen
        )
    }
}
