//! The description of the API: an `OpenAPI` 3.1 document, made from what the code has.
//!
//! Longer than others: the document is one, and its parts refer to one another.

use serde_json::{Map, Value, json};
use utoipa::openapi::{
    Content, HttpMethod, Info, License, OpenApi, OpenApiBuilder, PathItem, PathsBuilder, Ref, RefOr,
    Required, Response, ResponseBuilder, Schema, Server,
    header::HeaderBuilder,
    path::{OperationBuilder, Parameter, ParameterBuilder, ParameterIn},
    schema::{ObjectBuilder, Type},
};

use crate::{
    api_version::ApiVersion,
    catalog::{Catalog, Field, Source, Store},
    problems,
    query::{
        MAX_COMPILED_TOGETHER, Query,
        parameters::{CONTROLS, MAX_PATTERNS, OPERATORS},
    },
    release::Release,
    routes::Route,
};

/// The product that examples show.
const EXAMPLE_ID: u64 = 3;
/// The query that selects it.
pub(crate) const EXAMPLE_QUERY: &str = "?id=3";

/// The document for `release`, with examples from the catalog in the binary.
///
/// # Errors
/// When the embedded data or a schema is wrong, which tests rule out.
pub(crate) fn document(release: &Release) -> anyhow::Result<Value> {
    let catalog = Source::Embedded.load()?;
    let paths = Route::ALL.into_iter().fold(PathsBuilder::new(), |paths, route| {
        let operation = operation(route, release, &catalog).summary(Some(route.summary()));
        paths.path(route.path(), PathItem::new(HttpMethod::Get, operation.build()))
    });
    let document: OpenApi =
        OpenApiBuilder::new().info(info(release)).servers(Some([Server::new("./")])).paths(paths).build();
    let mut document = serde_json::to_value(document)?;
    document["components"] = json!({"schemas": schemas(release)?});
    Ok(document)
}

fn info(release: &Release) -> Info {
    let versions: Vec<_> =
        release.api_versions.iter().rev().map(|version| format!("`{}`", version.media_type())).collect();
    let text = DESCRIPTION
        .replace("{versions}", &versions.join(", "))
        .replace("{newest}", release.newest().media_type())
        .replace("{patterns}", &MAX_PATTERNS.to_string())
        .replace("{compiled}", &(MAX_COMPILED_TOGETHER >> 10).to_string());
    let mut info = Info::new("sava-product", release.version);
    info.description = Some(text);
    info.license = Some(License::new("MIT OR Apache-2.0"));
    info
}

/// What holds for all routes; paragraphs apart by empty lines.
const DESCRIPTION: &str = "\
The products of the shop's stores. A store is named by its locale: `ie` for Ireland, `uk` for the United Kingdom; \
in whatever case.

The version of the API is negotiated by media type (RFC 9110, section 12.5.1). This release serves {versions}. \
`application/vnd.sava+json`, `application/json`, `application/*`, `*/*` and no `Accept` at all mean the newest of \
them. Among ranges of equal quality the one wins that says more, then the newest version; a version named with `q=0` \
is out. Versions older than the newest carry `Deprecation` and a `Link` to their successor, `{newest}`.

Paths in answers (`img`, `image.src`) are paths below the base of this API: put that before them, whatever the URL of \
the list was. `price` in queries is always in major units, as in `9.99`.

Lists take json-server's queries: pages (`_page`, `_limit`), slices (`_start`, `_end`), sorting (`_sort`, `_order`), \
full text (`q`), and filters on every field: `field=value` (again for any of several), `field_ne`, `field_gte`, \
`field_lte`, `field_like` (a case-insensitive regular expression; a query may have {patterns} of them, which may take \
{compiled} KiB together once compiled). Unlike there, an unknown parameter or a wrong value is a problem, and a product \
without a field meets no filter on it. The products selected do not depend on the version asked for. Searches run a few \
at a time; when too many wait, one more is a 503.

Errors are problems (RFC 9457). Each `type` is a stable tag URI, explained at the end of the documentation page.

Every representation has a strong `ETag`; `If-None-Match` is answered by 304. `HEAD` and `OPTIONS` work everywhere, \
and pages of any origin may read (CORS).";

/// What there is to ask for at a route, and what answers.
fn operation(route: Route, release: &Release, catalog: &Catalog) -> OperationBuilder {
    let summary = route.summary();
    match route {
        Route::Index => index(summary),
        Route::Stores => list_stores(release, catalog),
        Route::Products => list_products(release, catalog),
        Route::Product => show_product(release, catalog),
        Route::Image => show_image(),
        Route::Schema => show_schema(release),
        Route::Docs => simple("document", summary, "text/html; charset=utf-8", json!("<!doctype html>…")),
        Route::OpenApi => simple("describe", summary, "application/json", json!({})),
        Route::Version => simple("version", summary, "application/json", version(release, catalog)),
        Route::Live => simple("live", summary, "text/plain", json!("ok\n")),
        Route::Ready => ready(),
    }
}

