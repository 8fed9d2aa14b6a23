//! The checkout: one form, and every way in which it can come back.

use askama::Template;
use axum::{
    Extension,
    extract::{Form as FormBody, rejection::FormRejection},
    http::{StatusCode, header},
    response::Response,
};

use super::{
    cart::{Alert, missing_title, rejected, total},
    fault::Fault,
    layout::Layout,
    text::{Align, Table},
    visit::{Keep, Page, Section, Visit},
};
use crate::{
    cart::Cart,
    catalog::{Listing, ProductId},
    checkout::{self, Field, FieldErrors, Form, Outcome, Quote},
    country::Country,
    money::Money,
    orders::Order,
    reference::Route,
    shopper::Shopper,
};

#[derive(Template)]
#[template(path = "checkout.html")]
struct CheckoutPage {
    layout: Layout,
    alert: Option<Alert>,
    mistakes: Vec<Mistake>,
    action: String,
    rows: Vec<Vec<Control>>,
    lines: Vec<Line>,
    total: String,
    /// The form's hidden fields, whatever the release: its key, and the prices that the shopper sees.
    key: String,
    seen: String,
    /// None where no order can be placed before the cart is changed.
    button: Option<&'static str>,
}

/// A line of the error summary.
struct Mistake {
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
    short: bool,
    hint: Option<String>,
    wrong: Option<String>,
    described: Option<String>,
    value: String,
}

struct Line {
    quantity: u32,
    title: String,
    sum: String,
}

/// `GET /checkout`
pub async fn show_checkout(Extension(visit): Extension<Visit>) -> Response {
    if visit.cart.is_empty() {
        return visit.see(Route::Cart, None);
    }
    let listing = visit.state.catalog.list().await;
    let form = Form { key: checkout::new_form_key(), ..Form::default() };
    // The cookie comes with the form and not with the order: of two that are sent at once, both have it.
    let shopper = Shopper::read(&visit.state.cookies, &visit.headers).unwrap_or_default();
    let page = Attempt { visit: &visit, listing: &listing, form: &form }.page(
        StatusCode::OK,
        None,
        &FieldErrors::new(),
    );
    remember(&visit, &shopper, visit.show(StatusCode::OK, Keep::Nowhere, &page))
}

/// `POST /checkout`
pub async fn place_order(
    Extension(visit): Extension<Visit>,
    form: Result<FormBody<Form>, FormRejection>,
) -> Result<Response, Fault> {
    let FormBody(mut form) = form.map_err(rejected)?;
    let shopper = Shopper::read(&visit.state.cookies, &visit.headers).unwrap_or_default();
    let outcome = checkout::submit(&visit.state, &shopper, &visit.cart, &form).await;
    let is_unconfirmed = matches!(outcome, Outcome::PricesUnconfirmed);
    let (status, alert, mistakes) = match outcome {
        Outcome::Placed(order) => return Ok(placed(&visit, &shopper, &order)),
        Outcome::EmptyCart => return Ok(visit.see(Route::Cart, None)),
        Outcome::Broken => return Err(Fault::Broken),
        Outcome::Invalid(mistakes) => (StatusCode::UNPROCESSABLE_ENTITY, None, mistakes),
        Outcome::Changed { now, seen_total, gone } => {
            if !checkout::is_form_key(&form.key) {
                form.key = checkout::new_form_key();
            }
            let alert = changed(&visit, &now, seen_total, &gone).await;
            (StatusCode::CONFLICT, Some(alert), FieldErrors::new())
        }
        Outcome::PricesUnconfirmed => {
            (StatusCode::SERVICE_UNAVAILABLE, Some(unconfirmed()), FieldErrors::new())
        }
        Outcome::OrdersUnavailable => (StatusCode::SERVICE_UNAVAILABLE, Some(unkept()), FieldErrors::new()),
        Outcome::FormUsed => {
            form.key = checkout::new_form_key();
            (StatusCode::CONFLICT, Some(used()), FieldErrors::new())
        }
    };
    let listing = visit.state.catalog.list().await;
    let page = Attempt { visit: &visit, listing: &listing, form: &form }.page(status, alert, &mistakes);
    let mut response = visit.show(status, Keep::Nowhere, &page);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("5"));
    }
    if is_unconfirmed {
        // It may answer again by now: what stopped this order is its fault all the same, and not this release's.
        let fault = header::HeaderValue::from_static("unconfirmed prices");
        response.headers_mut().entry("x-sava-product-fault").or_insert(fault);
    }
    Ok(remember(&visit, &shopper, response))
}

/// The way to the order's page. The cart is emptied if it is what was ordered: after the back button it may hold
/// something new.
fn placed(visit: &Visit, shopper: &Shopper, order: &Order) -> Response {
    let mut response = visit.see(Route::Order(&order.number), None);
    let is_ordered = visit.cart.lines().len() == order.lines.len()
        && order.lines.iter().all(|line| visit.cart.quantity(line.id) == line.quantity);
    if is_ordered {
        let empty = Cart::default().set_cookie(&visit.state.cookies);
        response.headers_mut().append(header::SET_COOKIE, empty);
    }
    remember(visit, shopper, response)
}

