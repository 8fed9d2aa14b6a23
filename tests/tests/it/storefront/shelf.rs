//! A product service whose shelf a test rearranges.

use std::sync::{Arc, Mutex};

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A product service with the prices that a test sets, in euro.
pub(super) struct Shelf {
    prices: Prices,
    url: String,
}

/// Product ids and prices; `None` is a product service that fails.
type Prices = Arc<Mutex<Option<Vec<(u64, f64)>>>>;

impl Shelf {
    pub(super) async fn start(prices: &[(u64, f64)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shelf = Self { prices: Arc::new(Mutex::new(Some(prices.to_vec()))), url };
        let router =
            Router::new().route("/products/{locale}", get(list)).with_state(Arc::clone(&shelf.prices));
        tokio::spawn(async move { axum::serve(listener, router).await });
        shelf
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn set(&self, prices: &[(u64, f64)]) {
        *self.prices.lock().unwrap() = Some(prices.to_vec());
    }

    pub(super) fn fail(&self) {
        *self.prices.lock().unwrap() = None;
    }
}

async fn list(State(prices): State<Prices>) -> Result<Json<Value>, StatusCode> {
    let prices = prices.lock().unwrap().clone().ok_or(StatusCode::INTERNAL_SERVER_ERROR)?;
    let products = prices.into_iter().map(|(id, price)| {
        json!({"id": id, "title": format!("Product number {id}"), "description": "", "price": price, "locale": "ie"})
    });
    Ok(Json(products.collect()))
}
