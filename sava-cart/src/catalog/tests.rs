//! The catalog against a product service that does whatever a test says.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::atomic::{AtomicUsize, Ordering},
};

use clap::Parser as _;
use time::OffsetDateTime;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UdpSocket},
    sync::Notify,
};

use super::*;
use sava_service::Resolver;

use crate::{authorities::Authorities, settings::Settings};

const V1: &str = r#"[{"id":3,"title":"Dreamcatcher","description":"Catches.","price":25,"locale":"ie"}]"#;
const V3: &str = r#"[{"id":3,"title":"Dreamcatcher","price":{"amount":2500,"currency":"EUR"}}]"#;
const STORES: &str = r#"[{"locale":"ie","name":"Ireland","language":"en-IE","currency":"EUR"},
    {"locale":"jp","name":"Japan","language":"ja-JP","currency":"JPY"}]"#;

/// What the stub does with a request.
enum Reply {
    /// A whole response; the connection stays open.
    Whole(String),
    /// These bytes, and then the connection is closed.
    Cut(&'static str),
    /// Nothing, for ever.
    Hang,
}

/// A product service that replies as `reply` says, and remembers what it was asked.
struct Stub {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    n_connections: Arc<AtomicUsize>,
}

impl Stub {
    async fn start(reply: impl Fn(&str, usize) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), reply).await
    }

    async fn start_at(
        address: SocketAddr,
        reply: impl Fn(&str, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let stub = Self {
            address: listener.local_addr().unwrap(),
            requests: Arc::default(),
            n_connections: Arc::default(),
        };
        let (requests, n_connections) = (Arc::clone(&stub.requests), Arc::clone(&stub.n_connections));
        let reply = Arc::new(reply);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                n_connections.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(serve(stream, Arc::clone(&requests), Arc::clone(&reply)));
            }
        });
        stub
    }

    /// The requests for the list, each with its head.
    fn list_requests(&self) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        requests.iter().filter(|head| head.contains("/products/")).cloned().collect()
    }

    fn catalog(&self) -> Catalog {
        catalog(&format!("http://{}", self.address), &[])
    }
}

async fn serve(
    mut stream: TcpStream,
    requests: Arc<Mutex<Vec<String>>>,
    reply: Arc<impl Fn(&str, usize) -> Reply + Send + Sync + 'static>,
) {
    let mut head = Vec::new();
    while let Ok(byte) = stream.read_u8().await {
        head.push(byte);
        if !head.ends_with(b"\r\n\r\n") {
            continue;
        }
        let text = String::from_utf8(std::mem::take(&mut head)).unwrap();
        let n_before = {
            let mut requests = requests.lock().unwrap();
            requests.push(text.clone());
            requests.iter().filter(|head| head.contains("/products/")).count()
        };
        match reply(&text, n_before) {
            Reply::Whole(response) => stream.write_all(response.as_bytes()).await.unwrap(),
            Reply::Cut(bytes) => return stream.write_all(bytes.as_bytes()).await.unwrap(),
            Reply::Hang => std::future::pending().await,
        }
    }
}

fn ok(headers: &str, body: &str) -> Reply {
    Reply::Whole(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len()))
}

fn status(line: &str) -> Reply {
    Reply::Whole(format!("HTTP/1.1 {line}\r\ncontent-length: 0\r\n\r\n"))
}

/// A product service in good health: its list has an entity tag, and stores are described.
fn healthy(head: &str, list: &str) -> Reply {
    if head.starts_with("GET /products HTTP") {
        ok("", STORES)
    } else if head.contains("if-none-match: ") && head.contains("\"one\"") {
        Reply::Whole("HTTP/1.1 304 Not Modified\r\netag: \"one\"\r\nx-sava-release: 3.0.0\r\n\r\n".to_owned())
    } else {
        ok("etag: \"one\"\r\nx-sava-release: 3.0.0\r\nx-sava-instance: pod-1\r\n", list)
    }
}

/// All that is on sale.
async fn everything(catalog: &Catalog) -> Listing {
    catalog.page(&ProductQuery::ALL, 1, 12).await
}

fn catalog(product_service: &str, arguments: &[&str]) -> Catalog {
    catalog_with(product_service, arguments, &Resolver::of_the_system())
}

