//! The words of a list's products, so that a search looks at each word once, however many products have it.

use std::collections::HashMap;

use memchr::memmem;
use sava_service::collation::fold;

/// The folded words of texts, and which products have each.
///
/// Words are what white space separates. A word that is searched for has none in it, so wherever it is found in a text
/// it is inside one of the text's words. ([`fold`] makes no white space of what is none.)
#[derive(Debug)]
pub(super) struct WordIndex {
    /// All words, with a space after each.
    words: String,
    /// Where each word begins in `words`.
    starts: Vec<u32>,
    /// The places of the products that have each word, in order.
    places: Vec<Vec<u32>>,
}

impl WordIndex {
    /// The index of products by their texts.
    ///
    /// # Panics
    /// Never: a list of 2 MiB has fewer products, and fewer bytes of words, than a `u32` counts.
    pub(super) fn new<'a, T: IntoIterator<Item = &'a str>>(products: impl Iterator<Item = T>) -> Self {
        let mut index = Self { words: String::new(), starts: Vec::new(), places: Vec::new() };
        let mut known: HashMap<String, usize> = HashMap::new();
        for (place, texts) in (0..).zip(products) {
            for text in texts {
                for word in fold(text).split_whitespace() {
                    let number = known.get(word).copied().unwrap_or_else(|| {
                        index.starts.push(u32::try_from(index.words.len()).expect("fewer bytes"));
                        index.words.push_str(word);
                        index.words.push(' ');
                        index.places.push(Vec::new());
                        known.insert(word.to_owned(), index.places.len() - 1);
                        index.places.len() - 1
                    });
                    let places = &mut index.places[number];
                    if places.last() != Some(&place) {
                        places.push(place);
                    }
                }
            }
        }
        index.places.iter_mut().for_each(Vec::shrink_to_fit);
        index
    }

    /// The places of the products in whose texts `word` is found, in order; `word` is folded and has no white space.
    pub(super) fn find(&self, word: &str) -> Vec<u32> {
        let finder = memmem::Finder::new(word);
        let words = self.words.as_bytes();
        let (mut found, mut from) = (Vec::new(), 0);
        while let Some(at) = finder.find(&words[from..]).map(|at| from + at) {
            let number = self.starts.partition_point(|start| *start as usize <= at) - 1;
            found.push(number);
            // Once in a word is enough.
            from = self.starts.get(number + 1).map_or(words.len(), |next| *next as usize);
        }
        if let [only] = *found {
            return self.places[only].clone();
        }
        let mut places: Vec<_> = found.into_iter().flat_map(|number| &self.places[number]).copied().collect();
        places.sort_unstable();
        places.dedup();
        places
    }
}
