//! The documents that do not change while a release runs: the index, the documentation, and the description for
//! programs. The pages among them are whole in themselves and refer to other routes relatively, so that they work below
//! any prefix and load nothing from anywhere; all but "Try it" works without script.

use askama::Template;
use http::HeaderValue;
use sava_service::{content_policy::with_inline, problem::Kind};
use serde_json::{Map, Value, json};

use crate::{
    api_version::ApiVersion,
    catalog::{Field, Source},
    document::Document,
    openapi, problems,
    query::parameters::{CONTROLS, OPERATORS},
    release::Release,
    routes::Route,
};

/// The style of all pages, which is inside each of them.
pub(crate) const STYLE: &str = include_str!("../templates/pages.css");
/// The script of the documentation, which sends what is tried.
const SCRIPT: &str = include_str!("../templates/docs.js");

/// What the pages call the address of the API.
const API: &str = "$API";

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
        let versions: Vec<_> = release.api_versions.iter().map(|version| version.name()).collect();
        let versions = versions.join(", ");
        let index = Index { base: "./", release: release.version, versions: &versions, entries: &entries }
            .render()?;
        let links: Map<_, _> =
            entries.iter().map(|entry| (entry.link.to_owned(), json!(entry.what))).collect();
        let index_json = json!({"service": "sava-product", "release": release.version, "links": links});
        let page = HeaderValue::from_static("text/html; charset=utf-8");
        let json = HeaderValue::from_static("application/json");
        Ok(Self {
            index: Document::new(page.clone(), index),
            index_json: Document::new(json.clone(), serde_json::to_vec(&index_json)?),
            docs: Document::new(page, Docs::new(release, &openapi)?.render()?),
            openapi: Document::new(json, serde_json::to_vec(&openapi)?),
        })
    }
}

/// What a page may load, as a `Content-Security-Policy`: nothing but the style that is inside, by its hash.
pub(crate) fn policy() -> HeaderValue {
    with_inline(POLICY, &[("style-src", STYLE)])
}

/// The same with the script of the documentation, which asks this API alone.
pub(crate) fn policy_of_docs() -> HeaderValue {
    with_inline(&format!("{POLICY}; connect-src 'self'"), &[("style-src", STYLE), ("script-src", SCRIPT)])
}

const POLICY: &str =
    "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

#[derive(Template)]
#[template(path = "index.html")]
struct Index<'a> {
    base: &'a str,
    release: &'a str,
    versions: &'a str,
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
    base: &'a str,
    release: &'a str,
    schemas: Vec<&'static str>,
    /// Paragraphs of words, some of them code.
    description: Vec<Vec<(bool, &'a str)>>,
    /// From the newest to the oldest.
    media_types: Vec<&'static str>,
    stores: Vec<String>,
    operations: Vec<OperationView<'a>>,
    fields: [Field; Field::ALL.len()],
    /// The ends of filters' names, with what they mean.
    filters: Vec<(&'static str, &'static str)>,
    kinds: Vec<Kind>,
}

struct OperationView<'a> {
    id: &'a str,
    method: String,
    path: &'a str,
    summary: &'a str,
    /// Those in the path, and the controls of a query: filters are told together.
    parameters: Vec<ParameterView<'a>>,
    takes_filters: bool,
    has_versions: bool,
    responses: Vec<ResponseView<'a>>,
}

struct ParameterView<'a> {
    name: &'a str,
    place: &'a str,
    kind: &'a str,
    description: Vec<(bool, &'a str)>,
}

struct ResponseView<'a> {
    status: &'a str,
    description: Vec<(bool, &'a str)>,
    contents: Vec<ContentView<'a>>,
    headers: Vec<HeaderView<'a>>,
}

struct ContentView<'a> {
    media_type: &'a str,
    /// The version, or else the media type.
    name: &'a str,
    /// How to ask for it with curl.
    command: String,
    example: String,
}

struct HeaderView<'a> {
    name: &'a str,
    description: Vec<(bool, &'a str)>,
    example: &'a str,
}

