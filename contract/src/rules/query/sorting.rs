//! `_sort` and `_order`.

use std::{cmp::Ordering, sync::LazyLock};

use icu_collator::{Collator, CollatorBorrowed, CollatorPreferences, options::CollatorOptions};

use crate::{
    Rule, Server,
    objection::{Checked, demand},
    rules::query::{Query, ask, finds, refuses},
    server::{Product, media_type},
};

pub(in crate::rules) const RULES: &[Rule] = &[
    Rule::new("query/sort-by-price", "_sort=price is from the cheapest, as exact decimals", |server| {
        sorts(server, &[("_sort", "price")], |a, b| a.price.cmp(&b.price))
    }),
    Rule::new("query/sort-by-price-desc", "_order=desc is from the dearest", |server| {
        sorts(server, &[("_sort", "price"), ("_order", "desc")], |a, b| b.price.cmp(&a.price))
    }),
    Rule::new("query/sort-by-id", "ids are compared as numbers, not as text", |server| {
        sorts(server, &[("_sort", "id")], |a, b| a.id.cmp(&b.id))?;
        sorts(server, &[("_sort", "id"), ("_order", "desc")], |a, b| b.id.cmp(&a.id))
    }),
    Rule::new(
        "query/sort-by-title",
        "texts are in the order of the Unicode Collation Algorithm with CLDR's root table, then of code points",
        |server| sorts(server, &[("_sort", "title")], |a, b| text(&a.title, &b.title)),
    ),
    Rule::new("query/sort-by-title-desc", "and so from the last", |server| {
        sorts(server, &[("_sort", "title"), ("_order", "desc")], |a, b| text(&b.title, &a.title))
    }),
    Rule::new("query/sort-by-description", "every text can be sorted by", |server| {
        sorts(server, &[("_sort", "description")], |a, b| text(&a.description, &b.description))
    }),
    Rule::new("query/sort-order-asc", "_order=asc is what no _order is", |server| {
        sorts(server, &[("_sort", "price"), ("_order", "asc")], |a, b| a.price.cmp(&b.price))
    }),
    Rule::new("query/sort-order-in-any-case", "DESC is desc", |server| {
        sorts(server, &[("_sort", "price"), ("_order", "DESC")], |a, b| b.price.cmp(&a.price))
    }),
    Rule::new(
        "query/sort-by-several-keys",
        "several keys are separated by commas, and so are their orders",
        |server| {
            sorts(server, &[("_sort", "price,title"), ("_order", "desc,asc")], |a, b| {
                b.price.cmp(&a.price).then_with(|| text(&a.title, &b.title))
            })
        },
    ),
    Rule::new("query/sort-missing-orders-are-asc", "a key without an order is ascending", |server| {
        sorts(server, &[("_sort", "price,title"), ("_order", "desc")], |a, b| {
            b.price.cmp(&a.price).then_with(|| text(&a.title, &b.title))
        })
    }),
    Rule::new(
        "query/sort-keeps-the-order-of-equals",
        "equal products keep the file's order, in desc too",
        |server| {
            sorts(server, &[("_sort", "locale")], |_, _| Ordering::Equal)?;
            sorts(server, &[("_sort", "locale"), ("_order", "desc")], |_, _| Ordering::Equal)
        },
    ),
    Rule::new("query/sort-by-unknown-field", "a key that is not a field is 400", |server| {
        for key in ["nonsense", "price,nonsense", "Price", "price.amount", ""] {
            refuses(server, &[("_sort", key)], "_sort")?;
        }
        Ok(())
    }),
    Rule::new("query/sort-unknown-order", "an order that is neither asc nor desc is 400", |server| {
        for order in ["up", "asc,down", "1"] {
            refuses(server, &[("_sort", "price,id"), ("_order", order)], "_order")?;
        }
        Ok(())
    }),
    Rule::new("query/sort-before-paging", "the list is sorted before a page is cut", |server| {
        let products = server.at_least(4)?;
        let mut sorted: Vec<&Product> = products.iter().collect();
        sorted.sort_by_key(|product| std::cmp::Reverse(product.price));
        let query = [("_sort", "price"), ("_order", "desc"), ("_page", "2"), ("_limit", "2")];
        finds(server, &query, sorted[2..4].iter().copied()).map(drop)
    }),
    Rule::new(
        "query/sort-is-the-same-in-each-version",
        "the order does not depend on the version asked",
        |server| {
            server.has_a_choice()?;
            let expected = ask(server, &[("_sort", "price,title")])?.ids()?;
            for version in server.release.versions.clone() {
                let request = server.get_list()?.query("_sort", "price,title").accept(&media_type(version));
                let found = server.send(&request)?.ids()?;
                demand!(
                    found == expected,
                    "v{version} is in another order than v{}",
                    server.release.newest()
                );
            }
            Ok(())
        },
    ),
];

/// The stated collation.
fn text(a: &str, b: &str) -> Ordering {
    static ROOT: LazyLock<CollatorBorrowed<'static>> = LazyLock::new(|| {
        Collator::try_new(CollatorPreferences::default(), CollatorOptions::default())
            .expect("the root table is compiled in")
    });
    ROOT.compare(a, b).then_with(|| a.cmp(b))
}

fn sorts(server: &Server, query: Query<'_>, by: fn(&Product, &Product) -> Ordering) -> Checked {
    let mut sorted: Vec<&Product> = server.at_least(2)?.iter().collect();
    sorted.sort_by(|a, b| by(a, b));
    finds(server, query, sorted).map(drop)
}
