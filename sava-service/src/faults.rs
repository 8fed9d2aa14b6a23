//! Faults on purpose: a release or an instance that misbehaves exactly as told, to be seen and rolled back.
//!
//! [`Faults`] is plain data, const-constructible, and read from settings and JSON, so that a table of releases can hold a
//! bad one. [`control`] applies it to requests.

pub(crate) mod control;

use std::{borrow::Cow, fmt, str::FromStr, time::Duration};

use axum::http::StatusCode;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// How requests are made to fail. All off in [`Faults::NONE`]; probes and metrics are always spared.
///
/// As JSON each member is optional:
/// `{"delay":"100ms..1s","errorRate":0.1,"status":503,"hang":0.01,"notReady":true,"exit":3,"leak":"1MiB",
/// "route":"/products/{locale}","apiVersion":"v2","seed":7,"for":"60s"}`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Faults {
    /// Added to each answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay: Option<Delay>,
    /// Share of requests that are answered with `status` instead: of each 100 exactly that many.
    #[serde(skip_serializing_if = "Rate::is_zero")]
    pub error_rate: Rate,
    /// The status of those answers, 500 unless told.
    #[serde(with = "status", skip_serializing_if = "is_internal_server_error")]
    pub status: StatusCode,
    /// Share of requests that get no answer until the request times out.
    #[serde(skip_serializing_if = "Rate::is_zero")]
    pub hang: Rate,
    /// `/readyz` says no.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub not_ready: bool,
    /// The process ends with this exit code at the next request (in scope).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
    /// Bytes of memory that each request takes and never gives back.
    #[serde(with = "size", skip_serializing_if = "is_zero")]
    pub leak: u64,
    /// Only requests of this route, as its template is written, such as `/products/{locale}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<Cow<'static, str>>,
    /// Only requests that were negotiated to this version of the API, such as `v2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<Cow<'static, str>>,
    /// Which requests of each 100 are hit, and how long a delay out of a range is: the same seed, the same requests.
    #[serde(skip_serializing_if = "is_zero")]
    pub seed: u64,
    /// The faults end by themselves after this time.
    #[serde(rename = "for", with = "duration", skip_serializing_if = "Option::is_none")]
    pub lasting: Option<Duration>,
}

/// More would end the process before anything leaks.
const MAX_LEAK: u64 = 1 << 30;
/// No instance of a lesson lives longer, and the clock has no end that is much later.
const MAX_LASTING: Duration = Duration::from_hours(365 * 24);

impl Faults {
    /// No faults.
    pub const NONE: Self = Self {
        delay: None,
        error_rate: Rate::ZERO,
        status: StatusCode::INTERNAL_SERVER_ERROR,
        hang: Rate::ZERO,
        not_ready: false,
        exit: None,
        leak: 0,
        route: None,
        api_version: None,
        seed: 0,
        lasting: None,
    };

    /// Whether anything is wrong at all.
    #[must_use]
    pub(crate) fn is_none(&self) -> bool {
        !self.hits_requests() && !self.not_ready
    }

    /// Whether requests are hit; otherwise they need not be looked at.
    #[must_use]
    pub(crate) fn hits_requests(&self) -> bool {
        self.delay.is_some()
            || !self.error_rate.is_zero()
            || !self.hang.is_zero()
            || self.exit.is_some()
            || self.leak > 0
    }

    /// Says what does not fit together.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.error_rate.0 + self.hang.0 > Rate::ALL.0 {
            return Err("errorRate and hang together are more than 1".to_owned());
        }
        let is_error = self.status.is_client_error() || self.status.is_server_error();
        if !(self.error_rate.is_zero() || is_error) {
            return Err(format!("status {} is not an error: it takes 400 to 599", self.status.as_u16()));
        }
        if self.exit.is_some_and(|code| !(0..=255).contains(&code)) {
            return Err("exit takes a code of 0 to 255".to_owned());
        }
        if self.leak > MAX_LEAK {
            return Err("leak takes at most 1GiB a request".to_owned());
        }
        if self.lasting.is_some_and(|lasting| lasting > MAX_LASTING) {
            return Err("for takes at most 365days".to_owned());
        }
        Ok(())
    }
}

impl Default for Faults {
    fn default() -> Self {
        Self::NONE
    }
}

/// A delay: fixed (`200ms`) or drawn from a range (`100ms..1s`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delay {
    /// The shortest.
    pub min: Duration,
    /// The longest; not less than `min`.
    pub max: Duration,
}

impl FromStr for Delay {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let takes = || "takes a duration such as 200ms, or a range such as 100ms..1s".to_owned();
        let duration = |text: &str| humantime::parse_duration(text.trim()).map_err(|_| takes());
        let (min, max) = text.split_once("..").unwrap_or((text, text));
        let (min, max) = (duration(min)?, duration(max)?);
        if min > max {
            return Err(format!("{}; the range ends before it begins", takes()));
        }
        Ok(Self { min, max })
    }
}

impl fmt::Display for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", humantime::format_duration(self.min))?;
        if self.max > self.min {
            write!(f, "..{}", humantime::format_duration(self.max))?;
        }
        Ok(())
    }
}

/// A share of requests, in steps of a hundredth of a percent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(pub(super) u16);

impl Rate {
    /// No request.
    pub(crate) const ZERO: Self = Self(0);
    /// Every request.
    pub(crate) const ALL: Self = Self(10_000);

