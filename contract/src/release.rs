//! Which release serves which versions of the API.

use anyhow::{Context as _, ensure};

/// The newest version that a release brought. A release serves the versions of all releases before it: that
/// is what lets a store front of an older release go on.
const NEWEST: &[(Number, u8)] = &[((1, 0, 0), 1), ((2, 0, 0), 2), ((3, 0, 0), 3)];

/// Major, minor and patch.
type Number = (u64, u64, u64);

/// A release of the service, and the versions that it has to serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// As it names itself, such as `2.0.1`.
    pub name: String,
    /// The versions that it must serve, ascending and without a gap: never empty.
    pub versions: Vec<u8>,
}

impl Release {
    /// The release `name`, which claims to serve `claimed` (a claim can only add newer versions, never drop one).
    pub fn new(name: &str, claimed: &[u8]) -> anyhow::Result<Self> {
        let number = number(name)?;
        let known = NEWEST.iter().rev().find(|(since, _)| *since <= number).map(|(_, version)| *version);
        let newest = known.into_iter().chain(claimed.iter().copied()).max();
        let newest = newest.with_context(|| format!("no version of the API is known for release {name}"))?;
        Ok(Self { name: name.to_owned(), versions: (1..=newest).collect() })
    }

    /// The newest version that it serves.
    #[must_use]
    pub fn newest(&self) -> u8 {
        self.versions.last().copied().unwrap_or(1)
    }
}

/// Reads `2.0.1` or `2.0.1-name`.
fn number(name: &str) -> anyhow::Result<Number> {
    let plain = name.split(['-', '+']).next().unwrap_or(name);
    let parts: Vec<u64> = plain
        .split('.')
        .map(|part| part.parse().with_context(|| format!("{name:?} is not a release such as 2.0.1")))
        .collect::<Result<_, _>>()?;
    ensure!(parts.len() == 3, "{name:?} is not a release such as 2.0.1");
    Ok((parts[0], parts[1], parts[2]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_serves_the_versions_of_those_before_it() {
        let versions = |name, claimed: &[u8]| Release::new(name, claimed).unwrap().versions;
        assert_eq!(versions("1.0.3", &[1]), [1]);
        assert_eq!(versions("2.0.1", &[1, 2]), [1, 2]);
        assert_eq!(versions("2.0.2-slow", &[]), [1, 2]);
        assert_eq!(versions("2.1.0-breaking", &[2]), [1, 2], "v1 cannot be dropped");
        assert_eq!(versions("3.1.0", &[1, 2]), [1, 2, 3], "nor the newest");
        assert_eq!(versions("4.0.0", &[1, 2, 3, 4]), [1, 2, 3, 4], "a newer one can be added");
    }

    #[test]
    fn what_is_not_a_release_is_refused() {
        for name in ["", "3", "3.0", "three", "3.0.x"] {
            assert!(Release::new(name, &[1]).is_err(), "{name}");
        }
        assert!(Release::new("0.9.0", &[]).is_err());
    }
}
