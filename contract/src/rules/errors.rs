//! Every error of every route is a problem (RFC 9457).

use serde_json::Value;

use crate::{
    Rule, Server,
    http::Request,
    objection::{Checked, Objection, applies, demand},
    rules::{
        documents::{openapi, whole_docs},
        query::refuses,
    },
    server::media_type,
};

pub(super) const RULES: &[Rule] = &[
    Rule::new("errors/unknown-locale-is-404", "an unknown store is a 404 problem, not an empty list", |s| {
        s.send(&s.get("/products/nowhere"))?.problem(404).map(drop)
    }),
    Rule::new("errors/unknown-locale-names-the-locales", "which names the stores that there are", |server| {
        let problem = unknown_locale(server, &server.get("/products/nowhere"))?.to_string();
        for store in server.stores()? {
            demand!(problem.contains(&store.locale), "{problem} does not name {}", store.locale);
        }
        Ok(())
    }),
    Rule::new("errors/unknown-locale-of-a-product-is-404", "so is a product of an unknown store", |s| {
        s.send(&s.get("/products/nowhere/1"))?.problem(404).map(drop)
    }),
    Rule::new("errors/unknown-id-is-404", "an unknown id is a 404 problem", |s| {
        let path = format!("{}/999999999", s.list_path()?);
        s.send(&s.get(&path))?.problem(404).map(drop)
    }),
    Rule::new(
        "errors/an-id-that-is-no-number-is-4xx",
        "an id that is not a number, or too large for one, is a problem too",
        |server| {
            for id in ["abc", "-1", "1.5", "99999999999999999999999999", "%20", "%F0%9F%8D%8E"] {
                let answer = server.send(&server.get(&format!("{}/{id}", server.list_path()?)))?;
                demand!(matches!(answer.status, 400 | 404), "{}", answer.story());
                answer.problem(answer.status)?;
            }
            Ok(())
        },
    ),
    Rule::new("errors/unknown-route-is-404", "an unknown route is a 404 problem", |server| {
        for path in ["/nowhere", "/products/ie/1/2", "/product", "/images", "/.env"] {
            server.send(&server.get(path))?.problem(404)?;
        }
        Ok(())
    }),
    Rule::new(
        "errors/a-slash-more-is-no-other-list",
        "a trailing slash is the same list, a redirect or a 404 problem",
        |server| {
            let answer = server.send(&server.get(&format!("{}/", server.list_path()?)))?;
            let fine = match answer.status {
                200 => answer.array().is_ok(),
                301 | 302 | 307 | 308 => true,
                _ => answer.problem(404).is_ok(),
            };
            demand!(fine, "{}", answer.story());
            Ok(())
        },
    ),
    Rule::new("errors/not-allowed-is-a-problem", "405 is a problem", |s| {
        s.send(&s.ask("DELETE", &s.list_path()?).header("Content-Length", "0"))?.problem(405).map(drop)
    }),
    Rule::new("errors/not-acceptable-is-a-problem", "406 is a problem, whatever was asked for", |server| {
        for accept in ["image/png", "application/vnd.sava.v9999+json", "text/html"] {
            server.send(&server.get_list()?.accept(accept))?.problem(406)?;
        }
        Ok(())
    }),
    Rule::new(
        "errors/not-acceptable-names-the-media-types",
        "which names the media types that there are, and no others",
        |server| {
            let problem = server.send(&server.get_list()?.accept("image/png"))?.problem(406)?.to_string();
            for version in &server.release.versions {
                let media_type = media_type(*version);
                demand!(problem.contains(&media_type), "{problem} does not name {media_type}");
            }
            let beyond = media_type(server.release.newest() + 1);
            demand!(!problem.contains(&beyond), "{problem} names {beyond}");
            Ok(())
        },
    ),
    Rule::new("errors/bad-query-is-a-problem", "a query that cannot be answered is a 400 problem", |s| {
        s.send(&s.get_list()?.raw_query("_page=none"))?.problem(400).map(drop)
    }),
    Rule::new("errors/bad-query-names-the-parameter", "which names the parameter", |server| {
        for (name, value) in [("_page", "none"), ("price", "none"), ("_nonsense", "1"), ("_sort", "nonsense")]
        {
            refuses(server, &[(name, value)], name)?;
        }
        Ok(())
    }),
    Rule::new(
        "errors/a-broken-escape-is-4xx",
        "a broken percent-encoding, or one that is not UTF-8, is not a server error",
        |server| {
            server.directly("mends or refuses such targets itself")?;
            for target in ["/products/%ff", "/products/%zz", "/products/%", "/products/%00", "/images/%ff"] {
                let answer = server.send(&server.get(target))?;
                demand!(matches!(answer.status, 400 | 404), "{}", answer.story());
                answer.problem(answer.status)?;
            }
            for query in ["title=%ff", "q=%zz", "%ff=1", "q=%00", "=", "&&", "q=a%"] {
                server.send(&server.get_list()?.raw_query(query))?.is_no_server_error()?;
            }
            Ok(())
        },
    ),
    Rule::new(
        "errors/problem-whatever-accept",
        "an error is a problem for every client, a browser too",
        |server| {
            for accept in
                ["text/html,*/*;q=0.8", "application/json", "image/png", "application/xml;q=0.1", ""]
            {
                unknown_locale(server, &server.get("/products/nowhere").accept(accept))?;
            }
            Ok(())
        },
    ),
    Rule::new("errors/problem-in-every-version", "an error is the same problem in every version", |server| {
        let plain = unknown_locale(server, &server.get("/products/nowhere"))?;
        for version in server.release.versions.clone() {
            let request = server.get("/products/nowhere").accept(&media_type(version));
            let problem = unknown_locale(server, &request)?;
            demand!(problem["type"] == plain["type"], "v{version}: {problem}, otherwise {plain}");
        }
        Ok(())
    }),
    Rule::new(
        "errors/problem-status-is-the-status",
        "a problem's status is the answer's (RFC 9457 §3.1.2)",
        |server| {
            for kind in kinds(server)? {
                let problem = kind.meet(server)?;
                demand!(problem["status"] == kind.status, "{}: {problem}", kind.request);
            }
            Ok(())
        },
    ),
    Rule::new("errors/problem-has-a-title", "a problem has a title (RFC 9457 §3.1.3)", |s| {
        has_text(s, "title")
    }),
    Rule::new(
        "errors/problem-has-a-detail",
        "a problem says in detail what was wrong (RFC 9457 §3.1.4)",
        |s| has_text(s, "detail"),
    ),
    Rule::new(
        "errors/problem-type-is-a-uri",
        "a problem's type is a URI of its own, not about:blank (RFC 9457 §3.1.1)",
        |server| {
            for kind in kinds(server)? {
                let problem = kind.meet(server)?;
                let uri = problem["type"].as_str().unwrap_or_default();
                let is_uri = !uri.is_empty()
                    && uri != "about:blank"
                    && uri.bytes().all(|byte| byte.is_ascii_graphic());
                demand!(is_uri, "{}: the type is {uri:?}", kind.request);
            }
            Ok(())
        },
    ),
    Rule::new(
        "errors/problem-types-are-stable",
        "the same error has the same type and title each time",
        |server| {
            let first = unknown_locale(server, &server.get("/products/nowhere"))?;
            let second = unknown_locale(server, &server.get("/products/elsewhere"))?;
            let same = first["type"] == second["type"] && first["title"] == second["title"];
            demand!(same, "{first} and {second}");
            Ok(())
        },
    ),
    Rule::new(
        "errors/problem-types-are-distinct",
        "errors that a client acts on differently have different types",
        |server| {
            let mut seen: Vec<String> = Vec::new();
            for kind in kinds(server)? {
                let uri = kind.meet(server)?["type"].to_string();
                demand!(!seen.contains(&uri), "{}: {uri} is the type of another error, too", kind.request);
                seen.push(uri);
            }
            Ok(())
        },
    ),
    Rule::new("errors/detail-tells-occurrences-apart", "detail is about this occurrence", |server| {
        let mut details = Vec::new();
        for name in ["_page", "_limit"] {
            let answer = server.send(&server.get_list()?.query(name, "none"))?;
            details.push(answer.is(400)?.json()?["detail"].clone());
        }
        demand!(details[0] != details[1], "_page=none and _limit=none both say {}", details[0]);
        Ok(())
    }),
    Rule::new("errors/problem-shows-no-internals", "no problem names a source file or a panic", |server| {
        for kind in kinds(server)? {
            let text = kind.meet(server)?.to_string();
            for trace in [".rs:", "panicked", "src/", "backtrace", "stack trace"] {
                demand!(!text.contains(trace), "{}: {text}", kind.request);
            }
        }
        Ok(())
    }),
    Rule::new("errors/errors-are-not-kept", "a cache may not keep an error for long", |server| {
        let answer = server.send(&server.get("/products/nowhere"))?;
        let directives = server.cache_control(&answer);
        let lifetime = directives
            .iter()
            .find(|directive| directive.starts_with("max-age=") && *directive != "max-age=0");
        demand!(lifetime.is_none(), "{} with Cache-Control: {}", answer.story(), directives.join(", "));
        Ok(())
    }),
];

