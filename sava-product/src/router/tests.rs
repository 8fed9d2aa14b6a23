use std::sync::{Arc, mpsc};

use arc_swap::ArcSwap;
use axum::body::Body;
use clap::Parser as _;
use http::{HeaderMap, Method, Request};
use http_body_util::BodyExt as _;
use prometheus::Registry;
use sava_service::{Identity, Readiness, Service, faults::Faults};
use serde_json::{Value, json};
use tokio::{runtime, task::JoinSet};
use tower::ServiceExt as _;

use super::*;
use crate::{
    api_version::ApiVersion, catalog::Source, metrics::ApiMetrics, openapi, release::RELEASES,
    settings::Settings,
};

/// The API of a release with the embedded catalog.
fn api(release: &str) -> Router {
    let arguments = ["sava-product", "--release", release, "--listen=[::]:0", "--admin-listen=[::]:0"];
    let settings = Settings::try_parse_from(arguments).unwrap();
    let identity = Identity::new("sava-product", release);
    let catalog = Arc::new(ArcSwap::from_pointee(Source::Embedded.load().unwrap()));
    router(
        AppState::new(&settings.api, &identity, catalog, Arc::new(ApiMetrics::new(&Registry::new())))
            .unwrap(),
    )
}

/// The service of a release, with its probes, and how many requests it answers at once.
fn service(release: &'static str) -> (Router, usize) {
    let settings = Settings::parse_from(["sava-product", "--listen=[::]:0", "--admin-listen=[::]:0"]);
    let max_in_flight = settings.server.max_in_flight;
    let service = Service {
        identity: Identity::new("sava-product", release),
        settings: settings.server,
        faults: Faults::NONE,
        readiness: Readiness::default(),
        metrics: sava_service::Metrics::new(),
        version: Arc::new(|_identity| json!({})),
        error: crate::problems::respond,
    };
    (service.app(api(release)), max_in_flight)
}

