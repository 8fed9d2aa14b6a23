//! A product service whose shelf a test rearranges.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A product service with the prices that a test sets, in euro.
pub(super) struct Shelf {
    state: Arc<Mutex<Prices>>,
    url: String,
}

/// Product ids and prices.
type Products = Vec<(u64, f64)>;

#[derive(Default)]
struct Prices {
    /// `None` is a product service that fails.
    now: Option<Products>,
    /// The prices of the next answers, one each; the last ones stay.
    next: VecDeque<Products>,
    n_asked: usize,
}

impl Shelf {
    pub(super) async fn start(prices: &[(u64, f64)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shelf = Self { state: Arc::default(), url };
        shelf.set(prices);
        let router =
            Router::new().route("/products/{locale}", get(list)).with_state(Arc::clone(&shelf.state));
        tokio::spawn(async move { axum::serve(listener, router).await });
        shelf
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn set(&self, prices: &[(u64, f64)]) {
        self.state.lock().unwrap().now = Some(prices.to_vec());
    }

    /// Sets the prices of the next answers: they change with each.
    pub(super) fn set_each(&self, prices: impl IntoIterator<Item = Products>) {
        self.state.lock().unwrap().next.extend(prices);
    }

    pub(super) fn fail(&self) {
        self.state.lock().unwrap().now = None;
    }

    /// How often the list was asked for.
    pub(super) fn n_asked(&self) -> usize {
        self.state.lock().unwrap().n_asked
    }
}

async fn list(State(prices): State<Arc<Mutex<Prices>>>) -> Result<Json<Value>, StatusCode> {
    let products = {
        let mut prices = prices.lock().unwrap();
        prices.n_asked += 1;
        if let Some(next) = prices.next.pop_front() {
            prices.now = Some(next);
        }
        prices.now.clone().ok_or(StatusCode::INTERNAL_SERVER_ERROR)?
    };
    let products = products.into_iter().map(|(id, price)| {
        json!({"id": id, "title": format!("Product number {id}"), "description": "", "price": price, "locale": "ie"})
    });
    Ok(Json(products.collect()))
}
