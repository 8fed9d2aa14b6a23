use std::time::{Duration, Instant};

use reqwest::StatusCode;
use sava_testbed::{Cart, Product, body};
use tokio::net::TcpListener;

use super::{
    roving_shopper::{Filled, RovingShopper},
    shelf::Shelf,
};

#[tokio::test]
async fn a_page_is_there_within_two_seconds_whatever_happens() {
    // Takes connections and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let taken = tokio::spawn(async move {
        let mut connections = Vec::new();
        while let Ok((connection, _)) = silent.accept().await {
            connections.push(connection);
        }
    });
    let cart = Cart::start().product(&format!("http://{address}")).await;
    for path in ["/", "/products/apples", "/cart", "/images/none.svg"] {
        let began = Instant::now();
        let answer = cart.get(path).await;
        assert!(!answer.status().is_server_error(), "{path}: {}", answer.status());
        assert!(began.elapsed() < Duration::from_secs(2), "{path}: {:?}", began.elapsed());
    }
    taken.abort();
}

#[tokio::test]
async fn fruit_can_be_bought_where_there_never_was_a_product_service() {
    let cart = Cart::start().await;
    let shopper = RovingShopper::new();
    let page = body(shopper.get(&cart, "/").await).await;
    for fruit in ["Apples", "Oranges", "Papayas", "Garlic"] {
        assert!(page.contains(fruit), "{page}");
    }
    shopper.add(&cart, "apples", "2").await;
    let form = shopper.checkout(&cart).await;
    let number = shopper.order(&cart, &form).await;
    let order = body(shopper.get(&cart, &format!("/orders/{number}")).await).await;
    assert!(order.contains("€5.00"), "{order}");
}

#[tokio::test]
async fn killing_sava_product_leaves_the_shop_open() {
    let product = Product::start().await;
    let cart = Cart::start().product(&product.url("")).await;
    let shopper = RovingShopper::new();
    let before = body(shopper.get(&cart, "/").await).await;
    assert!(!before.contains("Garlic"), "{before}");
    product.kill();
    for _ in 0..10 {
        let answer = shopper.get(&cart, "/").await;
        assert_eq!(answer.status(), StatusCode::OK);
        let page = body(answer).await;
        assert!(!page.contains("Garlic"), "{page}");
    }
    cart.logged("the product service gives no products").await;
    let verbose = body(cart.get("/readyz?verbose").await).await;
    assert!(verbose.contains("\"products\":{\"ok\":false"), "{verbose}");
    let metrics = sava_testbed::client().get(cart.admin_url("/metrics").await).send().await.unwrap();
    let metrics = body(metrics).await;
    assert!(metrics.contains("sava_cart_catalog_state{freshness=\"stale\"} 1"), "{metrics}");
    assert!(metrics.contains("sava_cart_product_breaker_open{what=\"lists\"} 1"), "{metrics}");
}

#[tokio::test]
async fn prices_that_cannot_be_confirmed_are_not_sold_at() {
    let shelf = Shelf::start(&[(3, 25.0)]).await;
    let cart = Cart::start().product(shelf.url()).await;
    let shopper = RovingShopper::new();
    shopper.add(&cart, "3", "1").await;
    let form = shopper.checkout(&cart).await;
    shelf.fail();
    let page = body(shopper.get(&cart, "/cart").await).await;
    assert!(page.contains("€25.00"), "the last known price: {page}");
    let answer = shopper.submit(&cart, &form).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    let form = Filled::of_page(&body(answer).await);
    shelf.set(&[(3, 25.0)]);
    // The breaker may take a moment to try again.
    let placed = async {
        while shopper.submit(&cart, &form).await.status() != StatusCode::SEE_OTHER {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), placed).await.unwrap();
    assert_eq!(shopper.orders(&cart).await.matches("Order IE-").count(), 1);
}