fn index(summary: &str) -> OperationBuilder {
    let described = ResponseBuilder::new()
        .description(summary)
        .content("text/html; charset=utf-8", content(text(), json!("<!doctype html>…")))
        .content("application/json", content(ObjectBuilder::new(), json!({})));
    OperationBuilder::new()
        .operation_id(Some("index"))
        .response("200", described)
        .response("default", any_problem())
}

fn list_stores(release: &Release, catalog: &Catalog) -> OperationBuilder {
    let example: Value = serde_json::from_slice(&catalog.index.bytes).unwrap_or_default();
    let types =
        release.api_versions.iter().rev().map(|version| version.media_type()).chain(["application/json"]);
    let described =
        types.fold(negotiated("The stores, in the order of the data."), |response, media_type| {
            response.content(media_type, content(Ref::from_schema_name("Stores"), example.clone()))
        });
    OperationBuilder::new()
        .operation_id(Some("listStores"))
        .response("200", described)
        .response("304", not_modified())
        .response("406", problem(problems::not_acceptable(release)))
        .response("default", any_problem())
}

fn list_products(release: &Release, catalog: &Catalog) -> OperationBuilder {
    let described = negotiated("The store's products: all, or those that the query selects.")
        .header("X-Total-Count", header("How many products there are on all pages.", json!("28")))
        .header(
            "Link",
            header(
                "With `_page` the pages `first`, `prev`, `next` and `last`, relative to the path; and the \
                 `successor-version` of an older version.",
                json!(r#"<?_page=2&_limit=5>; rel="next""#),
            ),
        );
    let described = with_versions(described, release, "Products", |version| {
        let store = &catalog.stores()[0];
        let array = store.array(version, store.position(EXAMPLE_ID).into_iter());
        serde_json::from_slice(&array).unwrap_or_default()
    });
    let operation = OperationBuilder::new()
        .operation_id(Some("listProducts"))
        .parameter(locale())
        .response("200", described)
        .response("304", not_modified())
        .response("400", problem(bad_parameter()))
        .response("404", problem(problems::unknown_locale("fr", catalog)))
        .response("406", problem(problems::not_acceptable(release)))
        .response("503", problem(problems::overloaded()))
        .response("default", any_problem());
    CONTROLS.into_iter().map(control).chain(filters()).fold(operation, OperationBuilder::parameter)
}

fn show_product(release: &Release, catalog: &Catalog) -> OperationBuilder {
    let described = with_versions(negotiated("The product."), release, "Product", |version| {
        product(&catalog.stores()[0], version)
    });
    OperationBuilder::new()
        .operation_id(Some("showProduct"))
        .parameter(locale())
        .parameter(parameter(
            "id",
            ParameterIn::Path,
            "The product's id.",
            number(Type::Integer).minimum(Some(0.0)),
            Some(json!(EXAMPLE_ID)),
        ))
        .response("200", described)
        .response("304", not_modified())
        .response("404", problem(problems::unknown_product("999", "ie")))
        .response("406", problem(problems::not_acceptable(release)))
        .response("default", any_problem())
}

fn show_image() -> OperationBuilder {
    let picture = Content::builder().schema(Some(ObjectBuilder::new().schema_type(Type::String)));
    OperationBuilder::new()
        .operation_id(Some("showImage"))
        .parameter(parameter(
            "file",
            ParameterIn::Path,
            "The name of the picture's file.",
            text(),
            Some(json!("dreamcatcher.svg")),
        ))
        .response(
            "200",
            answer("The picture; a data directory may have others than SVG.")
                .content("image/svg+xml", picture.build()),
        )
        .response("304", not_modified())
        .response("404", problem(problems::unknown_image("nothing.svg")))
        .response("default", any_problem())
}

fn show_schema(release: &Release) -> OperationBuilder {
    let names: Vec<_> =
        release.api_versions.iter().map(|version| format!("{}.json", version.name())).collect();
    let known = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names.clone()));
    OperationBuilder::new()
        .operation_id(Some("showSchema"))
        .parameter(parameter(
            "file",
            ParameterIn::Path,
            "The version's name.",
            known,
            names.last().map(|name| json!(name)),
        ))
        .response(
            "200",
            answer("A schema (2020-12) of the list and of one product.")
                .content("application/schema+json", content(ObjectBuilder::new(), json!({}))),
        )
        .response("304", not_modified())
        .response("404", problem(problems::unknown_route("/schemas/v9.json")))
        .response("default", any_problem())
}

