//! A rule: one thing that the API promises, and how to find out whether it is kept.

use std::fmt;

use crate::{
    Server,
    objection::{Checked, Objection},
};

/// One promise of the API.
#[derive(Clone, Copy)]
pub struct Rule {
    /// What the promise is about and a name, such as `negotiation/accept-q0-excludes`.
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

    /// The part of the contract that it belongs to, such as `negotiation`.
    pub(crate) fn part(&self) -> &'static str {
        self.id.split_once('/').map_or("", |(part, _)| part)
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id)
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
