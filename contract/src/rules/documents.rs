//! `/openapi.json`, `/docs`, the index and the published schemas.

use serde_json::Value;

use crate::{
    Rule, Server,
    http::{Response, shorten},
    link::{is_relative, resolve},
    objection::{Checked, Objection, applies, demand},
    schema::published,
    server::media_type,
};

/// What the other rules of a document stand on.
#[cfg(test)]
pub(super) const FOUNDATIONS: [&str; 3] = [OPENAPI_RULE, DOCS_RULE, INDEX_RULE];
const OPENAPI_RULE: &str = "documents/openapi-is-json";
const DOCS_RULE: &str = "documents/docs-is-html";
const INDEX_RULE: &str = "documents/index-is-html-for-a-browser";

pub(super) const RULES: &[Rule] = &[
    Rule::new(OPENAPI_RULE, "/openapi.json answers a JSON object", |server| openapi(server).map(drop)),
    Rule::new(
        "documents/openapi-is-3-1",
        "it is OpenAPI 3.1, with a title and the release as its version",
        |server| {
            let document = openapi(server)?;
            let version = document["openapi"].as_str().unwrap_or_default();
            demand!(version.starts_with("3.1."), "openapi is {version:?}");
            demand!(document["info"]["title"].is_string(), "info has no title");
            let (said, name) = (&document["info"]["version"], server.release.name.as_str());
            demand!(said == name, "info.version is {said}, not {name:?}");
            Ok(())
        },
    ),
    Rule::new(
        "documents/openapi-names-the-routes",
        "it describes the products, the stores and the pictures",
        |server| {
            let document = openapi(server)?;
            for parts in
                [&["products"][..], &["products", "{}"], &["products", "{}", "{}"], &["images", "{}"]]
            {
                let found = operation_path(&document, parts);
                demand!(found.is_some(), "no path like /{}", parts.join("/"));
            }
            Ok(())
        },
    ),
    Rule::new(
        "documents/openapi-names-the-media-types",
        "it describes every version that the release serves, on the list and on one product",
        |server| {
            let document = openapi(server)?;
            for parts in [&["products", "{}"][..], &["products", "{}", "{}"]] {
                let Some(operation) = operation_path(&document, parts) else { continue };
                let content = follow(&document, &operation["get"]["responses"]["200"])["content"].clone();
                for version in &server.release.versions {
                    let media_type = media_type(*version);
                    demand!(
                        content.get(&media_type).is_some(),
                        "/{} does not describe {media_type}",
                        parts.join("/")
                    );
                }
            }
            Ok(())
        },
    ),
    Rule::new(
        "documents/openapi-promises-no-more",
        "it describes no version that the release does not serve",
        |server| {
            let text = openapi(server)?.to_string();
            let beyond = media_type(server.release.newest() + 1);
            demand!(!text.contains(&beyond), "it describes {beyond}");
            Ok(())
        },
    ),
    Rule::new(
        "documents/openapi-names-the-parameters",
        "it describes every parameter of the paging and sorting vocabulary",
        |server| {
            let document = openapi(server)?;
            let Some(path) = operation_path(&document, &["products", "{}"]) else { return Ok(()) };
            let mut names: Vec<String> = Vec::new();
            for holder in [path, &path["get"]] {
                for parameter in holder["parameters"].as_array().into_iter().flatten() {
                    names.extend(follow(&document, parameter)["name"].as_str().map(str::to_owned));
                }
            }
            for name in ["_page", "_limit", "_start", "_end", "_sort", "_order", "q"] {
                demand!(
                    names.iter().any(|found| found == name),
                    "the list's parameters lack {name}: {}",
                    names.join(", ")
                );
            }
            Ok(())
        },
    ),
    Rule::new(
        "documents/openapi-describes-the-errors",
        "it describes the problems of a list: 400, 404 and 406 as application/problem+json",
        |server| {
            let document = openapi(server)?;
            let Some(path) = operation_path(&document, &["products", "{}"]) else { return Ok(()) };
            for status in ["400", "404", "406"] {
                let response = follow(&document, &path["get"]["responses"][status]);
                let content = &response["content"]["application/problem+json"];
                demand!(!content.is_null(), "the list's {status} has no application/problem+json");
            }
            Ok(())
        },
    ),
    Rule::new("documents/openapi-has-examples", "each representation of the list has an example", |server| {
        let document = openapi(server)?;
        let Some(path) = operation_path(&document, &["products", "{}"]) else { return Ok(()) };
        let content = follow(&document, &path["get"]["responses"]["200"])["content"].clone();
        for (media_type, described) in content.as_object().into_iter().flatten() {
            let has_one = described.get("example").is_some() || described.get("examples").is_some();
            demand!(has_one, "{media_type} has no example");
        }
        Ok(())
    }),
    Rule::new(
        "documents/openapi-references-resolve",
        "every $ref in it leads to something in it",
        |server| {
            let document = openapi(server)?;
            let mut references = Vec::new();
            collect_references(&document, &mut references);
            for reference in references {
                let Some(pointer) = reference.strip_prefix('#') else { continue };
                demand!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
            }
            Ok(())
        },
    ),
    Rule::new(
        "documents/openapi-holds-below-a-prefix",
        "its servers are relative references, so that it works below a path prefix",
        |server| {
            let document = openapi(server)?;
            for entry in document["servers"].as_array().into_iter().flatten() {
                let url = entry["url"].as_str().unwrap_or_default();
                demand!(is_relative(url), "the server {url:?} would leave a path prefix");
                let base = resolve("/openapi.json", url);
                let list = format!("{}{}", base.trim_end_matches('/'), server.list_path()?);
                server.send(&server.get(&list))?.is(200)?;
            }
            applies!(
                document["servers"].is_array() || server.prefix().is_empty(),
                "it names no server: the prefix is the reader's"
            );
            Ok(())
        },
    ),
    Rule::new(
        "documents/openapi-for-any-accept",
        "a client that asks for OpenAPI's own media type, or for anything, gets it",
        |server| {
            for accept in
                ["application/vnd.oai.openapi+json, application/json;q=0.9", "*/*", "application/json"]
            {
                server.send(&server.get("/openapi.json").accept(accept))?.is(200)?;
            }
            Ok(())
        },
    ),
    Rule::new(DOCS_RULE, "/docs is an HTML page in UTF-8", |server| {
        let answer = docs(server)?;
        answer.is_of_type("text/html")?;
        let said = answer.has("content-type")?.to_lowercase();
        demand!(said.contains("charset=utf-8"), "{} with Content-Type: {said}", answer.story());
        Ok(())
    }),
    Rule::new(
        "documents/docs-loads-nothing-from-elsewhere",
        "/docs loads nothing from another host",
        |server| {
            let text = docs(server)?.text();
            for attribute in attributes(&text, &["src", "action", "data", "poster"]) {
                demand!(!is_elsewhere(&attribute), "/docs loads {attribute}");
            }
            for tag in text.split('<').filter(|tag| tag.starts_with("link ") || tag.starts_with("script ")) {
                demand!(
                    !attributes(tag, &["href", "src"]).iter().any(|a| is_elsewhere(a)),
                    "/docs loads <{}",
                    shorten(tag)
                );
            }
            demand!(
                !text.contains("@import") && !text.contains("url(http"),
                "a style of /docs loads from elsewhere"
            );
            Ok(())
        },
    ),
    Rule::new(
        "documents/docs-holds-below-a-prefix",
        "what /docs refers to is relative, so that it works below a path prefix",
        |server| root_free(server, &docs(server)?),
    ),
    Rule::new("documents/docs-parts-are-there", "what /docs loads is there", |server| {
        let text = docs(server)?.text();
        let mut parts = attributes(&text, &["src"]);
        for tag in text.split('<').filter(|tag| tag.starts_with("link ")) {
            parts.extend(attributes(tag, &["href"]));
        }
        for part in parts.iter().filter(|part| !part.starts_with("data:") && is_relative(part)) {
            server.send(&server.get(&resolve("/docs", part)))?.is(200)?;
        }
        Ok(())
    }),
    Rule::new("documents/docs-shows-the-routes", "/docs tells of the list and of each version", |server| {
        let text = whole_docs(server)?;
        demand!(text.contains("/products/{locale}"), "/docs does not mention /products/{{locale}}");
        for version in &server.release.versions {
            let media_type = media_type(*version);
            demand!(text.contains(&media_type), "/docs does not mention {media_type}");
        }
        Ok(())
    }),
    Rule::new("documents/index-is-json", "/ lists the routes as JSON", |server| {
        for accept in [None, Some("application/json"), Some("*/*")] {
            let request = accept.into_iter().fold(server.get("/"), crate::http::Request::accept);
            let answer = server.send(&request)?;
            answer.is(200)?;
            demand!(answer.media_type().ends_with("json"), "{} with {}", answer.story(), answer.media_type());
            answer.json()?;
        }
        Ok(())
    }),
    Rule::new(INDEX_RULE, "/ is an HTML page for a browser", |server| index(server).map(drop)),
    Rule::new("documents/index-varies", "/ varies by Accept", |server| {
        server.send(&server.get("/"))?.lists("vary", &["accept"]).map(drop)
    }),
    Rule::new(
        "documents/index-holds-below-a-prefix",
        "the links of / are relative and lead somewhere",
        |server| {
            let answer = index(server)?;
            root_free(server, &answer)?;
            let links = attributes(&answer.text(), &["href"]);
            let local: Vec<&String> = links
                .iter()
                .filter(|link| is_relative(link) && !link.starts_with('#') && !link.contains('{'))
                .collect();
            demand!(!local.is_empty(), "{} without a link", answer.story());
            for link in local {
                server.send(&server.get(&resolve("/", link)))?.is(200)?;
            }
            Ok(())
        },
    ),
    Rule::new("documents/index-mentions-the-routes", "/ names products, openapi.json and docs", |server| {
        let text = server.send(&server.get("/"))?.text();
        for route in ["products", "openapi.json", "docs"] {
            demand!(text.contains(route), "/ does not name {route}: {}", shorten(&text));
        }
        Ok(())
    }),
    Rule::new(
        "documents/schemas-are-published",
        "the JSON Schema of each version is at /schemas/v1.json and so on, and is the schema that is known here",
        |server| {
            for version in server.release.versions.clone() {
                let Some(known) = published(version) else { continue };
                let answer = server.send(&server.get(&format!("/schemas/v{version}.json")))?;
                let said = answer.is(200)?.json()?;
                let known: Value = serde_json::from_str(known).unwrap_or_default();
                demand!(said == known, "{}: another schema than that of v{version}", answer.story());
            }
            Ok(())
        },
    ),
    Rule::new(
        "documents/unserved-schemas-are-not-published",
        "a version that the release does not serve has no schema",
        |server| {
            let path = format!("/schemas/v{}.json", server.release.newest() + 1);
            server.send(&server.get(&path))?.is(404).map(drop)
        },
    ),
];

