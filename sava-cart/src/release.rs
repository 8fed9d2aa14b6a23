//! The releases of the store front: one table of what each asks sava-product for and what it shows.

use sava_theme::Theme;

use crate::orders::schema::Schema;

/// Something that a shopper sees in some releases and not in others. Code and templates ask for a feature,
/// never for a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    Pictures,
    Ratings,
    Categories,
    /// Full-text search on the list.
    Search,
    Sorting,
    /// Short lists in pages, too.
    Pages,
    /// A note for the courier with an order.
    Note,
}

/// A version of sava-product's API, by the media type that asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ApiVersion {
    /// Price as a number in major units.
    V1,
    /// v1 and a picture.
    V2,
    /// Price in minor units with its currency; structured picture, rating, category.
    V3,
}

impl ApiVersion {
    /// `v1`, `v2`, `v3`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
            Self::V3 => "v3",
        }
    }
}

/// A release of the store front.
#[derive(Debug)]
pub struct Release {
    /// Such as `3.0.0`.
    pub version: &'static str,
    /// What it is for, in a few words.
    pub meaning: &'static str,
    /// The versions of sava-product's API that it understands best, in order of preference.
    pub accepts: &'static [ApiVersion],
    pub features: &'static [Feature],
    /// The orders' table as it makes and uses it.
    pub schema: Schema,
    pub theme: Theme,
    /// Whether its checkout fails with a 500: a bad release on purpose, to be caught and rolled back.
    pub checkout_fails: bool,
}

const RELEASE_2: &[Feature] = &[Feature::Pictures];
const RELEASE_3_1: &[Feature] = &[
    Feature::Pictures,
    Feature::Ratings,
    Feature::Categories,
    Feature::Search,
    Feature::Sorting,
    Feature::Pages,
    Feature::Note,
];
/// All but the note, which 3.1.0 adds.
const RELEASE_3: &[Feature] = RELEASE_3_1.split_at(RELEASE_3_1.len() - 1).0;

/// All releases, oldest first; those that are bad on purpose come last.
pub(crate) const RELEASES: &[Release] = &[
    Release {
        version: "1.0.5",
        meaning: "a plain list",
        accepts: &[ApiVersion::V1],
        features: &[],
        schema: Schema::Orders,
        theme: Theme::Square,
        checkout_fails: false,
    },
    Release {
        version: "2.0.4",
        meaning: "pictures",
        accepts: &[ApiVersion::V2, ApiVersion::V1],
        features: RELEASE_2,
        schema: Schema::Orders,
        theme: Theme::Circle,
        checkout_fails: false,
    },
    Release {
        version: DEFAULT,
        meaning: "ratings, categories, search, sorting, pages; the default",
        accepts: &[ApiVersion::V3, ApiVersion::V2, ApiVersion::V1],
        features: RELEASE_3,
        schema: Schema::Orders,
        theme: Theme::Hexagon,
        checkout_fails: false,
    },
    Release {
        version: "3.1.0",
        meaning: "a note for the courier: adds a column to the orders' table",
        accepts: &[ApiVersion::V3, ApiVersion::V2, ApiVersion::V1],
        features: RELEASE_3_1,
        schema: Schema::Note,
        theme: Theme::Hexagon,
        checkout_fails: false,
    },
    Release {
        version: "3.2.0",
        meaning: "the note is required: does not start while an order has none",
        accepts: &[ApiVersion::V3, ApiVersion::V2, ApiVersion::V1],
        features: RELEASE_3_1,
        schema: Schema::NoteRequired,
        theme: Theme::Hexagon,
        checkout_fails: false,
    },
    Release {
        version: "3.0.1-broken",
        meaning: "bad on purpose: its checkout fails",
        accepts: &[ApiVersion::V3, ApiVersion::V2, ApiVersion::V1],
        features: RELEASE_3,
        schema: Schema::Orders,
        theme: Theme::Triangle,
        checkout_fails: true,
    },
    Release {
        version: "3.1.1-narrow",
        meaning: "bad on purpose: renames a column, and every release beside it is closed for orders",
        accepts: &[ApiVersion::V3, ApiVersion::V2, ApiVersion::V1],
        features: RELEASE_3_1,
        schema: Schema::Delivery,
        theme: Theme::Triangle,
        checkout_fails: false,
    },
];

/// The newest good release that leaves the orders' table as it is; those after it are for whoever asks for them.
pub(crate) const DEFAULT: &str = "3.0.0";

impl Release {
    /// The release of that version.
    ///
    /// # Errors
    /// When there is none: the message lists those there are.
    pub fn find(version: &str) -> Result<&'static Self, String> {
        RELEASES.iter().find(|release| release.version == version).ok_or_else(|| {
            let versions: Vec<_> = RELEASES.iter().map(|release| release.version).collect();
            format!("there is no such release; there are {}", versions.join(", "))
        })
    }

    #[must_use]
    pub fn has(&self, feature: Feature) -> bool {
        self.features.contains(&feature)
    }

    /// All releases by version, each with its meaning.
    pub(crate) fn meanings() -> Vec<(&'static str, &'static str)> {
        RELEASES.iter().map(|release| (release.version, release.meaning)).collect()
    }

    /// The `Accept` header of its requests for products: each version that it understands, best first.
    #[must_use]
    pub fn accept(&self) -> String {
        let ranges = self.accepts.iter().enumerate().map(|(place, version)| {
            let range = format!("application/vnd.sava.{}+json", version.as_str());
            if place == 0 { range } else { format!("{range};q=0.{}", 10 - place) }
        });
        ranges.collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use sava_theme::Sign;

    use super::*;

    #[test]
    fn accept_names_versions_in_order_of_preference() {
        let accept = |version| Release::find(version).unwrap().accept();
        assert_eq!(accept("1.0.5"), "application/vnd.sava.v1+json");
        assert_eq!(
            accept("3.0.0"),
            "application/vnd.sava.v3+json, application/vnd.sava.v2+json;q=0.9, \
             application/vnd.sava.v1+json;q=0.8"
        );
    }

    #[test]
    fn a_release_has_one_sign_in_pages_and_in_the_release_view() {
        for release in RELEASES {
            assert_eq!(release.theme.sign(), Sign::of_release(release.version), "{}", release.version);
        }
    }

    #[test]
    fn unknown_release_lists_those_there_are() {
        let error = Release::find("4.0.0").unwrap_err();
        assert!(error.contains("1.0.5, 2.0.4, 3.0.0, 3.1.0, 3.2.0, 3.0.1-broken, 3.1.1-narrow"), "{error}");
    }

    #[test]
    fn default_release_is_in_the_table_and_good() {
        assert!(!Release::find(DEFAULT).unwrap().checkout_fails);
    }

    #[test]
    fn releases_that_take_a_note_keep_it() {
        for release in RELEASES {
            assert_eq!(release.has(Feature::Note), release.schema.has_note(), "{}", release.version);
        }
    }
}
