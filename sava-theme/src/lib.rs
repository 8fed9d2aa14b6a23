//! How a release is told from the others at a glance: a shape and a colour that goes with it, so that colour is never
//! the only sign. Pages, the release view in a browser and what is shown in terminals all read this one table.

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sign {
    pub shape: char,
    /// Its outline in a box of 40 by 40, as the `d` of an SVG path.
    pub path: &'static str,
    /// Its colours in the release view: one, or one for each of `of`.
    pub colours: &'static [Colour],
    /// Its colour in a terminal: a number of xterm's table of 256.
    pub indexed: u8,
    /// Whose it is: major versions, suffixes of versions, or [`NOBODY`]; none, where it is for releases that have no
    /// sign of their own.
    pub of: &'static [&'static str],
    /// The versions that have the colour as it is; others of the same sign have a tint of it.
    pub untinted: &'static [&'static str],
}

/// A colour by day and by night, as `#rrggbb`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour {
    pub light: &'static str,
    pub dark: &'static str,
}

const fn colour(light: &'static str, dark: &'static str) -> Colour {
    Colour { light, dark }
}

/// What stands in the place of a release where none answered.
pub const NOBODY: &str = "no answer";

/// The suffixes of releases that are bad on purpose. Others, such as `-rc1`, say nothing of the kind.
const BAD_ON_PURPOSE: &[&str] = &["breaking", "broken", "crash", "slow", "errors", "leak", "narrow"];

/// All signs. The colours of the published releases were found by a search among those that are seen on their page, and
/// are apart for those who see two kinds of colour as for those who see three; the tests say how far.
pub const SIGNS: [Sign; 8] = [
    Sign {
        shape: '■',
        path: "M4 4h32v32H4z",
        colours: &[colour("#001e62", "#689ff5")],
        indexed: 39,
        of: &["1"],
        untinted: &["1.0.3", "1.0.5"],
    },
    Sign {
        shape: '●',
        path: "M20 2a18 18 0 0 1 0 36 18 18 0 0 1 0-36z",
        colours: &[colour("#c17d00", "#ffb116")],
        indexed: 208,
        of: &["2"],
        untinted: &["2.0.1", "2.0.4"],
    },
    Sign {
        shape: '⬢',
        path: "M20 1 36.500 10.500v19L20 39 3.500 29.500v-19z",
        colours: &[colour("#136b5c", "#aefdcc")],
        indexed: 42,
        of: &["3"],
        untinted: &["3.0.0"],
    },
    Sign {
        shape: '▲',
        path: "M20 3 39 37H1z",
        colours: &[
            colour("#628cfe", "#efe5ff"),
            // Of the store front, as "errors" is of sava-product: they never share a picture. "narrow" has it too.
            colour("#890102", "#c21f0e"),
            colour("#0c0000", "#306b64"),
            colour("#7111db", "#7c41c9"),
            colour("#890102", "#c21f0e"),
            colour("#9c8f9c", "#969d96"),
            colour("#890102", "#c21f0e"),
        ],
        indexed: 205,
        of: BAD_ON_PURPOSE,
        untinted: &[],
    },
    Sign {
        shape: '◆',
        path: "M20 1 39 20 20 39 1 20z",
        colours: &[colour("#6b4fc4", "#b7a1ff")],
        indexed: 141,
        of: &[],
        untinted: &[],
    },
    Sign {
        shape: '✚',
        path: "M14 2h12v12h12v12H26v12H14V26H2V14h12z",
        colours: &[colour("#7a6a00", "#e6cf4a")],
        indexed: 178,
        of: &["4"],
        untinted: &[],
    },
    Sign {
        shape: '★',
        path: "M20 2l5 12 13 1-10 8 3 13-11-7-11 7 3-13-10-8 13-1z",
        colours: &[colour("#00798c", "#5fd3e6")],
        indexed: 44,
        of: &["5"],
        untinted: &[],
    },
    Sign {
        shape: '✗',
        path: "M2 7l5-5 13 13L33 2l5 5-13 13 13 13-5 5-13-13L7 38l-5-5 13-13z",
        colours: &[colour("#6b6560", "#a8a29b")],
        indexed: 7,
        of: &[NOBODY],
        untinted: &[NOBODY],
    },
];

impl Theme {
    #[must_use]
    pub const fn sign(self) -> &'static Sign {
        &SIGNS[self as usize]
    }

    /// The colour of the header of its pages: dark enough for white text (WCAG 2.2, 1.4.3), and far enough from the others
    /// for everybody.
    #[must_use]
    pub const fn band(self) -> &'static str {
        match self {
            Self::Square => "#11385d",
            Self::Circle => "#a83a02",
            Self::Hexagon => "#287c67",
            Self::Triangle => "#b80fe3",
        }
    }
}

impl Sign {
    /// Whether it is of releases that are bad on purpose: their areas are hatched.
    #[must_use]
    pub fn is_bad(&self) -> bool {
        self.of == BAD_ON_PURPOSE
    }