fn catalog_with(product_service: &str, arguments: &[&str], resolver: &Resolver) -> Catalog {
    let fixed = [
        "sava-cart",
        "--listen=127.0.0.1:0",
        "--admin-listen=127.0.0.1:0",
        "--product-service",
        product_service,
    ];
    let settings = Settings::parse_from(fixed.iter().chain(arguments));
    let metrics = ShopMetrics::new(&prometheus::Registry::new());
    let endpoint =
        Endpoint::new(&settings.product_service, resolver.clone(), &Authorities::default()).unwrap();
    Catalog::new(settings.locale.as_str(), settings.release, &endpoint, metrics, Readiness::default())
}

/// A port of this machine that refuses connections.
async fn closed_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn an_unchanged_catalog_is_parsed_once() {
    let stub = Stub::start(|head, _| healthy(head, V3)).await;
    let catalog = stub.catalog();
    let (first, second) = (everything(&catalog).await, everything(&catalog).await);
    assert_eq!((first.freshness, second.freshness), (Freshness::Fresh, Freshness::Fresh));
    assert!(Arc::ptr_eq(&first.list, &second.list));
    assert!(stub.list_requests()[1].contains("if-none-match: \"one\""), "{:?}", stub.list_requests());
    // The 304 says who confirmed it; it says nothing of its instance, and nothing is made up.
    assert_eq!(first.served_by.unwrap().instance.as_deref(), Some("pod-1"));
    assert_eq!(second.served_by.unwrap().instance, None);
}

#[tokio::test]
async fn answers_of_two_releases_in_turn_are_parsed_once_each() {
    let stub = Stub::start(|head, n| {
        if head.starts_with("GET /products HTTP") {
            return ok("", STORES);
        }
        let (etag, list) = if n % 2 == 1 { ("\"odd\"", V1) } else { ("\"even\"", V3) };
        if head.contains(etag) {
            Reply::Whole(format!("HTTP/1.1 304 Not Modified\r\netag: {etag}\r\n\r\n"))
        } else {
            ok(&format!("etag: {etag}\r\n"), list)
        }
    })
    .await;
    let catalog = stub.catalog();
    let mut listings = Vec::new();
    for _ in 0..6 {
        listings.push(everything(&catalog).await);
    }
    for (earlier, later) in listings.iter().zip(&listings[2..]) {
        assert!(Arc::ptr_eq(&earlier.list, &later.list));
        assert_eq!(earlier.served_by, later.served_by);
    }
    assert!(!Arc::ptr_eq(&listings[0].list, &listings[1].list));
}

/// A product service whose list is too long to be held.
fn long(head: &str) -> Reply {
    let product = |id: u64, category: &str| {
        format!(
            r#"{{"id":{id},"title":"Product {id}","price":{{"amount":{id},"currency":"EUR"}},"category":"{category}"}}"#
        )
    };
    let target = head.split(' ').nth(1).unwrap_or_default();
    let parameters = target.split_once('?').map(|(_, parameters)| parameters);
    let products = match parameters {
        None if target == "/products" => return ok("", STORES),
        None => return Reply::Whole("HTTP/1.1 200 OK\r\ncontent-length: 9000000\r\n\r\n[".to_owned()),
        Some("_sort=category&_limit=1") => product(2, "a"),
        Some("_sort=category&_limit=1&category_gte=a&category_ne=a") => product(3, "b"),
        Some("_page=1&_limit=2") if head.contains("if-none-match: \"first\"") => {
            return Reply::Whole("HTTP/1.1 304 Not Modified\r\netag: \"first\"\r\n\r\n".to_owned());
        }
        Some("_page=1&_limit=2") => {
            let list = format!("[{},{}]", product(1, "b"), product(2, "a"));
            return ok("etag: \"first\"\r\nx-total-count: 100000\r\n", &list);
        }
        Some("id=7&id=2") => format!("{},{}", product(2, "a"), product(7, "b")),
        Some(_) => String::new(),
    };
    ok("x-total-count: 1\r\n", &format!("[{products}]"))
}

fn ids(listing: &Listing) -> Vec<String> {
    listing.list.products.iter().map(|product| product.id.to_string()).collect()
}

