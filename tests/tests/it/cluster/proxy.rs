//! Behind real `kubectl proxy`, the stand-in's proxy subresources keep what was observed of a real API server.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt as _;
use sava_testbed::cluster::{ApiServer, Kubectl, KubectlProxy};
use sava_testbed::{body, client, json};
use serde_json::{Value, json};

/// An application that tells what it was asked, and answers what the query says.
async fn echo(request: Request) -> Response {
    let (head, body) = request.into_parts();
    let headers: Vec<_> = head
        .headers
        .iter()
        .map(|(name, value)| json!([name.as_str(), value.to_str().unwrap_or("?")]))
        .collect();
    let query: Vec<(String, String)> =
        form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let asked = |name: &str| query.iter().find(|(it, _)| it == name).map(|(_, value)| value.clone());
    let mut response = Response::builder()
        .status(asked("status").map_or(200, |it| it.parse().expect("a status")))
        .header("access-control-allow-origin", "*")
        .header("cache-control", "max-age=60");
    for (name, value) in &query {
        if let Some(name) = name.strip_prefix("h-") {
            response = response.header(name, value);
        }
    }
    if let Some(page) = asked("page") {
        return response
            .header("content-type", "text/html; charset=utf-8")
            .body(Body::from(page))
            .expect("a page");
    }
    let size = body.collect().await.expect("a whole body").to_bytes().len();
    let received = json!({ "uri": head.uri.to_string(), "method": head.method.as_str(), "headers": headers, "size": size });
    response.header("content-type", "application/json").body(Body::from(received.to_string())).expect("JSON")
}

async fn listen(name: &'static str) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let app = Router::new()
        .route("/who", axum::routing::get(move || async move { name.into_response() }))
        .fallback(echo);
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

struct Setting {
    server: ApiServer,
    proxy: KubectlProxy,
}

const NAMESPACE: &str = "vampio-organization-environment";

async fn setting() -> Setting {
    let server = ApiServer::start().await;
    let app = listen("one").await;
    server.add_service(NAMESPACE, "echo", 80, None, &[app]);
    server.add_service(NAMESPACE, "named", 80, Some("http"), &[app]);
    server.add_pod(NAMESPACE, "echo-pod", app);
    let proxy = Kubectl::new(&server).proxy().await;
    Setting { server, proxy }
}

impl Setting {
    fn url(&self, rest: &str) -> String {
        format!("{}{rest}", self.proxy.service(NAMESPACE, "echo"))
    }

    async fn received(&self, rest: &str) -> Value {
        json(client().get(self.url(rest)).send().await.expect("an answer")).await
    }
}

fn header<'a>(received: &'a Value, name: &str) -> Option<&'a str> {
    let headers = received["headers"].as_array().expect("headers");
    headers.iter().find(|it| it[0] == name).and_then(|it| it[1].as_str())
}

const PREFIX: &str = "/api/v1/namespaces/vampio-organization-environment/services/echo/proxy";

#[tokio::test]
async fn the_prefix_is_stripped_and_told() {
    let setting = setting().await;
    let received = setting.received("products/ie?q=a%20b").await;
    assert_eq!(received["uri"], "/products/ie?q=a%20b");
    assert_eq!(header(&received, "x-forwarded-uri"), Some(format!("{PREFIX}/products/ie").as_str()));
    assert_eq!(header(&received, "host"), Some(ApiServer::HOST));
    assert_eq!(header(&received, "x-forwarded-for"), Some("127.0.0.1, 127.0.0.1"));
    assert_eq!(header(&received, "x-forwarded-host"), None);
    assert_eq!(header(&received, "x-forwarded-proto"), None);
}

#[tokio::test]
async fn request_headers_and_bodies_pass() {
    let setting = setting().await;
    let request = client()
        .post(setting.url("post"))
        .header("sec-fetch-site", "same-origin")
        .header("origin", "http://localhost:8001")
        .header("cookie", "a=b")
        .header("accept-encoding", "gzip, deflate, br, zstd")
        .body("x".repeat(3_000_000));
    let received = json(request.send().await.expect("an answer")).await;
    assert_eq!(received["method"], "POST");
    assert_eq!(received["size"], 3_000_000);
    assert_eq!(header(&received, "sec-fetch-site"), Some("same-origin"));
    assert_eq!(header(&received, "origin"), Some("http://localhost:8001"));
    assert_eq!(header(&received, "cookie"), Some("a=b"));
    assert_eq!(header(&received, "accept-encoding"), Some("gzip, deflate, br, zstd"));
}

#[tokio::test]
async fn authorization_is_the_api_servers() {
    let setting = setting().await;
    let request = client().get(setting.url("")).header("authorization", "Bearer mine");
    assert_eq!(request.send().await.expect("an answer").status(), 401);
}

#[tokio::test]
async fn a_missing_slash_is_a_redirect() {
    let setting = setting().await;
    let url = format!("http://localhost:{}{PREFIX}?a=b", setting.proxy.port);
    let answer = client().get(url).send().await.expect("an answer");
    assert_eq!(answer.status(), 301);
    assert!(answer.headers()["location"].to_str().expect("text").ends_with(&format!("{PREFIX}/?a=b")));
}

#[tokio::test]
async fn encoded_slashes_and_dots_arrive_resolved() {
    let setting = setting().await;
    assert_eq!(setting.received("a%2Fb%3Bc").await["uri"], "/a/b;c");
    assert_eq!(setting.received("a%20b/%C3%A9").await["uri"], "/a%20b/%C3%A9");
    let answer = client().get(setting.url("a//b")).send().await.expect("an answer");
    assert_eq!(answer.status(), 301);
}

