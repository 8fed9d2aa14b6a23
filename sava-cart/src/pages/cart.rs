//! The cart's page and the forms that change it.

use askama::Template;
use axum::{
    Extension,
    extract::{Form, Path, rejection::FormRejection},
    http::{StatusCode, header},
    response::Response,
};
use serde::Deserialize;

use super::{
    fault::Fault,
    goods::{Picture, initial, picture},
    layout::Layout,
    text::{Align, Table, printable},
    visit::{Keep, Page, Section, Visit},
};
use crate::{
    AppState,
    cart::{Limit, MAX_QUANTITY},
    catalog::{Listing, ProductId},
    checkout::Quote,
    reference::Route,
    release::Feature,
};

#[derive(Template)]
#[template(path = "cart.html")]
struct CartPage<'a> {
    layout: Layout,
    alert: Option<Alert>,
    lines: Vec<Line<'a>>,
    pictures: bool,
    total: String,
    checkout: String,
    most: u32,
}

/// What went wrong, above what it went wrong with.
#[derive(Clone, Debug)]
pub struct Alert {
    /// In a few words.
    pub title: String,
    /// In a sentence, with what to do.
    pub text: String,
}

struct Line<'a> {
    id: ProductId,
    title: String,
    initial: String,
    picture: Option<Picture<'a>>,
    href: Option<String>,
    /// The price of one; none where it is gone or not known now.
    each: Option<&'a str>,
    sum: Option<&'a str>,
    trouble: Option<&'static str>,
    quantity: u32,
    change: String,
    remove: String,
}

/// `GET /cart`
pub async fn show_cart(Extension(visit): Extension<Visit>) -> Response {
    cart_page(&visit, StatusCode::OK, None).await
}

async fn cart_page(visit: &Visit, status: StatusCode, alert: Option<Alert>) -> Response {
    let listing = visit.state.catalog.list().await;
    let quote = Quote::new(&visit.cart, &listing);
    // In the cart's own order, with those that are gone among the others.
    let lines = visit.cart.lines().iter().map(|line| {
        let quoted = quote.lines.iter().find(|quoted| quoted.product.id == line.id);
        let title = quoted
            .map_or_else(|| missing_title(&visit.state, line.id), |quoted| quoted.product.title.clone());
        Line {
            id: line.id,
            initial: initial(&title),
            title,
            picture: quoted.and_then(|quoted| picture(visit, &quoted.product)),
            href: quoted.map(|_| visit.to(Route::Product(line.id))),
            each: quoted.map(|quoted| quoted.product.price_text.as_str()),
            sum: quoted.map(|quoted| quoted.total_text.as_str()),
            trouble: quoted.is_none().then(|| trouble(&listing)),
            quantity: line.quantity,
            change: visit.to(Route::CartItem(line.id)),
            remove: visit.to(Route::RemoveCartItem(line.id)),
        }
    });
    let html = CartPage {
        alert,
        lines: lines.collect(),
        pictures: visit.has(Feature::Pictures),
        total: total(&quote, &listing),
        checkout: visit.to(Route::Checkout),
        most: MAX_QUANTITY,
        layout: visit.layout(Section::Cart, Some(&listing)),
    };
    visit.show(status, Keep::Nowhere, &html)
}

/// What a product is called that is in the cart and not in the list.
#[must_use]
pub fn missing_title(state: &AppState, id: ProductId) -> String {
    state.catalog.title_of_gone(id).unwrap_or_else(|| format!("Product {id}"))
}

/// What the cart costs, where that is known.
#[must_use]
pub fn total(quote: &Quote, listing: &Listing) -> String {
    if quote.missing.is_empty() || listing.is_fresh() {
        quote.total_text.clone()
    } else {
        "not known now".to_owned()
    }
}

fn trouble(listing: &Listing) -> &'static str {
    if listing.is_fresh() {
        "No longer for sale. Remove it to check out."
    } else {
        "We cannot look up this product just now. It stays in your cart."
    }
}

/// The form that adds a product. A missing quantity is one piece.
#[derive(Deserialize)]
pub struct AddForm {
    #[serde(default)]
    id: String,
    quantity: Option<String>,
}

/// `POST /cart/items`
pub async fn add_item(
    Extension(mut visit): Extension<Visit>,
    form: Result<Form<AddForm>, FormRejection>,
) -> Result<Response, Fault> {
    let Form(form) = form.map_err(rejected)?;
    let id: ProductId = form.id.trim().parse().map_err(|_| Fault::NoProduct)?;
    let Some(quantity) = number(form.quantity.as_deref().unwrap_or("1")).filter(|quantity| *quantity > 0)
    else {
        return Ok(cart_page(&visit, StatusCode::UNPROCESSABLE_ENTITY, Some(no_number(1))).await);
    };
    known(&visit, id).await?;
    let met = visit.cart.add(id, quantity);
    visit.state.metrics.cart_changed("add");
    Ok(changed(&visit, id, met).await)
}

