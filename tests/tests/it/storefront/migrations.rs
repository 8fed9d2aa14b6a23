//! Releases that change the orders' table, beside each other and one after the other.

use std::fmt::Write as _;

use reqwest::StatusCode;
use sava_testbed::{Cart, CartBuilder, Postgres, body};

use super::{
    orders::{is_closed_for_orders, is_open_for_orders, key},
    roving_shopper::RovingShopper,
};
use crate::document;

/// What starts store fronts that share a database.
struct Shop(CartBuilder);

impl Shop {
    fn in_sqlite() -> Self {
        Self(Cart::start())
    }

    fn in_postgresql(postgres: &Postgres) -> Self {
        Self(Cart::start().env("DATABASE_URL", postgres.url("127.0.0.1")).env("COOKIE_KEY", key()))
    }

    async fn opens(&self, release: &str) -> Cart {
        self.0.clone().release(release).await
    }

    /// Runs `sava-cart migrate`, with its exit code.
    async fn migrates(&self, release: &str, flags: &[&str]) -> (Option<i32>, String) {
        let command = self.0.clone().release(release).arg("migrate");
        let exit = flags.iter().fold(command, CartBuilder::arg).exit().await;
        (exit.code, exit.output.trim().to_owned())
    }
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
    let shop = Shop::in_postgresql(&postgres);
    let old = shop.opens("2.0.4").await;
    let shopper = RovingShopper::new();
    let mut numbers = vec![order(&shopper, &old, "").await];
    let new = shop.opens("3.1.0").await;
    numbers.push(order(&shopper, &new, "Ring twice").await);
    numbers.push(order(&shopper, &old, "").await);
    let later = shop.opens("3.0.0").await;
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
    let shop = Shop::in_sqlite();
    let mut cart = shop.opens("3.0.0").await;
    let mut numbers = vec![order(&shopper, &cart, "").await];
    for (release, note) in [("3.1.0", "Ring twice"), ("3.0.0", ""), ("3.1.0", "")] {
        cart.stop().await;
        cart = shop.opens(release).await;
        numbers.push(order(&shopper, &cart, note).await);
        let list = shopper.orders(&cart).await;
        assert!(numbers.iter().all(|number| list.contains(number)), "{release}: {list}");
    }
    assert!(page_of(&shopper, &cart, &numbers[1]).await.contains("Ring twice"));
}

/// Expanded, filled, contracted, and all the way back.
async fn contract(shop: &Shop) {
    let shopper = RovingShopper::new();
    let old = shop.opens("3.0.0").await;
    let mut numbers = vec![order(&shopper, &old, "").await];
    let exit = shop.0.clone().release("3.2.0").exit().await;
    assert_eq!(exit.code, Some(1), "{}", exit.output);
    assert!(exit.output.contains("run `sava-cart migrate --back-fill` of 3.1.0"), "{}", exit.output);
    numbers.push(order(&shopper, &old, "").await);

    let fill = ["--back-fill"];
    assert_eq!(shop.migrates("3.1.0", &fill).await, (Some(0), "2 orders filled, 0 left".to_owned()));
    assert_eq!(shop.migrates("3.1.0", &fill).await, (Some(0), "0 orders filled, 0 left".to_owned()));
    let new = shop.opens("3.2.0").await;
    numbers.push(order(&shopper, &new, "Ring twice").await);

    shopper.add(&old, "garlic", "1").await;
    let form = shopper.checkout(&old).await;
    let answer = shopper.submit(&old, &form).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(body(answer).await.contains("We cannot take orders just now"));
    assert_eq!(old.get("/readyz").await.status(), StatusCode::OK);
    old.logged("orders cannot be written").await;
    numbers.push(shopper.order(&new, &form).await);

    let (code, output) = shop.migrates("3.2.0", &["--undo"]).await;
    assert_eq!((code, output.as_str()), (Some(0), "the orders' table is as it was before 3.2.0"));
    shopper.add(&old, "garlic", "1").await;
    numbers.push(shopper.order_in_the_end(&old, &shopper.checkout(&old).await).await);
    let between = shop.opens("3.1.0").await;
    assert!(page_of(&shopper, &between, &numbers[2]).await.contains("Ring twice"));
    for cart in [&old, &between] {
        let list = shopper.orders(cart).await;
        assert!(numbers.iter().all(|number| list.contains(number)), "{list}");
        assert_eq!(list.matches("Order IE-").count(), numbers.len(), "{list}");
    }
}

#[tokio::test]
async fn the_table_is_contracted_once_all_is_filled_in_sqlite() {
    contract(&Shop::in_sqlite()).await;
}

#[tokio::test]
async fn the_table_is_contracted_once_all_is_filled_in_postgresql() {
    let postgres = Postgres::start().await;
    contract(&Shop::in_postgresql(&postgres)).await;
}

