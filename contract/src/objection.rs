//! Why the check of a rule stops before its end.

/// What a check found, or why it stopped.
pub(crate) type Checked<T = ()> = Result<T, Objection>;

/// Why a check stopped before it could say that the promise is kept.
#[derive(Clone, Debug)]
pub(crate) enum Objection {
    /// The promise is broken.
    Broken(String),
    /// The promise does not concern this server, or cannot be seen from here.
    DoesNotApply(String),
    /// What the check stands on is itself broken, which is for the rule that is named to say.
    StandsOn(&'static str, String),
}

/// A server that does not answer at all breaks whatever promise was looked at.
impl From<anyhow::Error> for Objection {
    fn from(error: anyhow::Error) -> Self {
        Self::Broken(format!("{error:#}"))
    }
}

/// Breaks off the check with the reason why the promise is broken, unless the condition holds.
macro_rules! demand {
    ($condition:expr, $($reason:tt)+) => {
        if !$condition {
            return Err($crate::objection::Objection::Broken(format!($($reason)+)));
        }
    };
}

/// Breaks off the check with the reason why it does not concern this server, unless the condition holds.
macro_rules! applies {
    ($condition:expr, $($reason:tt)+) => {
        if !$condition {
            return Err($crate::objection::Objection::DoesNotApply(format!($($reason)+)));
        }
    };
}

pub(crate) use {applies, demand};