/// The form that says how many pieces there shall be.
#[derive(Deserialize)]
pub struct ChangeForm {
    #[serde(default)]
    quantity: String,
}

/// `POST /cart/items/{id}`
pub async fn change_item(
    Extension(mut visit): Extension<Visit>,
    Path(id): Path<String>,
    form: Result<Form<ChangeForm>, FormRejection>,
) -> Result<Response, Fault> {
    let Form(form) = form.map_err(rejected)?;
    let id: ProductId = id.parse().map_err(|_| Fault::NoProduct)?;
    let Some(quantity) = number(&form.quantity) else {
        return Ok(cart_page(&visit, StatusCode::UNPROCESSABLE_ENTITY, Some(no_number(0))).await);
    };
    if visit.cart.quantity(id) == 0 && quantity > 0 {
        known(&visit, id).await?;
    }
    let met = visit.cart.set(id, quantity);
    visit.state.metrics.cart_changed("change");
    Ok(changed(&visit, id, met).await)
}

/// `POST /cart/items/{id}/remove`
pub async fn remove_item(
    Extension(mut visit): Extension<Visit>,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    let id: ProductId = id.parse().map_err(|_| Fault::NoProduct)?;
    visit.cart.remove(id);
    visit.state.metrics.cart_changed("remove");
    Ok(changed(&visit, id, Ok(())).await)
}

/// Puts nothing into a cart that was never for sale. While the product service is away nobody can say what is: the
/// page with the form may have come from a replica that knew more.
async fn known(visit: &Visit, id: ProductId) -> Result<(), Fault> {
    let listing = visit.state.catalog.list().await;
    if listing.is_fresh() && listing.product(id).is_none() { Err(Fault::NoProduct) } else { Ok(()) }
}

/// The answer to a change: the cart, with the line in view; or what limit it met.
async fn changed(visit: &Visit, id: ProductId, met: Result<(), Limit>) -> Response {
    let mut response = match met {
        Ok(()) if visit.cart.quantity(id) > 0 => visit.see(Route::Cart, Some(&format!("item-{id}"))),
        Ok(()) => visit.see(Route::Cart, None),
        Err(limit) => {
            let title = "That is as much as a cart holds".to_owned();
            let alert = Alert { title, text: limit.to_string() };
            cart_page(visit, StatusCode::UNPROCESSABLE_ENTITY, Some(alert)).await
        }
    };
    response.headers_mut().append(header::SET_COOKIE, visit.cart.set_cookie(&visit.state.cookies));
    response
}

/// A quantity as people write it; more digits than any cart needs count as very many.
fn number(text: &str) -> Option<u32> {
    let text = text.trim();
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u32::MAX))
}

fn no_number(least: u32) -> Alert {
    Alert {
        title: "How many?".to_owned(),
        text: format!("Enter a whole number from {least} to {MAX_QUANTITY}. Nothing was changed."),
    }
}

/// What a form that could not be read comes to.
#[must_use]
#[expect(clippy::needless_pass_by_value, reason = "the signature of `map_err`")]
pub fn rejected(rejection: FormRejection) -> Fault {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE { Fault::TooLarge } else { Fault::BadForm }
}

impl Page for CartPage<'_> {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn text(&self) -> String {
        let alert = self
            .alert
            .as_ref()
            .map_or_else(String::new, |alert| format!("{}. {}\n\n", alert.title, alert.text));
        if self.lines.is_empty() {
            return format!("{alert}Your cart is empty.\n");
        }
        let mut table = Table::new(vec![
            ("ID", Align::Right),
            ("PRODUCT", Align::Left),
            ("EACH", Align::Right),
            ("PIECES", Align::Right),
            ("SUM", Align::Right),
        ]);
        for line in &self.lines {
            table.row([
                line.id.to_string(),
                line.title.clone(),
                line.each.unwrap_or("-").to_owned(),
                line.quantity.to_string(),
                line.sum.unwrap_or("-").to_owned(),
            ]);
        }
        let pieces = self.layout.pieces.to_string();
        table.row([String::new(), "Total".to_owned(), String::new(), pieces, self.total.clone()]);
        let troubles: String = self
            .lines
            .iter()
            .filter_map(|line| Some(format!("{}: {}\n", printable(&line.title), line.trouble?)))
            .collect();
        format!("{alert}{table}{troubles}\nVAT included. Check out: GET {}\n", self.checkout)
    }
}
