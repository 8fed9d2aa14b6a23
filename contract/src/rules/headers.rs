//! What every answer says of itself.

use crate::{
    Rule, Server,
    http::{Request, Response},
    link::links,
    objection::{Checked, applies, demand},
    server::media_type,
};

pub(super) const RULES: &[Rule] = &[
    Rule::new("headers/vary-on-list", "a list varies by Accept and Accept-Encoding", |s| {
        varies(s, &s.get_list()?, 200)
    }),
    Rule::new("headers/vary-on-query", "so does a query", |s| {
        varies(s, &s.get_list()?.raw_query("_limit=1"), 200)
    }),
    Rule::new("headers/vary-on-product", "so does one product", |s| {
        varies(s, &s.get(&s.product_path()?), 200)
    }),
    Rule::new("headers/vary-on-locales", "so does /products", |s| varies(s, &s.get("/products"), 200)),
    Rule::new("headers/vary-on-304", "so does 304", |server| {
        let etag = server.send(&server.get_list()?)?.etag()?;
        let answer = server.send(&server.get_list()?.header("If-None-Match", &etag))?;
        applies!(answer.status == 304, "{}, see caching/if-none-match-is-304", answer.story());
        says_vary(&answer)
    }),
    Rule::new("headers/vary-on-400", "so does 400", |s| {
        varies(s, &s.get_list()?.raw_query("_nonsense=1"), 400)
    }),
    Rule::new("headers/vary-on-404", "so does 404 of a store and of a product", |server| {
        varies(server, &server.get("/products/nowhere"), 404)?;
        varies(server, &server.get(&format!("{}/999999999", server.list_path()?)), 404)
    }),
    Rule::new("headers/vary-on-405", "so does 405", |s| {
        varies(s, &s.ask("DELETE", &s.list_path()?).header("Content-Length", "0"), 405)
    }),
    Rule::new("headers/vary-on-406", "so does 406", |s| varies(s, &s.get_list()?.accept("image/png"), 406)),
    Rule::new("headers/release-on-every-answer", "every answer names the release", |s| {
        on_every_answer(s, "x-sava-release")
    }),
    Rule::new("headers/instance-on-every-answer", "every answer names the instance", |s| {
        on_every_answer(s, "x-sava-instance")
    }),
    Rule::new(
        "headers/release-is-the-release",
        "X-Sava-Release is the release that /version names",
        |server| {
            let answer = server.send(&server.get_list()?)?;
            let said = answer.has("x-sava-release")?;
            let name = &server.release.name;
            demand!(said == *name, "{} with X-Sava-Release: {said}, not {name}", answer.story());
            Ok(())
        },
    ),
    Rule::new(
        "headers/sava-media-type-names-the-version",
        "X-Sava-Media-Type names the version that was negotiated",
        |server| {
            for version in server.release.versions.clone() {
                let answer = server.send(&server.get_list_in(version)?)?;
                answer.says("x-sava-media-type", &format!("sava.v{version}; format=json"))?;
            }
            Ok(())
        },
    ),
    Rule::new(
        "headers/sava-media-type-of-json",
        "so it does where Accept named none: it is how the client knows",
        |server| {
            let newest = server.release.newest();
            let answer = server.send(&server.get_list()?)?;
            answer.says("x-sava-media-type", &format!("sava.v{newest}; format=json")).map(drop)
        },
    ),
    Rule::new("headers/sava-media-type-on-product", "so it does on one product", |server| {
        for version in server.release.versions.clone() {
            let request = server.get(&server.product_path()?).accept(&media_type(version));
            server.send(&request)?.says("x-sava-media-type", &format!("sava.v{version}; format=json"))?;
        }
        Ok(())
    }),
    Rule::new(
        "headers/sava-media-type-not-on-406",
        "where nothing was negotiated, X-Sava-Media-Type says nothing",
        |server| {
            let answer = server.send(&server.get_list()?.accept("image/png"))?;
            answer.is(406)?.has_no("x-sava-media-type").map(drop)
        },
    ),
    Rule::new("headers/older-versions-are-deprecated", "older versions carry Deprecation", |server| {
        server.has_a_choice()?;
        for version in 1..server.release.newest() {
            server.send(&server.get_list_in(version)?)?.has("deprecation")?;
        }
        Ok(())
    }),
    Rule::new("headers/older-products-are-deprecated", "so does one product in an older version", |server| {
        server.has_a_choice()?;
        server.send(&server.get(&server.product_path()?).accept(&media_type(1)))?.has("deprecation").map(drop)
    }),
    Rule::new(
        "headers/deprecation-is-a-date",
        "Deprecation is a date as RFC 9745 §2.1 writes it, and is past",
        |server| {
            server.has_a_choice()?;
            for version in 1..server.release.newest() {
                let answer = server.send(&server.get_list_in(version)?)?;
                let Some(said) = answer.header("deprecation") else { continue };
                let seconds = said.strip_prefix('@').and_then(|seconds| seconds.parse::<i64>().ok());
                demand!(seconds.is_some(), "{} with Deprecation: {said}, not @ and seconds", answer.story());
            }
            Ok(())
        },
    ),
    Rule::new(
        "headers/newest-is-not-deprecated",
        "the newest version carries no Deprecation, by whatever name it was had",
        |server| {
            let newest = media_type(server.release.newest());
            for accept in [newest.as_str(), "application/vnd.sava+json", "application/json"] {
                server.send(&server.get_list()?.accept(accept))?.is(200)?.has_no("deprecation")?;
            }
            Ok(())
        },
    ),
    Rule::new(
        "headers/older-versions-name-a-successor",
        "older versions link to themselves in the newest version",
        |server| {
            server.has_a_choice()?;
            for version in 1..server.release.newest() {
                successor(server, &server.send(&server.get_list_in(version)?)?)?;
            }
            Ok(())
        },
    ),
    Rule::new(
        "headers/older-products-name-a-successor",
        "so does one product in an older version",
        |server| {
            server.has_a_choice()?;
            successor(server, &server.send(&server.get(&server.product_path()?).accept(&media_type(1)))?)
        },
    ),
    Rule::new(
        "headers/older-pages-name-a-successor",
        "so does a page of the list, beside its first and last",
        |server| {
            server.has_a_choice()?;
            let answer = server.send(&server.get_list_in(1)?.raw_query("_page=1&_limit=1"))?;
            successor(server, &answer)?;
            let first = links(&answer).unwrap_or_default().iter().any(|link| link.is("first"));
            applies!(first, "the page has no links, see query/page-links-first-and-last");
            Ok(())
        },
    ),
    Rule::new("headers/newest-names-no-successor", "the newest version has no successor", |server| {
        let answer = server.send(&server.get_list_in(server.release.newest())?)?;
        let links = links(&answer).unwrap_or_default();
        demand!(
            !links.iter().any(|link| link.is("successor-version")),
            "{} with a successor",
            answer.story()
        );
        Ok(())
    }),
    Rule::new(
        "headers/content-length-or-chunks",
        "the content has the length that Content-Length says (RFC 9110 §8.6)",
        |server| {
            let answer = server.send(&server.get_list()?)?;
            let Some(said) = answer.header("content-length") else { return Ok(()) };
            demand!(said == answer.body.len().to_string(), "{} with Content-Length: {said}", answer.story());
            Ok(())
        },
    ),
    Rule::new("headers/date-on-every-answer", "an answer has a Date (RFC 9110 §6.6.1)", |server| {
        let date = server.send(&server.get_list()?)?.has("date")?;
        demand!(date.len() == 29 && date.ends_with(" GMT"), "Date: {date} is no IMF-fixdate");
        Ok(())
    }),
    Rule::new(
        "headers/single-headers-are-single",
        "headers that take one value are there once (RFC 9110 §5.3)",
        |server| {
            let answer = server.send(&server.get_list()?)?;
            for name in [
                "content-type",
                "etag",
                "content-length",
                "date",
                "x-sava-release",
                "x-sava-instance",
                "x-total-count",
                "x-sava-media-type",
            ] {
                let count = answer.values(name).count();
                demand!(count < 2, "{} with {name} {count} times", answer.story());
            }
            Ok(())
        },
    ),
    Rule::new(
        "headers/nosniff-on-every-answer",
        "every answer has X-Content-Type-Options: nosniff",
        |server| on_every_answer(server, "x-content-type-options"),
    ),
    Rule::new("headers/csp-on-every-answer", "every answer has a Content-Security-Policy", |server| {
        on_every_answer(server, "content-security-policy")
    }),
    Rule::new(
        "headers/csp-forbids-inline",
        "it forbids inline scripts and styles (the styles of /docs aside) and frames around it",
        |server| {
            for (path, may_style) in
                [(server.list_path()?, false), ("/".to_owned(), false), ("/docs".to_owned(), true)]
            {
                let answer = server.send(&server.get(&path))?;
                let policy = answer.has("content-security-policy")?;
                demand!(
                    policy.contains("frame-ancestors 'none'"),
                    "{} lets itself be framed: {policy}",
                    answer.story()
                );
                let lax = policy.split(';').any(|directive| {
                    directive.contains("'unsafe-inline'")
                        && !(may_style && directive.trim().starts_with("style-src"))
                });
                demand!(!lax, "{} with unsafe-inline: {policy}", answer.story());
            }
            Ok(())
        },
    ),
    Rule::new("headers/referrer-policy", "answers have Referrer-Policy: same-origin", |server| {
        server.send(&server.get_list()?)?.says("referrer-policy", "same-origin").map(drop)
    }),
    Rule::new("headers/no-server-software", "an answer does not name the software that made it", |server| {
        server.directly("may add such headers of its own")?;
        server.send(&server.get_list()?)?.has_no("x-powered-by").map(drop)
    }),
];

