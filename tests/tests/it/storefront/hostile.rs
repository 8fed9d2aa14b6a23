//! A product service whose lists are hostile, and what they cost a store front.

use std::{
    fmt::Write as _,
    fs,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use sava_testbed::{Cart, body};
use serde_json::Value;
use tokio::net::TcpListener;

/// The memory limit of the manifests.
const LIMIT: u64 = 128 << 20;
/// The largest list that a store front holds.
const MAX_LIST: usize = 2 << 20;

/// A product service whose list is whatever a test says.
struct Hostile {
    list: Arc<Mutex<List>>,
    url: String,
}

/// A list and how many there were before it.
type List = (usize, Bytes);

impl Hostile {
    async fn start(list: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let list = Arc::new(Mutex::new((0, Bytes::copy_from_slice(list.as_bytes()))));
        let router = Router::new().route("/products/{locale}", get(answer)).with_state(Arc::clone(&list));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { list, url }
    }

    fn set(&self, list: String) {
        let mut now = self.list.lock().unwrap();
        *now = (now.0 + 1, list.into());
    }
}

/// Each list has an entity tag, so that store fronts keep what they read of it.
async fn answer(State(list): State<Arc<Mutex<List>>>, headers: HeaderMap) -> Response {
    let (number, list) = list.lock().unwrap().clone();
    let etag = format!("\"{number}\"");
    let known = headers.get(header::IF_NONE_MATCH).and_then(|tags| tags.to_str().ok()).unwrap_or_default();
    let headers = [(header::ETAG, etag.clone()), (header::CONTENT_TYPE, "application/json".to_owned())];
    if known.contains(&etag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, list).into_response()
}

/// `[element,element,…]`, as large as a store front reads.
fn filled(element: impl Fn(usize) -> String) -> String {
    let mut list = String::from("[");
    for number in 1.. {
        let element = element(number);
        if list.len() + element.len() + 2 > MAX_LIST {
            break;
        }
        let comma = if number == 1 { "" } else { "," };
        write!(list, "{comma}{element}").unwrap();
    }
    list.push(']');
    list
}

/// The most memory that the store front ever had: its resident set's high-water mark.
fn most_memory(cart: &Cart) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", cart.process().id())).unwrap();
    let kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    kib.unwrap().trim().parse::<u64>().unwrap() << 10
}

