//! The full text search: what `q` asks for.

use regex::Regex;
use sava_service::collation;

use super::{
    bad_query::BadQuery,
    pattern::{MAX_PATTERN, pattern},
};
use crate::catalog::{Field, Store};

/// The most texts of one query.
const MAX_TEXTS: usize = 8;
/// The most bytes that a text may take as a compiled pattern: each letter takes some 6 kB, as it stands for all its
/// accented forms.
const MAX_COMPILED: usize = 4 << 20;

/// Texts that a product has to have, all of them and each in its title, description or category, in any case and with
/// any accents.
#[derive(Debug)]
pub(crate) struct Search {
    texts: Vec<Regex>,
}

impl Search {
    /// A search for `texts`; `None` where they are all empty.
    ///
    /// # Errors
    /// [`BadQuery`] says what is wrong with one of them, or that there are too many.
    pub(super) fn parse<'a>(texts: impl Iterator<Item = &'a str>) -> Result<Option<Self>, BadQuery> {
        let texts: Vec<_> = texts.filter(|text| !text.is_empty()).collect();
        if texts.len() > MAX_TEXTS {
            return Err(BadQuery::new(
                "q",
                format!("is given {} times; a query may have {MAX_TEXTS}", texts.len()),
            ));
        }
        if texts.iter().map(|text| text.chars().count()).sum::<usize>() > MAX_PATTERN {
            return Err(BadQuery::new("q", format!("has more than {MAX_PATTERN} characters")));
        }
        let compile = |text: &&str| pattern("q", &collation::pattern(text), MAX_COMPILED, text);
        let texts = texts.iter().map(compile).collect::<Result<Vec<_>, _>>()?;
        Ok((!texts.is_empty()).then_some(Self { texts }))
    }

    /// Whether the product at `position` has them.
    pub(super) fn finds(&self, store: &Store, position: u32) -> bool {
        let fields =
            [Field::Title, Field::Description, Field::Category].map(|field| store.text(field, position));
        let texts: Vec<_> = fields.iter().flatten().map(AsRef::as_ref).collect();
        self.are_in(&texts)
    }

    /// Whether each of the texts is in one of these.
    pub(crate) fn are_in(&self, fields: &[&str]) -> bool {
        self.texts.iter().all(|text| fields.iter().any(|field| text.is_match(field)))
    }
}
