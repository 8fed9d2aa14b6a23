//! Which store a store front asks for, and what it says where there is none.

use std::fs;

use sava_testbed::{Cart, Product, body, client};

use super::roving_shopper::RovingShopper;

#[tokio::test]
async fn a_store_is_asked_for_by_the_name_that_was_set() {
    let product = Product::start().await;
    for locale in ["uk", "gb", "EN"] {
        let cart = Cart::start().locale(locale).product(&product.url("")).await;
        let page = body(cart.get("/").await).await;
        assert!(page.contains("Willow dreamcatcher") && page.contains("£"), "{locale}: {page}");
    }
    let data = tempfile::tempdir().unwrap();
    let stores = r#"{"stores":[{"locale":"en","name":"Enland","language":"en-IE","currency":"EUR"}],
        "products":[{"id":1,"locale":"en","title":"Own","price":2,"description":"D"}]}"#;
    fs::write(data.path().join("db.json"), stores).unwrap();
    let product = Product::start().data(data.path()).await;
    let cart = Cart::start().locale("en").product(&product.url("")).await;
    let page = body(cart.get("/").await).await;
    assert!(page.contains("Own") && page.contains("Enland") && page.contains("€2.00"), "{page}");
}

#[tokio::test]
async fn an_unknown_store_is_told_from_a_service_that_is_away() {
    let product = Product::start().await;
    let cart = Cart::start().locale("xx").product(&product.url("")).await;
    let page = body(cart.get("/").await).await;
    assert!(
        page.contains("Our product service does not know this store. Until it does, there is fruit."),
        "{page}"
    );
    assert!(!page.contains("We cannot reach"), "{page}");
    let line = cart.logged("the product service gives no products").await;
    assert!(line.contains("it has no store") && line.contains("LOCALE"), "{line}");
    let reasons = body(client().get(cart.admin_url("/readyz?verbose").await).send().await.unwrap()).await;
    assert!(reasons.contains("it has no store"), "{reasons}");
    product.kill();
    let page = body(cart.get("/").await).await;
    assert!(page.contains("We cannot reach our product service just now."), "{page}");
    cart.logged("it cannot be connected to").await;
}

/// Cookies know no ports: two store fronts on one machine are to a browser what two namespaces behind one `kubectl proxy`
/// are.
#[tokio::test]
async fn two_environments_on_one_origin_keep_their_carts_and_orders() {
    let product = Product::start().await;
    let environment = |byte: &str| Cart::start().product(&product.url("")).env("COOKIE_KEY", byte.repeat(64));
    let (one, other) = (environment("5a").await, environment("a5").await);
    let shopper = RovingShopper::new();
    shopper.add(&one, "3", "2").await;
    shopper.add(&other, "garlic", "1").await;
    let cart = body(shopper.get(&one, "/cart").await).await;
    assert!(cart.contains("products/3\"") && !cart.contains("Garlic"), "{cart}");
    let cart = body(shopper.get(&other, "/cart").await).await;
    assert!(cart.contains("Garlic") && !cart.contains("products/3\""), "{cart}");
    let form = shopper.checkout(&one).await;
    let number = shopper.order(&one, &form).await;
    let form = shopper.checkout(&other).await;
    let other_number = shopper.order(&other, &form).await;
    let orders = shopper.orders(&one).await;
    assert!(orders.contains(&number) && !orders.contains(&other_number), "{orders}");
    assert!(shopper.orders(&other).await.contains(&other_number));
    // A replica of the first has its key.
    shopper.add(&one, "3", "2").await;
    let replica = environment("5a").await;
    assert!(body(shopper.get(&replica, "/cart").await).await.contains("products/3\""));
    // An emptied cart stays empty.
    shopper.post(&one, "/cart/items/3/remove", &[]).await;
    assert!(body(shopper.get(&one, "/cart").await).await.contains("Nothing in here yet"));
}