/// The document of `/openapi.json`.
pub(super) fn openapi(server: &Server) -> Checked<Value> {
    let answer = server.send(&server.get("/openapi.json"))?;
    let document = answer.json().unwrap_or_default();
    let is_one = answer.status == 200 && answer.media_type().ends_with("json") && document.is_object();
    let why = || Objection::StandsOn(OPENAPI_RULE, format!("{} with no JSON object", answer.story()));
    is_one.then_some(document).ok_or_else(why)
}

fn docs(server: &Server) -> Checked<Response> {
    let answer = server.send(&server.get("/docs").accept("text/html,*/*;q=0.8"))?;
    let is_page = answer.status == 200 && answer.media_type() == "text/html";
    let why = Objection::StandsOn(DOCS_RULE, format!("{} with no page", answer.story()));
    if is_page { Ok(answer) } else { Err(why) }
}

/// The page of `/`.
fn index(server: &Server) -> Checked<Response> {
    let accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let answer = server.send(&server.get("/").accept(accept))?;
    let is_page = answer.status == 200 && answer.media_type() == "text/html";
    let why = Objection::StandsOn(INDEX_RULE, format!("{} with no page", answer.story()));
    if is_page { Ok(answer) } else { Err(why) }
}

/// What a reader of `/docs` sees: the page, and the document that a viewer in it would show.
pub(super) fn whole_docs(server: &Server) -> Checked<String> {
    let page = docs(server)?.text();
    Ok(if page.contains("openapi.json") { page + &openapi(server)?.to_string() } else { page })
}

