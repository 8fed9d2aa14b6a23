//! How a release is told from the others at a glance: a shape and a colour that goes with it, so that colour is never
//! the only sign. Pages, the release view in a browser and its lines in a terminal all read this one table.

use serde::Serialize;

/// The theme of a release of the store front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// Releases 1.x.
    Square,
    /// Releases 2.x.
    Circle,
    /// Releases 3.x.
    Hexagon,
    /// Releases that are bad on purpose.
    Triangle,
}

/// A shape with its colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Sign {
    pub shape: char,
    /// Its outline in a box of 40 by 40, as the `d` of an SVG path.
    pub path: &'static str,
    /// Its colour in the release view, which differs by day and night: a custom property of the style sheet.
    pub colour: &'static str,
    /// Its colour in a terminal, as parameters of SGR (ECMA-48 §8.3.117).
    #[serde(skip)]
    pub sgr: &'static str,
    /// Whose it is: major versions, suffixes of versions, or [`NOBODY`]; none, where it is for releases that have no
    /// sign of their own.
    pub of: &'static [&'static str],
}

/// What stands in the place of a release where none answered.
pub(crate) const NOBODY: &str = "no answer";

/// The suffixes of releases that are bad on purpose. Others, such as `-rc1`, say nothing of the kind.
const BAD_ON_PURPOSE: &[&str] = &["breaking", "crash", "slow", "errors", "leak", "broken"];

/// All signs.
pub(crate) const SIGNS: [Sign; 8] = [
    Sign { shape: '■', path: "M4 4h32v32H4z", colour: "--c0", sgr: "1;38;5;39", of: &["1"] },
    Sign {
        shape: '●',
        path: "M20 2a18 18 0 0 1 0 36 18 18 0 0 1 0-36z",
        colour: "--c1",
        sgr: "1;38;5;208",
        of: &["2"],
    },
    Sign {
        shape: '⬢',
        path: "M20 1 36.500 10.500v19L20 39 3.500 29.500v-19z",
        colour: "--c2",
        sgr: "1;38;5;42",
        of: &["3"],
    },
    Sign { shape: '▲', path: "M20 3 39 37H1z", colour: "--c3", sgr: "1;38;5;205", of: BAD_ON_PURPOSE },
    Sign { shape: '◆', path: "M20 1 39 20 20 39 1 20z", colour: "--c4", sgr: "1;38;5;141", of: &[] },
    Sign {
        shape: '✚',
        path: "M14 2h12v12h12v12H26v12H14V26H2V14h12z",
        colour: "--c5",
        sgr: "1;38;5;178",
        of: &["4"],
    },
    Sign {
        shape: '★',
        path: "M20 2l5 12 13 1-10 8 3 13-11-7-11 7 3-13-10-8 13-1z",
        colour: "--c6",
        sgr: "1;38;5;44",
        of: &["5"],
    },
    Sign {
        shape: '✗',
        path: "M2 7l5-5 13 13L33 2l5 5-13 13 13 13-5 5-13-13L7 38l-5-5 13-13z",
        colour: "--c7",
        sgr: "1;37",
        of: &[NOBODY],
    },
];

impl Theme {
    #[must_use]
    pub const fn sign(self) -> &'static Sign {
        &SIGNS[self as usize]
    }

    /// The colour of the header of its pages: dark enough for white text (WCAG 2.2, 1.4.6).
    #[must_use]
    pub const fn band(self) -> &'static str {
        match self {
            Self::Square => "#0a4a8f",
            Self::Circle => "#a83a00",
            Self::Hexagon => "#0b5c46",
            Self::Triangle => "#8a1250",
        }
    }
}

impl Sign {
    /// The sign of a release of either service, by its version alone: by its suffix, or else by its major version.
    #[must_use]
    pub fn of_release(release: &str) -> &'static Self {
        let (version, suffix) = release.split_once('-').unwrap_or((release, ""));
        let major = version.split('.').next().unwrap_or_default();
        let of = |name: &str| SIGNS.iter().find(|sign| sign.of.contains(&name));
        of(suffix).or_else(|| of(major)).unwrap_or(&SIGNS[4])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::RELEASES;

    #[test]
    fn a_release_has_one_sign_in_pages_and_in_the_release_view() {
        for release in RELEASES {
            assert_eq!(release.theme.sign(), Sign::of_release(release.version), "{}", release.version);
        }
    }

    #[test]
    fn every_sign_is_told_from_the_others_without_its_colour() {
        for (place, sign) in SIGNS.iter().enumerate() {
            let others = SIGNS.iter().skip(place + 1);
            assert!(others.into_iter().all(|other| other.shape != sign.shape && other.path != sign.path));
        }
        assert_eq!(Sign::of_release("6.0.0").shape, '◆');
        assert_eq!(Sign::of_release("3.2.0-rc1").shape, '⬢', "a candidate is not bad on purpose");
        assert_eq!(Sign::of_release("2.0.2-slow").shape, '▲');
        assert_eq!(Sign::of_release(NOBODY).shape, '✗');
    }
}
