//! `field=value`, `_ne`, `_gte`, `_lte` and `_like`.

use std::time::Duration;

use regex::RegexBuilder;

use crate::{
    Rule, Server,
    objection::{Checked, applies, demand},
    rules::{
        query::{ask, finds, refuses, refuses_with},
        representations::price,
    },
    server::{Product, media_type},
};

pub(in crate::rules) const RULES: &[Rule] = &[
    // field=value
    Rule::new("query/filter-by-id", "id=… finds that product", |server| {
        let product = server.some_product()?;
        finds(server, &[("id", &product.id.to_string())], [product]).map(drop)
    }),
    Rule::new("query/filter-by-title", "title=… finds the products of exactly that title", |server| {
        let title = &server.some_product()?.title;
        finds(server, &[("title", title)], of(server, |product| product.title == *title)?).map(drop)
    }),
    Rule::new("query/filter-by-description", "description=… finds those of exactly that text", |server| {
        let description = &server.some_product()?.description;
        finds(server, &[("description", description)], of(server, |p| p.description == *description)?)
            .map(drop)
    }),
    Rule::new("query/filter-by-category", "category=… finds those of that category", |server| {
        let products = server.products()?;
        let Some(category) = products.iter().rev().find_map(|product| product.category.clone()) else {
            applies!(false, "no product shows a category");
            return Ok(());
        };
        let expected = products.iter().filter(|product| product.category.as_ref() == Some(&category));
        finds(server, &[("category", &category)], expected).map(drop)
    }),
    Rule::new("query/filter-by-locale", "locale=… is a filter like the others", |server| {
        let locale = &server.store()?.locale;
        finds(server, &[("locale", locale)], server.products()?)?;
        finds(server, &[("locale", "nowhere")], []).map(drop)
    }),
    Rule::new("query/filter-by-price", "price=… is in major units, whatever the version", |server| {
        let price = price(server.some_product()?)?;
        finds(server, &[("price", &price.to_string())], of(server, |p| p.price == Some(price))?).map(drop)
    }),
    Rule::new("query/filter-numbers-by-value", "numbers are compared by value: 25 is 25.0", |server| {
        let price = price(server.some_product()?)?;
        let written = price.to_string();
        let more = if written.contains('.') { format!("{written}0") } else { format!("{written}.00") };
        finds(server, &[("price", &more)], of(server, |p| p.price == Some(price))?).map(drop)
    }),
    Rule::new(
        "query/filter-text-is-case-sensitive",
        "texts are compared exactly, so case counts",
        |server| {
            let title = server.some_product()?.title.clone();
            let other =
                if title.to_uppercase() == title { title.to_lowercase() } else { title.to_uppercase() };
            applies!(other != title, "the title {title:?} has no case");
            finds(server, &[("title", &other)], of(server, |product| product.title == other)?).map(drop)
        },
    ),
    Rule::new("query/filter-text-is-whole", "and whole: a part of a title finds nothing", |server| {
        let title = server.some_product()?.title.clone();
        let part: String = title.chars().skip(1).collect();
        applies!(!part.is_empty(), "the title {title:?} is too short");
        finds(server, &[("title", &part)], of(server, |product| product.title == part)?).map(drop)
    }),
    Rule::new("query/filter-repeated-is-any", "a field given twice is either", |server| {
        let products = server.at_least(3)?;
        let (first, third) = (products[0].id.to_string(), products[2].id.to_string());
        finds(server, &[("id", &third), ("id", &first)], [&products[0], &products[2]]).map(drop)
    }),
    Rule::new("query/filter-several-fields-is-all", "several fields are all of them", |server| {
        let products = server.at_least(2)?;
        let (id, title) = (products[0].id.to_string(), &products[0].title);
        finds(server, &[("id", &id), ("title", title)], [&products[0]])?;
        finds(server, &[("id", &id), ("id_ne", &id)], []).map(drop)
    }),
    Rule::new("query/filter-without-a-match", "what no product has finds nothing: 200 and []", |server| {
        finds(server, &[("title", "no product has this title")], []).map(drop)
    }),
    Rule::new(
        "query/filter-number-is-a-number",
        "a value that is not a number, for a number, is 400",
        |server| {
            for name in ["price", "id", "price_ne", "price_gte", "price_lte", "id_gte", "id_lte"] {
                refuses(server, &[(name, "abc")], name)?;
            }
            for value in ["", "NaN", "Infinity", "1,5", "0x10", "1 2"] {
                refuses(server, &[("price", value)], "price")?;
            }
            Ok(())
        },
    ),
    // _ne
    Rule::new("query/ne-excludes", "_ne leaves out what is equal", |server| {
        let id = server.some_product()?.id;
        finds(server, &[("id_ne", &id.to_string())], of(server, |product| product.id != id)?).map(drop)
    }),
    Rule::new("query/ne-of-text", "so it does for texts", |server| {
        let title = &server.some_product()?.title;
        finds(server, &[("title_ne", title)], of(server, |product| product.title != *title)?).map(drop)
    }),
    Rule::new("query/ne-of-price", "and for prices, by value", |server| {
        let price = price(server.some_product()?)?;
        let written = format!("{price}e0");
        finds(server, &[("price_ne", &written)], of(server, |p| p.price != Some(price))?).map(drop)
    }),
    Rule::new("query/ne-repeated-is-none", "_ne given twice is none of them", |server| {
        let products = server.at_least(3)?;
        let (a, b) = (products[0].id, products[1].id);
        let query = [("id_ne", &*a.to_string()), ("id_ne", &*b.to_string())].map(|(n, v)| (n, v.to_owned()));
        let query = [(query[0].0, query[0].1.as_str()), (query[1].0, query[1].1.as_str())];
        finds(server, &query, of(server, |product| product.id != a && product.id != b)?).map(drop)
    }),
    // _gte, _lte
    Rule::new("query/gte-is-inclusive", "_gte is from there, itself included", |server| {
        let price = price(server.some_product()?)?;
        finds(server, &[("price_gte", &price.to_string())], of(server, |p| p.price >= Some(price))?).map(drop)
    }),
    Rule::new("query/lte-is-inclusive", "_lte is up to there, itself included", |server| {
        let price = price(server.some_product()?)?;
        finds(server, &[("price_lte", &price.to_string())], of(server, |p| p.price <= Some(price))?).map(drop)
    }),
    Rule::new("query/gte-and-lte-are-a-range", "both are a range", |server| {
        let low = price(server.some_product()?)?;
        let high = low.plus(15);
        let query = [("price_gte", low.to_string()), ("price_lte", high.to_string())];
        let query = [(query[0].0, query[0].1.as_str()), (query[1].0, query[1].1.as_str())];
        let expected = of(server, |p| p.price >= Some(low) && p.price <= Some(high))?;
        finds(server, &query, expected).map(drop)
    }),
    Rule::new("query/gte-on-id", "every number has a range: ids too", |server| {
        let id = server.some_product()?.id;
        finds(server, &[("id_gte", &id.to_string())], of(server, |product| product.id >= id)?)?;
        finds(server, &[("id_lte", &id.to_string())], of(server, |product| product.id <= id)?).map(drop)
    }),
    Rule::new("query/gte-compares-decimals", "bounds between two prices are exact decimals", |server| {
        let price = price(server.some_product()?)?;
        let above = format!(
            "{}1",
            if price.to_string().contains('.') { format!("{price}0000") } else { format!("{price}.0000") }
        );
        finds(server, &[("price_gte", &above)], of(server, |p| p.price > Some(price))?).map(drop)
    }),
    Rule::new(
        "query/gte-at-most-once",
        "_gte or _lte given twice is 400: or-ed, a range would only widen",
        |server| {
            for name in ["price_gte", "price_lte"] {
                refuses(server, &[(name, "1"), (name, "2")], name)?;
            }
            Ok(())
        },
    ),
    Rule::new(
        "query/empty-range-finds-nothing",
        "a range whose end is below its start finds nothing",
        |server| finds(server, &[("price_gte", "2"), ("price_lte", "1")], []).map(drop),
    ),
    // _like
    Rule::new("query/like-is-a-pattern", "_like is a pattern, found anywhere in the text", |server| {
        let title = &server.some_product()?.title;
        let first = title.chars().next().unwrap_or('a');
        like(server, "title_like", &format!("^{}.", regex::escape(&first.to_string())), |product| {
            &product.title
        })
    }),
    Rule::new("query/like-ignores-case", "in any case", |server| {
        let word = word(&server.some_product()?.title).to_uppercase();
        like(server, "title_like", &regex::escape(&word), |product| &product.title)
    }),
    Rule::new("query/like-on-description", "on every text", |server| {
        let word = word(&server.some_product()?.description).to_lowercase();
        like(server, "description_like", &format!("{}|^$", regex::escape(&word)), |product| {
            &product.description
        })
    }),
    Rule::new("query/like-on-numbers", "and on a number's text", |server| {
        let id = server.some_product()?.id;
        finds(server, &[("id_like", &format!("^{id}$"))], of(server, |product| product.id == id)?).map(drop)
    }),
    Rule::new("query/like-repeated-is-any", "_like given twice is either", |server| {
        let products = server.at_least(3)?;
        let (a, b) = (format!("^{}$", products[0].id), format!("^{}$", products[2].id));
        finds(server, &[("id_like", &b), ("id_like", &a)], [&products[0], &products[2]]).map(drop)
    }),
    Rule::new("query/like-without-a-match", "a pattern that matches nothing finds nothing", |server| {
        finds(server, &[("title_like", "^no product has this title$")], []).map(drop)
    }),
    Rule::new(
        "query/like-invalid-is-400",
        "a pattern that is none is 400, and says where (json-server crashed)",
        |server| {
            for pattern in ["(", "[a", "a{2,1}", "*", "\\"] {
                refuses(server, &[("title_like", pattern)], "title_like")?;
            }
            Ok(())
        },
    ),
    Rule::new("query/like-too-large-is-400", "a pattern that would grow too large is 400", |server| {
        for pattern in ["(((a{100}){100}){100}){100}", "\\pL{1000}{1000}"] {
            refuses(server, &[("title_like", pattern)], "title_like")?;
        }
        Ok(())
    }),
    Rule::new("query/like-too-many-is-400", "hundreds of patterns in one query are 400", |server| {
        refuses(server, &[("description_like", "a"); 100], "description_like")
    }),
    Rule::new("query/like-is-never-slow", "no pattern takes long (json-server stood still)", |server| {
        for pattern in
            ["(a+)+$", "(.*)*(.*)*(.*)*x", "(a|a)*b", "^(([a-z])+.)+[A-Z]([a-z])+$", "(?:a?){30}a{30}"]
        {
            let answer = ask(server, &[("description_like", pattern)])?;
            demand!(matches!(answer.status, 200 | 400), "{}", answer.story());
            demand!(answer.elapsed < Duration::from_secs(2), "{} after {:?}", answer.story(), answer.elapsed);
        }
        Ok(())
    }),
    // Names.
    Rule::new("query/unknown-parameter-is-400", "an unknown parameter is 400 that names it", |server| {
        for name in ["_nonsense", "_Page", "page", "limit", "_embed", "_expand", "callback"] {
            refuses(server, &[(name, "1")], name)?;
        }
        Ok(())
    }),
    Rule::new(
        "query/unknown-field-is-400",
        "so is a field that there is not, with or without an operator",
        |server| {
            for name in
                ["colour", "colour_ne", "colour_gte", "colour_like", "Title", "price_lt", "price_between"]
            {
                refuses(server, &[(name, "1")], name)?;
            }
            Ok(())
        },
    ),
    Rule::new("query/unknown-parameter-lists-what-there-is", "and lists what there is", |server| {
        refuses_with(server, &[("_nonsense", "1")], &["_page", "_limit", "_sort", "title", "price"])
    }),
    Rule::new(
        "query/unknown-sort-field-lists-the-fields",
        "so does a sort key that is not a field",
        |server| refuses_with(server, &[("_sort", "nonsense")], &["id", "title", "price"]),
    ),
    // Encoding.
    Rule::new("query/query-is-percent-decoded", "values are percent-decoded", |server| {
        let title = &server.some_product()?.title;
        let encoded: Vec<String> = title.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let encoded = encoded.concat();
        let answer = server.send(&server.get_list()?.raw_query(&format!("title={encoded}")))?;
        let expected: Vec<i64> =
            of(server, |product| product.title == *title)?.iter().map(|p| p.id).collect();
        demand!(answer.ids()? == expected, "{} with other products", answer.story());
        Ok(())
    }),
    Rule::new("query/query-plus-is-a-space", "a plus is a space, as in forms", |server| {
        let products = server.products()?;
        let product = products.iter().find(|p| {
            p.title.contains(' ') && p.title.bytes().all(|b| b.is_ascii_alphanumeric() || b == b' ')
        });
        applies!(product.is_some(), "no title has a space and letters only");
        let title = product.map_or("", |product| product.title.as_str());
        let request = server.get_list()?.raw_query(&format!("title={}", title.replace(' ', "+")));
        let answer = server.send(&request)?;
        let expected: Vec<i64> = of(server, |product| product.title == title)?.iter().map(|p| p.id).collect();
        demand!(answer.ids()? == expected, "{} with other products", answer.story());
        Ok(())
    }),
    Rule::new(
        "query/queries-do-not-depend-on-the-version",
        "a query finds the same products whatever version is asked for",
        |server| {
            server.has_a_choice()?;
            let price = price(server.some_product()?)?.to_string();
            let word = word(&server.some_product()?.title);
            for (name, value) in [
                ("price_gte", &*price),
                ("price", &*price),
                ("title_like", &*regex::escape(&word)),
                ("q", &*word),
                ("_start", "1"),
            ] {
                let expected = ask(server, &[(name, value)])?.ids()?;
                for version in server.release.versions.clone() {
                    let request = server.get_list()?.query(name, value).accept(&media_type(version));
                    let answer = server.send(&request)?;
                    let found = answer.ids()?;
                    demand!(
                        found == expected,
                        "{}: {found:?}, in the newest version {expected:?}",
                        answer.story()
                    );
                }
            }
            Ok(())
        },
    ),
    Rule::new(
        "query/fields-do-not-depend-on-the-version",
        "so does one by a field that the version does not show",
        |server| {
            server.has_a_choice()?;
            let products = server.products()?;
            let Some(category) = products.iter().find_map(|product| product.category.clone()) else {
                applies!(false, "no product shows a category");
                return Ok(());
            };
            let expected = ask(server, &[("category", &category)])?.ids()?;
            let answer = server.send(&server.get_list_in(1)?.query("category", &category))?;
            demand!(answer.ids()? == expected, "{} with other products", answer.story());
            Ok(())
        },
    ),
    Rule::new("query/everything-at-once", "filter, order and page work together, in that order", |server| {
        let products = server.at_least(4)?;
        let mut sorted: Vec<&Product> =
            products.iter().filter(|product| product.id != products[0].id).collect();
        sorted.sort_by_key(|product| std::cmp::Reverse(product.price));
        let id = products[0].id.to_string();
        let query =
            [("id_ne", &*id), ("_sort", "price"), ("_order", "desc"), ("_page", "1"), ("_limit", "2")];
        let answer = finds(server, &query, sorted.iter().copied().take(2))?;
        answer.says("x-total-count", &sorted.len().to_string()).map(drop)
    }),
];

/// The products that the condition holds for.
fn of(server: &Server, holds: impl Fn(&Product) -> bool) -> Checked<Vec<&Product>> {
    Ok(server.at_least(1)?.iter().filter(|product| holds(product)).collect())
}

/// The longest word of a text, of letters only.
fn word(text: &str) -> String {
    let words = text.split(|c: char| !c.is_alphabetic());
    words.max_by_key(|word| word.len()).unwrap_or_default().to_owned()
}

fn like(server: &Server, name: &str, pattern: &str, text: fn(&Product) -> &String) -> Checked {
    let regex = RegexBuilder::new(pattern).case_insensitive(true).build();
    let regex = regex.map_err(|error| crate::objection::Objection::DoesNotApply(error.to_string()))?;
    finds(server, &[(name, pattern)], of(server, |product| regex.is_match(text(product)))?).map(drop)
}
