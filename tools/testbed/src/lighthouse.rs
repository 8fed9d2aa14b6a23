//! Lighthouse, which gives marks to a page as a phone shows it.

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};

use crate::{Process, browser, process::command, tools};

/// What Lighthouse says of a page.
#[derive(Debug)]
pub struct Report(Value);

/// Has the page at `url` judged in these categories, as the shopper with this cookie (`name=value`) sees it, on the
/// phone and with the network that Lighthouse emulates.
pub async fn judge(url: &str, cookie: &str, categories: &[&str]) -> Report {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let report = directory.path().join("report.json");
    let mut attempts = 0;
    loop {
        let exit = Process::spawn("lighthouse", lighthouse(url, cookie, categories, &report)).exit().await;
        attempts += 1;
        // On a busy machine Chromium's trace lacks its beginning now and then, and this is what Lighthouse says to do.
        if exit.output.contains("Please run Lighthouse again") && attempts < 3 {
            continue;
        }
        assert_eq!(exit.code, Some(0), "{}", exit.output);
        let report = fs::read(&report).expect("there is a report");
        return Report(serde_json::from_slice(&report).expect("a report is JSON"));
    }
}

fn lighthouse(url: &str, cookie: &str, categories: &[&str], report: &Path) -> Command {
    let mut lighthouse = command("node");
    lighthouse
        .arg(tools::npm("lighthouse", "cli/index.js"))
        .args([url, "--quiet", "--output=json"])
        .arg(format!("--only-categories={}", categories.join(",")))
        .arg(format!("--output-path={}", report.display()))
        .arg(format!("--extra-headers={}", json!({ "Cookie": cookie })))
        .arg(
            "--chrome-flags=--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
             --disable-background-networking --disable-component-update --disable-sync",
        )
        .env("HOME", report.parent().unwrap_or(report))
        .env("CHROME_PATH", browser::chromium());
    lighthouse
}

impl Report {
    /// The marks in a category, of 100.
    #[must_use]
    pub fn marks(&self, category: &str) -> u32 {
        let score = self.0["categories"][category]["score"].as_f64();
        let score =
            score.unwrap_or_else(|| panic!("there is no mark for {category}: {}", self.0["runWarnings"]));
        // Lighthouse itself rounds a score to hundredths.
        format!("{:.0}", score * 100.0).parse().expect("a score is not negative")
    }

    /// A figure as Lighthouse writes it, such as that of `largest-contentful-paint`: `1.2 s`.
    #[must_use]
    pub fn figure(&self, audit: &str) -> &str {
        self.0["audits"][audit]["displayValue"].as_str().unwrap_or("none")
    }

    /// The names of the audits that did not give full marks.
    #[must_use]
    pub fn failed(&self) -> String {
        let audits = self.0["audits"].as_object().into_iter().flatten();
        let names = audits.filter(|(_, audit)| audit["score"].as_f64().is_some_and(|score| score < 1.0));
        names.map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
    }
}
