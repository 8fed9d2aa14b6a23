//! Every reference is relative, and leads somewhere, wherever the store front is.

use std::collections::{BTreeSet, VecDeque};

use reqwest::StatusCode;
use sava_testbed::{Cart, Product, binaries};

use super::visitor::Visitor;

/// Follows every reference from the first page on. The visitor looks at each answer for what is not relative.
async fn crawl(store: &Visitor) -> usize {
    let root = store.url("");
    let mut seen = BTreeSet::new();
    let mut next = VecDeque::from([root.clone()]);
    while let Some(url) = next.pop_front() {
        if !seen.insert(url.clone()) {
            continue;
        }
        assert!(url.as_str().starts_with(root.as_str()), "{url} is not below {root}");
        let answer = store.get(url.as_str()).await;
        assert!(
            !answer.status.is_client_error() && !answer.status.is_server_error(),
            "{url}: {}",
            answer.status
        );
        let location = Some(answer.location().to_owned()).filter(|location| !location.is_empty());
        for reference in answer.references().into_iter().chain(location) {
            let mut to = answer.url.join(&reference).expect("a reference");
            to.set_fragment(None);
            // Pictures in the page lead nowhere.
            if to.scheme() == "http" {
                next.push_back(to);
            }
        }
    }
    seen.len()
}

/// Asks for every page there is and every way in which one can go wrong.
async fn visit_everything(store: &Visitor) {
    let statuses = [
        ("", 200),
        ("?q=oak&category=home&sort=-price&page=2", 200),
        ("?q=%3Cscript%3E&page=0", 200),
        ("products/3", 200),
        ("products/3/", 308),
        ("products/0", 404),
        ("products/99999", 404),
        ("cart", 200),
        ("cart/", 308),
        ("cart/items", 303),
        ("cart/items/3", 303),
        ("cart/items/3/remove", 303),
        ("checkout", 303),
        ("checkout/?a=b", 308),
        ("orders", 200),
        ("orders/", 308),
        ("orders/IE-00000-00000", 404),
        ("orders/IE-00000-00000/", 308),
        ("images/nothing.svg", 404),
        ("no/such/page/at/all", 404),
        ("no/such/page/", 404),
    ];
    for (path, status) in statuses {
        let answer = store.get(path).await;
        assert_eq!(answer.status.as_u16(), status, "{path}");
    }
    assert_eq!(store.post("cart/items", &[("id", "99999")]).await.status, StatusCode::NOT_FOUND);
    assert_eq!(store.post("cart/items", &[("id", "3"), ("quantity", "x")]).await.status, 422);
    assert_eq!(store.post("orders", &[]).await.status, StatusCode::METHOD_NOT_ALLOWED);
    let nothing = store.post("checkout", &[("key", "x")]).await;
    assert!(nothing.location() == "cart" || nothing.status == StatusCode::INTERNAL_SERVER_ERROR);
    let forms = [("cart/items", vec![("id", "3"), ("quantity", "2")]), ("cart", vec![("quantity-3", "5")])];
    for (path, fields) in forms {
        assert_eq!(store.post(path, &fields).await.status, StatusCode::SEE_OTHER, "{path}");
    }
    assert_eq!(store.get("cart").await.status, StatusCode::OK);
    assert_eq!(store.get("checkout").await.status, StatusCode::OK);
}

#[tokio::test]
async fn every_reference_of_every_release_is_relative_and_leads_somewhere() {
    let product = Product::start().await;
    for release in binaries::releases("sava-cart") {
        for base in ["/", "/shop/"] {
            let cart = Cart::start().release(&release).product(&product.url("")).env("BASE_PATH", base).await;
            let store = Visitor::of(&cart.url(base));
            visit_everything(&store).await;
            let n_pages = crawl(&store).await;
            assert!(n_pages > 25, "{release} at {base}: {n_pages} pages");
        }
    }
}

#[tokio::test]
async fn base_path_without_its_slash_is_mended() {
    let cart = Cart::start().env("BASE_PATH", "/a/shop/").await;
    let outside = Visitor::of(&cart.url("/"));
    let answer = outside.get("a/shop?q=oak").await;
    assert_eq!((answer.status.as_u16(), answer.location()), (308, "./shop/?q=oak"));
    let lost = outside.get("b/c").await;
    assert_eq!(lost.status, StatusCode::NOT_FOUND);
    assert!(lost.references().contains(&"../a/shop/".to_owned()), "{:?}", lost.references());
    for probe in ["livez", "readyz", "version"] {
        assert_eq!(outside.get(probe).await.status, StatusCode::OK, "{probe}");
    }
}

#[tokio::test]
async fn nothing_is_built_from_what_the_request_says_of_its_host() {
    let product = Product::start().await;
    let cart = Cart::start().product(&product.url("")).await;
    let store = Visitor::of(&cart.url("/"));
    let lie = |request: reqwest::RequestBuilder| {
        request
            .header("x-forwarded-host", "evil.example")
            .header("x-forwarded-proto", "https")
            .header("x-forwarded-uri", "/evil/path")
            .header("x-forwarded-prefix", "/evil")
    };
    let client = sava_testbed::client();
    for path in ["", "cart/", "products/3", "no/such/page"] {
        let answer = store.send(lie(client.get(store.url(path)))).await;
        assert!(!answer.body.contains("evil"), "{path}");
        assert!(!answer.location().contains("evil"), "{path}");
    }
    let added = store.send(lie(store.request("cart/items").form(&[("id", "3")]))).await;
    assert_eq!(added.location(), "../cart#item-3");
}

#[tokio::test]
async fn pages_are_compressed_by_gzip_or_not_at_all() {
    let product = Product::start().await;
    let cart = Cart::start().product(&product.url("")).await;
    let coding = async |accepted: &str| {
        let request = sava_testbed::client().get(cart.url("/")).header("accept-encoding", accepted);
        let headers = sava_testbed::answer(request).await.headers().clone();
        let vary: Vec<_> = headers.get_all("vary").iter().filter_map(|it| it.to_str().ok()).collect();
        assert!(vary.join(", ").to_ascii_lowercase().contains("accept-encoding"), "{vary:?}");
        headers.get("content-encoding").map(|coding| coding.to_str().unwrap().to_owned())
    };
    assert_eq!(coding("gzip, deflate, br, zstd").await.as_deref(), Some("gzip"));
    assert_eq!(coding("br, zstd, deflate").await, None);
    assert_eq!(coding("identity").await, None);
}
