use reqwest::StatusCode;
use sava_testbed::{Cart, Product, body};
use serde_json::json;

use super::roving_shopper::RovingShopper;

/// Three countries that the code knows nothing of, each with its product 1.
fn data() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let store = |locale: &str, name: &str, language: &str, currency: &str| json!({"locale": locale, "aliases": [], "name": name, "language": language, "currency": currency});
    let product = |locale: &str, price: f64| json!({"id": 1, "locale": locale, "title": "Dreamcatcher", "description": "Catches.", "price": price});
    let data = json!({
        "stores": [
            store("us", "United States", "en-US", "USD"),
            store("de", "Germany", "de-DE", "EUR"),
            store("jp", "Japan", "ja-JP", "JPY"),
        ],
        "products": [product("us", 1234.5), product("de", 1234.5), product("jp", 1235.0)],
    });
    std::fs::write(directory.path().join("db.json"), data.to_string()).unwrap();
    directory
}

#[tokio::test]
async fn another_country_is_data() {
    let data = data();
    let product = Product::start().data(data.path()).await;
    for (locale, postcode, price, total) in [
        ("us", "10001", "$1,234.50", "$2,469.00"),
        ("de", "10115", "1.234,50\u{a0}€", "2.469,00\u{a0}€"),
        ("jp", "100-0001", "￥1,235", "￥2,470"),
    ] {
        for release in ["1.0.5", "3.0.0"] {
            let cart = Cart::start().locale(locale).release(release).product(&product.url("")).await;
            let shopper = RovingShopper::new();
            let page = body(shopper.get(&cart, "/").await).await;
            assert!(page.contains(price), "{locale} {release}: {page}");
            shopper.add(&cart, "1", "2").await;
            let form = shopper.checkout(&cart).await.with_postcode(postcode);
            let answer = shopper.submit(&cart, &form).await;
            assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{locale} {release}");
            let orders = shopper.orders(&cart).await;
            assert!(orders.contains(total), "{locale} {release}: {orders}");
        }
    }
}