    /// `percent` of each 100 requests; more than 100 is 100.
    #[must_use]
    pub const fn percent(percent: u16) -> Self {
        if percent > 100 { Self::ALL } else { Self(percent * 100) }
    }

    /// Whether it is not a request at all.
    #[must_use]
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub(crate) const fn is_zero(&self) -> bool {
        self.0 == 0
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be within 0 and 1"
    )]
    fn from_share(share: f64) -> Result<Self, String> {
        if (0.0..=1.0).contains(&share) {
            Ok(Self((share * 10_000.0).round() as u16))
        } else {
            Err(RATE_TAKES.to_owned())
        }
    }
}

const RATE_TAKES: &str = "takes a share of requests from 0 to 1, such as 0.1, or a percentage such as 10%";

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, scale) = text.trim().strip_suffix('%').map_or((text, 1.0), |number| (number, 0.01));
        let number: f64 = number.trim().parse().map_err(|_| RATE_TAKES.to_owned())?;
        Self::from_share(number * scale)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", f64::from(self.0) / 10_000.0)
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(f64::from(self.0) / 10_000.0)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(
            untagged,
            expecting = "a share of requests from 0 to 1, a percentage such as \"10%\", or true"
        )]
        enum Raw {
            All(bool),
            Share(f64),
            Text(String),
        }
        match Raw::deserialize(deserializer)? {
            Raw::All(all) => Ok(if all { Self::ALL } else { Self::ZERO }),
            Raw::Share(share) => Self::from_share(share).map_err(de::Error::custom),
            Raw::Text(text) => text.parse().map_err(de::Error::custom),
        }
    }
}

impl Serialize for Delay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Delay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'_, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

mod status {
    use super::{Deserialize, Deserializer, Serializer, StatusCode, de};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub(super) fn serialize<S: Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u16(status.as_u16())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<StatusCode, D::Error> {
        StatusCode::from_u16(u16::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

mod size {
    use super::{Cow, Deserialize, Deserializer, Serializer, de};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub(super) fn serialize<S: Serializer>(size: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&bytesize::ByteSize(*size).display().iec())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a size in bytes, such as \"1MiB\"")]
        enum Raw<'a> {
            Bytes(u64),
            Text(#[serde(borrow)] Cow<'a, str>),
        }
        match Raw::deserialize(deserializer)? {
            Raw::Bytes(bytes) => Ok(bytes),
            Raw::Text(text) => {
                text.parse::<bytesize::ByteSize>().map(|size| size.as_u64()).map_err(de::Error::custom)
            }
        }
    }
}

mod duration {
    use super::{Cow, Deserialize, Deserializer, Duration, Serializer, de};

    #[expect(clippy::ref_option, reason = "serde's signature")]
    pub(super) fn serialize<S: Serializer>(
        duration: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => serializer.collect_str(&humantime::format_duration(*duration)),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        let text = Cow::<'_, str>::deserialize(deserializer)?;
        humantime::parse_duration(&text)
            .map(Some)
            .map_err(|_| de::Error::custom("\"for\" takes a duration such as 30s or 5m"))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_internal_server_error(status: &StatusCode) -> bool {
    *status == StatusCode::INTERNAL_SERVER_ERROR
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_fixed_or_ranges() {
        let range = "100ms..1s".parse::<Delay>().unwrap();
        assert_eq!(range, Delay { min: Duration::from_millis(100), max: Duration::from_secs(1) });
        let fixed = Duration::from_millis(200);
        assert_eq!("200ms".parse(), Ok(Delay { min: fixed, max: fixed }));
        assert_eq!(range.to_string(), "100ms..1s");
        assert!("1s..100ms".parse::<Delay>().unwrap_err().contains("ends before"));
        assert!("soon".parse::<Delay>().unwrap_err().contains("200ms"));
    }

    #[test]
    fn rates_are_shares_or_percentages() {
        assert_eq!("0.1".parse(), Ok(Rate::percent(10)));
        assert_eq!("10%".parse(), Ok(Rate::percent(10)));
        assert_eq!("0.25%".parse(), Ok(Rate(25)));
        for wrong in ["1.5", "-0.1", "101%", "NaN", "", "ten"] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn json_round_trips() {
        let json = r#"{"delay":"100ms..1s","errorRate":0.1,"status":503,"hang":0.01,"notReady":true,"exit":3,"leak":"1.0 MiB","route":"/products/{locale}","apiVersion":"v2","seed":7,"for":"1m"}"#;
        let faults: Faults = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&faults).unwrap(), json);
        assert_eq!(serde_json::from_str::<Faults>("{}").unwrap(), Faults::NONE);
        assert_eq!(serde_json::to_string(&Faults::NONE).unwrap(), "{}");
    }

    #[test]
    fn json_that_is_wrong_is_named() {
        let error = |json| serde_json::from_str::<Faults>(json).unwrap_err().to_string();
        assert!(error(r#"{"errorrate":1}"#).contains("errorrate"));
        assert!(error(r#"{"errorRate":2}"#).contains("from 0 to 1"));
        assert!(error(r#"{"for":"soon"}"#).contains("30s"));
        assert!(Faults { status: StatusCode::OK, error_rate: Rate::ALL, ..Faults::NONE }.check().is_err());
    }
}
