//! The documents that do not change while a release runs: the index, the documentation, and the description for
//! programs. The pages among them are whole in themselves, refer to other routes relatively, and run no script, so that
//! they work below any prefix and load nothing from anywhere.

use askama::Template;
use http::HeaderValue;
use sava_service::{content_policy::with_inline, problem::Kind};
use serde_json::{Map, Value, json};

use crate::{
    api_version::ApiVersion, document::Document, openapi, problems, release::Release, routes::Route,
};

/// The style of all pages, which is inside each of them.
pub(crate) const STYLE: &str = include_str!("../templates/pages.css");

/// The documents that do not change while a release runs.
#[derive(Debug)]
pub(crate) struct Documents {
    /// What there is, as a page.
    pub index: Document,
    /// What there is, as JSON.
    pub index_json: Document,
    /// The documentation.
    pub docs: Document,
    /// The same for programs.
    pub openapi: Document,
}

impl Documents {
    /// Makes the documents of `release`.
    ///
    /// # Errors
    /// When a template or the `OpenAPI` document fails, which tests rule out.
    pub(crate) fn new(release: &Release) -> anyhow::Result<Self> {
        let openapi = openapi::document(release)?;
        let entries: Vec<_> =
            Route::ALL.into_iter().filter(|route| *route != Route::Index).map(Entry::new).collect();
        let index = Index { release: release.version, entries: &entries }.render()?;
        let links: Map<_, _> =
            entries.iter().map(|entry| (entry.link.to_owned(), json!(entry.what))).collect();
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

/// What a page may load, as a `Content-Security-Policy`: nothing but the style that is inside, by its hash.
pub(crate) fn policy() -> HeaderValue {
    with_inline(
        "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        &[("style-src", STYLE)],
    )
}

#[derive(Template)]
#[template(path = "index.html")]
struct Index<'a> {
    release: &'a str,
    entries: &'a [Entry],
}

/// A route as the index tells it.
struct Entry {
    /// Relative to the index. What stands for any store or product is shown, but is not a link to click: which there
    /// are depends on the data.
    link: &'static str,
    what: &'static str,
}

impl Entry {
    fn new(route: Route) -> Self {
        Self { link: route.path().trim_start_matches('/'), what: route.summary() }
    }
}

#[derive(Template)]
#[template(path = "docs.html")]
struct Docs<'a> {
    release: &'a str,
    schemas: Vec<&'static str>,
    /// Paragraphs of words, some of them code.
    description: Vec<Vec<(bool, &'a str)>>,
    operations: Vec<OperationView<'a>>,
    kinds: Vec<Kind>,
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
            schemas: release.api_versions.iter().copied().map(ApiVersion::name).collect(),
            description: description.split("\n\n").map(words).collect(),
            operations: operations.collect(),
            kinds: problems::kinds().collect(),
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
