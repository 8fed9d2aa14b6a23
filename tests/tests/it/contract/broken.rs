//! Servers that break one promise each: the contract fails on the rules that say so, and on no others.

use std::collections::BTreeSet;

use sava_testbed::Product;

use super::{
    contract,
    middleman::{Answered, Middleman, MiddlemanBuilder, RecordedRequest},
};

/// The contract, against the newest release behind a middleman who breaks something, fails on exactly these rules.
async fn breaks(how: impl FnOnce(MiddlemanBuilder) -> MiddlemanBuilder, expected: &[&str]) {
    breaks_in("3.0.0", how, expected).await;
}

async fn breaks_in(release: &str, how: impl FnOnce(MiddlemanBuilder) -> MiddlemanBuilder, expected: &[&str]) {
    let product = Product::start().release(release).await;
    let middleman = how(Middleman::before(&product.url(""))).start().await;
    let report = contract(&middleman.url("/")).await;
    let failed: BTreeSet<&str> = report.failed().into_iter().collect();
    let expected: BTreeSet<&str> = expected.iter().copied().collect();
    let missed: Vec<_> = expected.difference(&failed).collect();
    let too_many: Vec<_> = failed.difference(&expected).collect();
    assert!(
        missed.is_empty() && too_many.is_empty(),
        "missed: {missed:#?}, too many: {too_many:#?} in\n{}",
        report.text()
    );
}

fn is_list(asked: &RecordedRequest) -> bool {
    path(asked).starts_with("/products/") && path(asked).matches('/').count() == 2
}

fn path(asked: &RecordedRequest) -> &str {
    asked.target.split('?').next().unwrap_or_default()
}

/// The request without the parameters of which the condition holds.
fn without_parameters(asked: &mut RecordedRequest, holds: impl Fn(&str, &str) -> bool) {
    let Some((path, query)) = asked.target.split_once('?') else { return };
    let kept: Vec<&str> = query
        .split('&')
        .filter(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            !holds(name, value)
        })
        .collect();
    asked.target = if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) };
}

fn becomes_empty_list(answered: &mut Answered) {
    answered.status = 200;
    answered.set("content-type", "application/json");
    answered.body = b"[]".to_vec();
}

#[tokio::test]
async fn wrong_vary_is_found() {
    breaks(
        |it| it.answers(|_, answered| answered.set("vary", "Accept-Encoding")),
        &[
            "headers/vary-on-304",
            "headers/vary-on-400",
            "headers/vary-on-404",
            "headers/vary-on-405",
            "headers/vary-on-406",
            "headers/vary-on-list",
            "headers/vary-on-locales",
            "headers/vary-on-product",
            "headers/vary-on-query",
            "documents/index-varies",
        ],
    )
    .await;
}

#[tokio::test]
async fn v2_under_the_type_of_v1_is_found() {
    const V1: &str = "application/vnd.sava.v1+json";
    let asks_for_v1 = |asked: &RecordedRequest| {
        let lines = asked.headers.iter().filter(|(name, _)| name == "Accept");
        lines.map(|(_, value)| value.as_str()).eq([V1])
    };
    let how = |it: MiddlemanBuilder| {
        it.asks(move |asked| {
            if asks_for_v1(asked) {
                asked.change("accept", |_| "application/vnd.sava.v2+json".to_owned());
            }
        })
        .answers(move |asked, answered| {
            if asks_for_v1(asked) && answered.get("x-sava-media-type").is_some() {
                answered.set("x-sava-media-type", "sava.v1; format=json");
                if answered.status == 200 {
                    answered.set("content-type", V1);
                }
            }
        })
    };
    breaks(how, &["representations/lists-are-one-version", "representations/v1-has-no-other-members"]).await;
}