#[tokio::test]
async fn of_a_list_that_is_too_long_pages_and_products_are_asked_for() {
    let is_away = Arc::new(AtomicUsize::new(0));
    let away = Arc::clone(&is_away);
    let stub = Stub::start(
        move |head, _| if away.load(Ordering::Relaxed) == 1 { status("500 Oops") } else { long(head) },
    )
    .await;
    let catalog = stub.catalog();
    let first = catalog.page(&ProductQuery::ALL, 1, 2).await;
    assert!(first.is_fresh());
    assert_eq!((ids(&first), first.list.n_selected), (vec!["1".to_owned(), "2".to_owned()], Some(100_000)));
    assert_eq!(first.list.categories.iter().collect::<Vec<_>>(), ["a", "b"]);
    assert!(
        Arc::ptr_eq(&first.list, &catalog.page(&ProductQuery::ALL, 1, 2).await.list),
        "a 304 is not read again"
    );
    let asked: ProductId = "7".parse().unwrap();
    let cart = catalog.products([asked, ProductId::Fruit(Fruit::Garlic), "2".parse().unwrap()]).await;
    assert_eq!(ids(&cart), ["2", "7"]);
    assert!(cart.product(ProductId::Fruit(Fruit::Garlic)).is_some());
    let whole = stub.list_requests().iter().filter(|head| head.starts_with("GET /products/ie HTTP")).count();
    assert_eq!(whole, 1, "the list is not asked for again");
    assert_eq!(catalog.path(), "products/ie?_page=1&_limit=12");

    is_away.store(1, Ordering::Relaxed);
    let stale = catalog.page(&ProductQuery::ALL, 1, 2).await;
    assert!(matches!(stale.freshness, Freshness::Stale { .. }), "{:?}", stale.freshness);
    assert_eq!(
        (ids(&stale), stale.list.n_selected),
        (vec!["1".to_owned(), "2".to_owned(), "7".to_owned()], None)
    );
    assert_eq!(catalog.title_of_gone(asked), "Product 7");
}

#[tokio::test]
async fn searches_that_fail_leave_the_pages_alone() {
    let stub =
        Stub::start(|head, _| if head.contains("?q=") { status("503 Busy") } else { long(head) }).await;
    let catalog = stub.catalog();
    let search = ProductQuery { q: "oak".to_owned(), ..ProductQuery::ALL };
    for _ in 0..8 {
        assert!(!catalog.page(&search, 1, 2).await.is_fresh());
    }
    let asked = stub.list_requests().iter().filter(|head| head.contains("?q=")).count();
    assert_eq!(asked, 5, "then the breaker of searches is open");
    assert!(catalog.page(&ProductQuery::ALL, 1, 2).await.is_fresh());
}

#[tokio::test]
async fn a_category_that_pages_would_cut_is_not_offered() {
    for last in ["x".repeat(5000), " padded".to_owned(), String::new()] {
        let stub = Stub::start(move |head, _| {
            if head.contains("category_gte=a&") {
                ok("", &format!(r#"[{{"id":3,"title":"P","price":1,"category":"{last}"}}]"#))
            } else {
                long(head)
            }
        })
        .await;
        let listing = stub.catalog().page(&ProductQuery::ALL, 1, 2).await;
        assert_eq!(listing.list.categories.iter().collect::<Vec<_>>(), ["a"]);
        assert!(listing.list.has_more_categories);
    }
}

#[tokio::test]
async fn identical_requests_in_flight_are_one() {
    let gate = Arc::new(Notify::new());
    let stub = Stub::start(|head, _| healthy(head, V3)).await;
    let catalog = stub.catalog();
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let catalog = catalog.clone();
            let gate = Arc::clone(&gate);
            async move {
                gate.notified().await;
                everything(&catalog).await
            }
        })
        .collect();
    let all = futures_util::future::join_all(tasks);
    tokio::pin!(all);
    assert!(futures_util::poll!(&mut all).is_pending());
    gate.notify_waiters();
    for listing in all.await {
        assert!(listing.is_fresh());
    }
    assert_eq!(stub.list_requests().len(), 1);
}

#[tokio::test]
async fn fruit_is_on_sale_where_the_product_service_was_never_reachable() {
    let listing = everything(&catalog(&format!("http://{}", closed_port().await), &["--locale=UK"])).await;
    assert_eq!(listing.freshness, Freshness::Fruit);
    assert_eq!(listing.served_by, None);
    let titles: Vec<_> = listing.list.products.iter().map(|product| product.title.as_str()).collect();
    assert_eq!(titles, ["Apples", "Oranges", "Papayas", "Garlic"]);
    assert_eq!(listing.list.products[0].price_text, "£2.50");
}

