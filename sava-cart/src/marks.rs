//! Marks of a presenter: a word at a moment, such as "released", which every open release view shows.
//!
//! They are in the memory of the process that took them. A view that samples several processes gets the marks of each.

use std::{
    collections::VecDeque,
    fmt,
    num::NonZeroU32,
    str::FromStr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// The shortest key: what is drawn of letters and digits has 95 bits then.
const MIN_KEY_CHARS: usize = 16;
/// Marks that are remembered.
const MAX_MARKS: usize = 16;
/// How long views are told of a mark: they sample far more often.
const TOLD_FOR: Duration = Duration::from_mins(1);
/// Marks that are taken in a minute, those that are sent again included.
const MAX_A_MINUTE: NonZeroU32 = NonZeroU32::new(240).expect("more than none");

/// What only the presenter knows; kept as a digest, so that keys of any length compare in the same time.
#[derive(Clone, Copy)]
pub struct PresenterKey([u8; 32]);

impl PresenterKey {
    /// Whether `key` is this one, in a time that does not say how much of it is right.
    #[must_use]
    pub(crate) fn is(&self, key: &str) -> bool {
        self.0.ct_eq(&<[u8; 32]>::from(Sha256::digest(key))).into()
    }
}

impl FromStr for PresenterKey {
    type Err = String;

    fn from_str(key: &str) -> Result<Self, String> {
        if key.chars().count() < MIN_KEY_CHARS {
            return Err(format!(
                "takes {MIN_KEY_CHARS} letters at least, such as `openssl rand -hex 16` prints"
            ));
        }
        Ok(Self(Sha256::digest(key).into()))
    }
}

impl fmt::Debug for PresenterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PresenterKey")
    }
}

/// A mark as a view is told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ToldMark {
    /// By which a view knows it again.
    pub id: String,
    pub text: String,
    /// How long ago it was: clocks of browsers differ.
    pub age_ms: u64,
}

/// The last marks.
pub(crate) struct Marks {
    kept: Mutex<VecDeque<(Instant, String, String)>>,
    limiter: DefaultDirectRateLimiter,
}

impl Marks {
    pub(crate) fn new() -> Self {
        Self { kept: Mutex::default(), limiter: RateLimiter::direct(Quota::per_minute(MAX_A_MINUTE)) }
    }

    /// Keeps a mark that was set at this time, once: a presenter's view sends it again, to reach other processes.
    ///
    /// # Errors
    /// When more have come than anybody reads: it is not kept.
    pub(crate) fn keep(&self, time: Instant, id: String, text: String) -> Result<(), TooManyMarks> {
        self.limiter.check().map_err(|_| TooManyMarks)?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.iter().all(|(_, known, _)| *known != id) {
            kept.push_back((time, id, text));
            if kept.len() > MAX_MARKS {
                kept.pop_front();
            }
        }
        Ok(())
    }

    /// Those that views are told of.
    pub(crate) fn told(&self) -> Vec<ToldMark> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = kept.iter().filter(|(time, ..)| time.elapsed() < TOLD_FOR);
        let told = recent.map(|(time, id, text)| ToldMark {
            id: id.clone(),
            text: text.clone(),
            age_ms: u64::try_from(time.elapsed().as_millis()).unwrap_or(u64::MAX),
        });
        told.collect()
    }
}

impl fmt::Debug for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Marks").finish_non_exhaustive()
    }
}

/// More marks than anybody reads.
#[derive(Debug)]
pub(crate) struct TooManyMarks;

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(marks: &Marks) -> Vec<String> {
        marks.told().into_iter().map(|mark| mark.text).collect()
    }

    #[test]
    fn keys_are_long_and_hidden() {
        assert!("fifteen letters".parse::<PresenterKey>().is_err());
        let key: PresenterKey = "sixteen letters!".parse().unwrap();
        assert!(key.is("sixteen letters!"));
        for other in ["", "sixteen letters", "sixteen letters!!", "Sixteen letters!"] {
            assert!(!key.is(other), "{other}");
        }
        assert_eq!(format!("{key:?}"), "PresenterKey");
    }

    #[test]
    fn a_mark_that_is_sent_again_is_one() {
        let marks = Marks::new();
        for id in ["a", "b", "a"] {
            marks.keep(Instant::now(), id.to_owned(), format!("mark {id}")).unwrap();
        }
        assert_eq!(texts(&marks), ["mark a", "mark b"]);
    }

    #[test]
    fn the_last_marks_are_remembered_for_a_minute() {
        let marks = Marks::new();
        if let Some(earlier) = Instant::now().checked_sub(TOLD_FOR) {
            marks.keep(earlier, "old".to_owned(), "old".to_owned()).unwrap();
        }
        assert_eq!(texts(&marks), Vec::<String>::new());
        let mut n_kept = 0;
        while marks.keep(Instant::now(), n_kept.to_string(), n_kept.to_string()).is_ok() {
            n_kept += 1;
        }
        assert!(n_kept < 300, "{n_kept} in a moment");
        assert_eq!(texts(&marks).len(), MAX_MARKS);
        assert_eq!(texts(&marks).last(), Some(&(n_kept - 1).to_string()));
    }
}
