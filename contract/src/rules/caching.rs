//! Validators and conditions (RFC 9110 §8.8.3, §13.1.2, §15.4.5), and `Cache-Control` (RFC 9111).

use crate::{
    Rule, Server,
    http::{Request, Response},
    objection::{Checked, applies, demand},
    server::media_type,
};

pub(super) const RULES: &[Rule] = &[
    Rule::new("caching/list-has-etag", "a list has a strong ETag", |s| strong_etag(s, &s.get_list()?)),
    Rule::new("caching/query-has-etag", "so has a query", |s| {
        strong_etag(s, &s.get_list()?.raw_query("_limit=1"))
    }),
    Rule::new("caching/product-has-etag", "so has one product", |s| {
        strong_etag(s, &s.get(&s.product_path()?))
    }),
    Rule::new("caching/locales-have-etag", "so has /products", |s| strong_etag(s, &s.get("/products"))),
    Rule::new("caching/etag-is-stable", "the ETag stays while the representation does", |server| {
        let first = server.send(&server.get_list()?)?.etag()?;
        let second = server.send(&server.get_list()?)?.etag()?;
        demand!(first == second, "one and the same list has the ETags {first} and {second}");
        Ok(())
    }),
    Rule::new("caching/etag-by-version", "each version has its own", |server| {
        server.has_a_choice()?;
        let mut seen: Vec<String> = Vec::new();
        for version in server.release.versions.clone() {
            let answer = server.send(&server.get_list_in(version)?)?;
            let etag = answer.etag()?;
            // Where no product has what a version adds, the bytes are the same and so may be the tag.
            let same_bytes = version > 1 && server.list(version)?.body == server.list(version - 1)?.body;
            demand!(
                same_bytes || !seen.contains(&etag),
                "{}: {etag} is the tag of another version",
                answer.story()
            );
            seen.push(etag);
        }
        Ok(())
    }),
    Rule::new("caching/etag-by-query", "each query has its own", |server| {
        server.at_least(2)?;
        let whole = server.send(&server.get_list()?)?.etag()?;
        let first = server.send(&server.get_list()?.raw_query("_start=0&_end=1"))?.etag()?;
        let second = server.send(&server.get_list()?.raw_query("_start=1&_end=2"))?.etag()?;
        demand!(
            first != whole && second != whole && first != second,
            "different lists have the ETag {first}"
        );
        Ok(())
    }),
    Rule::new("caching/etag-by-product", "each product has its own", |server| {
        let products = server.at_least(2)?;
        let mut tags = Vec::new();
        for product in [&products[0], &products[1]] {
            let path = format!("{}/{}", server.list_path()?, product.id);
            tags.push(server.send(&server.get(&path))?.etag()?);
        }
        demand!(tags[0] != tags[1], "two products have the ETag {}", tags[0]);
        Ok(())
    }),
    Rule::new("caching/if-none-match-is-304", "If-None-Match with the ETag is 304 without content", |s| {
        unchanged(s, &s.get_list()?)
    }),
    Rule::new("caching/if-none-match-in-each-version", "in every version", |server| {
        for version in server.release.versions.clone() {
            unchanged(server, &server.get_list_in(version)?)?;
        }
        Ok(())
    }),
    Rule::new("caching/if-none-match-on-a-query", "on a query", |s| {
        unchanged(s, &s.get_list()?.raw_query("_page=1&_limit=2"))
    }),
    Rule::new("caching/if-none-match-on-one-product", "on one product", |s| {
        unchanged(s, &s.get(&s.product_path()?))
    }),
    Rule::new("caching/if-none-match-on-locales", "on /products", |s| unchanged(s, &s.get("/products"))),
    Rule::new("caching/if-none-match-on-head", "HEAD is 304, too", |server| {
        let etag = server.send(&server.get_list()?)?.etag()?;
        let request = server.ask("HEAD", &server.list_path()?).header("If-None-Match", &etag);
        server.send(&request)?.is(304).map(drop)
    }),
    Rule::new(
        "caching/if-none-match-any",
        "If-None-Match: * is 304 for what is there (RFC 9110 §13.1.2)",
        |s| condition(s, |_| "*".to_owned(), 304),
    ),
    Rule::new("caching/if-none-match-list", "one tag of several is enough", |s| {
        condition(s, |etag| format!("\"other\", {etag} , \"more\""), 304)
    }),
    Rule::new(
        "caching/if-none-match-weak",
        "tags are compared weakly: W/ before it changes nothing (RFC 9110 §8.8.3.2)",
        |s| condition(s, |etag| format!("W/{etag}"), 304),
    ),
    Rule::new("caching/if-none-match-several-lines", "several If-None-Match lines are one list", |server| {
        let etag = server.send(&server.get_list()?)?.etag()?;
        let request = server.get_list()?.header("If-None-Match", "\"other\"").header("If-None-Match", &etag);
        server.send(&request)?.is(304).map(drop)
    }),
    Rule::new("caching/if-none-match-other", "another tag is 200 with the whole list", |s| {
        condition(s, |_| "\"other\"".to_owned(), 200)
    }),
    Rule::new("caching/if-none-match-comma-in-tag", "a tag may have a comma in it", |s| {
        condition(s, |etag| format!("\"a,{}\"", etag.trim_matches('"')), 200)?;
        condition(s, |etag| format!("\"a,b\", {etag}"), 304)
    }),
    Rule::new(
        "caching/if-none-match-unreadable",
        "what is not a tag matches nothing and harms nothing",
        |server| {
            for value in ["other", "\"", "W/", ",,,", "\"a\"\"b\"", ""] {
                condition(server, |_| value.to_owned(), 200)?;
            }
            Ok(())
        },
    ),
    Rule::new(
        "caching/if-none-match-of-another-version",
        "the tag of one version is not that of another: 200",
        |server| {
            server.has_a_choice()?;
            let (old, new) = (1, server.release.newest());
            applies!(
                server.list(old)?.body != server.list(server.newest_known())?.body,
                "both versions are the same bytes"
            );
            let etag = server.send(&server.get_list_in(old)?)?.etag()?;
            let answer = server.send(&server.get_list_in(new)?.header("If-None-Match", &etag))?;
            answer.is(200)?.is_of_version(new).map(drop)
        },
    ),
    Rule::new(
        "caching/if-none-match-over-if-modified-since",
        "If-Modified-Since beside it is ignored (RFC 9110 §13.1.3)",
        |server| {
            let etag = server.send(&server.get_list()?)?.etag()?;
            let since = "Thu, 01 Jan 1970 00:00:00 GMT";
            let request =
                server.get_list()?.header("If-None-Match", &etag).header("If-Modified-Since", since);
            server.send(&request)?.is(304)?;
            let later = "Fri, 01 Jan 2100 00:00:00 GMT";
            let request =
                server.get_list()?.header("If-None-Match", "\"other\"").header("If-Modified-Since", later);
            server.send(&request)?.is(200).map(drop)
        },
    ),
    Rule::new("caching/if-none-match-on-errors", "a condition changes no error", |server| {
        server.send(&server.get("/products/nowhere").header("If-None-Match", "*"))?.is(404)?;
        server.send(&server.get_list()?.accept("image/png").header("If-None-Match", "*"))?.is(406)?;
        server.send(&server.get_list()?.raw_query("_page=0").header("If-None-Match", "*"))?.is(400).map(drop)
    }),
    Rule::new("caching/not-modified-keeps-etag", "304 has the ETag (RFC 9110 §15.4.5)", |server| {
        let (etag, answer) = not_modified(server)?;
        answer.says("etag", &etag).map(drop)
    }),
    Rule::new("caching/not-modified-keeps-cache-control", "and the Cache-Control that 200 has", |server| {
        let full = server.send(&server.get_list()?)?;
        let (_, answer) = not_modified(server)?;
        let (of_full, said) = (server.cache_control(&full), server.cache_control(&answer));
        demand!(
            of_full == said,
            "{} with Cache-Control: {}, 200 with {}",
            answer.story(),
            said.join(", "),
            of_full.join(", ")
        );
        Ok(())
    }),
    Rule::new("caching/not-modified-says-the-version", "and says of which version it is", |server| {
        for version in server.release.versions.clone() {
            let request = server.get_list_in(version)?;
            let etag = server.send(&request)?.etag()?;
            let answer = server.send(&request.header("If-None-Match", &etag))?;
            applies!(answer.status == 304, "{}, see caching/if-none-match-in-each-version", answer.story());
            answer.says("x-sava-media-type", &format!("sava.v{version}; format=json"))?;
        }
        Ok(())
    }),
    Rule::new(
        "caching/cache-control-on-lists",
        "a list is asked for again each time (no-cache), or kept as long as CACHE_MAX_AGE says",
        |s| revalidated(s, &s.get_list()?),
    ),
    Rule::new("caching/cache-control-on-products", "so is one product", |s| {
        revalidated(s, &s.get(&s.product_path()?))
    }),
    Rule::new("caching/cache-control-on-queries", "so is a query", |s| {
        revalidated(s, &s.get_list()?.raw_query("_limit=1"))
    }),
    Rule::new("caching/cache-control-is-consistent", "every version has the same Cache-Control", |server| {
        let said = |request: &Request| {
            Ok::<_, crate::objection::Objection>(server.cache_control(&server.send(request)?))
        };
        let expected = said(&server.get_list()?)?;
        for version in server.release.versions.clone() {
            let found = said(&server.get_list_in(version)?)?;
            demand!(found == expected, "v{version}: {}, otherwise {}", found.join(", "), expected.join(", "));
        }
        Ok(())
    }),
    Rule::new(
        "caching/cached-answers-are-not-mixed",
        "asked again in another version, the answer is of that version",
        |server| {
            server.has_a_choice()?;
            for version in [1, server.release.newest(), 1, server.release.newest()] {
                let request = server.get(&server.product_path()?).accept(&media_type(version));
                server.send(&request)?.is(200)?.is_of_version(version)?;
            }
            Ok(())
        },
    ),
];