pub(super) const LAST_RULES: &[Rule] = &[Rule::new(
    "headers/one-release-answers",
    "one release has answered all of it: in the middle of a canary, ask the release's own Service or pod",
    |server| {
        let seen = server.seen_releases();
        demand!(seen.len() < 2, "these releases have answered: {}", Vec::from_iter(seen).join(", "));
        Ok(())
    },
)];

fn varies(server: &Server, request: &Request, status: u16) -> Checked {
    let answer = server.send(request)?;
    applies!(answer.status == status, "{}, not {status}, which another rule looks at", answer.story());
    says_vary(&answer)
}

fn says_vary(answer: &Response) -> Checked {
    answer.lists("vary", &["accept", "accept-encoding"]).map(drop)
}

/// Asks for an answer of each kind, errors included, and demands that each has the header.
fn on_every_answer(server: &Server, header: &str) -> Checked {
    let list = server.list_path()?;
    let one = server.product_path()?;
    let mut requests = vec![server.get(&list), server.get(&one), server.ask("HEAD", &list)];
    for path in
        ["/", "/products", "/openapi.json", "/docs", "/livez", "/version", "/products/nowhere", "/nowhere"]
    {
        requests.push(server.get(path));
    }
    requests.push(server.get(&format!("{list}/999999999")));
    requests.push(server.get(&list).raw_query("_nonsense=1"));
    requests.push(server.get(&list).accept("image/png"));
    requests.push(server.ask("DELETE", &list).header("Content-Length", "0"));
    requests.push(server.ask("OPTIONS", &list));
    requests.push(server.get(&format!("/{}", "a".repeat(9000))));
    if let Ok(picture) = server.picture_path() {
        requests.push(server.get(&picture));
    }
    for request in requests {
        server.send(&request)?.has(header)?;
    }
    let first = server.send(&server.get(&list))?;
    if let Some(etag) = first.header("etag") {
        server.send(&server.get(&list).header("If-None-Match", &etag))?.has(header)?;
    }
    Ok(())
}

/// There is a link to the same resource in the newest version.
fn successor(server: &Server, answer: &Response) -> Checked {
    answer.is(200)?;
    let links = links(answer).map_err(crate::objection::Objection::Broken)?;
    let Some(link) = links.iter().find(|link| link.is("successor-version")) else {
        demand!(false, "{} without a link to a successor-version", answer.story());
        return Ok(());
    };
    demand!(link.reference.is_empty(), "{}: the successor is <{}>, not <>", answer.story(), link.reference);
    let (said, wanted) = (link.parameter("type").unwrap_or_default(), media_type(server.release.newest()));
    demand!(said == wanted, "{}: the successor is of type {said:?}, not {wanted}", answer.story());
    Ok(())
}
