//! The releases: named profiles of this one binary, each with what it serves. The one place where they differ.

use std::time::Duration;

use sava_service::faults::{Delay, Faults, Rate};

use crate::api_version::ApiVersion::{self, V1, V2, V3};

/// A release of sava-product.
#[derive(Debug, PartialEq)]
pub struct Release {
    /// Its version number, which images and answers bear.
    pub version: &'static str,
    /// What it is for, in a few words.
    pub meaning: &'static str,
    /// The versions of the API that it serves, from the oldest to the newest.
    pub api_versions: &'static [ApiVersion],
    /// What goes wrong in it, on purpose.
    pub faults: Faults,
}

/// All releases, from the oldest to the newest; those that are bad on purpose come last, each to be caught at another
/// stage of a delivery.
pub(crate) const RELEASES: &[Release] = &[
    Release { version: "1.0.3", meaning: "version 1 of the API", api_versions: &[V1], faults: Faults::NONE },
    Release {
        version: "2.0.1",
        meaning: "version 2 of the API too: a product has a picture",
        api_versions: &[V1, V2],
        faults: Faults::NONE,
    },
    NEWEST,
    Release {
        version: "2.0.2-slow",
        meaning: "bad on purpose: answers after 0.4 to 1.2 s",
        api_versions: &[V1, V2],
        faults: Faults {
            delay: Some(Delay { min: Duration::from_millis(400), max: Duration::from_millis(1200) }),
            ..Faults::NONE
        },
    },
    Release {
        version: "2.0.2-errors",
        meaning: "bad on purpose: one answer of five is a 500",
        api_versions: &[V1, V2],
        faults: Faults { error_rate: Rate::percent(20), ..Faults::NONE },
    },
    Release {
        version: "2.0.2-crash",
        meaning: "bad on purpose: never gets ready",
        api_versions: &[V1, V2],
        faults: Faults { not_ready: true, ..Faults::NONE },
    },
    Release {
        version: "2.0.2-leak",
        meaning: "bad on purpose: keeps 1 MiB more with each request",
        api_versions: &[V1, V2],
        faults: Faults { leak: 1 << 20, ..Faults::NONE },
    },
    // Drops version 1, which release 1.0.5 of the store front still asks for.
    Release {
        version: "2.1.0-breaking",
        meaning: "bad on purpose: without version 1 of the API, which old store fronts ask for",
        api_versions: &[V2],
        faults: Faults::NONE,
    },
];

/// The release that runs when none is named.
pub(crate) const NEWEST: Release = Release {
    version: "3.0.0",
    meaning: "version 3 of the API too: prices in minor units, ratings, categories; the default",
    api_versions: &[V1, V2, V3],
    faults: Faults::NONE,
};

impl Release {
    /// The release with this version number.
    ///
    /// # Errors
    /// When there is none: the message lists those there are.
    pub fn named(version: &str) -> Result<&'static Self, String> {
        RELEASES.iter().find(|release| release.version == version).ok_or_else(|| {
            let versions: Vec<_> = RELEASES.iter().map(|release| release.version).collect();
            format!("there is no such release; there are {}", versions.join(", "))
        })
    }

    /// All releases by version, each with its meaning.
    pub(crate) fn meanings() -> Vec<(&'static str, &'static str)> {
        RELEASES.iter().map(|release| (release.version, release.meaning)).collect()
    }

    /// The newest version of the API that it serves.
    ///
    /// # Panics
    /// Never: each release in the table serves a version.
    #[must_use]
    pub fn newest(&self) -> ApiVersion {
        *self.api_versions.last().expect("a release serves at least one version")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_release_serves_versions_in_order() {
        for release in RELEASES {
            assert!(
                !release.api_versions.is_empty() && release.api_versions.is_sorted(),
                "{}",
                release.version
            );
            assert_eq!(Release::named(release.version), Ok(release));
        }
    }

    #[test]
    fn a_wrong_release_names_those_there_are() {
        assert_eq!(
            Release::named("9").unwrap_err(),
            "there is no such release; there are 1.0.3, 2.0.1, 3.0.0, 2.0.2-slow, 2.0.2-errors, 2.0.2-crash, \
             2.0.2-leak, 2.1.0-breaking"
        );
    }
}