#[tokio::test]
async fn pages_are_rewritten_and_have_their_length() {
    let setting = setting().await;
    let page =
        "<!doctype html><a href=/cart>c</a><img src='x.svg' srcset='/y 2x'><script>let a = '/b';</script>";
    let url = reqwest::Url::parse_with_params(&setting.url("p"), [("page", page)]).expect("a URL");
    let answer = client().get(url).send().await.expect("an answer");
    let length = answer.headers()["content-length"].to_str().expect("text").to_owned();
    let text = body(answer).await;
    assert_eq!(
        text,
        format!(
            "<!doctype html><a href=\"{PREFIX}/cart\">c</a>\
             <img src=\"x.svg\" srcset=\"/y 2x\"><script>let a = '/b';</script>"
        )
    );
    assert_eq!(length, text.len().to_string());
}

#[tokio::test]
async fn a_brotli_page_breaks_and_other_types_pass() {
    let setting = setting().await;
    let answer = client().get(setting.url("p?page=x&h-content-encoding=br")).send().await.expect("an answer");
    assert_eq!(answer.status(), 500);
    let answer = client().get(setting.url("p?h-content-encoding=br")).send().await.expect("an answer");
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-encoding"]),
        (200, &"br".parse().expect("br"))
    );
}

#[tokio::test]
async fn answers_keep_their_headers_but_for_cors_and_caching() {
    let setting = setting().await;
    let query = "x?status=404&h-etag=%22e%22&h-vary=Accept&h-set-cookie=a%3Db%3B%20Path%3D/&h-link=%3C/x%3E";
    let answer = client().get(setting.url(query)).send().await.expect("an answer");
    assert_eq!(answer.status(), 404);
    let headers = answer.headers();
    assert_eq!(headers["etag"], "\"e\"");
    assert_eq!(headers["vary"], "Accept");
    assert_eq!(headers["set-cookie"], "a=b; Path=/");
    assert_eq!(headers["link"], "</x>");
    assert!(!headers.contains_key("access-control-allow-origin"));
    let caching: Vec<_> = headers.get_all("cache-control").iter().collect();
    assert_eq!(caching, ["no-cache, private", "max-age=60"]);
}

#[tokio::test]
async fn redirects_get_the_prefix_unless_relative() {
    let setting = setting().await;
    let host = format!("http://{}", ApiServer::HOST);
    for (from, to) in [
        ("/cart", format!("{PREFIX}/cart")),
        ("../cart", "../cart".to_owned()),
        ("https://elsewhere/x", "https://elsewhere/x".to_owned()),
        (&format!("{host}/cart"), format!("{host}{PREFIX}/cart")),
    ] {
        let answer = client()
            .get(setting.url(&format!("x?status=303&h-location={from}")))
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.headers()["location"], to.as_str());
    }
}

#[tokio::test]
async fn a_named_port_is_found_only_by_its_name_or_number() {
    let setting = setting().await;
    for (service, status) in [
        ("echo", 200),
        ("echo:80", 200),
        ("named", 503),
        ("named:http", 200),
        ("http:named:http", 200),
        ("named:80", 200),
    ] {
        let answer = client().get(setting.proxy.service(NAMESPACE, service)).send().await.expect("an answer");
        assert_eq!(answer.status(), status, "{service}");
    }
    let answer = client().get(setting.proxy.service(NAMESPACE, "named")).send().await.expect("an answer");
    assert_eq!(json(answer).await["message"], "no endpoints available for service \"named\"");
}

#[tokio::test]
async fn a_pod_answers_at_its_first_port() {
    let setting = setting().await;
    let answer = client().get(setting.proxy.pod(NAMESPACE, "echo-pod")).send().await.expect("an answer");
    assert_eq!(json(answer).await["uri"], "/");
}

#[tokio::test]
async fn each_request_picks_a_pod() {
    let setting = setting().await;
    let both = [listen("one").await, listen("two").await];
    setting.server.set_endpoints(NAMESPACE, "echo", &both);
    let mut ones = 0;
    for _ in 0..60 {
        let answer = client().get(setting.url("who")).send().await.expect("an answer");
        ones += u32::from(body(answer).await == "one");
    }
    // Outside of this range once in ten million runs.
    assert!((9..=51).contains(&ones), "{ones} of 60");
}

#[tokio::test]
async fn nobody_there_is_a_status_object() {
    let setting = setting().await;
    setting.server.set_endpoints(NAMESPACE, "echo", &[]);
    let answer = client().get(setting.url("")).send().await.expect("an answer");
    assert_eq!(answer.status(), 503);
    assert_eq!(json(answer).await["kind"], "Status");
    let nobody = "127.0.0.1:1".parse().expect("an address");
    setting.server.set_endpoints(NAMESPACE, "echo", &[nobody]);
    let answer = client().get(setting.url("")).send().await.expect("an answer");
    assert_eq!(answer.status(), 503);
    assert_eq!(json(answer).await["reason"], "ServiceUnavailable");
}

#[tokio::test]
async fn only_local_hosts_may_ask() {
    let setting = setting().await;
    let answer =
        client().get(setting.url("")).header("host", "shop.example").send().await.expect("an answer");
    assert_eq!(answer.status(), 403);
}
