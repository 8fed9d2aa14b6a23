//! Limits of size, and `Host`: answered in sava's own form, on time, and nothing else is harmed.

use sava_testbed::{Cart, Product};

use super::wire::{Response, connect, read, send};

fn get(target: &str, headers: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: shop\r\n{headers}\r\n")
}

/// An error of the server itself looks like any other of the service.
#[track_caller]
fn assert_problem(answer: &Response, status: u16, kind: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer:?}");
    assert!(answer.body.contains(&format!("tag:sava.example,2026:{kind}")), "{answer:?}");
    for header in ["x-sava-release", "x-sava-instance", "x-content-type-options", "content-security-policy"] {
        assert!(answer.header(header).is_some(), "{header} is missing: {answer:?}");
    }
    assert_eq!(answer.header("vary"), Some("Accept, Accept-Encoding"), "{answer:?}");
}

#[tokio::test]
async fn long_targets_are_414() {
    let product = Product::start().await;
    let long = |length: usize| get(&format!("/{}", "a".repeat(length)), "");
    assert_eq!(send(product.address(), long((8 << 10) - 1)).await.status, 404);
    // Beyond the limit; beyond hyper's buffer; beyond what hyper takes as a target.
    for length in [8 << 10, 60 << 10, 200 << 10] {
        assert_problem(&send(product.address(), long(length)).await, 414, "uri-too-long");
    }
}

#[tokio::test]
async fn large_header_sections_are_431() {
    let product = Product::start().await;
    let filler = |length: usize| get("/products", &format!("X-Filler: {}\r\n", "a".repeat(length)));
    let fields = |count: usize| get("/products", &"X-Field: a\r\n".repeat(count));
    assert_eq!(send(product.address(), filler(31 << 10)).await.status, 200);
    assert_eq!(send(product.address(), fields(63)).await.status, 200);
    for large in [filler(32 << 10), filler(60 << 10), filler(200 << 10), fields(64), fields(200)] {
        assert_problem(&send(product.address(), large).await, 431, "headers-too-large");
    }
}

#[tokio::test]
async fn large_bodies_are_413() {
    let cart = Cart::start().await;
    let body = "a".repeat((16 << 10) + 1);
    let form =
        "POST /cart/items HTTP/1.1\r\nHost: shop\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    let announced = format!("{form}Content-Length: {}\r\n\r\n{body}", body.len());
    assert_eq!(send(cart.address(), announced).await.status, 413);
    let chunked = format!("{form}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    assert_eq!(send(cart.address(), chunked).await.status, 413);
}

#[tokio::test]
async fn early_answer_reaches_a_client_that_still_sends() {
    let product = Product::start().await;
    // 4 MB that nobody waits for: closing at once would reset the connection before the answer is read.
    let request = get("/products", &format!("X-Filler: {}\r\n", "a".repeat(4 << 20)));
    for _ in 0..5 {
        assert_problem(&send(product.address(), &request).await, 431, "headers-too-large");
    }
}

#[tokio::test]
async fn wrong_hosts_are_400() {
    let product = Product::start().await;
    for hosts in
        ["", "Host: a\r\nHost: a\r\n", "Host: a b\r\n", "Host: a/b\r\n", "Host: me@a\r\n", "Host: a:b\r\n"]
    {
        let answer = send(product.address(), format!("GET / HTTP/1.1\r\n{hosts}\r\n")).await;
        assert_problem(&answer, 400, "bad-host");
    }
    for right in ["HTTP/1.0\r\n", "HTTP/1.1\r\nHost: sava-product:9070\r\n", "HTTP/1.1\r\nHost: [::1]:80\r\n"]
    {
        assert_eq!(
            send(product.address(), format!("GET /products {right}\r\n")).await.status,
            200,
            "{right}"
        );
    }
}

#[tokio::test]
async fn what_is_not_http_is_400() {
    let product = Product::start().await;
    for nonsense in
        ["\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", "GET / HTTP/1.1\r\nbad header\r\n\r\n", "hello\r\n\r\n"]
    {
        assert_problem(&send(product.address(), nonsense).await, 400, "bad-request");
    }
}

#[tokio::test]
async fn other_versions_of_http_are_505() {
    let product = Product::start().await;
    for other in ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET / HTTP/3.0\r\nHost: shop\r\n\r\n"] {
        assert_problem(&send(product.address(), other).await, 505, "version-not-supported");
    }
}

