//! How texts for people are sorted and searched, the same in both services: by the Unicode Collation Algorithm (UTS #10)
//! with CLDR's root table, in which `Äpfel` comes after `apples` and before `bread`, and without regard to case and
//! accents, so that `cafe` finds `Café`.

use std::{borrow::Cow, cmp::Ordering, collections::HashMap, sync::LazyLock};

use icu_collator::{
    Collator, CollatorPreferences,
    options::{CollatorOptions, Strength},
    provider::{
        CollationDiacriticsV1, CollationJamoV1, CollationMetadataV1, CollationReorderingV1, CollationRootV1,
        CollationSpecialPrimariesV1, CollationTailoringV1,
    },
};
use icu_normalizer::{
    ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed,
    properties::CanonicalCombiningClassMapBorrowed,
    provider::{NormalizerNfdDataV1, NormalizerNfdTablesV1},
};
use icu_provider::{DataError, DataErrorKind, DataMarker as _, DataProvider, DataRequest, DataResponse};

/// The order of two texts. Those that the algorithm holds equal are in the order of their code points, so that only a
/// text itself is equal to it.
///
/// Most texts differ in one of their first letters, and in ASCII: then the letters' own ranks tell, which takes a tenth of
/// the time. (The root table has no contraction of ASCII, and what combines with a letter does not change its rank.)
#[must_use]
pub fn compare(one: &str, other: &str) -> Ordering {
    static ROOT: LazyLock<Collator> = LazyLock::new(|| root(None));
    static RANKS: LazyLock<[Option<u8>; 256]> = LazyLock::new(ranks);
    if one == other {
        return Ordering::Equal;
    }
    let mut pairs = one.bytes().zip(other.bytes());
    let by_rank = pairs.find_map(|(a, b)| match (RANKS[usize::from(a)], RANKS[usize::from(b)]) {
        (Some(a), Some(b)) => Some(a.cmp(&b)).filter(|order| order.is_ne()),
        _ => Some(Ordering::Equal),
    });
    match by_rank {
        Some(order) if order.is_ne() => order,
        _ => ROOT.as_borrowed().compare(one, other).then_with(|| one.cmp(other)),
    }
}

/// The rank of each ASCII character that has one: of letters, in either case. It is the primary weight, counted from 0.
fn ranks() -> [Option<u8>; 256] {
    let root = root(Some(Strength::Primary));
    let root = root.as_borrowed();
    let mut characters: Vec<char> =
        ('\t'..='~').filter(|c| root.compare(c.encode_utf8(&mut [0; 4]), "").is_ne()).collect();
    let compare = |a: &char, b: &char| root.compare(a.encode_utf8(&mut [0; 4]), b.encode_utf8(&mut [0; 4]));
    characters.sort_by(compare);
    let mut ranks = [None; 256];
    for (rank, alike) in (0..).zip(characters.chunk_by(|a, b| compare(a, b).is_eq())) {
        for c in alike {
            ranks[*c as usize] = Some(rank);
        }
    }
    ranks
}

/// A collator of the root table.
fn root(strength: Option<Strength>) -> Collator {
    let mut options = CollatorOptions::default();
    options.strength = strength;
    Collator::try_new_unstable(&RootData, CollatorPreferences::default(), options)
        .expect("the root table is compiled in")
}

/// The data of `icu_collator` but for what it has of languages, which is a megabyte.
struct RootData;

macro_rules! has {
    ($baked:path: $($marker:path),+) => {
        $(impl DataProvider<$marker> for RootData {
            fn load(&self, request: DataRequest<'_>) -> Result<DataResponse<$marker>, DataError> {
                DataProvider::<$marker>::load(&$baked, request)
            }
        })+
    };
}

macro_rules! has_not {
    ($($marker:path),+) => {
        $(impl DataProvider<$marker> for RootData {
            fn load(&self, request: DataRequest<'_>) -> Result<DataResponse<$marker>, DataError> {
                Err(DataErrorKind::IdentifierNotFound.with_req(<$marker>::INFO, request))
            }
        })+
    };
}

has!(
    icu_collator::provider::Baked: CollationRootV1,
    CollationDiacriticsV1,
    CollationJamoV1,
    CollationMetadataV1,
    CollationSpecialPrimariesV1
);
has!(icu_normalizer::provider::Baked: NormalizerNfdDataV1, NormalizerNfdTablesV1);
has_not!(CollationTailoringV1, CollationReorderingV1);

/// The text in lower case and without combining marks: what is searched, and what is searched for.
#[must_use]
pub fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(text.to_ascii_lowercase())
        } else {
            Cow::Borrowed(text)
        };
    }
    let classes = CanonicalCombiningClassMapBorrowed::new();
    let is_base = |c: &char| classes.get_u8(*c) == 0;
    let decomposed = DecomposingNormalizerBorrowed::new_nfd().normalize(text);
    Cow::Owned(decomposed.chars().filter(is_base).flat_map(char::to_lowercase).filter(is_base).collect())
}

