//! How it went: for people, for programs, and for the test view of a pipeline.

use std::{fmt::Write as _, time::Duration};

use anstyle::{AnsiColor, Style};
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};
use serde_json::{Value, json};

use crate::{Rule, Server, Verdict, rule};

const KEPT: Style = AnsiColor::Green.on_default();
const BROKEN: Style = AnsiColor::Red.on_default().bold();
const FAINT: Style = Style::new().dimmed();

/// Every rule with its verdict.
#[derive(Clone, Debug)]
pub struct Report {
    /// The URL that was asked.
    pub url: String,
    /// The release that the server is taken for.
    pub release: String,
    /// The release that it says it is.
    pub said: Option<String>,
    /// The versions that it has to serve.
    pub versions: Vec<String>,
    /// What stands between, if anything does.
    pub through: Option<&'static str>,
    /// The rules in the order in which they ran.
    pub rules: Vec<(Rule, Verdict)>,
    /// How long all of it took.
    pub elapsed: Duration,
}

/// How many rules had each verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Kept.
    pub passed: usize,
    /// Broken.
    pub failed: usize,
    /// Not looked at.
    pub not_applicable: usize,
}

impl Counts {
    fn of<'a>(rules: impl IntoIterator<Item = &'a (Rule, Verdict)>) -> Self {
        let mut counts = Self::default();
        for (_, verdict) in rules {
            match verdict {
                Verdict::Pass => counts.passed += 1,
                Verdict::Fail(_) => counts.failed += 1,
                Verdict::NotApplicable(_) => counts.not_applicable += 1,
            }
        }
        counts
    }
}

impl Report {
    /// Runs `rules` against the server.
    #[must_use]
    pub fn of(url: &str, server: &Server, rules: &[&Rule]) -> Self {
        let begun = std::time::Instant::now();
        let rules = rule::run(rules, server);
        Self {
            url: url.to_owned(),
            release: server.release.name.clone(),
            said: server.said_release().map(str::to_owned),
            versions: server.release.versions.iter().map(|version| format!("v{version}")).collect(),
            through: server.through(),
            rules,
            elapsed: begun.elapsed(),
        }
    }