struct Response {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Response {
    #[track_caller]
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("{name} in {:?}", self.headers)).to_str().unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

async fn send(api: &Router, method: Method, path: &str, headers: &[(&str, &str)]) -> Response {
    let request =
        headers.iter().fold(Request::builder().method(method).uri(path), |request, (name, value)| {
            request.header(*name, *value)
        });
    let response = api.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    Response { status: parts.status.as_u16(), headers: parts.headers, body }
}

async fn get(api: &Router, path: &str, headers: &[(&str, &str)]) -> Response {
    send(api, Method::GET, path, headers).await
}

#[tokio::test]
async fn each_release_serves_its_versions_and_no_others() {
    for release in RELEASES {
        let api = api(release.version);
        for version in ApiVersion::ALL {
            let answer = get(&api, "/products/ie", &[("accept", version.media_type())]).await;
            let is_served = release.api_versions.contains(&version);
            assert_eq!(answer.status, if is_served { 200 } else { 406 }, "{} {version:?}", release.version);
            let content_type = if is_served { version.media_type() } else { "application/problem+json" };
            assert_eq!(answer.header("content-type"), content_type);
        }
    }
}

#[tokio::test]
async fn a_product_has_the_members_of_its_version() {
    let api = api("3.0.0");
    let product = |version: u8| {
        let accept = format!("application/vnd.sava.v{version}+json");
        let api = api.clone();
        async move { get(&api, "/products/IE/3", &[("accept", &accept)]).await.json() }
    };
    let names = |product: &Value| {
        let mut names: Vec<_> = product.as_object().unwrap().keys().cloned().collect();
        names.sort();
        names
    };
    let (v1, v2, v3) = (product(1).await, product(2).await, product(3).await);
    assert_eq!(names(&v1), ["description", "id", "locale", "price", "title"]);
    assert_eq!(names(&v2), ["description", "id", "img", "locale", "price", "title"]);
    assert_eq!(names(&v3), ["category", "description", "id", "image", "locale", "price", "rating", "title"]);
    assert_eq!((&v1["price"], &v3["price"]), (&json!(25), &json!({"amount": 2500, "currency": "EUR"})));
    assert_eq!(v2["img"], v3["image"]["src"]);
    let list = get(&api, "/products/ie", &[]).await.json();
    assert_eq!(list[2], v3, "the list has the same product");
}

#[tokio::test]
async fn what_a_client_has_is_not_sent_again() {
    let api = api("3.0.0");
    for path in [
        "/products",
        "/products/ie",
        "/products/ie/3",
        "/products/ie?_page=1",
        "/images/axe.svg",
        "/docs",
        "/openapi.json",
    ] {
        for coding in ["identity", "gzip", "br", "zstd"] {
            let first = get(&api, path, &[("accept-encoding", coding)]).await;
            assert_eq!(first.status, 200, "{path}");
            let etag = first.header("etag").to_owned();
            let weak = format!("\"other\", W/{etag}");
            let again = get(&api, path, &[("accept-encoding", coding), ("if-none-match", &weak)]).await;
            assert_eq!((again.status, again.body.len()), (304, 0), "{path} {coding}");
            for name in ["etag", "vary", "cache-control"] {
                assert_eq!(again.header(name), first.header(name), "{path}");
            }
            assert!(!again.headers.contains_key("content-type"));
        }
    }
}

#[tokio::test]
async fn representations_and_codings_have_etags_of_their_own() {
    let api = api("3.0.0");
    let mut etags = Vec::new();
    for accept in [
        "application/json",
        "application/vnd.sava.v3+json",
        "application/vnd.sava.v2+json",
        "application/vnd.sava.v1+json",
    ] {
        for coding in ["identity", "gzip", "br", "zstd"] {
            let answer = get(&api, "/products/ie", &[("accept", accept), ("accept-encoding", coding)]).await;
            let said =
                answer.headers.get("content-encoding").map_or("identity", |value| value.to_str().unwrap());
            assert_eq!(said, coding);
            etags.push(answer.header("etag").to_owned());
        }
    }
    let count = etags.len();
    etags.sort();
    etags.dedup();
    assert_eq!(etags.len(), count);
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let api = api("3.0.0");
    for path in [
        "/",
        "/docs",
        "/products",
        "/products/uk",
        "/products/uk/1",
        "/products/uk?q=axe",
        "/images/axe.svg",
        "/products/fr",
    ] {
        let (get, head) = (get(&api, path, &[]).await, send(&api, Method::HEAD, path, &[]).await);
        assert_eq!((head.status, head.body.len()), (get.status, 0), "{path}");
        let mut headers = head.headers;
        assert_eq!(headers.remove("content-length").unwrap(), get.body.len().to_string().as_str(), "{path}");
        let mut expected = get.headers;
        expected.remove("content-length");
        assert_eq!(headers, expected, "{path}");
    }
}

#[tokio::test]
async fn only_reading_is_allowed() {
    let api = api("3.0.0");
    for path in
        ["/", "/products", "/products/ie", "/products/ie/1", "/images/axe.svg", "/openapi.json", "/docs"]
    {
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            let answer = send(&api, method, path, &[]).await;
            assert_eq!((answer.status, answer.header("allow")), (405, "GET, HEAD, OPTIONS"), "{path}");
            assert_eq!(answer.json()["status"], 405);
        }
        let preflight = [("origin", "https://example.org"), ("access-control-request-method", "GET")];
        let answer = send(&api, Method::OPTIONS, path, &preflight).await;
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (204, "*"), "{path}");
        assert_eq!(answer.header("access-control-allow-methods"), "GET, HEAD, OPTIONS");
        let instrumented = "tracestate,baggage,cache-control,content-type,x-requested-with,authorization";
        let asked_for = [preflight[0], preflight[1], ("access-control-request-headers", instrumented)];
        let answer = send(&api, Method::OPTIONS, path, &asked_for).await;
        assert_eq!(answer.header("access-control-allow-headers"), instrumented, "{path}");
        let plain = send(&api, Method::OPTIONS, path, &[]).await;
        assert_eq!((plain.status, plain.header("allow")), (204, "GET, HEAD, OPTIONS"));
    }
}

#[tokio::test]
async fn every_error_is_a_problem_that_varies() {
    let api = api("3.0.0");
    for (path, accept, status, kind) in [
        ("/products/fr", "*/*", 404, "unknown-locale"),
        ("/products/%FF", "*/*", 404, "unknown-locale"),
        ("/products/ie/%FF", "*/*", 404, "unknown-product"),
        ("/images/%FF.svg", "*/*", 404, "unknown-image"),
        ("/products/ie/999", "*/*", 404, "unknown-product"),
        ("/products/ie/01", "*/*", 404, "unknown-product"),
        ("/products/ie/1%2F2", "*/*", 404, "unknown-product"),
        ("/images/nothing.svg", "*/*", 404, "unknown-image"),
        ("/images/..%2Fdb.json", "*/*", 404, "unknown-image"),
        ("/schemas/v9.json", "*/*", 404, "unknown-route"),
        ("/nothing", "*/*", 404, "unknown-route"),
        ("/products/ie/1/2", "*/*", 404, "unknown-route"),
        ("/products/ie", "text/html", 406, "not-acceptable"),
        ("/products", "application/vnd.sava.v9+json", 406, "not-acceptable"),
        ("/products/ie?_page=0", "*/*", 400, "bad-query"),
        ("/products/ie?colour=red", "*/*", 400, "bad-query"),
    ] {
        let answer = get(&api, path, &[("accept", accept)]).await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (status, "application/problem+json"),
            "{path}"
        );
        assert_eq!(answer.json()["type"], format!("tag:sava.example,2026:{kind}"));
        assert_eq!(
            (answer.header("vary"), answer.header("cache-control")),
            ("Accept, Accept-Encoding", "no-store")
        );
    }
}

