//! A store of 100,000 products, whose list is too long for a store front to hold.

use std::fmt::Write as _;

use reqwest::StatusCode;
use sava_testbed::{Cart, Product, body, memory::MemoryLimit, memory::peak};

use super::roving_shopper::RovingShopper;

const N_PRODUCTS: u32 = 100_000;
/// `limits.memory` of the store front's Deployment.
const MEMORY: u64 = 128 << 20;

/// Mugs, but for one product.
fn db() -> String {
    let description = "A mug like the one before it, and yet not quite. ".repeat(2);
    let mut products = String::new();
    for id in 1..N_PRODUCTS {
        let price = f64::from(id.wrapping_mul(2_654_435_761) % 90_000 + 101) / 100.0;
        let category = ["home", "garden", "outdoors"][id as usize % 3];
        let product = serde_json::json!({
            "id": id, "locale": "ie", "title": format!("Mug {id}"), "description": description, "price": price,
            "category": category, "rating": { "stars": f64::from(id % 50) / 10.0, "reviews": 3 }
        });
        writeln!(products, "{product},").expect("a string takes it");
    }
    let last = serde_json::json!({
        "id": N_PRODUCTS, "locale": "ie", "title": "Café crème set", "description": "For two.", "price": 1.0,
        "category": "äther"
    });
    format!("{{\"products\":[{products}{last}]}}")
}

#[tokio::test]
async fn a_hundred_thousand_products_are_shopped() {
    let data = tempfile::tempdir().expect("a temporary directory can be made");
    std::fs::write(data.path().join("db.json"), db()).expect("a file can be written");
    let product = Product::start().data(data.path()).await;
    let cart = Cart::start().product(&product.url("")).await;
    let limit = MemoryLimit::new(MEMORY);
    limit.hold(cart.process().id());

    let read = async |path: &str| body(cart.get_as(path, "text/plain").await).await;
    let list = read("/").await;
    assert!(list.contains("Mug 1 ") && list.contains("100,000 products, prices in EUR"), "{list}");
    assert!(!list.contains('!'), "nothing is amiss: {list}");
    let end = read("/?page=8334").await;
    assert!(end.contains("Café crème set") && !end.contains("Next page"), "{end}");
    assert_eq!(read("/?page=999999").await, end, "a page past the last is the last");
    let found = read("/?q=creme+CAFE").await;
    assert!(
        found.contains("What we found for “creme CAFE”: 1 product,") && found.contains("Café crème set"),
        "{found}"
    );
    assert!(read("/?q=teapot").await.contains("Nothing quite that niche"));
    let cheapest = read("/?sort=price").await;
    assert!(
        cheapest.lines().any(|line| line.contains("Café crème set") && line.contains("€1.00")),
        "{cheapest}"
    );
    let garden = read("/?category=garden&sort=-price").await;
    assert!(garden.contains("Garden: 33,333 products,") && !garden.contains("Home"), "{garden}");
    let rated = read("/?sort=rating").await;
    assert!(rated.contains("99,999 products with a rating") && rated.contains("4.9"), "{rated}");
    let html = body(cart.get("/").await).await;
    let at = ["?category=garden", "?category=home", "?category=outdoors"].map(|link| html.find(link));
    assert!(at.iter().all(Option::is_some) && html.contains("Äther"), "{html}");
    assert!(read("/products/77777").await.contains("Mug 77777"));
    assert_eq!(cart.get("/products/100001").await.status(), StatusCode::NOT_FOUND);

    let shopper = RovingShopper::new();
    shopper.add(&cart, "77777", "2").await;
    shopper.add(&cart, "100000", "1").await;
    let form = shopper.checkout(&cart).await;
    let number = shopper.order(&cart, &form).await;
    let order = body(shopper.get(&cart, &format!("/orders/{number}")).await).await;
    assert!(order.contains("Mug 77777") && order.contains("Café crème set"), "{order}");

    // What was seen is still there when the product service is not.
    product.stop().await;
    let stale = read("/?q=creme").await;
    assert!(
        stale.contains("We cannot reach our product service") && stale.contains("Café crème set"),
        "{stale}"
    );
    let peak = peak(cart.process().id());
    assert!(peak < MEMORY, "{peak} bytes");
}