    /// Its place among [`SIGNS`] and that of one of its colours, as the name of a custom property in the release view.
    #[must_use]
    pub fn property(&self, place: usize) -> String {
        let sign = SIGNS.iter().position(|sign| sign == self).unwrap_or_default();
        if place == 0 { format!("--c{sign}") } else { format!("--c{sign}-{place}") }
    }

    /// The custom property of the colour of `release`, which has this sign.
    #[must_use]
    pub fn property_of(&self, release: &str) -> String {
        let suffix = release.split_once('-').map_or("", |(_, suffix)| suffix);
        let place = self.of.iter().position(|name| *name == suffix).unwrap_or_default();
        self.property(place.min(self.colours.len() - 1))
    }

    /// The sign of a release of either service, by its version alone: by its suffix, or else by its major version.
    #[must_use]
    pub fn of_release(release: &str) -> &'static Self {
        let (version, suffix) = release.split_once('-').unwrap_or((release, ""));
        let major = version.split('.').next().unwrap_or_default();
        let of = |name: &str| SIGNS.iter().find(|sign| sign.of.contains(&name));
        of(suffix).or_else(|| of(major)).unwrap_or(&SIGNS[4])
    }
}

/// The colours of releases as custom properties: by day, by night, and as the browser prefers.
#[must_use]
pub fn colour_properties() -> String {
    let properties = |by: fn(&Colour) -> &'static str| -> String {
        let colours = SIGNS.iter().flat_map(|sign| {
            sign.colours
                .iter()
                .enumerate()
                .map(move |(place, colour)| format!("{}:{};", sign.property(place), by(colour)))
        });
        colours.collect()
    };
    let (light, dark) = (properties(|colour| colour.light), properties(|colour| colour.dark));
    format!(
        ":root{{{light}}}:root[data-theme=dark]{{{dark}}}\
         @media (prefers-color-scheme: dark){{:root:not([data-theme=light]){{{dark}}}}}"
    )
}

#[cfg(test)]
mod tests {
    use palette::{
        IntoColor, Lab, LinSrgb, Srgb,
        color_difference::{Ciede2000, Wcag21RelativeContrast},
    };

    use regex_lite::Regex;
    use serde_json::Value;

    use super::*;

    /// A colour in linear light.
    fn linear(hex: &str) -> LinSrgb {
        hex.parse::<Srgb<u8>>().unwrap().into_format::<f32>().into_linear()
    }