#[tokio::test]
async fn empty_list_for_an_unknown_store_is_found() {
    let how = |it: MiddlemanBuilder| {
        it.answers(|asked, answered| {
            if answered.status == 404 && is_list(asked) && asked.method == "GET" {
                becomes_empty_list(answered);
            }
        })
    };
    breaks(
        how,
        &[
            "errors/a-broken-escape-is-4xx",
            "errors/unknown-locale-is-404",
            "caching/if-none-match-on-errors",
            "methods/head-404-equals-get",
        ],
    )
    .await;
}

/// The rules that ask for a strong ETag.
const HAVE_ETAG: &[&str] = &[
    "caching/list-has-etag",
    "caching/locales-have-etag",
    "caching/product-has-etag",
    "caching/query-has-etag",
    "pictures/picture-has-etag",
];

#[tokio::test]
async fn missing_etag_is_found() {
    breaks(|it| it.answers(|_, answered| answered.remove("etag")), HAVE_ETAG).await;
}

#[tokio::test]
async fn weak_etag_is_found() {
    let how = |it: MiddlemanBuilder| {
        it.answers(|_, answered| {
            if let Some(etag) = answered.get("etag").map(|etag| format!("W/{etag}")) {
                answered.set("etag", &etag);
            }
        })
    };
    breaks(how, HAVE_ETAG).await;
}

#[tokio::test]
async fn missing_total_count_is_found() {
    breaks(
        |it| it.answers(|_, answered| answered.remove("x-total-count")),
        &[
            "query/everything-at-once",
            "query/total-count-after-filtering",
            "query/total-count-before-slicing",
            "query/total-count-in-each-version",
            "query/total-count-of-nothing",
            "query/total-count-on-the-list",
            "query/total-count-past-the-end",
        ],
    )
    .await;
}

#[tokio::test]
async fn ignored_q0_is_found() {
    let without_q0 = |accept: &str| {
        let ranges: Vec<&str> = accept
            .split(',')
            .map(|range| match range.rsplit_once(";q=") {
                Some((range, q)) if q.trim().parse() == Ok(0.0) => range,
                _ => range,
            })
            .collect();
        ranges.join(",")
    };
    let how = |it: MiddlemanBuilder| it.asks(move |asked| asked.change("accept", without_q0));
    breaks(
        how,
        &[
            "negotiation/accept-q0-alone",
            "negotiation/accept-q0-any",
            "negotiation/accept-q0-excludes",
            "negotiation/accept-q0-excludes-all",
            "negotiation/accept-q0-in-another-line",
            "negotiation/accept-q0-of-application-over-any",
            "negotiation/accept-q0-spellings",
        ],
    )
    .await;
}

#[tokio::test]
async fn only_the_first_accept_line_is_found() {
    let how = |it: MiddlemanBuilder| {
        it.asks(|asked| {
            let mut seen = false;
            asked.headers.retain(|(name, _)| {
                !name.eq_ignore_ascii_case("accept") || !std::mem::replace(&mut seen, true)
            });
        })
    };
    breaks(
        how,
        &[
            "negotiation/accept-several-lines",
            "negotiation/accept-several-lines-one-empty",
            "negotiation/accept-several-lines-q",
        ],
    )
    .await;
}

#[tokio::test]
async fn absolute_page_links_are_found() {
    let how = |it: MiddlemanBuilder| {
        it.answers(|asked, answered| {
            for (_, value) in
                answered.headers.iter_mut().filter(|(name, _)| name.eq_ignore_ascii_case("link"))
            {
                *value = value.replace("<?", &format!("<http://sava-product:9070{}?", path(asked)));
            }
        })
    };
    breaks(
        how,
        &[
            "query/page-links-are-relative",
            "query/page-links-first-and-last",
            "query/page-links-keep-the-query",
            "query/page-links-lead-through-all",
            "query/page-links-next",
            "query/page-links-prev",
            "query/single-page-has-first-and-last",
        ],
    )
    .await;
}

