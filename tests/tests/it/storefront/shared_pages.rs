//! Pages that were made for one shopper and are shown to another.

use reqwest::header::{ACCEPT, ACCEPT_ENCODING, COOKIE, REFERER};
use sava_testbed::{Balancer, Cart, Product, answer, body, client};

use super::shelf::Shelf;
use crate::pages::visitor::Visitor;

/// What tells views of a page apart.
#[derive(Clone, Copy, Debug)]
struct View<'a> {
    path: &'a str,
    /// Empty where there is none.
    referer: &'a str,
    cookie: &'a str,
    coding: &'a str,
    accept: &'a str,
}

/// What a shopper sees of it.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

async fn look(cart: &Cart, view: View<'_>) -> Seen {
    let request =
        client().get(cart.url(view.path)).header(ACCEPT, view.accept).header(ACCEPT_ENCODING, view.coding);
    let request = request.header(COOKIE, view.cookie).header(REFERER, view.referer);
    let answer = answer(request).await;
    let same_for_all = |name: &str| !["date", "content-length", "transfer-encoding"].contains(&name);
    let headers = answer.headers().iter().filter(|(name, _)| same_for_all(name.as_str()));
    let headers = headers.filter(|(name, _)| *name != "x-request-id");
    let headers = headers
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    let mut headers: Vec<_> = headers.collect();
    headers.sort();
    Seen { headers, body: answer.bytes().await.unwrap().to_vec() }
}

/// Two store fronts meet the same views in opposite orders. Where a page were shared with a view that it is not for, it
/// would be that of the first view in one and that of the last in the other.
#[tokio::test]
async fn a_shared_page_is_the_page_that_would_be_made() {
    let (old, new) =
        (Product::start().release("2.0.1").await, Product::start().release("2.1.0-breaking").await);
    let balancer = Balancer::start().await;
    balancer.split(&[(old.address(), 1)]);
    let start = || {
        Cart::start()
            .product(&balancer.url(""))
            .env("COOKIE_KEY", "0123456789abcdef".repeat(8))
            .env("POD_NAME", "pod-1")
    };
    let (one, other) = (start().await, start().await);
    let mut cookies = vec![String::new()];
    for quantity in ["1", "2"] {
        let form = [("id", "3"), ("quantity", quantity)];
        let added = answer(client().post(one.url("/cart/items")).form(&form)).await;
        let cookie = added.headers()["set-cookie"].to_str().unwrap();
        cookies.push(cookie.split(';').next().unwrap().to_owned());
    }
    let mut views = Vec::new();
    for path in [
        "/",
        "/?sort=price",
        "/?q=oak",
        "/?page=2",
        "/?page=3",
        "/?category=coffee",
        "/?added=3",
        "/products/3",
        "/products/4",
    ] {
        for referer in ["", "http://shop.example/?q=oak", "http://shop.example/?page=2"] {
            for cookie in &cookies {
                for coding in ["gzip", "identity"] {
                    for accept in ["text/html", "text/plain"] {
                        views.push(View { path, referer, cookie, coding, accept });
                    }
                }
            }
        }
    }
    // Twice, so that each page is one that was made before.
    let forwards: Vec<_> = views.iter().chain(&views).copied().collect();
    let backwards: Vec<_> = views.iter().rev().chain(views.iter().rev()).copied().collect();
    for (product, release) in [(&old, "2.0.1"), (&new, "2.1.0-breaking")] {
        balancer.split(&[(product.address(), 1)]);
        // The connections to the product service before are soon too old.
        for cart in [&one, &other] {
            while answer(client().get(cart.url("/"))).await.headers()["x-sava-product-release"] != release {}
        }
        let (mut seen, mut seen_by_other) = (Vec::new(), Vec::new());
        for view in &forwards {
            seen.push(look(&one, *view).await);
        }
        for view in &backwards {
            seen_by_other.push(look(&other, *view).await);
        }
        seen_by_other.reverse();
        for (place, view) in forwards.iter().enumerate() {
            assert!(seen[place] == seen_by_other[place], "{view:?} of {release}");
            let stated = ("x-sava-product-release".to_owned(), release.to_owned());
            assert!(seen[place].headers.contains(&stated), "{view:?}: {:?}", seen[place].headers);
        }
    }
}

/// Each view asks the product service, whatever is kept, and what it says now is what is shown.
#[tokio::test]
async fn a_page_is_shared_only_while_the_product_service_says_the_same() {
    let shelf = Shelf::start(&[(3, 25.0)]).await;
    let cart = Cart::start().product(shelf.url()).await;
    let visitor = Visitor::of(&cart.url("/"));
    for price in [25.0, 26.0, 25.0] {
        shelf.set(&[(3, price)]);
        for path in ["", "products/3"] {
            for _ in 0..2 {
                let n_before = shelf.n_asked();
                let page = visitor.get(path).await;
                assert!(page.says(&format!("€{price:.2}")), "{path}: {}", page.body);
                assert_eq!(shelf.n_asked() - n_before, 1, "{path}");
            }
        }
    }
    shelf.fail();
    for path in ["", "products/3"] {
        let page = visitor.get(path).await;
        assert!(page.says("We cannot reach our product service just now."), "{}", page.body);
        assert!(page.headers.contains_key("x-sava-product-fault"));
    }
    shelf.set(&[(3, 27.0)]);
    // The breaker may leave it alone for a moment.
    let again = async || body(answer(client().get(cart.url("/"))).await).await;
    while !again().await.contains("€27.00") {}
    assert!(!again().await.contains("We cannot reach"));
}