impl<'a> Docs<'a> {
    fn new(release: &'a Release, openapi: &'a Value) -> anyhow::Result<Self> {
        let description = text(&openapi["info"]["description"]);
        let operations = members(&openapi["paths"]).flat_map(|(path, item)| {
            members(item).map(move |(method, operation)| OperationView::new(path, method, operation))
        });
        let catalog = Source::Embedded.load()?;
        Ok(Self {
            base: "./",
            release: release.version,
            schemas: release.api_versions.iter().copied().map(ApiVersion::name).collect(),
            description: description.split("\n\n").map(words).collect(),
            media_types: release.api_versions.iter().rev().map(|version| version.media_type()).collect(),
            stores: catalog.stores().iter().map(|store| store.data.locale.clone()).collect(),
            operations: operations.collect(),
            fields: Field::ALL,
            filters: [""].into_iter().chain(OPERATORS).map(|end| (end, openapi::filter(end))).collect(),
            kinds: problems::kinds().collect(),
        })
    }
}

/// Text with code between backticks.
fn words(paragraph: &str) -> Vec<(bool, &str)> {
    paragraph.split('`').enumerate().map(|(place, words)| (place % 2 == 1, words)).collect()
}

impl<'a> OperationView<'a> {
    fn new(path: &'a str, method: &str, operation: &'a Value) -> Self {
        let parameters = || operation["parameters"].as_array().into_iter().flatten();
        let is_in_path = |parameter: &&Value| parameter["in"] == "path";
        let target = parameters().filter(is_in_path).fold(path.to_owned(), |target, parameter| {
            target.replace(&format!("{{{}}}", text(&parameter["name"])), &pretty(&parameter["example"]))
        });
        let is_filter =
            |parameter: &&Value| !is_in_path(parameter) && !CONTROLS.contains(&text(&parameter["name"]));
        let takes_filters = parameters().any(|parameter| is_filter(&parameter));
        let target = if takes_filters { target + openapi::EXAMPLE_QUERY } else { target };
        let responses: Vec<_> = members(&operation["responses"])
            .map(|(status, response)| ResponseView::new(status, response, &target))
            .collect();
        Self {
            id: text(&operation["operationId"]),
            method: method.to_uppercase(),
            path,
            summary: text(&operation["summary"]),
            parameters: parameters()
                .filter(|parameter| !is_filter(parameter))
                .map(|parameter| ParameterView {
                    name: text(&parameter["name"]),
                    place: text(&parameter["in"]),
                    kind: text(&parameter["schema"]["type"]),
                    description: words(text(&parameter["description"])),
                })
                .collect(),
            takes_filters,
            has_versions: responses
                .iter()
                .flat_map(|response| &response.contents)
                .any(|content| content.name != content.media_type),
            responses,
        }
    }
}

impl<'a> ResponseView<'a> {
    /// `target` is what the example answers.
    fn new(status: &'a str, response: &'a Value, target: &str) -> Self {
        let has_versions = members(&response["content"]).any(|(other, _)| version_name(other).is_some());
        let contents = members(&response["content"])
            // A page is to be looked at, and plain JSON is the newest version.
            .filter(|(media_type, _)| !media_type.starts_with("text/html"))
            .filter(|(media_type, _)| *media_type != "application/json" || !has_versions)
            .filter(|(_, content)| content.get("example").is_some());
        let headers = members(&response["headers"]);
        Self {
            status,
            description: words(text(&response["description"])),
            contents: contents
                .map(|(media_type, content)| ContentView::new(media_type, &content["example"], target))
                .collect(),
            headers: headers
                .map(|(name, header)| HeaderView {
                    name,
                    description: words(text(&header["description"])),
                    example: text(&header["example"]),
                })
                .collect(),
        }
    }

    fn is_success(&self) -> bool {
        self.status == "200"
    }
}

impl<'a> ContentView<'a> {
    fn new(media_type: &'a str, example: &Value, target: &str) -> Self {
        let version = version_name(media_type);
        let accept = version.map_or_else(String::new, |_| format!("-H 'Accept: {media_type}' "));
        Self {
            media_type,
            name: version.unwrap_or(media_type),
            command: format!("curl {accept}\"{API}{target}\""),
            example: pretty(example),
        }
    }
}

/// The version that a media type is of.
fn version_name(media_type: &str) -> Option<&'static str> {
    let version = ApiVersion::ALL.into_iter().find(|version| version.media_type() == media_type)?;
    Some(version.name())
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
