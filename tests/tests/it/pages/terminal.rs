//! `curl -H 'Accept: text/plain'` is a store front too.

use sava_testbed::{Cart, Product};

use super::visitor::Visitor;

#[tokio::test]
async fn the_shop_is_open_to_terminals() {
    let product = Product::start().await;
    let cart = Cart::start().product(&product.url("")).env("POD_NAME", "pod-1").await;
    let visitor = Visitor::of(&cart.url("/"));

    let list = visitor.read("?category=coffee&sort=price").await;
    let mut lines = list.lines();
    assert_eq!(lines.next(), Some("sava Ireland"));
    let heading = lines.nth(1).unwrap_or_default();
    assert!(heading.starts_with("ID  PRODUCT") && heading.ends_with("PRICE"), "{list}");
    let rows: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
    assert!(rows.len() > 1, "{list}");
    assert!(rows.iter().all(|row| row.chars().count() == heading.chars().count()), "aligned: {list}");
    assert!(list.ends_with("sava-cart 3.0.0 on pod-1; products from sava-product 3.0.0, API v3\n"), "{list}");

    visitor.adds("3", "2").await;
    let text = visitor.read("cart").await;
    assert!(text.contains("€50.00\n") && text.contains("VAT included"), "{text}");

    let checkout = visitor.read("checkout").await;
    let value = |name: &str| {
        let line = checkout.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix('='));
        line.unwrap_or_else(|| panic!("no {name} in {checkout}")).to_owned()
    };
    let ordered = visitor.orders(&value("key"), &value("seen")).await;
    let order = visitor.read(ordered.location()).await;
    assert!(order.contains("1 Main Street") && order.contains("D02 X285"), "{order}");
    assert!(visitor.read("orders").await.contains("€50.00"));
    assert!(visitor.read("cart").await.contains("Your cart is empty."));
    assert!(visitor.read("nothing").await.contains("There is no such page"));
}

#[tokio::test]
async fn curl_gets_a_page_unless_it_asks_for_text() {
    let cart = Cart::start().await;
    for (accept, kind) in [("*/*", "text/html; charset=utf-8"), ("text/plain", "text/plain; charset=utf-8")] {
        let answer = cart.get_as("/", accept).await;
        assert_eq!(answer.headers()["content-type"], kind, "{accept}");
        assert!(answer.headers()["vary"].to_str().unwrap().contains("accept"), "{accept}");
    }
}