#[tokio::test]
async fn hostile_lists_fit_into_the_memory_limit() {
    let good = r#"[{"id":3,"title":"Dreamcatcher","description":"Catches.","price":25}]"#;
    let service = Hostile::start(good).await;
    let cart = Cart::start().product(&service.url).await;
    let lists = [
        ("zeros", filled(|_| "0".to_owned())),
        ("empty objects", filled(|_| "{}".to_owned())),
        ("empty arrays", filled(|_| "[]".to_owned())),
        ("nested arrays", ["[", "]"].map(|bracket| bracket.repeat(MAX_LIST / 2)).concat()),
        ("one string", format!("[\"{}\"]", "\\n".repeat(MAX_LIST / 2 - 2))),
        ("one number", format!("[{}]", "9".repeat(MAX_LIST - 2))),
        ("one title", format!(r#"[{{"id":1,"price":1,"title":"{}"}}]"#, "x".repeat(MAX_LIST - 64))),
        ("one picture of many values", {
            format!(r#"[{{"id":1,"price":1,"title":"T","image":[0{}]}}]"#, ",0".repeat(MAX_LIST / 2 - 64))
        }),
        ("the same id", filled(|_| r#"{"id":1,"price":1,"title":"T"}"#.to_owned())),
        ("bad pictures", filled(|id| format!(r#"{{"id":{id},"price":1,"title":"T","img":"x:"}}"#))),
        ("categories", filled(|id| format!(r#"{{"id":{id},"price":1,"title":"T","category":"{id}"}}"#))),
        ("products", filled(|id| format!(r#"{{"id":{id},"price":1,"title":"T"}}"#))),
        ("other products", filled(|id| format!(r#"{{"id":{id},"price":2,"title":"U"}}"#))),
        ("more products", filled(|id| format!(r#"{{"id":{id},"price":3,"title":"V"}}"#))),
        ("trailing garbage", filled(|_| "0".to_owned()) + "x"),
    ];
    for (name, list) in lists {
        service.set(list);
        let answer = cart.get("/").await;
        assert_eq!(answer.status(), StatusCode::OK, "{name}");
        let most = most_memory(&cart);
        assert!(most < LIMIT, "{name}: {} MiB", most >> 20);
    }
    let n_lines = cart.process().output().lines().count();
    assert!(n_lines < 300, "problems are counted, not logged one by one: {n_lines} lines");
    assert_eq!(cart.stop().await.code, Some(0));
}

#[tokio::test]
async fn categories_that_are_left_out_are_said_to_be_so_in_page_and_log() {
    let list: Vec<_> =
        (1..=1000).map(|id| format!(r#"{{"id":{id},"price":1,"title":"T","category":"c{id}"}}"#)).collect();
    let service = Hostile::start(&format!("[{}]", list.join(","))).await;
    let cart = Cart::start().product(&service.url).await;
    let page = body(cart.get("/").await).await;
    assert!(page.contains("There are more categories than the 100 that you can browse."), "{page}");
    cart.logged("there are too many categories").await;
}

/// By a product service that knows nothing of pages.
/// Not that the product service cannot be reached, which would send people to look for it.
#[tokio::test]
async fn a_list_that_is_too_large_to_read_is_said_to_be_so() {
    let service = Hostile::start(&format!("[{}]", " ".repeat(MAX_LIST))).await;
    let cart = Cart::start().product(&service.url).await;
    let page = body(cart.get("/").await).await;
    let notice =
        "The list of all our products is longer than we can read. Until it is shorter, there is fruit.";
    assert!(page.contains(notice) && !page.contains("We cannot reach"), "{page}");
    cart.logged("its answer is larger than 2097152 bytes").await;
}

#[tokio::test]
async fn releases_without_pages_have_them_where_a_list_is_long() {
    let products = |n_products| {
        let products = (1..=n_products)
            .map(|id| format!(r#"{{"id":{id},"price":1,"title":"Product {id}."}}"#))
            .collect::<Vec<_>>();
        format!("[{}]", products.join(","))
    };
    for release in ["1.0.5", "2.0.4"] {
        let service = Hostile::start(&products(100)).await;
        let cart = Cart::start().release(release).product(&service.url).await;
        let whole = body(cart.get("/").await).await;
        assert!(whole.contains("Product 100.") && !whole.contains("page=2"), "{whole}");
        service.set(products(250));
        let first = body(cart.get("/").await).await;
        assert!(first.contains("Product 100.") && !first.contains("Product 101."), "{first}");
        assert!(first.contains(r#"href="./?page=2""#) && first.contains("250 products"), "{first}");
        let last = body(cart.get("/?page=3").await).await;
        assert!(!last.contains("Product 200.") && last.contains("Product 250."), "{last}");
        let text = body(cart.get_as("/", "text/plain").await).await;
        assert!(text.contains("Next page: GET ./?page=2"), "{text}");
    }
}

#[tokio::test]
async fn log_values_are_values() {
    let service = Hostile::start(r#"[{"id":3,"title":"Dreamcatcher","price":25}, 0]"#).await;
    let cart = Cart::start().product(&service.url).await;
    cart.get("/").await;
    let line = cart.logged("products come from the product service").await;
    let entry: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&entry["n_products"], &entry["api_version"]), (&1.into(), &"v1".into()), "{line}");
    let log = cart.process().output();
    for of_debug in ["Some(", "None", "ServedBy", "\\\""] {
        assert!(!log.contains(of_debug), "{of_debug}: {log}");
    }
}