    /// The counts of the verdicts.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts::of(&self.rules)
    }

    /// The ids of the rules that are broken.
    #[must_use]
    pub fn failed(&self) -> Vec<&'static str> {
        let is_failed =
            |(rule, verdict): &(Rule, Verdict)| matches!(verdict, Verdict::Fail(_)).then_some(rule.id);
        self.rules.iter().filter_map(is_failed).collect()
    }

    /// A line for each rule, those that are broken last, with the reason below; then a line that counts. Styled for a
    /// terminal.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = self.heading();
        for (rule, verdict) in &self.rules {
            match verdict {
                Verdict::Pass => {
                    _ = writeln!(text, "{KEPT}pass{KEPT:#} {:42} {}", rule.id, rule.promise);
                }
                Verdict::NotApplicable(reason) => {
                    _ = writeln!(text, "{FAINT}n/a{FAINT:#}  {:42} {}", rule.id, rule.promise);
                    _ = writeln!(text, "{FAINT}     {:42} └ {reason}{FAINT:#}", "");
                }
                Verdict::Fail(_) => {}
            }
        }
        self.end(text)
    }

    /// A line for each part of the contract; then the rules that are broken, and a line that counts. Styled for a
    /// terminal.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut text = self.heading();
        for part in self.parts() {
            let counts = Counts::of(self.rules.iter().filter(|(rule, _)| rule.part() == part));
            let asked = counts.passed + counts.failed;
            let (style, mark) = if counts.failed == 0 { (KEPT, "pass") } else { (BROKEN, "FAIL") };
            _ = write!(text, "{style}{mark}{style:#} {part:20} {:3} of {asked:3}", counts.passed);
            if counts.not_applicable > 0 {
                _ = write!(text, "{FAINT}, {} not applicable{FAINT:#}", counts.not_applicable);
            }
            text.push('\n');
        }
        self.end(text)
    }

    /// Who was asked, and whose promises it was held to.
    fn heading(&self) -> String {
        let versions = self.versions.join(", ");
        let mut heading = match &self.said {
            Some(said) if *said != self.release => {
                let Self { url, release, .. } = self;
                format!(
                    "{url} says that it is sava-product {said}; held to what {release} promises: {versions}"
                )
            }
            _ => format!("{} is sava-product {}, which serves {versions}", self.url, self.release),
        };
        if let Some(through) = self.through {
            _ = write!(heading, "; seen through {through}");
        }
        heading + "\n"
    }

    /// What was broken, by parts, and the counts.
    fn end(&self, mut text: String) -> String {
        for part in self.parts() {
            for (rule, verdict) in self.rules.iter().filter(|(rule, _)| rule.part() == part) {
                if let Verdict::Fail(reason) = verdict {
                    _ = writeln!(text, "{BROKEN}FAIL{BROKEN:#} {:42} {}", rule.id, rule.promise);
                    _ = writeln!(text, "     {:42} └ {reason}", "");
                }
            }
        }
        let counts = self.counts();
        _ = writeln!(
            text,
            "{} rules: {} passed, {} failed, {} not applicable, in {:.1} s",
            self.rules.len(),
            counts.passed,
            counts.failed,
            counts.not_applicable,
            self.elapsed.as_secs_f64()
        );
        text
    }

    /// The parts of the contract, in the order in which they were first looked at.
    fn parts(&self) -> Vec<&'static str> {
        let mut parts = Vec::new();
        for (rule, _) in &self.rules {
            if !parts.contains(&rule.part()) {
                parts.push(rule.part());
            }
        }
        parts
    }

    /// One JSON document.
    #[must_use]
    pub fn json(&self) -> Value {
        let counts = self.counts();
        let rules: Vec<Value> = self
            .rules
            .iter()
            .map(|(rule, verdict)| {
                let (verdict, reason) = match verdict {
                    Verdict::Pass => ("pass", None),
                    Verdict::Fail(reason) => ("fail", Some(reason)),
                    Verdict::NotApplicable(reason) => ("not-applicable", Some(reason)),
                };
                json!({"rule": rule.id, "promise": rule.promise, "verdict": verdict, "reason": reason})
            })
            .collect();
        json!({
            "url": self.url,
            "release": self.release,
            "said": self.said,
            "apiVersions": self.versions,
            "through": self.through,
            "passed": counts.passed,
            "failed": counts.failed,
            "notApplicable": counts.not_applicable,
            "rules": rules,
        })
    }

    /// The XML of `JUnit`: a suite for each part of the contract, a skipped case for what could not be looked at.
    ///
    /// # Errors
    /// When the XML cannot be put together.
    pub fn junit(&self) -> anyhow::Result<String> {
        let mut report = quick_junit::Report::new(format!("sava-product {} at {}", self.release, self.url));
        report.set_time(self.elapsed);
        let mut suites: Vec<TestSuite> = Vec::new();
        let mut by_part: Vec<&(Rule, Verdict)> = self.rules.iter().collect();
        by_part.sort_by_key(|(rule, _)| rule.part());
        for (rule, verdict) in by_part {
            let (part, name) = rule.id.split_once('/').unwrap_or(("", rule.id));
            let status = match verdict {
                Verdict::Pass => TestCaseStatus::success(),
                Verdict::Fail(reason) => {
                    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                    status.set_message(reason.as_str()).set_description(rule.promise);
                    status
                }
                Verdict::NotApplicable(reason) => {
                    let mut status = TestCaseStatus::skipped();
                    status.set_message(reason.as_str());
                    status
                }
            };
            let mut case = TestCase::new(name, status);
            case.set_classname(part);
            match suites.last_mut().filter(|suite| suite.name.as_str() == part) {
                Some(suite) => _ = suite.add_test_case(case),
                None => _ = suites.push_mut(TestSuite::new(part)).add_test_case(case),
            }
        }
        report.add_test_suites(suites);
        Ok(report.to_string()?)
    }
}