fn remember(visit: &Visit, shopper: &Shopper, mut response: Response) -> Response {
    response.headers_mut().append(header::SET_COOKIE, shopper.set_cookie(&visit.state.cookies));
    response
}

/// What differs from what the shopper saw, in a sentence or two.
async fn changed(visit: &Visit, now: &Quote, seen_total: Option<Money>, gone: &[ProductId]) -> Alert {
    let listing = visit.state.catalog.list().await;
    if !gone.is_empty() {
        let names: Vec<_> = gone.iter().map(|id| missing_title(&visit.state, *id)).collect();
        let (title, is) = if gone.len() == 1 {
            ("Something in your cart is gone", "is")
        } else {
            ("Some things in your cart are gone", "are")
        };
        let text = format!(
            "{} {is} no longer for sale. Nothing has been ordered: go back to the cart and remove what is gone.",
            names.join(", ")
        );
        return Alert { title: title.to_owned(), text };
    }
    let (title, text) = match seen_total.filter(|seen| *seen != now.total) {
        Some(seen) => (
            "The price has changed",
            format!(
                "It was {} when you last looked, and is {} now. Nothing has been ordered yet.",
                listing.shelf.store.format(seen),
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
    Alert { title: title.to_owned(), text }
}

fn unconfirmed() -> Alert {
    Alert {
        title: "We cannot confirm the prices just now".to_owned(),
        text: "Our product service does not answer, and we sell at no price that we cannot stand by. Nothing has \
               been ordered. Your cart is safe: please try again in a minute."
            .to_owned(),
    }
}

fn unkept() -> Alert {
    Alert {
        title: "We cannot take orders just now".to_owned(),
        text: "We could not keep your order safe, so we did not take it. Your cart is as it was: please try again in \
               a minute."
            .to_owned(),
    }
}

fn used() -> Alert {
    Alert {
        title: "This form has been used already".to_owned(),
        text: "It placed an order from another browser. Nothing has been ordered from this one: to do so, place the \
               order again."
            .to_owned(),
    }
}

/// A shopper's try at the form.
struct Attempt<'a> {
    visit: &'a Visit,
    listing: &'a Listing,
    form: &'a Form,
}

impl Attempt<'_> {
    fn page(&self, status: StatusCode, alert: Option<Alert>, mistakes: &FieldErrors) -> CheckoutPage {
        let quote = Quote::new(&self.visit.cart, self.listing);
        let lines = quote.lines.iter().map(|line| Line {
            quantity: line.quantity,
            title: line.product.title.clone(),
            sum: line.total_text.clone(),
        });
        let missing = quote.missing.iter().map(|line| Line {
            quantity: line.quantity,
            title: missing_title(&self.visit.state, line.id),
            sum: if self.listing.is_fresh() { "no longer for sale" } else { "not known now" }.to_owned(),
        });
        let button = match status {
            StatusCode::CONFLICT if self.listing.is_fresh() && !quote.missing.is_empty() => None,
            StatusCode::CONFLICT => Some("Place the order at this price"),
            StatusCode::SERVICE_UNAVAILABLE => Some("Try again"),
            _ => Some("Place the order"),
        };
        CheckoutPage {
            layout: self.visit.layout(Section::Elsewhere, Some(self.listing)),
            mistakes: mistakes
                .iter()
                .map(|(field, text)| Mistake { field: field.name(), text: text.clone() })
                .collect(),
            action: self.visit.to(Route::Checkout),
            rows: self.rows(mistakes),
            lines: lines.chain(missing).collect(),
            total: total(&quote, self.listing),
            key: self.form.key.clone(),
            seen: quote.seen(),
            button,
            alert,
        }
    }

    fn rows(&self, mistakes: &FieldErrors) -> Vec<Vec<Control>> {
        let Country { postcode_label, postcode_example, county_label, .. } = self.listing.shelf.store.country;
        let form = self.form;
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
                required: field != Field::County,
                short: field == Field::Postcode,
                hint,
                wrong,
                described: (!described.is_empty()).then(|| described.join(" ")),
                value: value.to_owned(),
            }
        };
        vec![
            vec![control(Field::Name, "Name", "name", &form.name)],
            vec![control(Field::Email, "E-mail", "email", &form.email)],
            vec![control(Field::Address, "Address", "street-address", &form.address)],
            vec![
                control(Field::Town, "Town or city", "address-level2", &form.town),
                control(Field::County, county_label, "address-level1", &form.county),
            ],
            vec![control(Field::Postcode, postcode_label, "postal-code", &form.postcode)],
        ]
    }
}

impl Page for CheckoutPage {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn text(&self) -> String {
        let alert = self
            .alert
            .as_ref()
            .map_or_else(String::new, |alert| format!("{}. {}\n\n", alert.title, alert.text));
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
