//! The stage: two balancers that stand for the Services, and the means to tell, to wait and to judge.

use std::{
    io::{BufRead as _, Write as _},
    process::{Command, Stdio},
    time::Duration,
};

use anstream::{print, println};
use anyhow::{Context as _, ensure};
use sava_testbed::{Balancer, binaries};
use serde_json::Value;

use crate::{
    recorder::{Recorder, RecordingFile},
    terminal::{count_down, wrapped},
};

/// Where a scene is played.
pub(crate) struct Stage {
    /// The Service of sava-product.
    pub(crate) products: Balancer,
    /// The Service of sava-cart.
    pub(crate) fronts: Balancer,
    waits: bool,
    opens: bool,
    pace: Duration,
    n_steps: usize,
    /// What is recorded and where, until the recorder has begun.
    to_record: Option<(RecordingFile, String)>,
    recorder: Option<Recorder>,
    /// What stays when a scene is over, under the view that is open on it.
    left: Option<Box<dyn Send>>,
}

/// What shoppers found.
pub(crate) struct Verdict {
    /// 0 not worse, 1 worse, 3 too little data.
    pub(crate) code: Option<i32>,
    report: Value,
}

impl Stage {
    pub(crate) async fn set(waits: bool, opens: bool, pace: u64) -> Self {
        Self {
            products: Balancer::start().await,
            fronts: Balancer::start().await,
            waits,
            opens,
            pace: Duration::from_secs(pace),
            n_steps: 0,
            to_record: None,
            recorder: None,
            left: None,
        }
    }

    /// From the moment at which the release view is shown, records the scene of this name.
    pub(crate) fn record(&mut self, file: RecordingFile, scene: &str) {
        self.to_record = Some((file, scene.to_owned()));
    }

    /// Writes what was recorded, if anything was to be.
    pub(crate) async fn finish_recording(&mut self) -> anyhow::Result<()> {
        if let Some(recorder) = self.recorder.take() {
            let (path, n_samples) = recorder.finish().await?;
            self.say(format!("{n_samples} samples are recorded in {}.", path.display()));
        }
        Ok(())
    }

    /// The scene is over, and these processes go on until the stage is taken down.
    pub(crate) fn leave(&mut self, processes: impl Send + 'static) {
        self.left = Some(Box::new(processes));
    }

    /// Tells what comes now, and waits for Enter where that was asked for.
    pub(crate) fn step(&mut self, text: &str) -> anyhow::Result<()> {
        self.n_steps += 1;
        let number = format!("{}. ", self.n_steps);
        println!("\n\x1b[1m{}\x1b[0m", wrapped(&format!("{number}{text}"), number.len()));
        self.mark(text);
        if self.waits {
            print!("   Enter goes on … ");
            std::io::stdout().flush()?;
            std::io::stdin().lock().read_line(&mut String::new()).context("no terminal to wait for")?;
        }
        Ok(())
    }

    /// What happens at this moment, for the recording.
    pub(crate) fn mark(&mut self, text: &str) {
        if let Some(recorder) = &mut self.recorder {
            recorder.mark(text);
        }
    }

    /// A line below the step.
    #[expect(clippy::unused_self, reason = "it is the stage that speaks")]
    pub(crate) fn say(&self, text: impl AsRef<str>) {
        for line in text.as_ref().lines() {
            let line = format!("   {line}");
            println!("{}", wrapped(&line, line.len() - line.trim_start().len()));
        }
    }

    /// Says where the release view is, and opens it where that was asked for.
    pub(crate) fn show_view(&mut self, settings: &str) {
        if let Some((file, scene)) = self.to_record.take() {
            self.recorder = Some(Recorder::begin(file, &scene, &self.fronts.url("/")));
        }
        let url = self.fronts.url(&format!("/release#rate=20&window=60{settings}"));
        self.say(format!("store          {}\nrelease view   {url}", self.fronts.url("/")));
        if self.opens {
            let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
            let status = Command::new(opener).arg(&url).stdout(Stdio::null()).stderr(Stdio::null()).status();
            if !status.is_ok_and(|status| status.success()) {
                self.say("No browser could be opened: follow the link.");
            }
        }
    }

    /// A JSON document below the step, a member in a line.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn show_json(&self, text: &str) -> anyhow::Result<()> {
        let document: Value = serde_json::from_str(text).with_context(|| format!("no JSON: {text}"))?;
        self.say(format!("{document:#}"));
        Ok(())
    }

    /// Time to watch.
    pub(crate) async fn watch(&self) {
        count_down(self.pace).await;
    }

    /// Sends shoppers to the store for one step's time, and tells what they found.
    pub(crate) async fn judge(&self, baseline: &str, candidate: &str, mix: &str) -> anyhow::Result<Verdict> {
        let mut command = tokio::process::Command::new(binaries::path("sava-shoppers"));
        command.arg(self.fronts.url("/")).args(["--rate", "60", "--format", "json"]);
        command.args(["--mix", mix, "--tolerance", "50"]);
        command.args(["--baseline", baseline, "--candidate", candidate]);
        command.args(["--for", &format!("{}s", self.pace.as_secs())]).kill_on_drop(true);
        let output = command.output();
        tokio::pin!(output);
        let output = tokio::select! {
            output = &mut output => output,
            () = count_down(self.pace) => output.await,
        };
        let output = output.context("the shoppers do not start")?;
        let report = serde_json::from_slice(&output.stdout).with_context(|| {
            format!("the shoppers said nothing: {}", String::from_utf8_lossy(&output.stderr))
        })?;
        let verdict = Verdict { code: output.status.code(), report };
        self.say(verdict.summary(baseline, candidate));
        Ok(verdict)
    }

    /// Judges a good release. At 99 % confidence one of a hundred is found worse by chance, and more of them where
    /// something else keeps this machine busy for a moment: what is found twice is so.
    pub(crate) async fn let_through(&self, baseline: &str, candidate: &str, mix: &str) -> anyhow::Result<()> {
        if self.judge(baseline, candidate, mix).await?.code == Some(1) {
            self.say("That may be chance: shoppers look again.");
            let again = self.judge(baseline, candidate, mix).await?;
            ensure!(again.code != Some(1), "a good release was found worse twice");
        }
        Ok(())
    }
}

impl Verdict {
    /// The releases that were compared, each in a line, and the finding.
    fn summary(&self, baseline: &str, candidate: &str) -> String {
        let mut lines = Vec::new();
        for service in ["storefront", "product"] {
            if self.report[service]["verdict"].is_null() {
                continue;
            }
            for release in self.report[service]["releases"].as_array().into_iter().flatten() {
                let name = release["release"].as_str().unwrap_or_default();
                if name == baseline || name == candidate {
                    let count = |name: &str| release[name].as_u64().unwrap_or_default();
                    let millis = |name: &str| release[name].as_f64().unwrap_or_default();
                    lines.push(format!(
                        "{name:<16}{:>5} answers {:>4} errors   median {:>6.1} ms   p95 {:>6.1} ms",
                        count("requests"),
                        count("errors"),
                        millis("p50Ms"),
                        millis("p95Ms"),
                    ));
                }
            }
        }
        let said = match self.code {
            Some(0) => format!("Verdict: {candidate} is not worse than {baseline}."),
            Some(1) => {
                format!("Verdict: {candidate} is \x1b[1;31mWORSE\x1b[0m than {baseline}, at 99 % confidence.")
            }
            _ => "Verdict: too little data to tell.".to_owned(),
        };
        lines.push(said);
        lines.join("\n")
    }
}
