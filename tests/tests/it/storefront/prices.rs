use reqwest::StatusCode;
use sava_testbed::{Cart, body};

use super::{
    roving_shopper::{Filled, RovingShopper},
    shelf::Shelf,
};

#[tokio::test]
async fn a_price_that_changed_is_shown_and_asked_for_again() {
    let shelf = Shelf::start(&[(3, 25.0), (7, 9.99)]).await;
    let cart = Cart::start().product(shelf.url()).await;
    let shopper = RovingShopper::new();
    shopper.add(&cart, "3", "2").await;
    shopper.add(&cart, "7", "1").await;
    let form = shopper.checkout(&cart).await;
    shelf.set(&[(3, 26.5), (7, 9.99)]);
    let answer = shopper.submit(&cart, &form).await;
    assert_eq!(answer.status(), StatusCode::CONFLICT);
    let page = body(answer).await;
    assert!(page.contains("€59.99") && page.contains("€62.99"), "{page}");
    assert!(!shopper.orders(&cart).await.contains("IE-"));
    let number = shopper.order(&cart, &Filled::of_page(&page)).await;
    let order = body(shopper.get(&cart, &format!("/orders/{number}")).await).await;
    assert!(order.contains("€62.99"), "{order}");
}

/// The prices change with each answer of the product service: what a page says, what it shows and what its form orders
/// at are nevertheless of one answer.
#[tokio::test]
async fn one_submission_is_decided_on_one_listing() {
    let shelf = Shelf::start(&[(3, 25.0)]).await;
    let cart = Cart::start().product(shelf.url()).await;
    let shopper = RovingShopper::new();
    shopper.add(&cart, "3", "2").await;
    let form = shopper.checkout(&cart).await;
    let n_before = shelf.n_asked();
    shelf.set_each([26.0, 27.0, 28.0, 29.0].map(|price| vec![(3, price)]));
    let answer = shopper.submit(&cart, &form).await;
    assert_eq!(shelf.n_asked() - n_before, 1);
    assert_eq!(answer.status(), StatusCode::CONFLICT);
    let page = body(answer).await;
    assert!(page.contains("It was €50.00 when you last looked, and is €52.00 now"), "{page}");
    assert_eq!(Filled::of_page(&page).seen, "v1 EUR 3*2@2600");
    for other in ["€54.00", "€56.00", "€58.00"] {
        assert!(!page.contains(other), "{page}");
    }
    let mistaken = form.with_postcode("none");
    assert_eq!(shopper.submit(&cart, &mistaken).await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(shelf.n_asked() - n_before, 2);
}

#[tokio::test]
async fn a_lower_price_is_asked_for_again_too() {
    let shelf = Shelf::start(&[(3, 25.0)]).await;
    let cart = Cart::start().product(shelf.url()).await;
    let shopper = RovingShopper::new();
    shopper.add(&cart, "3", "1").await;
    let form = shopper.checkout(&cart).await;
    shelf.set(&[(3, 24.99)]);
    assert_eq!(shopper.submit(&cart, &form).await.status(), StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_form_that_says_nothing_of_prices_orders_nothing() {
    let shelf = Shelf::start(&[(3, 25.0)]).await;
    let cart = Cart::start().product(shelf.url()).await;
    let shopper = RovingShopper::new();
    shopper.add(&cart, "3", "1").await;
    let form = shopper.checkout(&cart).await;
    for seen in ["", "v1 EUR", "v1 EUR 3*1@1", "nonsense"] {
        let forged = Filled { seen: seen.to_owned(), ..form.clone() };
        assert_eq!(shopper.submit(&cart, &forged).await.status(), StatusCode::CONFLICT, "{seen}");
    }
    assert!(!shopper.orders(&cart).await.contains("IE-"));
}

#[tokio::test]
async fn a_product_that_is_gone_is_named() {
    let shelf = Shelf::start(&[(3, 25.0), (7, 9.99)]).await;
    let cart = Cart::start().product(shelf.url()).await;
    let shopper = RovingShopper::new();
    shopper.add(&cart, "3", "1").await;
    shopper.add(&cart, "7", "1").await;
    let form = shopper.checkout(&cart).await;
    shelf.set(&[(7, 9.99)]);
    let answer = shopper.submit(&cart, &form).await;
    assert_eq!(answer.status(), StatusCode::CONFLICT);
    let page = body(answer).await;
    assert!(page.contains("Product number 3"), "{page}");
    assert!(body(shopper.get(&cart, "/cart").await).await.contains("Product number 3"));
    shopper.post(&cart, "/cart/items/3/remove", &[]).await;
    let form = shopper.checkout(&cart).await;
    shopper.order(&cart, &form).await;
}
