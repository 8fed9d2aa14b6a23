//! A visitor of a store front who keeps cookies, as a browser does, and looks at each answer for what must never be
//! in one.

use std::time::Duration;

use lol_html::{RewriteStrSettings, element, rewrite_str};
use reqwest::{Client, RequestBuilder, StatusCode, Url, header::HeaderMap, redirect};

/// A visitor with cookies of their own.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    client: Client,
    store: Url,
}

/// An answer, whole.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) url: Url,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// An address that every store takes but for the postcode.
pub(crate) const ADDRESS: [(&str, &str); 6] = [
    ("name", "Aoife Byrne"),
    ("email", "aoife@example.ie"),
    ("address", "1 Main Street"),
    ("town", "Dublin"),
    ("county", ""),
    ("postcode", "d02x285"),
];

impl Visitor {
    /// A visitor of the store at `url`, which ends in a slash.
    pub(crate) fn of(url: &str) -> Self {
        let client = Client::builder()
            .cookie_store(true)
            .redirect(redirect::Policy::none())
            .pool_max_idle_per_host(0)
            .timeout(Duration::from_secs(30))
            .no_proxy()
            .build()
            .expect("a client without TLS can be built");
        Self { client, store: url.parse().expect("a URL") }
    }

    /// Gets the page at `path`, which is below the store.
    pub(crate) async fn get(&self, path: &str) -> Response {
        self.send(self.client.get(self.url(path))).await
    }

    /// Gets the page at `path` as text.
    pub(crate) async fn read(&self, path: &str) -> String {
        let answer = self.send(self.client.get(self.url(path)).header("accept", "text/plain")).await;
        assert_eq!(answer.headers["content-type"], "text/plain; charset=utf-8");
        answer.body
    }

    /// Sends a form.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        self.send(self.request(path).form(fields)).await
    }

    /// A request that posts to `path`, for more to be said.
    pub(crate) fn request(&self, path: &str) -> RequestBuilder {
        self.client.post(self.url(path))
    }

    /// Puts this many pieces into the cart.
    pub(crate) async fn adds(&self, id: &str, quantity: &str) {
        let answer = self.post("cart/items", &[("id", id), ("quantity", quantity)]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    }

    /// Opens the checkout: the values of its hidden fields `key` and `seen`.
    pub(crate) async fn checks_out(&self) -> (String, String) {
        let page = self.get("checkout").await;
        (page.field("key"), page.field("seen"))
    }

    /// Sends the checkout's form with [`ADDRESS`].
    pub(crate) async fn orders(&self, key: &str, seen: &str) -> Response {
        let mut fields = ADDRESS.to_vec();
        fields.extend([("key", key), ("seen", seen)]);
        self.post("checkout", &fields).await
    }

    /// The answer to a request, in which no reference leaves the store or knows where it is.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Response {
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => panic!("no answer: {error:?}"),
        };
        let answer = Response {
            url: response.url().clone(),
            status: response.status(),
            headers: response.headers().clone(),
            body: response.text().await.expect("the whole body arrives"),
        };
        answer.check_references();
        answer
    }

    pub(crate) fn url(&self, path: &str) -> Url {
        self.store.join(path).expect("a path")
    }
}

impl Response {
    /// Where it redirects to.
    pub(crate) fn location(&self) -> &str {
        self.headers.get("location").map_or("", |location| location.to_str().expect("plain ASCII"))
    }

    /// Whether `text` stands in it.
    pub(crate) fn says(&self, text: &str) -> bool {
        self.body.contains(text)
    }

    /// The value of the first field of that name.
    pub(crate) fn field(&self, name: &str) -> String {
        let field = self.body.split(&format!("name=\"{name}\" value=\"")).nth(1);
        let value = field.unwrap_or_else(|| panic!("there is no field {name} in {}", self.body));
        value.split('"').next().unwrap_or_default().to_owned()
    }

    /// All references of the page, from its attributes that hold one.
    pub(crate) fn references(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.each_attribute(|name, value| {
            if matches!(name, "href" | "src" | "action" | "formaction") {
                found.push(value.to_owned());
            }
        });
        found
    }

    fn is_html(&self) -> bool {
        self.headers.get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
    }

    fn each_attribute(&self, mut look: impl FnMut(&str, &str)) {
        if !self.is_html() {
            return;
        }
        let handler = element!("*", |element| {
            for attribute in element.attributes() {
                look(&attribute.name(), &attribute.value());
            }
            Ok(())
        });
        let settings = RewriteStrSettings::new().append_element_content_handler(handler);
        rewrite_str(&self.body, settings).expect("a page is HTML");
    }

    /// Nothing is absolute: no path from a root, no scheme, no host.
    #[track_caller]
    fn check_references(&self) {
        let location = self.location();
        assert!(!location.starts_with('/') && !location.contains(':'), "{}: location {location}", self.url);
        self.each_attribute(|name, value| {
            if let Some(drawing) = value.strip_prefix("data:") {
                assert!(drawing.starts_with("image/svg+xml,") || drawing == ",", "{}: {value}", self.url);
                return;
            }
            assert!(!value.starts_with('/'), "{}: {name}={value}", self.url);
            assert!(!value.contains("://"), "{}: {name}={value}", self.url);
            assert_ne!(name, "style", "{}: a style that the policy does not allow", self.url);
        });
        if self.is_html() {
            let style = self.body.split("<style>").nth(1).expect("each page has its style");
            let style = style.split("</style>").next().unwrap_or_default();
            assert_eq!(style.matches("url(").count(), style.matches("url(\"data:").count(), "{}", self.url);
            assert!(!style.contains("@import"), "{}", self.url);
            let policy = self.headers["content-security-policy"].to_str().expect("plain ASCII");
            assert!(!policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"), "{policy}");
            for (name, value) in [("x-content-type-options", "nosniff"), ("referrer-policy", "same-origin")] {
                assert_eq!(self.headers[name], value, "{}", self.url);
            }
        }
    }
}
