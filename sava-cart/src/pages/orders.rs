//! The orders of this browser alone.

use askama::Template;
use axum::{
    Extension,
    extract::{Path, State, rejection::PathRejection},
    http::StatusCode,
    response::Response,
};

use super::{
    count::Count,
    error_page::ErrorPage,
    layout::Layout,
    text::{Align, Table, printable},
    visit::{
        Visit,
        answer::{CachePolicy, Page},
        frame::{Section, moment},
    },
};
use crate::{
    catalog::Store,
    orders::{Order, Unavailable},
    reference::Route,
    release::Feature,
    state::AppState,
};

#[derive(Template)]
#[template(path = "orders.html")]
struct OrdersPage {
    layout: Layout,
    orders: Vec<OrderSummary>,
}

struct OrderSummary {
    href: String,
    number: String,
    placed: String,
    pieces: Count,
    total: String,
}

/// `GET /orders`
pub(crate) async fn list_orders(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
) -> Result<Response, ErrorPage> {
    let orders = match visit.shopper() {
        Some(shopper) => state.orders.of_shopper(&shopper).await.map_err(unavailable)?,
        None => Vec::new(),
    };
    let store = visit.store();
    let past = orders.into_iter().map(|order| OrderSummary {
        href: visit.to(Route::Order(&order.number)),
        placed: moment(order.placed_at),
        pieces: Count::from(order.lines.iter().map(|line| line.quantity).sum::<u32>()),
        total: store.format(order.total),
        number: order.number,
    });
    let html = OrdersPage { orders: past.collect(), layout: visit.layout(Section::Orders, None) };
    Ok(visit.show(StatusCode::OK, CachePolicy::NoStore, &html))
}

#[derive(Template)]
#[template(path = "order.html")]
struct OrderPage {
    layout: Layout,
    number: String,
    name: String,
    placed: String,
    lines: Vec<OrderedRow>,
    total: String,
    address: String,
    /// For the courier; `None` also where this release shows none.
    note: Option<String>,
    email: String,
}

struct OrderedRow {
    title: String,
    each: String,
    quantity: u32,
    sum: String,
}

/// `GET /orders/{number}`
pub(crate) async fn show_order(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    number: Result<Path<String>, PathRejection>,
) -> Result<Response, ErrorPage> {
    // What is not even text is not a number of ours.
    let Path(number) = number.map_err(|_| ErrorPage::NoOrder)?;
    let shopper = visit.shopper().ok_or(ErrorPage::NoOrder)?;
    let found = state.orders.find(&shopper, &number).await.map_err(unavailable)?;
    let html = OrderPage::new(&visit, &visit.store(), found.ok_or(ErrorPage::NoOrder)?);
    Ok(visit.show(StatusCode::OK, CachePolicy::NoStore, &html))
}

#[expect(clippy::needless_pass_by_value, reason = "the signature of `map_err`")]
fn unavailable(error: Unavailable) -> ErrorPage {
    tracing::error!(%error, "orders could not be read");
    ErrorPage::OrdersUnavailable
}

impl OrderPage {
    fn new(visit: &Visit, store: &Store, order: Order) -> Self {
        let to = order.address;
        let address = [to.name.as_str(), &to.street, &to.town, &to.county, &to.postcode];
        let address: Vec<_> = address.into_iter().filter(|line| !line.is_empty()).collect();
        Self {
            layout: visit.layout(Section::Elsewhere, None),
            number: order.number,
            placed: moment(order.placed_at),
            lines: order
                .lines
                .into_iter()
                .map(|line| OrderedRow {
                    each: store.format(line.price),
                    sum: store.format(line.total()),
                    quantity: line.quantity,
                    title: line.title,
                })
                .collect(),
            total: store.format(order.total),
            address: address.join("\n"),
            note: Some(order.note).filter(|note| visit.has(Feature::Note) && !note.is_empty()),
            name: to.name,
            email: to.email,
        }
    }
}

impl Page for OrdersPage {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn text(&self) -> String {
        if self.orders.is_empty() {
            return "There are no orders of yours.\n".to_owned();
        }
        let mut table = Table::new(vec![
            ("ORDER", Align::Left),
            ("PLACED", Align::Left),
            ("PIECES", Align::Right),
            ("TOTAL", Align::Right),
        ]);
        for order in &self.orders {
            let OrderSummary { number, placed, pieces, total, .. } = order;
            table.row([number.clone(), placed.clone(), pieces.to_string(), total.clone()]);
        }
        table.to_string()
    }
}

impl Page for OrderPage {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn text(&self) -> String {
        let mut table = Table::new(vec![
            ("PRODUCT", Align::Left),
            ("EACH", Align::Right),
            ("PIECES", Align::Right),
            ("SUM", Align::Right),
        ]);
        for line in &self.lines {
            let OrderedRow { title, each, quantity, sum } = line;
            table.row([title.clone(), each.clone(), quantity.to_string(), sum.clone()]);
        }
        table.row(["Total".to_owned(), String::new(), String::new(), self.total.clone()]);
        let address: Vec<_> = self.address.lines().map(|line| format!("  {}\n", printable(line))).collect();
        let note = self.note.as_deref().map(|note| format!("Note for the courier\n  {}\n", printable(note)));
        format!(
            "Order {}, placed {}\n\n{table}\nVAT included. Delivered to\n{}{}",
            self.number,
            self.placed,
            address.concat(),
            note.unwrap_or_default()
        )
    }
}
