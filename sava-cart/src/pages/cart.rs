//! The cart's page and the forms that change it.

use askama::Template;
use axum::{
    Extension,
    extract::{Path, State, rejection::FormRejection},
    http::{StatusCode, header},
    response::Response,
};
use serde::Deserialize;

use super::{
    error_page::ErrorPage,
    form::Form,
    goods::{Picture, initial, picture},
    layout::{Alert, Layout},
    list_query::ListQuery,
    text::{Align, Table, printable},
    visit::{
        Visit,
        answer::{CachePolicy, Page, redirect},
        frame::Section,
    },
};
use crate::{
    cart::{Limit, MAX_QUANTITY},
    catalog::{Listing, ProductId},
    quote::Quote,
    reference::Route,
    release::Feature,
    state::AppState,
};

#[derive(Template)]
#[template(path = "cart.html")]
struct CartPage<'a> {
    layout: Layout,
    alert: Option<Alert>,
    lines: Vec<CartRow<'a>>,
    pictures: bool,
    total: String,
    save: String,
    checkout: String,
    /// Where the list is that the shopper comes from.
    list: String,
    most: u32,
}

struct CartRow<'a> {
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
}

/// `GET /cart`
pub(crate) async fn show_cart(Extension(visit): Extension<Visit>) -> Response {
    cart_page(&visit, StatusCode::OK, None).await
}