/// The bad way: the release is well, and what was there before it is not, until the column has its name again.
async fn rename_at_once(shop: &Shop) {
    let shopper = RovingShopper::new();
    let old = shop.opens("3.1.0").await;
    let mut numbers = vec![order(&shopper, &old, "Ring twice").await];
    let narrow = shop.opens("3.1.1-narrow").await;
    numbers.push(order(&shopper, &narrow, "").await);
    assert!(page_of(&shopper, &narrow, &numbers[0]).await.contains("Ring twice"));
    is_closed_for_orders(&old, &shopper).await;
    narrow.stop().await;
    let (code, output) = shop.migrates("3.1.1-narrow", &["--undo"]).await;
    assert_eq!((code, output.as_str()), (Some(0), "the orders' table is as it was before 3.1.1-narrow"));
    is_open_for_orders(&old, &shopper).await;
    let list = shopper.orders(&old).await;
    assert!(numbers.iter().all(|number| list.contains(number)), "{list}");
}

#[tokio::test]
async fn a_column_that_is_renamed_closes_older_releases_for_orders_in_sqlite() {
    rename_at_once(&Shop::in_sqlite()).await;
}

#[tokio::test]
async fn a_column_that_is_renamed_closes_older_releases_for_orders_in_postgresql() {
    let postgres = Postgres::start().await;
    rename_at_once(&Shop::in_postgresql(&postgres)).await;
}

#[tokio::test]
async fn what_is_not_a_releases_own_is_not_migrated() {
    let shop = Shop::in_sqlite();
    for (release, flag, why) in [
        ("3.0.0", "--back-fill", "3.0.0 has no notes to fill"),
        ("3.2.0", "--back-fill", "3.2.0 has no notes to fill"),
        ("3.1.0", "--undo", "3.1.0 changes nothing that can be taken back"),
    ] {
        let (code, output) = shop.migrates(release, &[flag]).await;
        assert_eq!((code, output), (Some(1), format!("sava-cart: {why}")));
    }
    assert_eq!(shop.migrates("3.1.0", &["--undo", "--back-fill"]).await.0, Some(2));
    let made = (Some(0), "the orders' table is that of 3.2.0".to_owned());
    assert_eq!(shop.migrates("3.2.0", &[]).await, made);
}

const RELEASES: [&str; 5] = ["2.0.4", "3.0.0", "3.1.0", "3.2.0", "3.1.1-narrow"];

/// What a release can do with the orders; none where it does all.
async fn lacks(shopper: &RovingShopper, cart: &Cart) -> Option<&'static str> {
    shopper.add(cart, "garlic", "1").await;
    let form = shopper.checkout(cart).await;
    let placed = shopper.submit(cart, &form).await.status();
    let shown = shopper.get(cart, "/orders").await.status();
    match (placed, shown) {
        (StatusCode::SEE_OTHER, StatusCode::OK) => None,
        (StatusCode::SERVICE_UNAVAILABLE, StatusCode::OK) => Some("shows orders, takes none"),
        (StatusCode::SERVICE_UNAVAILABLE, StatusCode::SERVICE_UNAVAILABLE) => Some("no orders"),
        other => panic!("{other:?}"),
    }
}

/// Opens `second` where `first` has been, and says what that does to either.
async fn beside(shop: &Shop, first: &str, second: &str) -> String {
    let shopper = RovingShopper::new();
    let old = shop.opens(first).await;
    order(&shopper, &old, "").await;
    let mut notes = Vec::new();
    let (code, output) = shop.migrates(second, &[]).await;
    if code != Some(0) && output.contains("--back-fill") {
        notes.push("back-fill first".to_owned());
        let (code, output) = shop.migrates("3.1.0", &["--back-fill"]).await;
        assert_eq!(code, Some(0), "{output}");
    }
    let new = shop.opens(second).await;
    for (cart, release) in [(&old, first), (&new, second)] {
        notes.extend(lacks(&shopper, cart).await.map(|lacks| format!("{release}: {lacks}")));
    }
    if notes.is_empty() { "both".to_owned() } else { notes.join("; ") }
}

/// Each ordered pair, on a database of its own.
#[tokio::test]
async fn releases_stand_beside_each_other_as_the_documentation_says() {
    let postgres = Postgres::start().await;
    let mut table = format!("| first | then {} |\n|{}\n", RELEASES.join(" | then "), " --- |".repeat(6));
    for first in RELEASES {
        let mut cells = vec![first.to_owned()];
        for second in RELEASES {
            postgres.execute("DROP TABLE IF EXISTS orders, _sqlx_migrations");
            cells.push(beside(&Shop::in_postgresql(&postgres), first, second).await);
        }
        writeln!(table, "| {} |", cells.join(" | ")).unwrap();
    }
    document::has_table("docs/compatibility.md", "| first |", &table);
}