pub(super) const LAST_RULES: &[Rule] = &[Rule::new(
    "errors/problem-types-are-documented",
    "/openapi.json and /docs explain every type of problem that was met",
    |server| {
        let (document, docs) = (openapi(server)?.to_string(), whole_docs(server)?);
        applies!(!server.seen_problems().is_empty(), "no problem was met by the rules that were run");
        for (kind, asked) in server.seen_problems() {
            demand!(document.contains(&kind), "/openapi.json does not name {kind}, met at {asked}");
            demand!(docs.contains(&kind), "/docs does not name {kind}, met at {asked}");
        }
        Ok(())
    },
)];

/// An error that a client acts on differently from the others.
struct ErrorKind {
    request: Request,
    status: u16,
    /// The rule that says that it is a problem at all.
    rule: &'static str,
}

fn kinds(server: &Server) -> Checked<Vec<ErrorKind>> {
    let list = server.list_path()?;
    let kind = |rule, status, request| ErrorKind { request, status, rule };
    Ok(vec![
        kind("errors/unknown-locale-is-404", 404, server.get("/products/nowhere")),
        kind("errors/unknown-id-is-404", 404, server.get(&format!("{list}/999999999"))),
        kind("pictures/unknown-picture-is-404", 404, server.get("/images/no-such-picture.svg")),
        kind("errors/unknown-route-is-404", 404, server.get("/nowhere")),
        kind("errors/bad-query-is-a-problem", 400, server.get(&list).raw_query("_page=none")),
        kind("errors/not-acceptable-is-a-problem", 406, server.get(&list).accept("image/png")),
        kind(
            "errors/not-allowed-is-a-problem",
            405,
            server.ask("DELETE", &list).header("Content-Length", "0"),
        ),
    ])
}

impl ErrorKind {
    fn meet(&self, server: &Server) -> Checked<Value> {
        let answer = server.send(&self.request)?;
        answer.problem(self.status).map_err(|_| Objection::StandsOn(self.rule, answer.story()))
    }
}

/// The problem of an unknown store.
fn unknown_locale(server: &Server, request: &Request) -> Checked<Value> {
    let answer = server.send(request)?;
    answer.problem(404).map_err(|_| Objection::StandsOn("errors/unknown-locale-is-404", answer.story()))
}

fn has_text(server: &Server, member: &str) -> Checked {
    for kind in kinds(server)? {
        let problem = kind.meet(server)?;
        let text = problem[member].as_str().unwrap_or_default();
        demand!(!text.trim().is_empty(), "{}: {problem} has no {member}", kind.request);
    }
    Ok(())
}