async fn cart_page(visit: &Visit, status: StatusCode, alert: Option<Alert>) -> Response {
    let listing = visit.products_in_cart().await;
    let quote = Quote::new(&visit.cart, &listing);
    // In the cart's own order, with those that are gone among the others.
    let lines = visit.cart.lines().iter().map(|line| {
        let quoted = quote.lines.iter().find(|quoted| quoted.product.id == line.id);
        let title =
            quoted.map_or_else(|| visit.title_of_gone(line.id), |quoted| quoted.product.title.clone());
        CartRow {
            id: line.id,
            initial: initial(&title),
            title,
            picture: quoted.and_then(|quoted| picture(visit, &quoted.product)),
            href: quoted.map(|_| visit.to(Route::Product(line.id))),
            each: quoted.map(|quoted| quoted.product.price_text.as_str()),
            sum: quoted.map(|quoted| quoted.total_text.as_str()),
            trouble: quoted.is_none().then(|| trouble(&listing)),
            quantity: line.quantity,
        }
    });
    let html = CartPage {
        alert,
        lines: lines.collect(),
        pictures: visit.has(Feature::Pictures),
        total: quote.total_text.clone(),
        save: visit.to(Route::Cart),
        checkout: visit.to(Route::Checkout),
        list: visit
            .list_before()
            .map_or_else(|| visit.to(Route::Home), |list| list.reference(&visit.to(Route::Home))),
        most: MAX_QUANTITY,
        layout: visit.layout(Section::Cart, Some(&listing)),
    };
    visit.show(status, CachePolicy::NoStore, &html)
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
pub(crate) struct AddForm {
    #[serde(default)]
    id: String,
    quantity: Option<String>,
    /// The query of the list that the form is in, if it is in one.
    list: Option<String>,
}

/// `POST /cart/items`. Who adds from the list stays in the list: the way back is made of the choice that `list` is read as,
/// so that it leads nowhere else, whatever is sent.
pub(crate) async fn add_item(
    State(state): State<AppState>,
    Extension(mut visit): Extension<Visit>,
    form: Result<Form<AddForm>, FormRejection>,
) -> Result<Response, ErrorPage> {
    let Form(form) = form?;
    let id: ProductId = form.id.trim().parse().map_err(|_| ErrorPage::NoProduct)?;
    let Some(quantity) = number(form.quantity.as_deref().unwrap_or("1")).filter(|quantity| *quantity > 0)
    else {
        return Ok(cart_page(&visit, StatusCode::UNPROCESSABLE_ENTITY, Some(no_number(1))).await);
    };
    known(&visit, id).await?;
    let met = visit.cart.add(id, quantity);
    state.metrics.cart_changed("add");
    if let (Some(query), Ok(())) = (form.list, met) {
        let list = ListQuery::read(visit.release(), &query).reference_after(&visit.to(Route::Home), id);
        return Ok(with_cart(redirect(StatusCode::SEE_OTHER, &list), &visit));
    }
    Ok(changed(&visit, Some(id), met).await)
}

/// `POST /cart`: the form of the whole cart. Whichever of its buttons is pressed, all quantities that are typed in count
/// (`quantity-ID`), also where the next thing is to check out (`checkout`). `line` and `remove` say which line was meant.
pub(crate) async fn change_cart(
    State(state): State<AppState>,
    Extension(mut visit): Extension<Visit>,
    form: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Result<Response, ErrorPage> {
    let Form(fields) = form?;
    let id = |text: &str| text.parse::<ProductId>().map_err(|_| ErrorPage::NoProduct);
    let field =
        |wanted: &str| fields.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    let mut changes = Vec::new();
    for (name, value) in &fields {
        let Some(line) = name.strip_prefix("quantity-") else { continue };
        let Some(quantity) = number(value) else {
            return Ok(cart_page(&visit, StatusCode::UNPROCESSABLE_ENTITY, Some(no_number(0))).await);
        };
        changes.push((id(line)?, quantity));
    }
    let removed = field("remove").map(id).transpose()?;
    let changed_line = field("line").map(id).transpose()?;
    let mut met = Ok(());
    for (id, quantity) in changes {
        // A line that was taken out meanwhile, in another tab, stays out.
        if visit.cart.quantity(id) > 0 {
            met = met.and(visit.cart.set(id, quantity));
        }
    }
    if let Some(id) = removed {
        visit.cart.remove(id);
    }
    state.metrics.cart_changed(if removed.is_some() { "remove" } else { "change" });
    if field("checkout").is_some() && met.is_ok() && !visit.cart.is_empty() {
        return Ok(with_cart(visit.see(Route::Checkout, None), &visit));
    }
    Ok(changed(&visit, changed_line, met).await)
}

/// The form of one line, which pages had before the cart was one form: a browser may still show one.
#[derive(Deserialize)]
pub(crate) struct ChangeForm {
    #[serde(default)]
    quantity: String,
}

/// `POST /cart/items/{id}`
pub(crate) async fn change_item(
    State(state): State<AppState>,
    Extension(mut visit): Extension<Visit>,
    Path(id): Path<String>,
    form: Result<Form<ChangeForm>, FormRejection>,
) -> Result<Response, ErrorPage> {
    let Form(form) = form?;
    let id: ProductId = id.parse().map_err(|_| ErrorPage::NoProduct)?;
    let Some(quantity) = number(&form.quantity) else {
        return Ok(cart_page(&visit, StatusCode::UNPROCESSABLE_ENTITY, Some(no_number(0))).await);
    };
    if visit.cart.quantity(id) == 0 && quantity > 0 {
        known(&visit, id).await?;
    }
    let met = visit.cart.set(id, quantity);
    state.metrics.cart_changed("change");
    Ok(changed(&visit, Some(id), met).await)
}

/// `POST /cart/items/{id}/remove`
pub(crate) async fn remove_item(
    State(state): State<AppState>,
    Extension(mut visit): Extension<Visit>,
    Path(id): Path<String>,
) -> Result<Response, ErrorPage> {
    let id: ProductId = id.parse().map_err(|_| ErrorPage::NoProduct)?;
    visit.cart.remove(id);
    state.metrics.cart_changed("remove");
    Ok(changed(&visit, Some(id), Ok(())).await)
}

/// Puts nothing into a cart that was never for sale. While the product service is away nobody can say what is: the
/// page with the form may have come from a replica that knew more.
async fn known(visit: &Visit, id: ProductId) -> Result<(), ErrorPage> {
    let listing = visit.products([id]).await;
    if listing.is_fresh() && listing.product(id).is_none() { Err(ErrorPage::NoProduct) } else { Ok(()) }
}

/// The answer to a change: the cart, with the line in view; or what limit it met.
async fn changed(visit: &Visit, line: Option<ProductId>, met: Result<(), Limit>) -> Response {
    let line = line.filter(|id| visit.cart.quantity(*id) > 0).map(|id| format!("item-{id}"));
    let response = match met {
        Ok(()) => visit.see(Route::Cart, line.as_deref()),
        Err(limit) => {
            let title = "That is as much as a cart holds".to_owned();
            let alert = Alert { title, text: limit.to_string(), link: None };
            cart_page(visit, StatusCode::UNPROCESSABLE_ENTITY, Some(alert)).await
        }
    };
    with_cart(response, visit)
}

/// `response`, by which the browser keeps the cart of `visit`.
fn with_cart(mut response: Response, visit: &Visit) -> Response {
    response.headers_mut().append(header::SET_COOKIE, visit.cart.set_cookie(visit.cookies()));
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
        link: None,
    }
}

impl Page for CartPage<'_> {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn text(&self) -> String {
        let alert = self.alert.as_ref().map_or_else(String::new, Alert::as_text);
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
