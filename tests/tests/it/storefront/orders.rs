use reqwest::StatusCode;
use sava_tests::{Cart, CartBuilder, Postgres, body};

use super::visitor::{Visitor, order_number};

/// 64 bytes in hex.
fn key() -> String {
    "5a".repeat(64)
}

fn with_postgres(postgres: &Postgres, host: &str) -> CartBuilder {
    Cart::start().env("DATABASE_URL", postgres.url(host)).env("COOKIE_KEY", key())
}

async fn submit_fifty_times(carts: &[&Cart]) {
    let visitor = Visitor::new();
    visitor.add(carts[0], "garlic", "2").await;
    let form = visitor.checkout(carts[0]).await;
    let submits = (0..50).map(|turn| visitor.submit(carts[turn % carts.len()], &form));
    let answers = futures_util::future::join_all(submits).await;
    let first = order_number(&answers[0]);
    for answer in &answers {
        assert_eq!(order_number(answer), first);
    }
    let list = visitor.orders(carts[0]).await;
    assert_eq!(list.matches("Order IE-").count(), 1, "{list}");
}

#[tokio::test]
async fn fifty_submits_of_a_form_are_one_order_in_sqlite() {
    submit_fifty_times(&[&Cart::start().await]).await;
}

#[tokio::test]
async fn fifty_submits_of_a_form_are_one_order_in_postgresql() {
    let postgres = Postgres::start().await;
    // The replicas start together: each makes the tables, once.
    let (first, second, third) = tokio::join!(
        async { with_postgres(&postgres, "127.0.0.1").await },
        async { with_postgres(&postgres, "127.0.0.1").await },
        async { with_postgres(&postgres, "localhost").await },
    );
    for cart in [&first, &second, &third] {
        cart.logged("orders can be written").await;
    }
    submit_fifty_times(&[&first, &second, &third]).await;
}

#[tokio::test]
async fn a_confirmed_order_survives_sigkill() {
    let visitor = Visitor::new();
    let mut cart = Cart::start().await;
    for _ in 0..3 {
        visitor.add(&cart, "apples", "3").await;
        let form = visitor.checkout(&cart).await;
        let number = visitor.order(&cart, &form).await;
        // Its successor is on another port; cookies do not mind.
        let successor = cart.start_again();
        cart.kill();
        cart = successor.await;
        let page = visitor.get(&cart, &format!("/orders/{number}")).await;
        assert_eq!(page.status(), StatusCode::OK);
        let page = body(page).await;
        assert!(page.contains(&number) && page.contains("€7.50") && page.contains("Aoife"), "{page}");
        // The form again, as by the back button: the same order.
        assert_eq!(visitor.order(&cart, &form).await, number);
    }
}

