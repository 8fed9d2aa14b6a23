//! Which version of the API a request asks for: proactive negotiation of a media type (RFC 9110 §12.5.1).
//!
//! Pure and on its own: the values of the `Accept` header and the versions that are served go in, a [`Choice`] or
//! [`NotAcceptable`] comes out. Nothing is allocated, and the work is linear in the length of the header.
//!
//! What is served is, of each version *N*, `application/vnd.sava.vN+json`; and, of the newest version,
//! `application/vnd.sava+json` and plain `application/json`. The quality of each is that of the most specific range
//! that matches it. Among those of equal quality the one wins whose range says more, then the newest version. A
//! version that is named with `q=0` is out, whatever else would let it in: "newest" then is the newest of the rest.
//!
//! Real clients are met with kindness: a range that cannot be parsed is skipped, a bare `*` is `*/*`, `q=.2` is 0.2,
//! parameters of a range other than `q` are ignored, and a header of which nothing can be read is as if it were not there.

use sava_service::quality::{Quality, weighted};

use crate::api_version::ApiVersion;

/// The most bytes of `Accept` that are looked at; the server's own limit on header sections is not larger.
const MAX_BYTES: usize = 32 * 1024;

/// What was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    /// The version.
    pub version: ApiVersion,
    /// The media type that answers.
    pub media_type: MediaType,
    /// The kind of range by which it was chosen.
    pub asked: RangeKind,
}

/// The media type of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MediaType {
    /// The version's own type, such as `application/vnd.sava.v2+json`.
    Vendor,
    /// `application/json`.
    Plain,
}

/// The kind of range that a client asked with, from the one that says least to the one that says most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RangeKind {
    /// No `Accept`, or none that can be read.
    Nothing,
    /// `*/*`, or a bare `*`.
    Anything,
    /// `application/*`
    Application,
    /// `application/json`
    Json,
    /// `application/vnd.sava+json`
    Vendor,
    /// `application/vnd.sava.vN+json`
    Version,
}

impl RangeKind {
    /// How much the range says: ranges of one level are equals.
    const fn specificity(self) -> u8 {
        match self {
            Self::Nothing => 0,
            Self::Anything => 1,
            Self::Application => 2,
            Self::Json | Self::Vendor => 3,
            Self::Version => 4,
        }
    }
}

/// None of the media types that are served is acceptable to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotAcceptable;

/// Chooses among the versions `served` by the values of the `Accept` header
/// lines of a request, in any order.
///
/// # Errors
/// [`NotAcceptable`] when there is a range that can be read, and none lets anything in that is served.
pub(crate) fn negotiate<'header>(
    accept: impl IntoIterator<Item = &'header [u8]>,
    served: &[ApiVersion],
) -> Result<Choice, NotAcceptable> {
    let preferences = Preferences::read(accept, served);
    if !preferences.readable {
        let newest = served.iter().copied().max().ok_or(NotAcceptable)?;
        return Ok(Choice { version: newest, media_type: MediaType::Plain, asked: RangeKind::Nothing });
    }
    preferences
        .candidates(served)
        .flatten()
        .filter(|(quality, _)| quality.is_acceptable())
        // Equal in all but the media type are, say, `vnd.sava+json` and `json`: the vendor's type says more. Of a wildcard
        // `application/json` is meant.
        .max_by_key(|(quality, choice)| {
            let specificity = choice.asked.specificity();
            let prefers = match choice.media_type {
                MediaType::Vendor => specificity > RangeKind::Application.specificity(),
                MediaType::Plain => specificity <= RangeKind::Application.specificity(),
            };
            (*quality, specificity, choice.version, prefers)
        })
        .map(|(_, choice)| choice)
        .ok_or(NotAcceptable)
}

/// What the ranges of a request say of each thing that is served: a fixed table, however long the header is.
#[derive(Default)]
struct Preferences {
    /// By [`ApiVersion::index`].
    versions: [Option<Quality>; ApiVersion::ALL.len()],
    vendor: Option<Quality>,
    json: Option<Quality>,
    application: Option<Quality>,
    anything: Option<Quality>,
    /// Whether at least one range could be parsed.
    readable: bool,
}

