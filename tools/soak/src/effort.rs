//! How much of a run is done.

use clap::ValueEnum;

/// How much of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Effort {
    /// A few seconds each, as the tests do it
    Short,
    /// Minutes each: the whole campaign
    Full,
}

impl Effort {
    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.choose("short", "full")
    }

    pub(crate) fn choose<T>(self, short: T, full: T) -> T {
        match self {
            Self::Short => short,
            Self::Full => full,
        }
    }
}