async fn keep_to_their_shoppers(cart: &Cart) {
    let (aoife, brian) = (Visitor::new(), Visitor::new());
    let mut numbers = Vec::new();
    for visitor in [&aoife, &brian] {
        visitor.add(cart, "oranges", "1").await;
        let form = visitor.checkout(cart).await;
        numbers.push(visitor.order(cart, &form).await);
        // Somebody else sends the same form: no order of theirs, and not a word of this one.
        let stranger = Visitor::new();
        stranger.add(cart, "oranges", "1").await;
        stranger.checkout(cart).await;
        let answer = stranger.submit(cart, &form).await;
        assert_eq!(answer.status(), StatusCode::CONFLICT);
        assert!(!body(answer).await.contains(&numbers[numbers.len() - 1]));
    }
    for (visitor, own, other) in [(&aoife, 0, 1), (&brian, 1, 0)] {
        let status = async |number: &str| visitor.get(cart, &format!("/orders/{number}")).await.status();
        assert_eq!(status(&numbers[own]).await, StatusCode::OK);
        assert_eq!(status(&numbers[other]).await, StatusCode::NOT_FOUND);
        let list = visitor.orders(cart).await;
        assert!(list.contains(&numbers[own]) && !list.contains(&numbers[other]), "{list}");
    }
    let nobody = Visitor::new();
    assert!(!nobody.orders(cart).await.contains("IE-"));
    assert_eq!(nobody.get(cart, &format!("/orders/{}", numbers[0])).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn orders_in_sqlite_are_their_shoppers_alone() {
    keep_to_their_shoppers(&Cart::start().await).await;
}

#[tokio::test]
async fn orders_in_postgresql_are_their_shoppers_alone() {
    let postgres = Postgres::start().await;
    keep_to_their_shoppers(&with_postgres(&postgres, "127.0.0.1").await).await;
}

#[tokio::test]
async fn the_cart_goes_on_at_another_replica() {
    let postgres = Postgres::start().await;
    let (first, second) =
        (with_postgres(&postgres, "127.0.0.1").await, with_postgres(&postgres, "127.0.0.1").await);
    let visitor = Visitor::new();
    visitor.add(&first, "papayas", "2").await;
    let form = visitor.checkout(&second).await;
    let number = visitor.order(&first, &form).await;
    let page = body(visitor.get(&second, &format!("/orders/{number}")).await).await;
    assert!(page.contains("€9.00"), "{page}");
}

/// Browsing and the cart stay open; checkout is an honest 503; the probe and the log say why.
async fn is_closed_for_orders(cart: &Cart, visitor: &Visitor) {
    assert_eq!(visitor.get(cart, "/").await.status(), StatusCode::OK);
    visitor.add(cart, "garlic", "1").await;
    let form = visitor.checkout(cart).await;
    let answer = visitor.submit(cart, &form).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers().contains_key("retry-after"));
    let page = body(answer).await;
    assert!(page.contains("We cannot take orders just now") && page.contains("value=\"Dublin\""), "{page}");
    let orders = visitor.get(cart, "/orders").await;
    assert_eq!(orders.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(body(orders).await.contains("They are safe; we cannot reach them"));
    assert_eq!(cart.get("/readyz").await.status(), StatusCode::OK);
    cart.logged("orders cannot be written").await;
    let verbose = body(cart.get("/readyz?verbose").await).await;
    assert!(verbose.contains("\"orders\":{\"ok\":false"), "{verbose}");
    assert!(!visitor.get(cart, "/cart").await.status().is_server_error());
}

async fn is_open_for_orders(cart: &Cart, visitor: &Visitor) {
    let form = visitor.checkout(cart).await;
    visitor.order(cart, &form).await;
}

#[tokio::test]
async fn a_database_that_cannot_be_written_closes_the_checkout_alone() {
    let cart =
        Cart::start().env("DATABASE_URL", "sqlite:not-yet/sava-cart.db").env("COOKIE_KEY", key()).await;
    let visitor = Visitor::new();
    is_closed_for_orders(&cart, &visitor).await;
    std::fs::create_dir(cart.directory().join("not-yet")).unwrap();
    is_open_for_orders(&cart, &visitor).await;
}

#[tokio::test]
async fn a_postgresql_that_goes_away_closes_the_checkout_until_it_is_back() {
    let mut postgres = Postgres::start().await;
    let cart = with_postgres(&postgres, "127.0.0.1").await;
    cart.logged("orders can be written").await;
    postgres.stop().await;
    let visitor = Visitor::new();
    is_closed_for_orders(&cart, &visitor).await;
    postgres.serve().await;
    is_open_for_orders(&cart, &visitor).await;
}

#[tokio::test]
async fn postgresql_without_a_cookie_key_is_a_mistake_that_is_named() {
    let exit = Cart::start().env("DATABASE_URL", "postgres://shop:s3cret@db.invalid/shop").exit().await;
    assert_eq!(exit.code, Some(2), "{}", exit.output);
    assert!(exit.output.contains("COOKIE_KEY") && !exit.output.contains("s3cret"), "{}", exit.output);
}

#[tokio::test]
async fn secrets_are_in_no_log() {
    let postgres = Postgres::start().await;
    let cart = with_postgres(&postgres, "127.0.0.1").env("RUST_LOG", "debug").await;
    cart.logged("orders can be written").await;
    let visitor = Visitor::new();
    visitor.add(&cart, "garlic", "1").await;
    let form = visitor.checkout(&cart).await;
    visitor.order(&cart, &form).await;
    let output = cart.stop().await.output;
    for secret in ["s3cret", &key(), "sava-cart-ie=", "aoife@example.ie"] {
        assert!(!output.contains(secret), "{secret} is in {output}");
    }
}
