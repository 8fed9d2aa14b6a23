//! `q`, the full text.

use std::{borrow::Cow, collections::BTreeSet};

use icu_normalizer::{DecomposingNormalizerBorrowed, properties::CanonicalCombiningClassMapBorrowed};

use crate::{
    Rule, Server,
    objection::{Checked, applies, demand},
    rules::query::{ask, finds},
    server::Product,
};

pub(in crate::rules) const RULES: &[Rule] = &[
    Rule::new("query/q-finds-in-titles", "q finds a part of a title", |server| {
        let title = server.some_product()?.title.clone();
        let part: String = title.chars().skip(1).take(5).collect();
        applies!(!part.trim().is_empty(), "the title {title:?} is too short");
        searches(server, &part)
    }),
    Rule::new("query/q-finds-in-descriptions", "and a part of a description", |server| {
        let description = server.some_product()?.description.clone();
        let part: String = description.chars().take(18).collect();
        applies!(!part.trim().is_empty(), "product {} has no description", server.some_product()?.id);
        searches(server, &part)
    }),
    Rule::new("query/q-finds-in-categories", "and a category", |server| {
        let Some(category) = server.products()?.iter().find_map(|product| product.category.clone()) else {
            applies!(false, "no product shows a category");
            return Ok(());
        };
        searches(server, &category)
    }),
    Rule::new("query/q-ignores-case", "in any case", |server| {
        let title = &server.some_product()?.title;
        let upper = ask(server, &[("q", &title.to_uppercase())])?.ids()?;
        let lower = ask(server, &[("q", &title.to_lowercase())])?.ids()?;
        let id = server.some_product()?.id;
        demand!(
            upper.contains(&id) && lower.contains(&id),
            "product {id} is not found by its title in another case"
        );
        Ok(())
    }),
    Rule::new("query/q-ignores-accents", "and with other accents", |server| {
        let accented = server.products()?.iter().find(|product| !product.title.is_ascii());
        let Some(product) = accented else {
            applies!(false, "no title has a letter beyond ASCII");
            return Ok(());
        };
        searches(server, &fold(&product.title))?;
        searches(server, &decomposed(&product.title))
    }),
    Rule::new("query/q-repeated-is-all", "q given again: all of the texts are found", |server| {
        let title = &server.some_product()?.title;
        let words: Vec<&str> = title.split(' ').collect();
        applies!(words.len() > 1, "the title {title:?} is one word");
        let query = [("q", words[words.len() - 1]), ("q", words[0])];
        let found = ask(server, &query)?.ids()?;
        let id = server.some_product()?.id;
        demand!(found.contains(&id), "product {id} is not found by two words of its title");
        finds(server, &[("q", words[0]), ("q", "zzqxj no product says this")], []).map(drop)
    }),
    Rule::new("query/q-is-literal", "q is text, no pattern", |server| {
        for text in [".*", "^", "(", "[a-z]", "\\w"] {
            searches(server, text)?;
        }
        Ok(())
    }),
    Rule::new("query/q-is-one-text", "several words are found side by side only", |server| {
        let title = &server.some_product()?.title;
        let mut words: Vec<&str> = title.split(' ').collect();
        applies!(words.len() > 1, "the title {title:?} is one word");
        words.reverse();
        searches(server, &words.join(" "))?;
        searches(server, title)
    }),
    Rule::new("query/q-looks-at-texts-only", "q does not look at id, price, locale or picture", |server| {
        for text in [server.store()?.locale.clone(), ".svg".to_owned(), server.store()?.currency.clone()] {
            searches(server, &text)?;
        }
        Ok(())
    }),
    Rule::new("query/q-empty-is-no-filter", "an empty q is not a filter", |server| {
        finds(server, &[("q", "")], server.products()?).map(drop)
    }),
    Rule::new("query/q-without-a-match", "what is nowhere finds nothing: 200 and []", |server| {
        finds(server, &[("q", "zzqxj no product says this")], []).map(drop)
    }),
    Rule::new("query/q-and-filters-are-all", "q and a filter are both", |server| {
        let product = server.some_product()?;
        let id = product.id.to_string();
        finds(server, &[("q", &product.title), ("id", &id)], [product])?;
        finds(server, &[("q", &product.title), ("id_ne", &id), ("id", &id)], []).map(drop)
    }),
];

/// In lower case and without combining marks.
fn fold(text: &str) -> String {
    let classes = CanonicalCombiningClassMapBorrowed::new();
    let is_base = |c: &char| classes.get_u8(*c) == 0;
    decomposed(text).chars().filter(is_base).flat_map(char::to_lowercase).filter(is_base).collect()
}

fn decomposed(text: &str) -> Cow<'_, str> {
    DecomposingNormalizerBorrowed::new_nfd().normalize(text)
}

/// `q` finds what has the text in its title, description or category, in the list's order.
///
/// A release whose newest version shows no category may know it all the same: then more may be found.
fn searches(server: &Server, text: &str) -> Checked {
    let products = server.at_least(1)?;
    let needle = fold(text);
    let holds = |text: &str| fold(text).contains(&needle);
    let matches = |product: &&Product| {
        holds(&product.title) || holds(&product.description) || product.category.as_deref().is_some_and(holds)
    };
    let expected: Vec<i64> = products.iter().filter(matches).map(|product| product.id).collect();
    let answer = ask(server, &[("q", text)])?;
    let found = answer.ids()?;
    if server.newest_known() >= 3 {
        demand!(found == expected, "{} with products {found:?}, not {expected:?}", answer.asked);
    } else {
        let found: BTreeSet<i64> = found.into_iter().collect();
        let missing: Vec<&i64> = expected.iter().filter(|id| !found.contains(id)).collect();
        demand!(missing.is_empty(), "{} without products {missing:?}", answer.asked);
    }
    Ok(())
}
