//! `GET`, `HEAD` and `OPTIONS` only; RFC 9110 §9.3.2 and §15.5.6.

use std::collections::BTreeSet;

use crate::{
    Rule, Server,
    http::{Request, Response},
    objection::{Checked, applies, demand},
};

pub(super) const RULES: &[Rule] = &[
    Rule::new("methods/post-is-405", "POST to a list is 405", |server| refused(server, "POST")),
    Rule::new("methods/put-is-405", "PUT to a list is 405", |server| refused(server, "PUT")),
    Rule::new("methods/patch-is-405", "PATCH to a list is 405", |server| refused(server, "PATCH")),
    Rule::new("methods/delete-is-405", "DELETE of a list is 405", |server| refused(server, "DELETE")),
    Rule::new("methods/trace-is-405", "TRACE is 405", |server| {
        server.directly("does not pass TRACE on")?;
        refused(server, "TRACE")
    }),
    Rule::new("methods/other-methods-are-405", "a method that nobody knows is 405", |server| {
        server.directly("does not pass unknown methods on")?;
        refused(server, "BREW")
    }),
    Rule::new("methods/methods-are-case-sensitive", "get is not GET (RFC 9110 §9.1)", |server| {
        server.directly("does not pass unknown methods on")?;
        refused(server, "get")
    }),
    Rule::new(
        "methods/writes-change-nothing",
        "after POST, PUT and DELETE a product is as it was",
        |server| {
            let path = server.product_path()?;
            let before = server.send(&server.get(&path))?;
            for method in ["POST", "PUT", "PATCH", "DELETE"] {
                server.send(&server.ask(method, &path).header("Content-Length", "0"))?;
            }
            let after = server.send(&server.get(&path))?;
            after.is(200)?;
            demand!(after.body == before.body, "{path} changed");
            Ok(())
        },
    ),
    Rule::new(
        "methods/allow-names-the-methods",
        "405 has Allow: GET, HEAD, OPTIONS (RFC 9110 §15.5.6)",
        |server| {
            let answer = server.send(&post(server, &server.list_path()?))?;
            answer.is(405)?.lists("allow", &["get", "head", "options"])?;
            let tokens = answer.tokens("allow");
            demand!(tokens.len() == 3, "{} with Allow: {}", answer.story(), tokens.join(", "));
            Ok(())
        },
    ),
    Rule::new("methods/every-route-is-read-only", "POST is 405 with Allow on every route", |server| {
        let mut paths = vec!["/", "/products", "/openapi.json", "/docs", "/version"];
        let (list, one) = (server.list_path()?, server.product_path()?);
        paths.extend([list.as_str(), one.as_str()]);
        for path in paths {
            let answer = server.send(&post(server, path))?;
            answer.is(405)?.lists("allow", &["get", "head"])?;
        }
        Ok(())
    }),
    Rule::new(
        "methods/options-answers",
        "OPTIONS of a list succeeds and has Allow or the CORS equivalent",
        |server| {
            let answer = server.send(&server.ask("OPTIONS", &server.list_path()?))?;
            demand!((200..300).contains(&answer.status), "{}", answer.story());
            let said = answer.header("allow").or_else(|| answer.header("access-control-allow-methods"));
            demand!(said.is_some(), "{} without Allow", answer.story());
            Ok(())
        },
    ),
    Rule::new(
        "methods/head-list-equals-get",
        "HEAD of a list has GET's status and headers (RFC 9110 §9.3.2)",
        |server| head_equals_get(server, &server.get_list()?),
    ),
    Rule::new("methods/head-list-equals-get-in-each-version", "so it has in every version", |server| {
        for version in server.release.versions.clone() {
            head_equals_get(server, &server.get_list_in(version)?)?;
        }
        Ok(())
    }),
    Rule::new(
        "methods/head-query-equals-get",
        "HEAD of a query has GET's headers, X-Total-Count and Link among them",
        |server| head_equals_get(server, &server.get_list()?.raw_query("_page=1&_limit=2")),
    ),
    Rule::new(
        "methods/head-product-equals-get",
        "HEAD of one product has GET's status and headers",
        |server| head_equals_get(server, &server.get(&server.product_path()?)),
    ),
    Rule::new(
        "methods/head-locales-equals-get",
        "HEAD of /products has GET's status and headers",
        |server| head_equals_get(server, &server.get("/products")),
    ),
    Rule::new(
        "methods/head-picture-equals-get",
        "HEAD of a picture has GET's status and headers",
        |server| head_equals_get(server, &server.get(&server.picture_path()?)),
    ),
    Rule::new(
        "methods/head-openapi-equals-get",
        "HEAD of /openapi.json has GET's status and headers",
        |server| head_equals_get(server, &server.get("/openapi.json")),
    ),
    Rule::new("methods/head-docs-equals-get", "HEAD of /docs has GET's status and headers", |server| {
        server.directly("rewrites HTML, and so its length")?;
        head_equals_get(server, &server.get("/docs"))
    }),
    Rule::new("methods/head-index-equals-get", "HEAD of / has GET's status and headers", |server| {
        head_equals_get(server, &server.get("/"))
    }),
    Rule::new(
        "methods/head-404-equals-get",
        "HEAD of what is not there has GET's status and headers",
        |server| head_equals_get(server, &server.get("/products/nowhere")),
    ),
    Rule::new(
        "methods/head-406-equals-get",
        "HEAD of what is not acceptable has GET's status and headers",
        |server| head_equals_get(server, &server.get_list()?.accept("image/png")),
    ),
    Rule::new("methods/head-gzip-equals-get", "HEAD of a compressed list has GET's headers", |server| {
        head_equals_get(server, &server.get_list()?.header("Accept-Encoding", "gzip"))
    }),
    Rule::new("methods/head-has-no-content", "HEAD has no content", |server| {
        for path in [server.list_path()?, server.product_path()?, "/products/nowhere".to_owned()] {
            let answer = server.send(&server.ask("HEAD", &path))?;
            demand!(answer.body.is_empty(), "{} with {} bytes of content", answer.story(), answer.body.len());
        }
        Ok(())
    }),
];

