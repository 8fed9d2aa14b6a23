//! Forms behind proxies that change `Host`, as raw requests.

use sava_testbed::{Cart, Product};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// The status line and the rest of the answer to a form that adds a product, with these headers.
async fn add(cart: &Cart, headers: &[(&str, &str)]) -> String {
    let form = "id=3&quantity=1";
    let headers =
        headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect::<Vec<_>>().concat();
    let request = format!(
        "POST /cart/items HTTP/1.1\r\n{headers}Connection: close\r\nContent-Length: {}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\r\n{form}",
        form.len()
    );
    let mut stream = TcpStream::connect(("127.0.0.1", cart.port())).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn check(cart: &Cart, host: &str, origin: &str, taken: bool) {
    let answer = add(cart, &[("Host", host), ("Origin", origin)]).await;
    let status = if taken { "HTTP/1.1 303 " } else { "HTTP/1.1 403 " };
    assert!(answer.starts_with(status), "{origin} at {host}: {answer}");
}

#[tokio::test]
async fn the_origin_of_the_public_url_is_trusted() {
    let product = Product::start().await;
    let cart = Cart::start().product(&product.url("")).env("PUBLIC_URL", "http://Shop.example:80/x/").await;
    for (origin, taken) in [
        ("http://shop.example", true),
        ("http://shop.example:80", true),
        ("http://SHOP.example", true),
        ("https://shop.example", false),
        ("http://shop.example:443", false),
        ("http://shop.example:8080", false),
        ("http://shop.example.", false),
        ("http://evil.example", false),
        ("http://shop.example.evil.example", false),
        ("null", false),
    ] {
        check(&cart, "sava-cart:3000", origin, taken).await;
    }
    // The browser's own word is not weaker, as a proxy cannot change what it means.
    let from_site =
        |site| [("Host", "sava-cart:3000"), ("Origin", "http://evil.example"), ("Sec-Fetch-Site", site)];
    assert!(add(&cart, &from_site("cross-site")).await.starts_with("HTTP/1.1 403 "));
    assert!(add(&cart, &from_site("same-site")).await.starts_with("HTTP/1.1 403 "));
}

#[tokio::test]
async fn default_ports_and_case_tell_no_origins_apart() {
    let product = Product::start().await;
    let cart = Cart::start().product(&product.url("")).await;
    for (host, origin, taken) in [
        ("shop.example", "http://shop.example:80", true),
        ("shop.example:80", "http://shop.example", true),
        ("shop.example:443", "https://shop.example", true),
        ("SHOP.example", "http://shop.example", true),
        ("shop.example.", "http://shop.example.", true),
        ("shop.example:443", "http://shop.example", false),
        ("shop.example:8080", "http://shop.example", false),
        ("shop.example", "http://shop.example.", false),
        ("shop.example", "null", false),
    ] {
        check(&cart, host, origin, taken).await;
    }
}

#[tokio::test]
async fn a_refusal_says_what_to_set() {
    let cart = Cart::start().env("PUBLIC_URL", "https://shop.example/").await;
    let answer = add(&cart, &[("Host", "sava-cart:3000"), ("Origin", "http://shop.example")]).await;
    assert!(answer.contains("sets PUBLIC_URL to the URL that you see"), "{answer}");
    let line = cart.logged("a form of another origin was refused").await;
    let entry: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(entry["origin"], "http://shop.example", "{line}");
    assert_eq!(entry["host"], "sava-cart:3000", "{line}");
    assert_eq!(entry["public_url"], "https://shop.example/", "{line}");
}