fn ready() -> OperationBuilder {
    let ok = content(text(), json!("ok\n"));
    OperationBuilder::new()
        .operation_id(Some("ready"))
        .response("200", ResponseBuilder::new().description("It should.").content("text/plain", ok.clone()))
        .response("503", ResponseBuilder::new().description("It should not.").content("text/plain", ok))
}

fn simple(id: &str, description: &str, media_type: &str, example: Value) -> OperationBuilder {
    let schema = if example.is_object() { ObjectBuilder::new() } else { text() };
    OperationBuilder::new()
        .operation_id(Some(id))
        .response(
            "200",
            ResponseBuilder::new().description(description).content(media_type, content(schema, example)),
        )
        .response("default", any_problem())
}

/// An answer in each version that the release serves, and in the newest as plain JSON.
fn with_versions(
    response: ResponseBuilder,
    release: &Release,
    schema: &str,
    example: impl Fn(ApiVersion) -> Value,
) -> ResponseBuilder {
    let forms = release.api_versions.iter().rev().map(|version| (*version, version.media_type()));
    forms.chain([(release.newest(), "application/json")]).fold(response, |response, (version, media_type)| {
        let schema = Ref::from_schema_name(format!("V{}{schema}", version.number()));
        response.content(media_type, content(schema, example(version)))
    })
}

/// An answer with what all answers of resources carry.
fn answer(description: &str) -> ResponseBuilder {
    let etag = json!("\"8c0b9c2e7f9d4a1b8f2f6f6f1c2d3e4f-v3\"");
    ResponseBuilder::new()
        .description(description)
        .header("ETag", header("The strong validator of this representation and coding.", etag))
        .header(
            "Cache-Control",
            header("`no-cache` unless the service was told otherwise; pictures an hour.", json!("no-cache")),
        )
        .header("Vary", header("What all answers vary by.", json!("Accept, Accept-Encoding")))
        .header("X-Sava-Release", header("The release that answered.", json!("3.0.0")))
        .header(
            "X-Sava-Instance",
            header("The instance (pod) that answered.", json!("sava-product-7d4b9c6f5-x2x7k")),
        )
}

/// An answer whose version was negotiated.
fn negotiated(description: &str) -> ResponseBuilder {
    answer(description)
        .header("X-Sava-Media-Type", header("The version of the answer.", json!("sava.v2; format=json")))
        .header(
            "Deprecation",
            header("On older versions: since when it is deprecated (RFC 9745).", json!("@1772409600")),
        )
}

fn not_modified() -> ResponseBuilder {
    answer("The client has this representation, by its `If-None-Match`.")
}

/// The answer with one kind of problem.
fn problem(example: sava_service::Problem) -> RefOr<Response> {
    let meaning = example.kind.meaning;
    let example = serde_json::to_value(example).unwrap_or_default();
    let content = content(Ref::from_schema_name("Problem"), example);
    RefOr::T(ResponseBuilder::new().description(meaning).content("application/problem+json", content).build())
}

fn any_problem() -> RefOr<Response> {
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    RefOr::T(
        ResponseBuilder::new()
            .description("Any other problem.")
            .content("application/problem+json", content)
            .build(),
    )
}

fn bad_parameter() -> sava_service::Problem {
    let refusal = Query::parse("_page=0").err();
    refusal.map_or_else(|| problems::unknown_route(""), problems::bad_query)
}

fn locale() -> Parameter {
    parameter(
        "locale",
        ParameterIn::Path,
        "The store's locale or an alias of it, in whatever case.",
        text(),
        Some(json!("ie")),
    )
}

fn control(name: &str) -> Parameter {
    let count = |least: f64| number(Type::Integer).minimum(Some(least));
    let (description, schema) = match name {
        "_page" => ("The page, from 1.", count(1.0)),
        "_limit" => ("How many products; on a page 10 unless told.", count(1.0).maximum(Some(1000.0))),
        "_start" => ("The first product of a slice, from 0.", count(0.0)),
        "_end" => ("The product after the last of a slice.", count(0.0)),
        "_sort" => (
            "The fields to sort by, with commas between them. Texts are in the order of the Unicode Collation Algorithm \
             with CLDR's root table, then of their code points. Products without the field are the greatest.",
            text(),
        ),
        "_order" => (
            "`asc` or `desc` for each field of `_sort`, with commas between them; `asc` unless told.",
            text(),
        ),
        _ => (
            "Text to find in title, description or category, whatever its case and accents; given again, all of them.",
            text(),
        ),
    };
    parameter(name, ParameterIn::Query, description, schema, None)
}

/// Each field with each operator.
fn filters() -> impl Iterator<Item = Parameter> {
    Field::ALL.into_iter().flat_map(|field| {
        [""].into_iter().chain(OPERATORS).map(move |operator| {
            let description = filter(operator);
            let is_number = field.is_number() && operator != "_like";
            let schema = if is_number { number(Type::Number) } else { text() };
            parameter(&format!("{}{operator}", field.name()), ParameterIn::Query, description, schema, None)
        })
    })
}

