//! The pages: the index at `/`, and the documentation at `/docs`. They are whole in themselves, refer to other routes
//! relatively, and run no script, so that they work below any prefix and load nothing from anywhere.

use askama::Template;
use axum::{
    extract::{Request, State},
    response::Response,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderValue, header};
use sava_service::Problem;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{
    app::App,
    document::Document,
    headers::answer_with,
    problems::{KINDS, Kind},
    release::Release,
    representation::Version,
};

/// The style of all pages, which is inside each of them.
pub const STYLE: &str = include_str!("../templates/pages.css");

/// What there is, as `/` tells it; links are relative to it. What stands for any store or product is no link: which
/// there are depends on the data.
const ENTRIES: [(&str, &str); 8] = [
    ("products", "The stores there are, and where their products are"),
    ("products/{locale}", "The products of a store"),
    ("products/{locale}/{id}", "One product"),
    ("docs", "The documentation of the API"),
    ("openapi.json", "The same for programs (OpenAPI 3.1)"),
    ("version", "The release, its API versions, and the catalog that it serves"),
    ("livez", "Whether the process lives"),
    ("readyz", "Whether traffic should come here"),
];

/// The documents that do not change while a release runs.
#[derive(Debug)]
pub struct Pages {
    index: Document,
    index_json: Document,
    docs: Document,
    openapi: Document,
}

impl Pages {
    /// Makes the pages of `release`.
    ///
    /// # Errors
    /// When a template or the `OpenAPI` document fails, which tests rule out.
    pub fn new(release: &Release) -> anyhow::Result<Self> {
        let openapi = crate::openapi::document(release)?;
        let entries = ENTRIES.map(|(link, what)| Entry { link, what });
        let index = Index { release: release.version, entries: &entries }.render()?;
        let links: serde_json::Map<_, _> =
            ENTRIES.iter().map(|(link, what)| ((*link).to_owned(), json!(what))).collect();
        let index_json = json!({"service": "sava-product", "release": release.version, "links": links});
        let page = HeaderValue::from_static("text/html; charset=utf-8");
        let json = HeaderValue::from_static("application/json");
        Ok(Self {
            index: Document::new(page.clone(), index),
            index_json: Document::new(json.clone(), serde_json::to_vec(&index_json)?),
            docs: Document::new(page, Docs::new(release, &openapi).render()?),
            openapi: Document::new(json, serde_json::to_vec(&openapi)?),
        })
    }
}

/// `GET /`: what there is; a page for a browser, JSON for others.
pub async fn show_index(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let pages = app.pages()?;
    let document = if wants_page(request.headers()) { &pages.index } else { &pages.index_json };
    Ok(answer(&app, document, request.headers()).await)
}

/// `GET /docs`: the documentation.
pub async fn show_docs(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    Ok(answer(&app, &app.pages()?.docs, request.headers()).await)
}

/// `GET /openapi.json`: the same for programs.
pub async fn show_openapi(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    Ok(answer(&app, &app.pages()?.openapi, request.headers()).await)
}

async fn answer(app: &App, document: &Document, request: &HeaderMap) -> Response {
    let mut headers = app.default_headers(HeaderMap::with_capacity(16));
    if document.content_type.as_bytes().starts_with(b"text/html") {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy());
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    }
    answer_with(document, request, headers).await
}

/// Nothing but the style that is inside, by its hash.
fn policy() -> HeaderValue {
    let hash = BASE64_STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

/// Whether a client names pages in its `Accept`, as browsers do and programs do not.
fn wants_page(headers: &HeaderMap) -> bool {
    headers.get_all(header::ACCEPT).iter().any(|value| {
        let ranges = value.as_bytes().split(|byte| *byte == b',');
        ranges.map(|range| range.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii()).any(
            |range| {
                range.eq_ignore_ascii_case(b"text/html")
                    || range.eq_ignore_ascii_case(b"application/xhtml+xml")
            },
        )
    })
}

#[derive(Template)]
#[template(path = "index.html")]
struct Index<'a> {
    release: &'a str,
    entries: &'a [Entry],
}