#[tokio::test]
async fn the_last_good_answer_stays_while_the_product_service_is_away() {
    let stub = Stub::start(|head, n| if n == 2 { status("500 Oops") } else { healthy(head, V3) }).await;
    let catalog = stub.catalog();
    let before = OffsetDateTime::now_utc();
    let good = everything(&catalog).await;
    let stale = everything(&catalog).await;
    let Freshness::Stale { since } = stale.freshness else { panic!("{:?}", stale.freshness) };
    assert!(since >= before && since <= OffsetDateTime::now_utc());
    assert!(Arc::ptr_eq(&good.list, &stale.list));
    assert_eq!(good.served_by, stale.served_by);
    assert!(everything(&catalog).await.is_fresh());
    // Fruit in a cart from before stays on sale, beside real products.
    assert!(good.product(ProductId::Fruit(Fruit::Garlic)).is_some());
}

#[tokio::test]
async fn what_is_asked_again_is_only_what_was_not_answered() {
    // (reply to the first request for the list, how often the list is asked for)
    let table: [(fn() -> Reply, usize); 6] = [
        (|| Reply::Cut(""), 2),
        (|| status("500 Oops"), 1),
        (|| status("503 Busy"), 1),
        (|| status("302 Found\r\nlocation: /elsewhere"), 1),
        (|| Reply::Cut("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n[{"), 1),
        (|| ok("", "<html>"), 1),
    ];
    for (place, (first, n_asked)) in table.into_iter().enumerate() {
        let stub = Stub::start(move |head, n| {
            let is_list = head.contains("/products/");
            if is_list && n == 1 { first() } else { healthy(head, V3) }
        })
        .await;
        let listing = everything(&stub.catalog()).await;
        assert_eq!(stub.list_requests().len(), n_asked, "case {place}");
        assert_eq!(listing.is_fresh(), n_asked == 2, "case {place}");
    }
}

