//! A release of sava-product that gets no shoppers, and that those see who ask for it.

use std::fs;

use reqwest::{Method, RequestBuilder, Response};
use sava_testbed::{Cart, CartBuilder, Product, binaries::root, body, client, json};

use super::Gateway;

/// 3.0.0 for everybody, and 2.0.1 for those who ask, behind a gateway that takes anybody's word here.
struct Launch {
    _production: Product,
    preview: Product,
    gateway: Gateway,
}

impl Launch {
    async fn start() -> Self {
        Self::of(Product::start().release("2.0.1").await).await
    }

    async fn of(preview: Product) -> Self {
        let production = Product::start().await;
        let variables = [
            ("PRODUCTION", production.address()),
            ("CANARY", preview.address()),
            ("PREVIEW_FROM", "127.0.0.0/8"),
        ];
        let gateway = Gateway::of(&variables, (1, 0)).await;
        Self { _production: production, preview, gateway }
    }

    /// A store front behind the gateway.
    fn cart(&self) -> CartBuilder {
        Cart::start().product(self.gateway.products())
    }

    /// One that allows the preview.
    fn open_cart(&self) -> CartBuilder {
        self.cart().env("PREVIEW_RELEASES", "2.0.1,4.0.0")
    }
}

fn get(cart: &Cart, path: &str, accept: &str) -> RequestBuilder {
    client().get(cart.url(path)).header("accept", accept)
}

async fn preview(cart: &Cart, path: &str, accept: &str) -> Response {
    get(cart, path, accept).header("x-sava-preview", "2.0.1").send().await.expect("an answer")
}

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().expect("text"))
}

/// All values of the header.
fn vary(answer: &Response) -> String {
    let values = answer.headers().get_all("vary").iter();
    values.map(|value| value.to_str().expect("text")).collect::<Vec<_>>().join(", ")
}

#[tokio::test]
async fn the_previewed_release_is_seen_by_those_who_ask_alone() {
    let launch = Launch::start().await;
    let cart = launch.open_cart().await;
    // All at once, so that what is shared by those who ask at the same moment would be mixed up.
    let both = (0..20).map(async |n| {
        let wants_preview = n % 2 == 0;
        let request = get(&cart, "/", "text/html");
        let request = if wants_preview { request.header("x-sava-preview", "2.0.1") } else { request };
        let answer = request.send().await.expect("an answer");
        let release = header(&answer, "x-sava-product-release").to_owned();
        let heard = header(&answer, "x-sava-preview").to_owned();
        let cached = header(&answer, "cache-control").to_owned();
        assert!(vary(&answer).contains("x-sava-preview"), "{}", vary(&answer));
        let page = body(answer).await;
        assert_eq!(page.contains("This is a preview of release 2.0.1"), wants_preview, "{page}");
        let expected =
            if wants_preview { ("2.0.1", "2.0.1", "no-store") } else { ("3.0.0", "", "private, no-cache") };
        assert_eq!((&*release, &*heard, &*cached), expected);
    });
    futures_util::future::join_all(both).await;
    let picture = "/images/dreamcatcher.svg";
    assert_eq!(header(&preview(&cart, picture, "image/*").await, "cache-control"), "no-store");
    let picture = get(&cart, picture, "image/*").send().await.expect("an answer");
    assert_eq!(header(&picture, "cache-control"), "public, max-age=3600");
    assert!(vary(&picture).contains("x-sava-preview"), "a cache would show it to those who preview");
}

#[tokio::test]
async fn the_release_view_says_that_it_is_a_preview() {
    let launch = Launch::start().await;
    let cart = launch.open_cart().await;
    let sample = json(preview(&cart, "/release/sample", "application/json").await).await;
    assert_eq!((&sample["preview"], &sample["product"]["release"]), (&"2.0.1".into(), &"2.0.1".into()));
    let sample =
        json(get(&cart, "/release/sample", "application/json").send().await.expect("an answer")).await;
    assert_eq!((sample.get("preview"), &sample["product"]["release"]), (None, &"3.0.0".into()));
    let line = body(preview(&cart, "/release/sample?colour=never", "text/plain").await).await;
    assert!(line.contains("● 2.0.1") && line.ends_with("preview of 2.0.1\n"), "{line}");
    let page = body(preview(&cart, "/release", "text/html").await).await;
    assert!(page.contains("Who serves? Preview of 2.0.1"), "{page}");
    let page = body(get(&cart, "/release", "text/html").send().await.expect("an answer")).await;
    assert!(!page.contains("Preview of"), "{page}");
}

#[tokio::test]
async fn the_header_is_ignored_where_it_is_not_allowed() {
    let launch = Launch::start().await;
    // The gateway would send it to 2.0.1, were it passed on.
    let is_ignored = async |cart: &Cart, request: RequestBuilder, varies: bool| {
        let answer = request.send().await.expect("an answer");
        assert_eq!(
            (header(&answer, "x-sava-product-release"), header(&answer, "x-sava-preview")),
            ("3.0.0", "")
        );
        assert_eq!(vary(&answer).contains("x-sava-preview"), varies);
        assert!(!body(answer).await.contains("preview of"), "{}", cart.url("/"));
    };
    let closed = launch.cart().await;
    is_ignored(&closed, get(&closed, "/", "text/html").header("x-sava-preview", "2.0.1"), false).await;
    let open = launch.open_cart().await;
    for wish in ["2.0.1-errors", "2.0", "", "2.0.1, 4.0.0", "2.0.1\u{e9}"] {
        is_ignored(&open, get(&open, "/", "text/html").header("x-sava-preview", wish.as_bytes()), true).await;
    }
    // Two routers may read it differently.
    let twice =
        get(&open, "/", "text/html").header("x-sava-preview", "2.0.1").header("x-sava-preview", "4.0.0");
    is_ignored(&open, twice, true).await;
}