#[tokio::test]
async fn errors_in_plain_text_are_found() {
    let how = |it: MiddlemanBuilder| {
        it.answers(|_, answered| {
            if answered.status == 400 {
                answered.set("content-type", "text/plain");
            }
        })
    };
    breaks(
        how,
        &[
            "errors/bad-query-is-a-problem",
            "limits/invalid-host-is-400",
            "limits/no-host-is-400",
            "limits/two-hosts-are-400",
        ],
    )
    .await;
}

#[tokio::test]
async fn prices_as_text_are_found() {
    // The middleman changes what is not compressed and what has content, so codings and HEAD disagree with it, too.
    let how = |it: MiddlemanBuilder| {
        it.answers(|_, answered| {
            if answered.get("content-type").is_some_and(|it| it.contains("sava.v1")) {
                answered.change_text(|text| {
                    let pieces: Vec<String> = text
                        .split("\"price\":")
                        .enumerate()
                        .map(|(index, piece)| match piece.split_once(',') {
                            Some((number, rest)) if index > 0 => format!("\"{number}\",{rest}"),
                            _ => piece.to_owned(),
                        })
                        .collect();
                    pieces.join("\"price\":")
                });
            }
        })
    };
    breaks(
        how,
        &[
            "representations/lists-are-one-version",
            "representations/price-is-a-number",
            "representations/v1-keeps-its-schema",
            "representations/versions-agree-on-prices",
            "codings/coding-in-each-version",
            "methods/head-list-equals-get-in-each-version",
        ],
    )
    .await;
}

#[tokio::test]
async fn order_that_is_ignored_is_found() {
    let how = |it: MiddlemanBuilder| it.asks(|asked| without_parameters(asked, |name, _| name == "_order"));
    breaks(
        how,
        &[
            "query/everything-at-once",
            "query/page-links-keep-the-query",
            "query/sort-before-paging",
            "query/sort-by-id",
            "query/sort-by-price-desc",
            "query/sort-by-several-keys",
            "query/sort-by-title-desc",
            "query/sort-missing-orders-are-asc",
            "query/sort-order-in-any-case",
            "query/sort-unknown-order",
        ],
    )
    .await;
}

#[tokio::test]
async fn unknown_parameters_that_are_ignored_are_found() {
    let known = [
        "_page",
        "_limit",
        "_start",
        "_end",
        "_sort",
        "_order",
        "q",
        "id",
        "locale",
        "title",
        "description",
        "price",
        "category",
    ];
    let how = |it: MiddlemanBuilder| {
        it.asks(move |asked| {
            without_parameters(asked, |name, _| {
                let field =
                    ["_ne", "_gte", "_lte", "_like"].iter().find_map(|operator| name.strip_suffix(operator));
                !known.contains(&field.unwrap_or(name))
            });
        })
    };
    breaks(
        how,
        &[
            "errors/bad-query-names-the-parameter",
            "query/unknown-field-is-400",
            "query/unknown-parameter-is-400",
            "query/unknown-parameter-lists-what-there-is",
        ],
    )
    .await;
}

#[tokio::test]
async fn conditions_that_are_ignored_are_found() {
    let how = |it: MiddlemanBuilder| {
        it.asks(|asked| asked.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("if-none-match")))
    };
    breaks(
        how,
        &[
            "caching/if-none-match-any",
            "codings/if-none-match-by-coding",
            "caching/if-none-match-comma-in-tag",
            "caching/if-none-match-in-each-version",
            "caching/if-none-match-is-304",
            "caching/if-none-match-list",
            "caching/if-none-match-on-a-query",
            "caching/if-none-match-on-head",
            "caching/if-none-match-on-locales",
            "caching/if-none-match-on-one-product",
            "caching/if-none-match-over-if-modified-since",
            "caching/if-none-match-several-lines",
            "caching/if-none-match-weak",
            "pictures/picture-is-304-when-unchanged",
        ],
    )
    .await;
}