#[tokio::test]
async fn content_is_framed_in_one_way() {
    let product = Product::start().await;
    let chunks = "0\r\n\r\n";
    let framed = |headers: &str| get("/products", headers) + chunks;
    assert_eq!(send(product.address(), framed("Transfer-Encoding: Chunked\r\n")).await.status, 200);
    for twice in [
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Content-Length: 0\r\nContent-Length: 1\r\n",
    ] {
        assert_problem(&send(product.address(), framed(twice)).await, 400, "bad-request");
    }
}

#[tokio::test]
async fn lengths_beyond_any_number_are_413() {
    let product = Product::start().await;
    for length in ["18446744073709551614", "18446744073709551615", "18446744073709551616", "1000000"] {
        let answer =
            send(product.address(), get("/products", &format!("Content-Length: {length}\r\n"))).await;
        assert_problem(&answer, 413, "content-too-large");
    }
}

#[tokio::test]
async fn errors_behind_an_answer_are_answered_too() {
    let product = Product::start().await;
    let mut stream = connect(product.address()).await;
    let two = get("/livez", "") + "nonsense\r\n\r\n";
    tokio::io::AsyncWriteExt::write_all(&mut stream, two.as_bytes()).await.unwrap();
    let mut all = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut all).await.unwrap();
    assert!(all.contains("HTTP/1.1 200 OK") && all.contains("tag:sava.example,2026:bad-request"), "{all}");
}

#[tokio::test]
async fn absolute_targets_are_taken() {
    let product = Product::start().await;
    let answer = send(product.address(), get("http://shop/products", "")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_turn() {
    let product = Product::start().await;
    let mut stream = connect(product.address()).await;
    let two = get("/livez", "") + get("/nowhere", "").as_str();
    tokio::io::AsyncWriteExt::write_all(&mut stream, two.as_bytes()).await.unwrap();
    assert_eq!(read_one(&mut stream, "ok\n").await, 200);
}

/// Reads the answer whose body begins with `body`; with two in one read, the second follows it.
async fn read_one(stream: &mut tokio::net::TcpStream, body: &str) -> u16 {
    let first = read(stream).await.expect("an answer");
    assert!(first.body.starts_with(body), "{first:?}");
    if !first.body.contains("HTTP/1.1 404") {
        assert_eq!(read(stream).await.expect("a second answer").status, 404);
    }
    first.status
}

#[tokio::test]
async fn page_errors_are_pages() {
    let cart = Cart::start().await;
    let answer = send(cart.address(), get(&format!("/{}", "a".repeat(9 << 10)), "")).await;
    assert_eq!(answer.status, 414);
    assert!(answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html")), "{answer:?}");
    assert!(answer.header("x-sava-release").is_some());
}

/// RFC 3986 §6.2.2.2.
#[tokio::test]
async fn percent_encoded_letters_are_letters() {
    let product = Product::start().await;
    let cart = Cart::start().product(&product.url("")).await;
    for (service, path) in [
        (&*product, "/%70roducts/%69e/1?_=1700000000000"),
        (&*product, "/%72eadyz"),
        (&*cart, "/c%61rt"),
        (&*cart, "/%6civez"),
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: shop\r\n\r\n");
        assert_eq!(send(service.address(), request).await.status, 200, "{path}");
    }
    let request = "GET /products%2Fie HTTP/1.1\r\nHost: shop\r\n\r\n";
    assert_eq!(send(product.address(), request).await.status, 404, "a slash is another character");
    let request = "GET /products/ie?_limit=1&_=1700000000000 HTTP/1.1\r\nHost: shop\r\n\r\n";
    assert_eq!(send(product.address(), request).await.status, 200, "jQuery's parameter against caches");
}