#[tokio::test]
async fn a_product_service_that_hangs_costs_one_deadline() {
    let stub = Stub::start(|_, _| Reply::Hang).await;
    let began = Instant::now();
    let listing = everything(&stub.catalog()).await;
    assert_eq!(listing.freshness, Freshness::Fruit);
    assert!(began.elapsed() >= DEADLINE && began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test]
async fn an_open_breaker_asks_nothing_and_tries_again_within_five_seconds() {
    let stub = Stub::start(|_, _| status("500 Oops")).await;
    let catalog = stub.catalog();
    for _ in 0..10 {
        everything(&catalog).await;
    }
    let n_asked = stub.requests.lock().unwrap().len();
    assert!(n_asked <= 6, "{n_asked}");
    let tried_again = async {
        while stub.requests.lock().unwrap().len() == n_asked {
            everything(&catalog).await;
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), tried_again).await.unwrap();
}

/// A product service of which only pictures fail: lists go on, as often as pictures are asked for. Names differ, so that
/// no failure is remembered for a name.
#[tokio::test]
async fn failing_pictures_leave_the_lists_alone() {
    let failures: [fn() -> Reply; 2] = [|| status("500 Oops"), || Reply::Hang];
    for failure in failures {
        let is_picture = |head: &str| head.starts_with("GET /images/");
        let stub =
            Stub::start(move |head, _| if is_picture(head) { failure() } else { healthy(head, V3) }).await;
        let catalog = stub.catalog();
        let names: Vec<_> = (0..20).map(|number| format!("{number}.svg")).collect();
        for names in names.chunks(10) {
            let pictures = futures_util::future::join_all(names.iter().map(|name| catalog.image(name))).await;
            assert!(pictures.iter().all(Option::is_none));
            for _ in 0..3 {
                assert!(everything(&catalog).await.is_fresh());
            }
        }
        let n_asked = stub.requests.lock().unwrap().iter().filter(|head| is_picture(head)).count();
        assert!(n_asked <= 10, "pictures have a breaker as well: {n_asked}");
    }
}

#[tokio::test]
async fn failing_lists_leave_the_pictures_alone() {
    let stub = Stub::start(|head, _| match head {
        head if head.starts_with("GET /images/") => ok("content-type: image/svg+xml\r\n", "<svg/>"),
        _ => status("500 Oops"),
    })
    .await;
    let catalog = stub.catalog();
    for number in 0..10 {
        assert_eq!(everything(&catalog).await.freshness, Freshness::Fruit);
        assert!(catalog.image(&format!("{number}.svg")).await.is_some(), "{number}");
    }
    assert!(stub.list_requests().len() < 10, "the breaker of lists is open");
}

#[tokio::test]
async fn larger_answers_than_eight_mebibytes_are_not_read() {
    for announced in [true, false] {
        let stub = Stub::start(move |head, _| {
            if !head.contains("/products/") {
                return ok("", STORES);
            }
            let body = format!("[{}]", " ".repeat(MAX_LIST_BYTES));
            if announced {
                ok("", &body)
            } else {
                let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
                Reply::Whole(format!("{chunked}{:x}\r\n{body}\r\n0\r\n\r\n", body.len()))
            }
        })
        .await;
        assert_eq!(everything(&stub.catalog()).await.freshness, Freshness::Fruit);
    }
}

#[tokio::test]
async fn the_address_may_have_a_path() {
    let stub = Stub::start(|head, _| healthy(head, V3)).await;
    for base in ["/shop/api", "/shop/api/"] {
        let catalog = catalog(&format!("http://{}{base}", stub.address), &[]);
        everything(&catalog).await;
        catalog.image("x.svg").await;
        let requests = std::mem::take(&mut *stub.requests.lock().unwrap());
        let paths: std::collections::BTreeSet<_> =
            requests.iter().filter_map(|head| head.split(' ').nth(1)).collect();
        let expected = ["/shop/api/images/x.svg", "/shop/api/products", "/shop/api/products/ie"];
        assert_eq!(paths.into_iter().collect::<Vec<_>>(), expected);
    }
}

#[tokio::test]
async fn each_release_asks_for_its_versions_and_takes_any() {
    for (release, accept) in [
        ("1.0.5", "accept: application/vnd.sava.v1+json\r\n"),
        ("2.0.4", "accept: application/vnd.sava.v2+json, application/vnd.sava.v1+json;q=0.9\r\n"),
    ] {
        let stub = Stub::start(|head, _| healthy(head, V3)).await;
        let catalog = catalog(&format!("http://{}", stub.address), &["--release", release]);
        let listing = everything(&catalog).await;
        assert_eq!(listing.list.products[0].price_text, "€25.00");
        assert_eq!(listing.served_by.unwrap().api_version, ApiVersion::V3);
        assert!(stub.list_requests()[0].contains(accept), "{:?}", stub.list_requests());
    }
}

#[tokio::test]
async fn another_country_is_data() {
    let list = r#"[{"id":1,"title":"T","price":1235}]"#;
    let stub = Stub::start(move |head, _| healthy(head, list)).await;
    let catalog = catalog(&format!("http://{}", stub.address), &["--locale=JP"]);
    let listing = everything(&catalog).await;
    assert_eq!(listing.list.products[0].price_text, "￥1,235");
    assert_eq!(listing.list.store.name, "Japan");
    assert_eq!(catalog.store().language, "ja-JP");
}

#[tokio::test]
async fn an_older_product_service_need_not_describe_its_stores() {
    let stub = Stub::start(|head, _| match head {
        head if head.starts_with("GET /products HTTP") => status("404 Not Found"),
        head => healthy(head, V1),
    })
    .await;
    let catalog = stub.catalog();
    assert_eq!(everything(&catalog).await.list.products[0].price_text, "€25.00");
    let (again, once_more) = (everything(&catalog).await, everything(&catalog).await);
    assert!(Arc::ptr_eq(&again.list, &once_more.list));
    let requests = stub.requests.lock().unwrap();
    assert_eq!(requests.iter().filter(|head| head.starts_with("GET /products HTTP")).count(), 1);
}

#[tokio::test]
async fn what_the_product_service_says_of_itself_is_plain_or_nothing() {
    let stub = Stub::start(|head, _| {
        if head.starts_with("GET /products HTTP") {
            return ok("", STORES);
        }
        let long = "x".repeat(200);
        ok(&format!("x-sava-release: 3.0 <b>\r\nx-sava-instance: {long}\r\n"), V3)
    })
    .await;
    let served_by = everything(&stub.catalog()).await.served_by.unwrap();
    assert_eq!((served_by.release, served_by.instance), (None, None));
}

#[tokio::test]
async fn pictures_are_fetched_once_and_are_images() {
    let stub = Stub::start(|head, _| match head.split(' ').nth(1).unwrap() {
        "/images/good.svg" => ok("content-type: image/svg+xml; charset=utf-8\r\n", "<svg/>"),
        "/images/page.svg" => ok("content-type: text/html\r\n", "<script>"),
        _ => status("404 Not Found"),
    })
    .await;
    let catalog = stub.catalog();
    let pictures = futures_util::future::join_all((0..20).map(|_| catalog.image("good.svg"))).await;
    for picture in pictures {
        let picture = picture.unwrap();
        assert_eq!((&picture.bytes[..], picture.media_type), (&b"<svg/>"[..], "image/svg+xml"));
    }
    for file in ["page.svg", "none.svg", "..", ".hidden", "a/b.svg", "x?y", ""] {
        assert!(catalog.image(file).await.is_none(), "{file}");
    }
    assert_eq!(stub.requests.lock().unwrap().len(), 3, "{:?}", stub.requests.lock().unwrap());
}

/// Kubernetes balances connections, not requests: even where no replica ever closes one, page views that are not in a
/// hurry have a connection each.
#[tokio::test]
async fn two_replicas_behind_one_name_share_the_page_views() {
    let first = Stub::start(|head, _| healthy(head, V3)).await;
    let second_address = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), first.address.port()));
    let second = Stub::start_at(second_address, |head, _| healthy(head, V3)).await;
    let name_server = name_server([Ipv4Addr::LOCALHOST, Ipv4Addr::new(127, 0, 0, 2)]).await;
    let resolver = ask(name_server);
    let service = format!("http://sava-product.test.:{}", first.address.port());
    let catalog = catalog_with(&service, &[], &resolver);
    let mut interval = tokio::time::interval(Duration::from_millis(110));
    for _ in 0..20 {
        interval.tick().await;
        assert!(everything(&catalog).await.is_fresh());
    }
    let shares = (first.list_requests().len(), second.list_requests().len());
    assert_eq!(shares.0 + shares.1, 20);
    assert!((6..=14).contains(&shares.0), "{shares:?}");
}