#[tokio::test]
async fn method_not_allowed_without_allow_is_found() {
    breaks(
        |it| {
            it.answers(|_, answered| {
                if answered.status == 405 {
                    answered.remove("allow");
                }
            })
        },
        &["methods/allow-names-the-methods", "methods/every-route-is-read-only"],
    )
    .await;
}

#[tokio::test]
async fn missing_deprecation_is_found() {
    breaks(
        |it| it.answers(|_, answered| answered.remove("deprecation")),
        &["headers/older-versions-are-deprecated", "headers/older-products-are-deprecated"],
    )
    .await;
}

#[tokio::test]
async fn head_with_other_headers_is_found() {
    let how = |it: MiddlemanBuilder| {
        it.answers(|asked, answered| {
            if asked.method == "HEAD" {
                answered.remove("etag");
            }
        })
    };
    breaks(
        how,
        &[
            "methods/head-docs-equals-get",
            "methods/head-gzip-equals-get",
            "methods/head-index-equals-get",
            "methods/head-list-equals-get",
            "methods/head-list-equals-get-in-each-version",
            "methods/head-locales-equals-get",
            "methods/head-openapi-equals-get",
            "methods/head-picture-equals-get",
            "methods/head-product-equals-get",
            "methods/head-query-equals-get",
        ],
    )
    .await;
}

#[tokio::test]
async fn missing_cors_is_found() {
    let how = |it: MiddlemanBuilder| {
        it.answers(|_, answered| answered.headers.retain(|(name, _)| !name.starts_with("access-control-")))
    };
    breaks(
        how,
        &[
            "cors/cors-any-origin",
            "cors/cors-any-origin-for-locales",
            "cors/cors-any-origin-for-one",
            "cors/cors-any-origin-for-openapi",
            "cors/cors-exposes-headers",
            "cors/cors-on-errors",
            "cors/cors-preflight-allows-conditions",
            "cors/cors-preflight-allows-no-writing",
            "cors/cors-preflight-allows-reading",
            "cors/cors-preflight-succeeds",
        ],
    )
    .await;
}

#[tokio::test]
async fn release_that_errors_do_not_name_is_found() {
    let how = |it: MiddlemanBuilder| {
        it.answers(|_, answered| {
            if answered.status >= 400 {
                answered.remove("x-sava-release");
            }
        })
    };
    breaks(how, &["headers/release-on-every-answer"]).await;
}

#[tokio::test]
async fn gzip_for_everybody_is_found() {
    let how = |it: MiddlemanBuilder| {
        it.asks(|asked| {
            if is_list(asked) && asked.method == "GET" && asked.says("accept-encoding", "gzip") {
                asked.change("accept-encoding", |_| "gzip".to_owned());
            }
        })
    };
    breaks(how, &["codings/coding-q0", "codings/coding-by-q"]).await;
}

#[tokio::test]
async fn price_of_another_currency_is_found() {
    let how = |it: MiddlemanBuilder| {
        it.answers(|asked, answered| {
            if path(asked) == "/products" {
                answered.change_text(|text| text.replace("\"currency\":\"EUR\"", "\"currency\":\"USD\""));
            }
        })
    };
    breaks(how, &["representations/v3-currency-is-the-stores"]).await;
}

#[tokio::test]
async fn release_that_drops_a_version_is_found() {
    let product = Product::start().release("2.1.0-breaking").await;
    let report = contract(&product.url("")).await;
    let failed = report.failed();
    for rule in [
        "routes/version-lists-the-api-versions",
        "negotiation/accept-each-version",
        "representations/v1-list-is-an-array",
    ] {
        assert!(failed.contains(&rule), "{failed:?}");
    }
    assert_eq!(report.versions, ["v1", "v2"]);
}

#[tokio::test]
async fn canary_that_answers_in_between_is_found() {
    let how = |it: MiddlemanBuilder| {
        it.answers(|asked, answered| {
            if path(asked) == "/docs" {
                answered.set("x-sava-release", "2.0.1");
            }
        })
    };
    breaks(how, &["headers/one-release-answers"]).await;
}
