//! Pages, slices, `X-Total-Count` and `Link` (RFC 8288).

use crate::{
    Rule, Server,
    http::Response,
    link::{Link, is_relative, links, resolve},
    objection::{Checked, Objection, applies, demand},
    rules::query::{ask, finds, refuses},
    server::Product,
};

pub(in crate::rules) const RULES: &[Rule] = &[
    Rule::new("query/page-and-limit", "_page and _limit cut the list into pages", |server| {
        let products = server.at_least(4)?;
        finds(server, &[("_page", "1"), ("_limit", "2")], &products[..2])?;
        finds(server, &[("_page", "2"), ("_limit", "2")], &products[2..4]).map(drop)
    }),
    Rule::new("query/page-is-ten-long", "_page alone is a page of ten", |server| {
        let products = server.at_least(1)?;
        finds(server, &[("_page", "1")], products.iter().take(10))?;
        finds(server, &[("_page", "2")], products.iter().skip(10).take(10)).map(drop)
    }),
    Rule::new("query/page-last-is-the-rest", "the last page has what is left", |server| {
        let products = server.at_least(2)?;
        let limit = products.len() - 1;
        let limit = limit.min(1000);
        let page = products.len().div_ceil(limit);
        let rest = &products[(page - 1) * limit..];
        finds(server, &[("_page", &page.to_string()), ("_limit", &limit.to_string())], rest).map(drop)
    }),
    Rule::new("query/page-past-the-end-is-empty", "a page past the end is 200 and []", |server| {
        finds(server, &[("_page", "100000"), ("_limit", "10")], []).map(drop)
    }),
    Rule::new(
        "query/page-far-past-the-end",
        "a page number that fits no machine word is past the end, or a 400 problem",
        |server| {
            let answer = ask(server, &[("_page", "99999999999999999999999999")])?;
            demand!(
                answer.ids().is_ok_and(|ids| ids.is_empty()) || answer.status == 400,
                "{}",
                answer.story()
            );
            Ok(())
        },
    ),
    Rule::new("query/page-from-one", "_page=0 and below are 400", |server| {
        for page in ["0", "-1"] {
            refuses(server, &[("_page", page)], "_page")?;
        }
        Ok(())
    }),
    Rule::new("query/page-is-a-number", "_page that is not a whole number is 400", |server| {
        for page in ["one", "1.5", "", " 1x"] {
            refuses(server, &[("_page", page)], "_page")?;
        }
        Ok(())
    }),
    Rule::new("query/limit-alone", "_limit alone takes that many from the start", |server| {
        let products = server.at_least(1)?;
        finds(server, &[("_limit", "3")], products.iter().take(3)).map(drop)
    }),
    Rule::new("query/limit-1000", "_limit=1000 is the largest", |server| {
        let products = server.at_least(1)?;
        finds(server, &[("_limit", "1000")], products.iter().take(1000)).map(drop)
    }),
    Rule::new("query/limit-from-1-to-1000", "_limit below 1 or above 1000 is 400", |server| {
        for limit in ["0", "-5", "1001", "99999999999999999999999999"] {
            refuses(server, &[("_limit", limit)], "_limit")?;
        }
        Ok(())
    }),
    Rule::new("query/limit-is-a-number", "_limit that is not a whole number is 400", |server| {
        for limit in ["ten", "2.5", ""] {
            refuses(server, &[("_limit", limit)], "_limit")?;
        }
        Ok(())
    }),
    Rule::new(
        "query/slice-by-start-and-end",
        "_start and _end are a slice from 0, its end exclusive",
        |server| {
            let products = server.at_least(4)?;
            finds(server, &[("_start", "1"), ("_end", "3")], &products[1..3])?;
            finds(server, &[("_start", "0"), ("_end", "1")], &products[..1]).map(drop)
        },
    ),
    Rule::new("query/slice-by-start-and-limit", "_start and _limit are a slice of that length", |server| {
        let products = server.at_least(4)?;
        finds(server, &[("_start", "1"), ("_limit", "2")], &products[1..3]).map(drop)
    }),
    Rule::new("query/slice-from-start", "_start alone is from there to the end", |server| {
        let products = server.at_least(3)?;
        finds(server, &[("_start", "2")], &products[2..]).map(drop)
    }),
    Rule::new("query/slice-to-end", "_end alone is from the first", |server| {
        let products = server.at_least(3)?;
        finds(server, &[("_end", "2")], &products[..2]).map(drop)
    }),
    Rule::new("query/slice-is-cut-at-the-end", "a slice that reaches past the end stops there", |server| {
        let products = server.at_least(2)?;
        let last = products.len() - 1;
        finds(server, &[("_start", &last.to_string()), ("_end", &(last + 50).to_string())], &products[last..])
            .map(drop)
    }),
    Rule::new("query/slice-past-the-end-is-empty", "a slice past the end is 200 and []", |server| {
        finds(server, &[("_start", "1000000"), ("_end", "1000010")], []).map(drop)
    }),
    Rule::new("query/slice-end-before-start", "_end before _start is 400", |server| {
        refuses(server, &[("_start", "3"), ("_end", "2")], "_end")
    }),
    Rule::new(
        "query/slice-is-of-numbers",
        "_start and _end that are not whole numbers from 0 are 400",
        |server| {
            for (name, value) in
                [("_start", "-1"), ("_start", "a"), ("_start", ""), ("_end", "-1"), ("_end", "b")]
            {
                refuses(server, &[(name, value)], name)?;
            }
            Ok(())
        },
    ),
    Rule::new("query/page-and-slice-exclude-each-other", "_page beside _start or _end is 400", |server| {
        for (name, value) in [("_start", "0"), ("_end", "5")] {
            ask(server, &[("_page", "1"), (name, value)])?.is(400)?;
        }
        Ok(())
    }),
    // X-Total-Count.
    Rule::new("query/total-count-on-the-list", "X-Total-Count is on the whole list", |server| {
        total(&server.send(&server.get_list()?)?, server.products()?.len())
    }),
    Rule::new("query/total-count-in-each-version", "and on it in every version", |server| {
        for version in server.release.versions.clone() {
            total(&server.send(&server.get_list_in(version)?)?, server.products()?.len())?;
        }
        Ok(())
    }),
    Rule::new(
        "query/total-count-before-slicing",
        "it counts what there is before a page or a slice is cut",
        |server| {
            let count = server.products()?.len();
            for query in [
                [("_page", "1"), ("_limit", "1")],
                [("_start", "0"), ("_end", "1")],
                [("_start", "0"), ("_limit", "1")],
            ] {
                total(&ask(server, &query)?, count)?;
            }
            Ok(())
        },
    ),
    Rule::new("query/total-count-past-the-end", "past the end too", |server| {
        total(&ask(server, &[("_page", "100000")])?, server.products()?.len())
    }),
    Rule::new("query/total-count-after-filtering", "it counts what a filter lets through", |server| {
        let id = server.some_product()?.id.to_string();
        total(&ask(server, &[("id", &id), ("_page", "1")])?, 1)
    }),
    Rule::new("query/total-count-of-nothing", "it is 0 where nothing is found", |server| {
        total(&ask(server, &[("title", "no product has this title")])?, 0)
    }),
    // Link.
    Rule::new("query/page-links-first-and-last", "a page links to the first and the last", |server| {
        let products = server.at_least(1)?;
        let answer = ask(server, &[("_page", "1"), ("_limit", "2")])?;
        finds_by(server, &answer, "first", products.iter().take(2))?;
        let last = (products.len() - 1) / 2 * 2;
        finds_by(server, &answer, "last", &products[last..])
    }),
    Rule::new("query/page-links-next", "and to the next, where there is one", |server| {
        let products = server.at_least(3)?;
        let answer = ask(server, &[("_page", "1"), ("_limit", "2")])?;
        finds_by(server, &answer, "next", products.iter().skip(2).take(2))
    }),
    Rule::new("query/page-links-prev", "and to the one before, where there is one", |server| {
        let products = server.at_least(3)?;
        let answer = ask(server, &[("_page", "2"), ("_limit", "2")])?;
        finds_by(server, &answer, "prev", &products[..2])
    }),
    Rule::new("query/first-page-has-no-prev", "the first page has none before it", |server| {
        has_no_link(&ask(server, &[("_page", "1"), ("_limit", "1")])?, "prev")
    }),
    Rule::new("query/last-page-has-no-next", "the last has none after it", |server| {
        let products = server.at_least(1)?;
        let limit = products.len().div_ceil(2).min(1000);
        let page = products.len().div_ceil(limit);
        has_no_link(&ask(server, &[("_page", &page.to_string()), ("_limit", &limit.to_string())])?, "next")
    }),
    Rule::new("query/single-page-has-first-and-last", "a single page is the first and the last", |server| {
        let products = server.at_least(1)?;
        applies!(products.len() <= 1000, "the list is longer than a page can be");
        let answer = ask(server, &[("_page", "1"), ("_limit", "1000")])?;
        finds_by(server, &answer, "first", products)?;
        finds_by(server, &answer, "last", products)?;
        has_no_link(&answer, "next")?;
        has_no_link(&answer, "prev")
    }),
    Rule::new(
        "query/page-links-lead-through-all",
        "from next to next every product is met once, in order",
        |server| {
            let products = server.at_least(1)?;
            let limit = products.len().div_ceil(5).min(1000).to_string();
            let mut answer = ask(server, &[("_page", "1"), ("_limit", &limit)])?;
            let mut met = answer.ids()?;
            while let Some(next) = links_of(&answer)?.into_iter().find(|link| link.is("next")) {
                demand!(
                    met.len() < products.len(),
                    "next leads on after all {} products: {next:?}",
                    products.len()
                );
                answer = follow(server, &next)?;
                met.extend(answer.ids()?);
            }
            let all: Vec<i64> = products.iter().map(|product| product.id).collect();
            demand!(
                met == all,
                "the pages have {} products, or in another order than the list's {}",
                met.len(),
                all.len()
            );
            Ok(())
        },
    ),
    Rule::new("query/page-links-keep-the-query", "they keep filter and order", |server| {
        let products = server.at_least(3)?;
        let query = [("_page", "1"), ("_limit", "1"), ("_sort", "id"), ("_order", "desc"), ("id_ne", "-1")];
        let mut ids: Vec<i64> = products.iter().map(|product| product.id).collect();
        ids.sort_unstable();
        let answer = ask(server, &query)?;
        let Some(next) = links_of(&answer)?.into_iter().find(|link| link.is("next")) else {
            return Err(Objection::StandsOn("query/page-links-next", "there is no next".to_owned()));
        };
        let found = follow(server, &next)?.ids()?;
        demand!(found == [ids[ids.len() - 2]], "<{}> leads to {found:?}", next.reference);
        Ok(())
    }),
    Rule::new(
        "query/page-links-are-relative",
        "they are references relative to the path, so that they hold below any prefix",
        |server| {
            let answer = ask(server, &[("_page", "2"), ("_limit", "1")])?;
            for link in links_of(&answer)? {
                demand!(
                    is_relative(&link.reference),
                    "{} with a link to <{}>",
                    answer.story(),
                    link.reference
                );
            }
            Ok(())
        },
    ),
    Rule::new("query/no-page-links-without-page", "there are none without _page", |server| {
        for query in [&[][..], &[("_limit", "1")], &[("_start", "0"), ("_end", "1")]] {
            let answer = ask(server, query)?;
            for relation in ["first", "prev", "next", "last"] {
                has_no_link(&answer, relation)?;
            }
        }
        Ok(())
    }),
];