fn strong_etag(server: &Server, request: &Request) -> Checked {
    let answer = server.send(request)?;
    let etag = answer.is(200)?.has("etag")?;
    let opaque = etag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let is_strong = opaque.is_some_and(|tag| {
        !tag.is_empty() && tag.bytes().all(|byte| byte == b'!' || (0x23..=0x7e).contains(&byte))
    });
    demand!(is_strong, "{} with ETag: {etag}, no strong tag", answer.story());
    Ok(())
}

fn unchanged(server: &Server, request: &Request) -> Checked {
    let etag = server.send(request)?.etag()?;
    let answer = server.send(&request.clone().header("If-None-Match", &etag))?;
    answer.is(304)?;
    demand!(answer.body.is_empty(), "{} with {} bytes of content", answer.story(), answer.body.len());
    Ok(())
}

/// If-None-Match with what is made of the list's `ETag` gets the status.
fn condition(server: &Server, value: impl Fn(&str) -> String, status: u16) -> Checked {
    let full = server.send(&server.get_list()?)?;
    let etag = full.etag()?;
    let answer = server.send(&server.get_list()?.header("If-None-Match", &value(&etag)))?;
    answer.is(status)?;
    demand!(status != 200 || answer.body == full.body, "{} with other content", answer.story());
    Ok(())
}

fn not_modified(server: &Server) -> Checked<(String, Response)> {
    let etag = server.send(&server.get_list()?)?.etag()?;
    let answer = server.send(&server.get_list()?.header("If-None-Match", &etag))?;
    applies!(answer.status == 304, "{}, see caching/if-none-match-is-304", answer.story());
    Ok((etag, answer))
}

fn revalidated(server: &Server, request: &Request) -> Checked {
    let answer = server.send(request)?;
    let said = answer.is(200)?.has("cache-control")?;
    let directives = server.cache_control(&answer);
    let known =
        directives.iter().any(|directive| directive == "no-cache" || directive.starts_with("max-age="));
    demand!(known, "{} with Cache-Control: {said}", answer.story());
    Ok(())
}