#[tokio::test]
async fn a_preview_that_nobody_serves_is_said_to_be_none() {
    let launch = Launch::start().await;
    let cart = launch.open_cart().await;
    let answer =
        get(&cart, "/", "text/html").header("x-sava-preview", "4.0.0").send().await.expect("an answer");
    let page = body(answer).await;
    let words = "You asked for a preview of release 4.0.0: this is not it, but sava-cart 3.0.0 and sava-product 3.0.0.";
    assert!(page.contains(words), "{page}");
    // Once the gateway has seen that it is gone.
    launch.preview.kill();
    loop {
        let answer = preview(&cart, "/", "text/html").await;
        assert_eq!(answer.status(), 200);
        if header(&answer, "x-sava-product-release") == "3.0.0" {
            let page = body(answer).await;
            assert!(page.contains("You asked for a preview of release 2.0.1: this is not it"), "{page}");
            break;
        }
    }
}

/// Neither their pages nor readiness and metrics, by which others judge the shop.
#[tokio::test]
async fn a_previewed_release_that_fails_is_nothing_to_shoppers() {
    let launch = Launch::of(Product::start().release("2.0.1").env("FAULT_ERROR_RATE", "1").await).await;
    let cart = launch.open_cart().await;
    for _ in 0..8 {
        let page = body(preview(&cart, "/", "text/html").await).await;
        assert!(page.contains("Until it is back, there is fruit."), "{page}");
    }
    let line = cart.logged("it is left alone for a moment").await;
    assert!(line.contains("2.0.1"), "{line}");
    let answer = get(&cart, "/", "text/html").send().await.expect("an answer");
    assert_eq!(header(&answer, "x-sava-product-release"), "3.0.0");
    assert!(!body(answer).await.contains("fruit"));
    let metrics = client().get(cart.admin_url("/metrics").await).send().await.expect("an answer");
    let metrics = body(metrics).await;
    assert!(metrics.contains("sava_cart_product_breaker_open{what=\"lists\"} 0"), "{metrics}");
    assert!(!metrics.contains("outcome=\"status\""), "{metrics}");
    assert_eq!(cart.get("/readyz").await.status(), 200);
}

/// Whoever can send the header would else choose the prices.
#[tokio::test]
async fn nothing_is_sold_at_a_previews_prices() {
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    let data = fs::read_to_string(root().join("data/db.json")).expect("the catalog");
    let mut catalog: serde_json::Value = serde_json::from_str(&data).expect("JSON");
    let mut price = serde_json::Value::Null;
    for product in catalog["products"].as_array_mut().expect("products") {
        // Whose pictures are elsewhere.
        product.as_object_mut().expect("an object").retain(|field, _| field != "img" && field != "alt");
        if product["id"] == 3 && product["locale"] == "ie" {
            price = std::mem::replace(&mut product["price"], 0.01.into());
        }
    }
    fs::write(folder.path().join("db.json"), catalog.to_string()).expect("it can be written");
    let launch = Launch::of(Product::start().release("2.0.1").data(folder.path()).await).await;
    let cart = launch.open_cart().await;
    let shopper = reqwest::Client::builder().cookie_store(true).pool_max_idle_per_host(0).no_proxy().build();
    let shopper = shopper.expect("a client without TLS");
    let ask = async |method: Method, path: &str, form: &[(&str, &str)]| {
        let request = shopper.request(method, cart.url(path)).header("x-sava-preview", "2.0.1").form(form);
        body(request.send().await.expect("an answer")).await
    };
    ask(Method::POST, "/cart/items", &[("id", "3"), ("quantity", "1")]).await;
    let page = ask(Method::GET, "/cart", &[]).await;
    assert!(page.contains("€0.01"), "it is the preview's price: {page}");
    let page = ask(Method::GET, "/checkout", &[]).await;
    assert!(!page.contains("€0.01") && page.contains(&format!("€{price}")), "{page}");
    let hidden = |name: &str| {
        let (_, rest) = page.split_once(&format!("name=\"{name}\" value=\"")).expect("a hidden field");
        rest.split_once('"').expect("its end").0.to_owned()
    };
    let (key, seen) = (hidden("key"), hidden("seen"));
    let form = |seen| {
        let address =
            [("name", "Aoife"), ("email", "a@example.ie"), ("address", "1 Main Street"), ("town", "Dublin")];
        address
            .into_iter()
            .chain([("postcode", "D02 X285"), ("key", &*key), ("seen", seen)])
            .collect::<Vec<_>>()
    };
    let forged = ask(Method::POST, "/checkout", &form("v1 EUR 3*1@1")).await;
    assert!(forged.contains("The price has changed"), "{forged}");
    let order = ask(Method::POST, "/checkout", &form(&seen)).await;
    assert!(order.contains("IE-") && order.contains(&format!("€{price}")), "{order}");
}