fn total(answer: &Response, count: usize) -> Checked {
    answer.is(200)?.says("x-total-count", &count.to_string()).map(drop)
}

fn links_of(answer: &Response) -> Checked<Vec<Link>> {
    links(answer.is(200)?).map_err(Objection::Broken)
}

/// Asks what a link of the list means.
fn follow(server: &Server, link: &Link) -> Checked<Response> {
    server.send(&server.get(&resolve(&server.list_path()?, &link.reference)))
}

/// The answer has a link of the relation, which leads to these products.
fn finds_by<'a>(
    server: &Server,
    answer: &Response,
    relation: &str,
    expected: impl IntoIterator<Item = &'a Product>,
) -> Checked {
    let Some(link) = links_of(answer)?.into_iter().find(|link| link.is(relation)) else {
        demand!(false, "{} without a link to {relation}", answer.story());
        return Ok(());
    };
    let expected: Vec<i64> = expected.into_iter().map(|product| product.id).collect();
    let found = follow(server, &link)?.ids()?;
    demand!(
        found == expected,
        "{}: {relation} is <{}>, which leads to {found:?}",
        answer.story(),
        link.reference
    );
    Ok(())
}

fn has_no_link(answer: &Response, relation: &str) -> Checked {
    let found = links_of(answer)?.into_iter().find(|link| link.is(relation));
    demand!(found.is_none(), "{} with a link to {relation}", answer.story());
    Ok(())
}