/// What holds for a field that is selected by a parameter whose name ends with `operator`, or with nothing.
pub(crate) fn filter(operator: &str) -> &'static str {
    match operator {
        "" => "Is this value; given again, any of them.",
        "_gte" => "Is this value or more.",
        "_lte" => "Is this value or less.",
        "_ne" => "Is another value; given again, none of them.",
        _ => "Has what the case-insensitive regular expression finds; given again, any of them.",
    }
}

fn parameter(
    name: &str,
    place: ParameterIn,
    description: &str,
    schema: ObjectBuilder,
    example: Option<Value>,
) -> Parameter {
    let required = if place == ParameterIn::Path { Required::True } else { Required::False };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(required)
        .description(Some(description))
        .schema(Some(schema))
        .example(example)
        .build()
}

fn content(schema: impl Into<RefOr<Schema>>, example: Value) -> Content {
    let example = Some(example).filter(|example| *example != json!({}));
    Content::builder().schema(Some(schema)).example(example).build()
}

fn header(description: &str, example: Value) -> utoipa::openapi::Header {
    HeaderBuilder::new().schema(Some(text())).description(Some(description)).example(Some(example)).build()
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn number(kind: Type) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(kind)
}

fn product(store: &Store, version: ApiVersion) -> Value {
    let product = store.position(EXAMPLE_ID).map(|position| store.product(version, position));
    product.and_then(|product| serde_json::from_slice(&product).ok()).unwrap_or_default()
}

fn version(release: &Release, catalog: &Catalog) -> Value {
    json!({
        "service": "sava-product",
        "release": release.version,
        "instance": "sava-product-7d4b9c6f5-x2x7k",
        "revision": "unknown",
        "apiVersions": release.api_versions.iter().copied().map(ApiVersion::name).collect::<Vec<_>>(),
        "catalog": {"digest": catalog.digest, "loadedAt": "2026-11-23T12:00:00Z", "source": catalog.source},
        "faults": null,
    })
}

/// The schemas of the answers. Those of products are the published ones, their parts named after their version.
fn schemas(release: &Release) -> anyhow::Result<Map<String, Value>> {
    let mut schemas = Map::new();
    for version in release.api_versions {
        let schema: Value = serde_json::from_str(version.schema())?;
        for (name, part) in schema["$defs"].as_object().into_iter().flatten() {
            let mut part = part.clone();
            redirect(&mut part, *version);
            schemas.insert(component(*version, name), part);
        }
    }
    let kinds: Vec<_> = problems::kinds().map(|kind| kind.uri()).collect();
    schemas.insert("Problem".to_owned(), json!({
        "type": "object",
        "description": "What went wrong (RFC 9457).",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"type": "string", "format": "uri", "enum": kinds},
            "title": {"type": "string"},
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": {"type": "string"},
            "locales": {"type": "array", "items": {"type": "string"}, "description": "With unknown-locale: those there are."},
            "mediaTypes": {"type": "array", "items": {"type": "string"}, "description": "With not-acceptable: those there are."},
            "parameter": {"type": "string", "description": "With bad-query: the one that is wrong."},
        },
    }));
    schemas.insert("Stores".to_owned(), json!({
        "type": "array",
        "items": {
            "type": "object",
            "required": ["code", "name", "language", "currency", "link"],
            "properties": {
                "code": {"type": "string", "description": "The locale, as in /products/{locale}."},
                "aliases": {"type": "array", "items": {"type": "string"}, "description": "Other names that find it."},
                "name": {"type": "string"},
                "language": {"type": "string", "description": "The language tag by which it formats numbers (BCP 47)."},
                "currency": {"type": "string", "description": "ISO 4217"},
                "link": {"type": "string", "format": "uri-reference", "description": "Its products, relative to this list's URL."},
            },
        },
    }));
    Ok(schemas)
}

/// The name of a part of a version's schema among the components.
fn component(version: ApiVersion, part: &str) -> String {
    let (first, rest) = part.split_at(part.len().min(1));
    format!("V{}{}{rest}", version.number(), first.to_uppercase())
}

/// Lets references to parts of a published schema lead to the components.
fn redirect(schema: &mut Value, version: ApiVersion) {
    match schema {
        Value::Object(members) => {
            for (name, value) in members {
                match value.as_str().and_then(|reference| reference.strip_prefix("#/$defs/")) {
                    Some(part) if name == "$ref" => {
                        *value = format!("#/components/schemas/{}", component(version, part)).into();
                    }
                    _ => redirect(value, version),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| redirect(item, version)),
        _ => {}
    }
}