    /// What a person without one of the three kinds of cones sees of a colour: G. M. Machado, M. M. Oliveira,
    /// L. A. F. Fernandes, A Physiologically-based Model for Simulation of Color Vision Deficiency, IEEE TVCG 15 (2009),
    /// table 1, severity 1.0. The first is what others see.
    const SIGHTS: [(&str, [[f32; 3]; 3]); 4] = [
        ("normal", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
        (
            "protanopia",
            [
                [0.152_286, 1.052_583, -0.204_868],
                [0.114_503, 0.786_281, 0.099_216],
                [-0.003_882, -0.048_116, 1.051_998],
            ],
        ),
        (
            "deuteranopia",
            [
                [0.367_322, 0.860_646, -0.227_968],
                [0.280_085, 0.672_501, 0.047_413],
                [-0.011_820, 0.042_940, 0.968_881],
            ],
        ),
        (
            "tritanopia",
            [
                [1.255_528, -0.076_749, -0.178_779],
                [-0.078_411, 0.930_809, 0.147_602],
                [0.004_733, 0.691_367, 0.303_900],
            ],
        ),
    ];

    fn seen(colour: LinSrgb, sight: [[f32; 3]; 3]) -> Lab {
        let rgb = [colour.red, colour.green, colour.blue];
        let [red, green, blue] =
            sight.map(|row| row.iter().zip(rgb).map(|(part, of)| part * of).sum::<f32>().clamp(0.0, 1.0));
        LinSrgb::new(red, green, blue).into_color()
    }

    /// The difference of the two colours, of those, that are the least apart, in that sight: CIEDE2000.
    fn least_apart(colours: &[(&str, &str)], sight: [[f32; 3]; 3]) -> (f32, String) {
        let pairs = colours
            .iter()
            .enumerate()
            .flat_map(|(place, one)| colours[..place].iter().map(move |two| (one, two)));
        pairs
            .map(|((one, colour), (two, other))| {
                let difference = seen(linear(colour), sight).difference(seen(linear(other), sight));
                (difference, format!("{one} and {two}"))
            })
            .min_by(|(one, _), (two, _)| one.total_cmp(two))
            .expect("there are two")
    }

    /// Each published release of either service, without those whose colour another has: 1.0.5 is drawn as 1.0.3.
    fn published(by: fn(&Colour) -> &'static str) -> Vec<(&'static str, &'static str)> {
        let signs =
            SIGNS.iter().filter(|sign| sign.is_bad() || ["1", "2", "3"].iter().any(|it| sign.of == [*it]));
        let named = signs.flat_map(|sign| sign.of.iter().zip(sign.colours));
        named
            .filter(|(name, _)| !["broken", "narrow"].contains(*name))
            .map(|(name, colour)| (*name, by(colour)))
            .collect()
    }

    #[test]
    fn published_releases_are_told_apart_by_colour_in_every_sight() {
        for (page, by) in [
            ("light", (|colour| colour.light) as fn(&Colour) -> &'static str),
            ("dark", |colour| colour.dark),
        ] {
            let colours = published(by);
            assert_eq!(colours.len(), 8, "{colours:?}");
            for (name, sight) in SIGHTS {
                let (difference, which) = least_apart(&colours, sight);
                assert!(difference >= 20.0, "{page}, {name}: {which} are {difference} apart");
            }
        }
    }

    #[test]
    fn bands_are_told_apart_by_colour_in_every_sight_and_bear_white_text() {
        let themes = [Theme::Square, Theme::Circle, Theme::Hexagon, Theme::Triangle];
        let bands = themes.map(|theme| (theme.sign().path, theme.band()));
        for (name, sight) in SIGHTS {
            let (difference, which) = least_apart(&bands, sight);
            assert!(difference >= 20.0, "{name}: {which} are {difference} apart");
        }
        for (version, band) in bands {
            let contrast = linear(band).relative_contrast(linear("#ffffff"));
            assert!(contrast >= 4.5, "{version}: {contrast}");
        }
    }

    /// Eight greys that are all seen on one page cannot be 20 apart: shapes and hatching tell them then. But those that
    /// stand beside each other most are a ladder: the good releases, and the one that fails.
    #[test]
    fn good_releases_and_failing_one_are_a_ladder_of_grey() {
        for by in [(|colour| colour.light) as fn(&Colour) -> &'static str, |colour| colour.dark] {
            let colours =
                published(by).into_iter().filter(|(name, _)| ["1", "2", "3", "errors"].contains(name));
            let mut lightness: Vec<f32> =
                colours.map(|(_, colour)| seen(linear(colour), SIGHTS[0].1).l).collect();
            lightness.sort_by(f32::total_cmp);
            assert_eq!(lightness.len(), 4);
            assert!(lightness.windows(2).all(|pair| pair[1] - pair[0] >= 11.5), "{lightness:?}");
        }
    }

    #[test]
    fn colours_are_seen_on_their_page() {
        for (sheet, by) in [
            ("#ffffff", (|colour| colour.light) as fn(&Colour) -> &'static str),
            ("#1a1a21", |colour| colour.dark),
        ] {
            for (name, colour) in published(by) {
                let contrast = linear(colour).relative_contrast(linear(sheet));
                assert!(contrast >= 2.75, "{name} on {sheet}: {contrast}");
            }
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

    /// Grafana is dark where nothing is said. The last override that matches a series' name holds.
    #[test]
    fn dashboard_has_the_colours_of_the_night() {
        let dashboard: Value =
            serde_json::from_str(include_str!("../../k8s/monitoring/sava-dashboard.json")).unwrap();
        let mut count = 0;
        for panel in dashboard["panels"].as_array().unwrap() {
            let legend =
                |target: &Value| target["legendFormat"].as_str().is_some_and(|it| it.contains("release"));
            if panel["type"] != "timeseries" || !panel["targets"].as_array().unwrap().iter().any(legend) {
                continue;
            }
            count += 1;
            let overrides = panel["fieldConfig"]["overrides"].as_array().unwrap();
            let colour_of = |series: &str| {
                let of_series = |it: &&Value| {
                    let pattern = it["matcher"]["options"].as_str().unwrap();
                    Regex::new(pattern.trim_matches('/')).unwrap().is_match(series)
                };
                let mut colours = overrides.iter().filter(of_series).filter_map(|it| {
                    let property = &it["properties"][0];
                    (property["id"] == "color").then(|| property["value"]["fixedColor"].as_str().unwrap())
                });
                colours.next_back().map(ToOwned::to_owned)
            };
            for sign in
                SIGNS.iter().filter(|sign| sign.is_bad() || ["1", "2", "3"].iter().any(|it| sign.of == [*it]))
            {
                for (name, colour) in sign.of.iter().zip(sign.colours) {
                    let release = if sign.is_bad() { format!("2.0.2-{name}") } else { format!("{name}.0.1") };
                    for series in
                        [&release, &format!("sava-product {release}"), &format!("sava-cart-ie {release} p95")]
                    {
                        assert_eq!(
                            colour_of(series).as_deref(),
                            Some(colour.dark),
                            "{series} in {}",
                            panel["title"]
                        );
                    }
                }
            }
        }
        assert!(count >= 5, "{count} panels tell releases apart");
    }
}
