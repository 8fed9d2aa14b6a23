//! A rule: one thing that the API promises, and how to find out whether it is kept.

use std::fmt;

use crate::Server;

/// One promise of the API.
#[derive(Clone, Copy)]
pub struct Rule {
    /// The section that promises it and a name, such as `3.1/accept-q0-excludes`; `5` is what both services keep.
    pub id: &'static str,
    /// The promise, in a sentence.
    pub promise: &'static str,
    pub(crate) check: fn(&Server) -> Checked,
}

impl Rule {
    /// A row of a table of rules.
    pub(crate) const fn new(id: &'static str, promise: &'static str, check: fn(&Server) -> Checked) -> Self {
        Self { id, promise, check }
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id)
    }
}

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

/// What became of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The server keeps the promise.
    Pass,
    /// It does not, and how that was seen.
    Fail(String),
    /// It could not be looked at, and why.
    NotApplicable(String),
}

/// Breaks off the check with the reason why the promise is broken, unless the condition holds.
macro_rules! demand {
    ($condition:expr, $($reason:tt)+) => {
        if !$condition {
            return Err($crate::rule::Objection::Broken(format!($($reason)+)));
        }
    };
}

/// Breaks off the check with the reason why it does not concern this server, unless the condition holds.
macro_rules! applies {
    ($condition:expr, $($reason:tt)+) => {
        if !$condition {
            return Err($crate::rule::Objection::DoesNotApply(format!($($reason)+)));
        }
    };
}

pub(crate) use {applies, demand};

/// Runs the rules in order, each whatever became of the others.
#[must_use]
pub fn run(rules: &[&Rule], server: &Server) -> Vec<(Rule, Verdict)> {
    let found: Vec<(Rule, Checked)> = rules.iter().map(|rule| (**rule, (rule.check)(server))).collect();
    let is_broken = |id: &str| {
        found.iter().any(|(rule, checked)| {
            rule.id == id && matches!(checked, Err(Objection::Broken(_) | Objection::StandsOn(..)))
        })
    };
    found
        .iter()
        .map(|(rule, checked)| {
            let verdict = match checked {
                Ok(()) => Verdict::Pass,
                Err(Objection::DoesNotApply(reason)) => Verdict::NotApplicable(reason.clone()),
                // A broken foundation is told once, by the rule that is about it. Where that rule was not run, or
                // saw nothing wrong, this one must tell it.
                Err(Objection::StandsOn(id, _)) if *id != rule.id && is_broken(id) => {
                    Verdict::NotApplicable(format!("stands on {id}, which failed"))
                }
                Err(Objection::Broken(reason) | Objection::StandsOn(_, reason)) => {
                    Verdict::Fail(reason.clone())
                }
            };
            (*rule, verdict)
        })
        .collect()
}