/// Longer than connecting may take: it is waited for all the same.
#[tokio::test]
async fn a_slow_name_server_is_waited_for() {
    let stub = Stub::start(|head, _| healthy(head, V3)).await;
    let name_server = slow_name_server([Ipv4Addr::LOCALHOST; 2], Duration::from_millis(300)).await;
    let service = format!("http://sava-product.test.:{}", stub.address.port());
    let catalog = catalog_with(&service, &[], &ask(name_server));
    assert!(everything(&catalog).await.is_fresh());
}

#[tokio::test]
async fn a_replica_that_is_gone_is_not_noticed() {
    let first = Stub::start(|head, _| healthy(head, V3)).await;
    let name_server = name_server([Ipv4Addr::LOCALHOST, Ipv4Addr::new(127, 0, 0, 2)]).await;
    let service = format!("http://sava-product.test.:{}", first.address.port());
    for _ in 0..4 {
        let catalog = catalog_with(&service, &[], &ask(name_server));
        assert!(everything(&catalog).await.is_fresh());
    }
}

/// A resolver that asks this name server, which is at 127.0.0.1, alone.
fn ask(name_server: SocketAddr) -> Resolver {
    Resolver::of_files("/dev/null", "/dev/null", name_server.port())
}

/// A name server that knows one name's IPv4 addresses, whatever the name (RFC 1035 §4).
async fn name_server(addresses: [Ipv4Addr; 2]) -> SocketAddr {
    slow_name_server(addresses, Duration::ZERO).await
}

/// One that answers after that long.
async fn slow_name_server(addresses: [Ipv4Addr; 2], delay: Duration) -> SocketAddr {
    const TYPE_A: [u8; 2] = [0, 1];
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut packet = [0; 512];
        while let Ok((length, client)) = socket.recv_from(&mut packet).await {
            let name_length = packet[12..length].iter().position(|byte| *byte == 0).unwrap() + 1;
            let question = &packet[12..12 + name_length + 4];
            let is_a = question[name_length..name_length + 2] == TYPE_A;
            let n_answers = if is_a { 2 } else { 0 };
            let mut answer = [&packet[..2], &[0x84, 0, 0, 1, 0, n_answers, 0, 0, 0, 0], question].concat();
            for address in addresses.iter().filter(|_| is_a) {
                // A pointer to the name, type A, class IN, a time to live of an hour, four bytes.
                answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0x0e, 0x10, 0, 4]);
                answer.extend(address.octets());
            }
            tokio::time::sleep(delay).await;
            socket.send_to(&answer, client).await.unwrap();
        }
    });
    address
}