struct Entry {
    link: &'static str,
    what: &'static str,
}

#[derive(Template)]
#[template(path = "docs.html")]
struct Docs<'a> {
    release: &'a str,
    schemas: Vec<&'static str>,
    /// Paragraphs of words, some of them code.
    description: Vec<Vec<(bool, &'a str)>>,
    operations: Vec<OperationView<'a>>,
    kinds: &'static [Kind],
}

struct OperationView<'a> {
    id: &'a str,
    method: String,
    path: &'a str,
    summary: &'a str,
    /// An example, relative to the page; empty where there is none.
    link: String,
    parameters: Vec<ParameterView<'a>>,
    responses: Vec<ResponseView<'a>>,
}

struct ParameterView<'a> {
    name: &'a str,
    place: &'a str,
    kind: &'a str,
    description: &'a str,
}

struct ResponseView<'a> {
    status: &'a str,
    description: &'a str,
    contents: Vec<ContentView<'a>>,
    headers: Vec<HeaderView<'a>>,
}

struct ContentView<'a> {
    media_type: &'a str,
    example: String,
}

struct HeaderView<'a> {
    name: &'a str,
    description: &'a str,
    example: &'a str,
}

impl<'a> Docs<'a> {
    fn new(release: &'a Release, openapi: &'a Value) -> Self {
        let description = text(&openapi["info"]["description"]);
        let operations = members(&openapi["paths"]).flat_map(|(path, item)| {
            members(item).map(move |(method, operation)| OperationView::new(path, method, operation))
        });
        Self {
            release: release.version,
            schemas: release.api_versions.iter().copied().map(Version::name).collect(),
            description: description.split("\n\n").map(words).collect(),
            operations: operations.collect(),
            kinds: KINDS,
        }
    }
}

/// Text with code between backticks.
fn words(paragraph: &str) -> Vec<(bool, &str)> {
    paragraph.split('`').enumerate().map(|(place, words)| (place % 2 == 1, words)).collect()
}

impl<'a> OperationView<'a> {
    fn new(path: &'a str, method: &str, operation: &'a Value) -> Self {
        let parameters = || operation["parameters"].as_array().into_iter().flatten();
        let link = parameters().filter(|parameter| parameter["in"] == "path").fold(
            path.to_owned(),
            |link, parameter| {
                let example = match &parameter["example"] {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                link.replace(&format!("{{{}}}", text(&parameter["name"])), &example)
            },
        );
        Self {
            id: text(&operation["operationId"]),
            method: method.to_uppercase(),
            path,
            summary: text(&operation["summary"]),
            link: link.trim_start_matches('/').to_owned(),
            parameters: parameters()
                .map(|parameter| ParameterView {
                    name: text(&parameter["name"]),
                    place: text(&parameter["in"]),
                    kind: text(&parameter["schema"]["type"]),
                    description: text(&parameter["description"]),
                })
                .collect(),
            responses: members(&operation["responses"]).map(ResponseView::new).collect(),
        }
    }
}

impl<'a> ResponseView<'a> {
    fn new((status, response): (&'a str, &'a Value)) -> Self {
        let contents = members(&response["content"]).filter(|(_, content)| content.get("example").is_some());
        let headers = members(&response["headers"]);
        Self {
            status,
            description: text(&response["description"]),
            contents: contents
                .map(|(media_type, content)| ContentView { media_type, example: pretty(&content["example"]) })
                .collect(),
            headers: headers
                .map(|(name, header)| HeaderView {
                    name,
                    description: text(&header["description"]),
                    example: text(&header["example"]),
                })
                .collect(),
        }
    }
}

fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn pretty(example: &Value) -> String {
    match example {
        Value::String(text) => text.clone(),
        other => serde_json::to_string_pretty(other).unwrap_or_default(),
    }
}
