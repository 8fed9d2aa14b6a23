//! Releases that change the orders' table, beside each other and one after the other.

use reqwest::StatusCode;
use sava_testbed::{Cart, CartBuilder, Postgres, body};

use super::{orders::key, roving_shopper::RovingShopper};

/// A database that every store front of a test has.
pub(super) fn of_postgres(postgres: &Postgres, release: &str) -> CartBuilder {
    Cart::start().release(release).env("DATABASE_URL", postgres.url("127.0.0.1")).env("COOKIE_KEY", key())
}

/// An order with a note for the courier, which some releases do not take.
async fn order(shopper: &RovingShopper, cart: &Cart, note: &str) -> String {
    shopper.add(cart, "garlic", "1").await;
    let form = shopper.checkout(cart).await.with_note(note);
    shopper.order(cart, &form).await
}

async fn page_of(shopper: &RovingShopper, cart: &Cart, number: &str) -> String {
    let answer = shopper.get(cart, &format!("/orders/{number}")).await;
    assert_eq!(answer.status(), StatusCode::OK);
    body(answer).await
}

#[tokio::test]
async fn a_note_for_the_courier_is_taken_shown_and_bounded() {
    let cart = Cart::start().release("3.1.0").await;
    let shopper = RovingShopper::new();
    shopper.add(&cart, "garlic", "1").await;
    let form = shopper.checkout(&cart).await;
    let long = form.clone().with_note(&"x".repeat(201));
    let answer = shopper.submit(&cart, &long).await;
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let page = body(answer).await;
    assert!(page.contains("id=\"note-wrong\">Use at most 200 characters"), "{page}");

    let number = shopper.order(&cart, &form.with_note(" <b>Ring\ttwice</b>\u{1b}[1m ")).await;
    let page = page_of(&shopper, &cart, &number).await;
    assert!(page.contains("Note for the courier</h2><p>&#60;b&#62;Ring twice&#60;/b&#62;[1m</p>"), "{page}");
    let text = shopper.get_as(&cart, &format!("/orders/{number}"), "text/plain").await;
    assert!(text.contains("Note for the courier\n  <b>Ring twice</b>[1m\n"), "{text}");
    let without = order(&shopper, &cart, "").await;
    assert!(!page_of(&shopper, &cart, &without).await.contains("courier"));
}

#[tokio::test]
async fn releases_that_know_of_no_note_ask_for_none() {
    let cart = Cart::start().release("3.0.0").await;
    let shopper = RovingShopper::new();
    let number = order(&shopper, &cart, "Ring twice").await;
    assert!(!page_of(&shopper, &cart, &number).await.contains("Ring twice"));
    shopper.add(&cart, "garlic", "1").await;
    assert!(!body(shopper.get(&cart, "/checkout").await).await.contains("courier"));
}

/// As in a canary: either takes orders and shows those of both.
#[tokio::test]
async fn the_expanded_table_is_shared_with_older_releases() {
    let postgres = Postgres::start().await;
    let old = of_postgres(&postgres, "2.0.4").await;
    let shopper = RovingShopper::new();
    let mut numbers = vec![order(&shopper, &old, "").await];
    let new = of_postgres(&postgres, "3.1.0").await;
    numbers.push(order(&shopper, &new, "Ring twice").await);
    numbers.push(order(&shopper, &old, "").await);
    let later = of_postgres(&postgres, "3.0.0").await;
    numbers.push(order(&shopper, &later, "").await);
    for (cart, release) in [(&old, "2.0.4"), (&new, "3.1.0"), (&later, "3.0.0")] {
        let list = shopper.orders(cart).await;
        assert!(numbers.iter().all(|number| list.contains(number)), "{list}");
        for (place, number) in numbers.iter().enumerate() {
            let page = page_of(&shopper, cart, number).await;
            let has_note = page.contains("Ring twice");
            assert_eq!(has_note, place == 1 && release == "3.1.0", "{page}");
        }
    }
}

/// As with one replica: there and back again, and the note is there still.
#[tokio::test]
async fn a_roll_back_from_the_expanded_table_loses_nothing() {
    let shopper = RovingShopper::new();
    let mut cart = Cart::start().release("3.0.0").await;
    let mut numbers = vec![order(&shopper, &cart, "").await];
    for (release, note) in [("3.1.0", "Ring twice"), ("3.0.0", ""), ("3.1.0", "")] {
        let next = cart.start_again().release(release);
        cart.stop().await;
        cart = next.await;
        numbers.push(order(&shopper, &cart, note).await);
        let list = shopper.orders(&cart).await;
        assert!(numbers.iter().all(|number| list.contains(number)), "{release}: {list}");
    }
    assert!(page_of(&shopper, &cart, &numbers[1]).await.contains("Ring twice"));
}
