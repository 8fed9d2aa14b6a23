//! Forms that other sites have a shopper's browser send: refused by what Chromium says of them, which depends on how
//! the shop is reached.

use axum::{Router, response::Html, routing::get};
use sava_testbed::{
    BrowserShopper, Cart, Product,
    browser::{Browser, Script},
};
use tokio::net::TcpListener;

/// What Chromium says in `Sec-Fetch-Site`, if it sends it.
struct FetchSites<'a> {
    from_elsewhere: Option<&'a str>,
    from_the_shop: Option<&'a str>,
}

/// A page of another site, at `host`, with a form that puts 66 cloves of garlic into the cart of the shop at `shop`.
async fn evil(host: &str, shop: &str) -> String {
    let page = format!(
        "<!DOCTYPE html><title>You have won</title><h1>You have won</h1><form method=post action='{shop}cart/items'>\
         <input type=hidden name=id value=garlic><input type=hidden name=quantity value=66>\
         <button>Claim your prize</button></form>"
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let port = listener.local_addr().expect("a listener has an address").port();
    let app = Router::new().route("/", get(async || Html(page)));
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{host}:{port}/")
}

/// A form of the page at `elsewhere` is refused by the shop at `host`, where shopping goes on.
async fn check(host: &str, elsewhere: &str, expected: FetchSites<'_>) {
    let product = Product::start().await;
    let cart = Cart::start().product(&product.url("")).await;
    let url = format!("http://{host}:{}/", cart.port());
    let browser = Browser::start(Script::On).await;

    let other = evil(elsewhere, &url).await;
    let shopper = BrowserShopper::enters(&browser, &url).await;
    browser.driver().goto(&other).await.expect("the other site is open");
    shopper.presses("Claim your prize").await;
    assert_eq!(shopper.heading().await, "That came from another site");
    let status = "return performance.getEntriesByType('navigation')[0].responseStatus";
    let status = browser.driver().execute(status, vec![]).await.expect("a script runs");
    assert_eq!(status.json(), &403);
    // The premise: whether the refusal rests on Sec-Fetch-Site, or on Origin alone.
    let posts = browser.posts().await;
    assert_eq!(posts.len(), 1, "{posts:?}");
    assert_eq!(posts[0].get("sec-fetch-site").map(String::as_str), expected.from_elsewhere, "{posts:?}");
    assert_eq!(posts[0]["origin"], other.trim_end_matches('/'), "{posts:?}");

    shopper.goes_to("Cart").await;
    assert!(
        shopper.sees("//h2[.='Nothing in here yet']").await,
        "what the other site sent is not in the cart"
    );
    shopper.goes_to("Products").await;
    shopper.presses_at("Willow dreamcatcher", "Add").await;
    shopper.goes_to("Cart").await;
    shopper.presses("Check out").await;
    shopper.fills_in_the_address("Eircode", "D02 X285").await;
    shopper.presses("Place the order").await;
    assert_eq!(shopper.heading().await, "Thank you, Aoife Byrne");
    let posts = browser.posts().await;
    assert_eq!(posts.len(), 3, "{posts:?}");
    for post in posts {
        assert_eq!(post.get("sec-fetch-site").map(String::as_str), expected.from_the_shop, "{post:?}");
        assert_eq!(post["origin"], url.trim_end_matches('/'), "{post:?}");
    }
}

#[tokio::test]
async fn forms_of_other_sites_are_refused_on_plain_http() {
    let nothing = FetchSites { from_elsewhere: None, from_the_shop: None };
    check("shop.test", "evil.test", nothing).await;
}

#[tokio::test]
async fn forms_of_a_sibling_are_refused_on_plain_http() {
    let nothing = FetchSites { from_elsewhere: None, from_the_shop: None };
    check("shop.example.test", "evil.example.test", nothing).await;
}

#[tokio::test]
async fn forms_of_other_sites_are_refused_where_the_browser_tells_of_them() {
    let expected = FetchSites { from_elsewhere: Some("cross-site"), from_the_shop: Some("same-origin") };
    check("localhost", "127.0.0.1", expected).await;
}

#[tokio::test]
async fn forms_of_another_port_are_refused() {
    let expected = FetchSites { from_elsewhere: Some("same-site"), from_the_shop: Some("same-origin") };
    check("localhost", "localhost", expected).await;
}