fn post(server: &Server, path: &str) -> Request {
    server.ask("POST", path).header("Content-Length", "0")
}

fn refused(server: &Server, method: &str) -> Checked {
    let request = server.ask(method, &server.list_path()?);
    let request = if method == "TRACE" { request } else { request.header("Content-Length", "0") };
    server.send(&request)?.is(405).map(drop)
}

/// What may differ from one answer to the next, whatever the method.
const OF_ITS_MOMENT: &[&str] = &[
    "age",
    "connection",
    "date",
    "keep-alive",
    "server-timing",
    "traceparent",
    "transfer-encoding",
    "x-request-id",
];

fn head_equals_get(server: &Server, get: &Request) -> Checked {
    let got = server.send(get)?;
    let head = server.send(&get.as_head())?;
    demand!(head.status == got.status, "{}, GET {}", head.story(), got.status);
    let (of_get, mut of_head) = (lines(&got), lines(&head));
    // RFC 9110 §8.6: HEAD may leave Content-Length out, but may not say another.
    if head.header("content-length").is_none() {
        of_head.extend(of_get.iter().filter(|(name, _)| name == "content-length").cloned());
    }
    let differing: Vec<String> =
        of_get.symmetric_difference(&of_head).map(|(name, value)| format!("{name}: {value}")).collect();
    // A length that the GET sent in chunks is not a difference.
    let differing: Vec<String> = differing
        .into_iter()
        .filter(|line| !(line.starts_with("content-length") && got.header("content-length").is_none()))
        .collect();
    applies!(seen_release(&got) == seen_release(&head), "GET and HEAD were answered by different releases");
    demand!(differing.is_empty(), "{} differs from GET: {}", head.asked, differing.join("; "));
    Ok(())
}

fn seen_release(answer: &Response) -> Option<String> {
    answer.header("x-sava-release")
}

fn lines(answer: &Response) -> BTreeSet<(String, String)> {
    answer
        .headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()))
        .filter(|(name, _)| !OF_ITS_MOMENT.contains(&name.as_str()))
        // Another replica may answer through a Service.
        .filter(|(name, _)| name != "x-sava-instance")
        .collect()
}