/// A regular expression that finds the text in others whatever their case and accents: what [`fold`] makes equal. It
/// looks at texts as they are, so that a long list of them need not be folded.
#[must_use]
pub fn pattern(text: &str) -> String {
    /// The characters beyond ASCII of which one is folded to this, by it.
    static ACCENTED: LazyLock<HashMap<char, Vec<char>>> = LazyLock::new(|| {
        let mut accented: HashMap<char, Vec<char>> = HashMap::new();
        // The blocks that have such characters.
        let beyond = [
            '\u{80}'..='\u{2fff}',
            '\u{a640}'..='\u{abff}',
            '\u{f900}'..='\u{ffef}',
            '\u{2f800}'..='\u{2fa1f}',
        ];
        for c in beyond.into_iter().flatten() {
            let folded = fold(c.encode_utf8(&mut [0; 4])).into_owned();
            if let Some(base) = only_char(&folded).filter(|base| *base != c) {
                accented.entry(base).or_default().push(c);
            }
        }
        accented
    });
    let composed = ComposingNormalizerBorrowed::new_nfc().normalize(text);
    let mut pattern = String::new();
    for c in composed.chars() {
        let folded = fold(c.encode_utf8(&mut [0; 4])).into_owned();
        let written = if let Some(base) = only_char(&folded) {
            let accented = ACCENTED.get(&base).into_iter().flatten().copied();
            let alike = [base, base.to_ascii_uppercase(), c].into_iter().chain(accented);
            format!("[{}]", alike.map(escaped).collect::<String>())
        } else if folded.is_empty() {
            continue;
        } else {
            format!("(?:{}|{})", escaped(c), folded.chars().map(escaped).collect::<String>())
        };
        pattern.push_str(&written);
        pattern.push_str(r"\p{Mn}*");
    }
    pattern
}

fn only_char(text: &str) -> Option<char> {
    let mut chars = text.chars();
    chars.next().filter(|_| chars.next().is_none())
}

fn escaped(c: char) -> String {
    format!("\\x{{{:x}}}", u32::from(c))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;

    /// With and without ranks: ASCII, what the algorithm ignores, and what lies beyond.
    const RANKED: &str = "[aAbB \\-_'9\\t\u{0}éÉ\u{301}ßłZz]{0,6}";
    const SOUGHT: &str = "[aAeEéÉsSßiİıøcç \u{301}\u{327}.한글]{1,3}";
    const SEARCHED: &str = "[aAeEéÉsSßiİıøcç \u{301}\u{327}.한글]{0,8}";

    #[test]
    fn texts_are_in_the_order_of_a_dictionary() {
        let mut texts =
            ["Zebra", "apples", "Äpfel", "bread", "Bread", "cafe", "Café", "Öl", "oil", "10", "9", "ß"];
        texts.sort_by(|one, other| compare(one, other));
        assert_eq!(
            texts,
            ["10", "9", "Äpfel", "apples", "bread", "Bread", "cafe", "Café", "oil", "Öl", "ß", "Zebra"]
        );
    }

    #[test]
    fn accents_and_case_are_folded() {
        for (text, folded) in [
            ("Café", "cafe"),
            ("CAFE\u{301}", "cafe"),
            ("Macramé", "macrame"),
            ("İstanbul", "istanbul"),
            ("plain", "plain"),
            ("日本", "日本"),
            ("Ø", "ø"),
        ] {
            assert_eq!(fold(text), folded, "{text}");
        }
    }

    #[test]
    fn characters_that_are_never_written_composed_are_found() {
        for text in ["\u{fb1f}", "\u{f900}", "\u{2f800}"] {
            assert!(Regex::new(&pattern(text)).unwrap().is_match(text), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn ranks_tell_what_the_algorithm_does(one in RANKED, other in RANKED) {
            let expected = root(None).as_borrowed().compare(&one, &other).then_with(|| one.cmp(&other));
            prop_assert_eq!(compare(&one, &other), expected);
        }

        #[test]
        fn only_a_text_itself_is_equal_to_it(one in "\\PC{0,6}", other in "\\PC{0,6}") {
            prop_assert_eq!(compare(&one, &other).is_eq(), one == other);
            prop_assert_eq!(compare(&one, &other), compare(&other, &one).reverse());
        }

        #[test]
        fn a_pattern_finds_what_folding_makes_equal(text in SOUGHT, around in SEARCHED) {
            let is_found = Regex::new(&pattern(&text)).unwrap().is_match(&around);
            prop_assert_eq!(is_found, fold(&around).contains(&*fold(&text)), "{}", pattern(&text));
        }

        #[test]
        fn folding_again_changes_nothing(text in "\\PC{0,6}") {
            let folded = fold(&text).into_owned();
            prop_assert_eq!(fold(&folded), &*folded);
        }
    }
}