#[tokio::test]
async fn the_404_lists_every_route() {
    let detail = get(&api("3.0.0"), "/nothing", &[]).await.json()["detail"].to_string();
    for route in Route::ALL {
        assert!(detail.contains(route.path()), "{detail}");
    }
}

#[tokio::test]
async fn older_versions_lead_to_their_successor() {
    let api = api("2.0.1");
    let old = get(&api, "/products/ie?_page=1&_limit=5", &[("accept", "application/vnd.sava.v1+json")]).await;
    assert!(old.header("deprecation").starts_with('@'));
    let links: Vec<_> = old.headers.get_all("link").iter().map(|link| link.to_str().unwrap()).collect();
    assert_eq!(links[0], r#"<>; rel="successor-version"; type="application/vnd.sava.v2+json""#);
    assert!(links[1].contains(r#"<?_page=6&_limit=5>; rel="last""#), "{links:?}");
    let newest = get(&api, "/products/ie", &[]).await;
    assert!(!newest.headers.contains_key("deprecation") && !newest.headers.contains_key("link"));
}

#[tokio::test]
async fn a_query_answers_the_same_products_in_every_version() {
    let api = api("3.0.0");
    let mut answers = Vec::new();
    for version in ApiVersion::ALL {
        let path = "/products/uk?price_gte=20&_sort=price,title&_order=desc&_limit=7";
        let answer = get(&api, path, &[("accept", version.media_type())]).await;
        let ids: Vec<_> =
            answer.json().as_array().unwrap().iter().map(|product| product["id"].clone()).collect();
        answers.push((answer.header("x-total-count").to_owned(), ids));
    }
    assert_eq!(answers[0].1.len(), 7);
    assert!(answers.iter().all(|answer| *answer == answers[0]));
}

/// Every operation of the document is asked for as its examples say, and answers as they say.
#[tokio::test]
async fn the_description_tells_what_is_answered() {
    for release in ["1.0.3", "2.0.1", "3.0.0"] {
        let api = api(release);
        let document = get(&api, "/openapi.json", &[]).await.json();
        assert_eq!(document, openapi::document(crate::release::Release::named(release).unwrap()).unwrap());
        for (path, item) in document["paths"].as_object().unwrap() {
            let parameters = item["get"]["parameters"].as_array().cloned().unwrap_or_default();
            let path = parameters.iter().filter(|parameter| parameter["in"] == "path").fold(
                path.clone(),
                |path, parameter| {
                    let example = parameter["example"].to_string();
                    path.replace(
                        &format!("{{{}}}", parameter["name"].as_str().unwrap()),
                        example.trim_matches('"'),
                    )
                },
            );
            if ["/livez", "/readyz", "/version"].contains(&path.as_str()) {
                continue; // The server's own, tested with it.
            }
            for (media_type, content) in item["get"]["responses"]["200"]["content"].as_object().unwrap() {
                let answer = get(&api, &path, &[("accept", media_type)]).await;
                assert_eq!(
                    (answer.status, answer.header("content-type")),
                    (200, media_type.as_str()),
                    "{path}"
                );
                let example = &content["example"];
                if path == "/products/ie" {
                    assert!(answer.json().as_array().unwrap().contains(&example[0]), "{path}");
                } else if example.is_object() || example.is_array() {
                    assert_eq!(answer.json(), *example, "{path}");
                }
                for name in item["get"]["responses"]["200"]["headers"]
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(name, _)| name)
                {
                    let sometimes = ["Link", "Deprecation"].contains(&name.as_str())
                        || name.starts_with("X-Sava-R")
                        || name.starts_with("X-Sava-I");
                    assert!(sometimes || answer.headers.contains_key(name), "{path} has no {name}");
                }
            }
        }
        let unknown = get(&api, "/products/fr", &[]).await.json();
        assert_eq!(
            document["paths"]["/products/{locale}"]["get"]["responses"]["404"]["content"]["application/problem+json"]
                ["example"],
            unknown
        );
    }
}

#[tokio::test]
async fn every_parameter_that_is_described_is_taken() {
    let api = api("3.0.0");
    let document = get(&api, "/openapi.json", &[]).await.json();
    let parameters = document["paths"]["/products/{locale}"]["get"]["parameters"].as_array().unwrap().clone();
    let queries = parameters.iter().filter(|parameter| parameter["in"] == "query");
    for parameter in queries.clone() {
        let name = parameter["name"].as_str().unwrap();
        let value = match name {
            "_sort" => "price",
            "_order" => "desc",
            _ => "1",
        };
        assert_eq!(get(&api, &format!("/products/ie?{name}={value}"), &[]).await.status, 200, "{name}");
    }
    assert_eq!(queries.count(), 57);
}

#[tokio::test]
async fn the_documentation_explains_every_problem_and_stands_alone() {
    let page = String::from_utf8(get(&api("3.0.0"), "/docs", &[]).await.body).unwrap();
    for kind in problems::kinds() {
        assert!(page.contains(&format!("id=\"problem-{}\"", kind.name)), "{}", kind.name);
    }
    for outside in ["href=\"/", "src=", "http://", "https://", "<script "] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(
        page.contains(
            "curl -H &#39;Accept: application/vnd.sava.v1+json&#39; &#34;$API/products/ie?id=3&#34;"
        )
    );
    let page = String::from_utf8(get(&api("2.1.0-breaking"), "/docs", &[]).await.body).unwrap();
    assert!(page.contains("vnd.sava.v2+json") && !page.contains("vnd.sava.v1+json"));
}

#[tokio::test]
async fn a_problem_is_a_page_where_a_browser_opens_its_address() {
    let api = api("3.0.0");
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let opened = [("accept", browser), ("sec-fetch-dest", "document")];
    for (path, status, title, root) in [
        ("/nothing", 404, "Unknown route", "./"),
        ("/products/<b>", 404, "Unknown locale", "../"),
        ("/products/ie/999", 404, "Unknown product", "../../"),
        ("/products/ie/1/2", 404, "Unknown route", "../../../"),
        ("/products/ie?_page=0", 400, "Bad query", "../"),
    ] {
        let answer = get(&api, path.replace('<', "%3C").replace('>', "%3E").as_str(), &opened).await;
        assert_eq!((answer.status, answer.header("cache-control")), (status, "no-store"), "{path}");
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8", "{path}");
        assert!(answer.header("content-security-policy").contains("default-src 'none'"));
        let help = answer.header("link").to_owned();
        let page = String::from_utf8(answer.body).unwrap();
        assert!(page.contains(&format!("<h1>{title}</h1>")) && !page.contains("<b>"), "{path}: {page}");
        let (link, kind) = help.strip_prefix('<').unwrap().split_once("docs#problem-").unwrap();
        assert_eq!(link, root, "{path}: {help}");
        assert!(page.contains(&format!("href=\"{root}docs#problem-{}", kind.split('>').next().unwrap())));
    }
    let deleted = send(&api, Method::DELETE, "/products", &opened).await;
    assert_eq!((deleted.status, deleted.header("allow")), (405, "GET, HEAD, OPTIONS"));
    for others in [
        &[("accept", browser)][..],
        &[("accept", browser), ("sec-fetch-dest", "empty")],
        &[("accept", "application/json"), ("sec-fetch-dest", "document")],
    ] {
        let answer = get(&api, "/products/nowhere", others).await;
        assert_eq!(answer.header("content-type"), "application/problem+json", "{others:?}");
        assert_eq!(answer.header("link"), "<../docs#problem-unknown-locale>; rel=\"help\"");
    }
}

#[tokio::test]
async fn the_index_is_a_page_for_browsers_alone() {
    let api = api("3.0.0");
    let page = get(&api, "/", &[("accept", "text/html,application/xhtml+xml,*/*;q=0.8")]).await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let text = String::from_utf8(page.body).unwrap();
    assert!(text.contains("/products/{locale}") && !text.contains("href=\"products/{"), "{text}");
    for accept in ["*/*", "application/json", "text/html;q=0, */*", "application/json, text/html;q=0.9"] {
        let links = get(&api, "/", &[("accept", accept)]).await.json();
        for link in links["links"]
            .as_object()
            .unwrap()
            .keys()
            .filter(|link| !["livez", "readyz", "version"].contains(&link.as_str()))
        {
            let file = if link.starts_with("images") { "axe.svg" } else { "v3.json" };
            let path = link.replace("{locale}", "ie").replace("{id}", "3").replace("{file}", file);
            assert_eq!(get(&api, &format!("/{path}"), &[]).await.status, 200, "{link}");
        }
    }
}

#[tokio::test]
async fn stores_are_listed_with_links_to_their_products() {
    let stores = get(&api("1.0.3"), "/products", &[]).await.json();
    assert_eq!(
        stores[0],
        json!({"code": "ie", "aliases": [], "name": "Ireland", "language": "en-IE", "currency": "EUR", "link": "products/ie"})
    );
    assert_eq!(stores[1]["aliases"], json!(["en", "gb"]));
}

#[tokio::test]
async fn a_list_too_large_to_keep_is_sent_whole() {
    let products: Vec<_> = (1..=6000)
        .map(|id| json!({"id": id, "locale": "ie", "title": format!("Lamp {id}"), "description": "x".repeat(200), "price": 1}))
        .collect();
    let catalog = crate::fixture::catalog(&json!({"products": products}).to_string());
    let settings =
        Settings::try_parse_from(["sava-product", "--listen=[::]:0", "--admin-listen=[::]:0"]).unwrap();
    let catalog = Arc::new(ArcSwap::from_pointee(catalog));
    let api = router(
        AppState::new(
            &settings.api,
            &Identity::new("sava-product", "3.0.0"),
            catalog,
            Arc::new(ApiMetrics::new(&Registry::new())),
        )
        .unwrap(),
    );
    let list = get(&api, "/products/ie", &[("accept-encoding", "gzip")]).await;
    assert_eq!(list.header("content-length"), list.body.len().to_string());
    assert_eq!(list.json().as_array().unwrap().len(), 6000);
    let again = get(&api, "/products/ie", &[("if-none-match", list.header("etag"))]).await;
    assert_eq!(again.status, 304);
    let found = get(&api, "/products/ie?title_like=9$&_sort=id&_order=desc", &[]).await;
    assert_eq!((found.header("x-total-count"), found.json()[0]["id"].as_u64()), ("600", Some(5999)));
}

/// Runs `test` while no search can end: the runtime has one thread for them, and that waits until the sender that
/// `test` gets is dropped.
fn with_searches_held<T>(test: impl AsyncFnOnce(mpsc::Sender<()>) -> T) -> T {
    let runtime =
        runtime::Builder::new_current_thread().max_blocking_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let (held, release) = mpsc::channel();
        tokio::task::spawn_blocking(move || release.recv());
        test(held).await
    })
}