impl Preferences {
    fn read<'header>(accept: impl IntoIterator<Item = &'header [u8]>, served: &[ApiVersion]) -> Self {
        let mut preferences = Self::default();
        let mut bytes_left = MAX_BYTES;
        for value in accept {
            let value = &value[..value.len().min(bytes_left)];
            bytes_left -= value.len();
            for (name, quality) in weighted(value).filter(|(name, _)| is_range(name)) {
                preferences.readable = true;
                if let Some(entry) = preferences.entry(name, served) {
                    // The same range twice: the better counts, but a refusal is a refusal.
                    *entry = Some(entry.map_or(quality, |before| {
                        if before.is_acceptable() && quality.is_acceptable() {
                            before.max(quality)
                        } else {
                            Quality::NONE
                        }
                    }));
                }
            }
        }
        preferences
    }

    fn entry(&mut self, name: &[u8], served: &[ApiVersion]) -> Option<&mut Option<Quality>> {
        if name == b"*" || name == b"*/*" {
            return Some(&mut self.anything);
        }
        let (kind, subtype) = name.split_at_checked(b"application/".len())?;
        if !kind.eq_ignore_ascii_case(b"application/") {
            return None;
        }
        if subtype == b"*" {
            Some(&mut self.application)
        } else if subtype.eq_ignore_ascii_case(b"json") {
            Some(&mut self.json)
        } else if subtype.eq_ignore_ascii_case(b"vnd.sava+json") {
            Some(&mut self.vendor)
        } else {
            let number = version_number(subtype)?;
            let version = served.iter().find(|version| version.number() == number)?;
            Some(&mut self.versions[version.index()])
        }
    }

    /// All that is served, with the quality that it has for the client where any range matches it.
    fn candidates<'a>(
        &'a self,
        served: &'a [ApiVersion],
    ) -> impl Iterator<Item = Option<(Quality, Choice)>> + 'a {
        let versions = served.iter().map(|version| (self.versions[version.index()], *version));
        // A version that is named with q=0 is not the newest for this client, even where a wildcard lets it in.
        let newest = versions
            .clone()
            .filter(|(wish, _)| *wish != Some(Quality::NONE))
            .map(|(_, version)| version)
            .max();
        let wildcards = [(self.application, RangeKind::Application), (self.anything, RangeKind::Anything)];
        versions.flat_map(move |(named, version)| {
            let is_newest = Some(version) == newest;
            let alias = self.vendor.filter(|_| is_newest);
            let own = [(named, RangeKind::Version), (alias, RangeKind::Vendor)];
            // A wildcard does not let a version in by the plain type that the client judged by its name: after
            // `application/vnd.sava.v3+json;q=0.1, */*` anything is better than version 3.
            let plain = match (self.json, named) {
                (Some(_), _) if is_newest => [(self.json, RangeKind::Json), (None, RangeKind::Anything)],
                (None, None) => wildcards,
                _ => [(None, RangeKind::Application), (None, RangeKind::Anything)],
            };
            [
                most_specific(own.into_iter().chain(wildcards), version, MediaType::Vendor),
                most_specific(plain.into_iter(), version, MediaType::Plain),
            ]
        })
    }
}

/// The first of `ranges` (the most specific first) that the client gave.
fn most_specific(
    mut ranges: impl Iterator<Item = (Option<Quality>, RangeKind)>,
    version: ApiVersion,
    media_type: MediaType,
) -> Option<(Quality, Choice)> {
    ranges.find_map(|(wish, asked)| wish.map(|quality| (quality, Choice { version, media_type, asked })))
}

/// The number in `vnd.sava.vN+json`.
fn version_number(subtype: &[u8]) -> Option<u8> {
    let (prefix, rest) = subtype.split_at_checked(b"vnd.sava.v".len())?;
    let (number, suffix) = rest.split_at_checked(rest.len().checked_sub(b"+json".len())?)?;
    let plain_number = number.iter().all(u8::is_ascii_digit) && number.first() != Some(&b'0');
    (prefix.eq_ignore_ascii_case(b"vnd.sava.v") && suffix.eq_ignore_ascii_case(b"+json") && plain_number)
        .then(|| std::str::from_utf8(number).ok()?.parse().ok())?
}

/// Whether `name` is a media range that can be read.
fn is_range(name: &[u8]) -> bool {
    match name.iter().position(|byte| *byte == b'/') {
        // `*/json` is not a range (RFC 9110 §12.5.1).
        Some(slash) => {
            is_token(&name[..slash])
                && is_token(&name[slash + 1..])
                && (!name.starts_with(b"*/") || name == b"*/*")
        }
        None => name == b"*",
    }
}

fn is_token(text: &[u8]) -> bool {
    // RFC 9110 §5.6.2.
    !text.is_empty()
        && text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}

#[cfg(test)]
mod tests;