/// The path item whose segments match, `{}` being any parameter.
fn operation_path<'a>(document: &'a Value, parts: &[&str]) -> Option<&'a Value> {
    let paths = document["paths"].as_object()?;
    let matches = |path: &str| {
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        segments.len() == parts.len()
            && segments
                .iter()
                .zip(parts)
                .all(|(segment, part)| if *part == "{}" { segment.starts_with('{') } else { segment == part })
    };
    paths.iter().find(|(path, _)| matches(path)).map(|(_, item)| item)
}

/// The thing itself, or what its `$ref` leads to.
fn follow<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let pointer = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    pointer.and_then(|pointer| document.pointer(pointer)).unwrap_or(value)
}

fn collect_references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|member| collect_references(member, found));
        }
        Value::Array(values) => values.iter().for_each(|value| collect_references(value, found)),
        _ => {}
    }
}

/// The values of attributes in HTML, as written.
fn attributes(html: &str, names: &[&str]) -> Vec<String> {
    let mut values = Vec::new();
    for name in names {
        for (start, _) in html.match_indices(name) {
            let before = html[..start].chars().next_back();
            let Some(value) = html[start + name.len()..].strip_prefix('=') else { continue };
            if !before.is_some_and(char::is_whitespace) {
                continue;
            }
            let value = match value.chars().next() {
                Some(quote @ ('"' | '\'')) => value[1..].split(quote).next(),
                _ => value.split(|c: char| c.is_whitespace() || c == '>').next(),
            };
            values.push(value.unwrap_or_default().to_owned());
        }
    }
    values
}

fn is_elsewhere(reference: &str) -> bool {
    reference.starts_with("//") || (reference.contains("://") && !reference.starts_with("data:"))
}

/// Nothing on the page starts at the root, where a prefix would be lost.
fn root_free(server: &Server, answer: &Response) -> Checked {
    server.directly("writes the prefix before what starts at the root")?;
    for reference in attributes(&answer.text(), &["href", "src", "action", "formaction"]) {
        demand!(!reference.starts_with('/'), "{}: {reference:?} starts at the root", answer.story());
    }
    Ok(())
}