#[test]
fn plain_requests_and_probes_do_not_wait_for_searches() {
    with_searches_held(async |held| {
        let (api, max_in_flight) = service("3.0.0");
        let patterns = ["description_like=(a|b)[a-z]{40}c"; 8].join("&");
        let hostile = [format!("/products/ie?{patterns}"), "/products/ie?q=bicycle".to_owned()];
        // The first to be answered while none can end is the first for which there is no place.
        let mut searches = JoinSet::new();
        let refused = loop {
            let (api, path) = (api.clone(), hostile[searches.len() % hostile.len()].clone());
            searches.spawn(async move { get(&api, &path, &[]).await });
            tokio::task::yield_now().await;
            if let Some(answer) = searches.try_join_next() {
                break answer.unwrap();
            }
            assert!(searches.len() < max_in_flight / 2, "searches take the places of other requests");
        };
        assert_eq!((refused.status, refused.header("retry-after")), (503, "1"));
        assert_eq!(refused.header("content-type"), "application/problem+json");
        assert_eq!(refused.json()["type"], "tag:sava.example,2026:overloaded");

        for path in
            ["/livez", "/readyz", "/products/ie", "/products/ie/3", "/products/ie?_page=1&price_gte=9"]
        {
            assert_eq!(get(&api, path, &[]).await.status, 200, "{path}");
        }
        let many = format!("/products/ie?{}", ["title_like=(a|b)+"; 370].join("&"));
        assert_eq!(get(&api, &many, &[]).await.status, 503, "even what is wrong is read in its turn");

        drop(held);
        assert!(!searches.is_empty());
        while let Some(answer) = searches.join_next().await {
            assert_eq!(answer.unwrap().status, 200);
        }
        let refused = get(&api, &many, &[]).await;
        assert_eq!((refused.status, &refused.json()["parameter"]), (400, &json!("title_like")));
    });
}
