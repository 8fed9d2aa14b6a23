//! A real Prometheus that reads the services' metrics.

use std::{
    fmt::Write as _,
    fs,
    net::{Ipv4Addr, TcpListener},
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;
use tokio::time::sleep;

use crate::{PATIENCE, Process, Running, client, command, json};

/// A Prometheus on an address of its own, which asks each service once a second; dropping it ends it.
#[derive(Debug)]
pub struct Prometheus {
    _process: Process,
    url: String,
    directory: TempDir,
    targets: String,
}

impl Prometheus {
    /// One that asks nobody yet.
    pub async fn start() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        fs::write(directory.path().join("prometheus.yml"), CONFIGURATION).expect("a file in it");
        fs::write(directory.path().join("targets.yml"), "[]").expect("a file in it");
        // On an address of its own, so that nobody else takes the port before Prometheus has it.
        let own = Ipv4Addr::new(127, fastrand::u8(1..=254), fastrand::u8(..), fastrand::u8(1..=254));
        let free = TcpListener::bind((own, 0)).expect("a free port");
        let address = free.local_addr().expect("it is bound");
        drop(free);
        let mut prometheus = command("prometheus");
        prometheus.current_dir(directory.path());
        prometheus.args(["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--log.level=warn"]);
        prometheus.arg(format!("--web.listen-address={address}"));
        let process = Process::spawn("prometheus", prometheus);
        let prometheus =
            Self { _process: process, url: format!("http://{address}"), directory, targets: String::new() };
        let start = Instant::now();
        while !prometheus.is_ready().await {
            assert!(start.elapsed() < PATIENCE, "Prometheus is not ready");
            sleep(Duration::from_millis(50)).await;
        }
        prometheus
    }

    async fn is_ready(&self) -> bool {
        client().get(format!("{}/-/ready", self.url)).send().await.is_ok_and(|it| it.status() == 200)
    }

    /// From now on it reads a service's metrics, too, with the labels that the scrape configuration gives a pod.
    pub async fn read(&mut self, app: &str, pod: &str, service: &Running) {
        let url = service.admin_url("/metrics").await;
        let address = url.trim_start_matches("http://").trim_end_matches("/metrics");
        let _ = writeln!(
            self.targets,
            "- targets: ['{address}']\n  labels: {{app: {app}, pod: {pod}, namespace: default}}"
        );
        let draft = self.directory.path().join("draft");
        fs::write(&draft, &self.targets).expect("a file");
        fs::rename(draft, self.directory.path().join("targets.yml")).expect("it takes the other's place");
    }

    /// The series that an expression has now: its labels and values.
    ///
    /// # Errors
    /// What Prometheus says of an expression that it cannot evaluate.
    pub async fn now(&self, expression: &str) -> Result<Vec<Value>, String> {
        self.ask("query", &[("query", expression)]).await
    }

    /// The series that an expression had between two times, in seconds since 1970, with a value for each second.
    ///
    /// # Errors
    /// What Prometheus says of an expression that it cannot evaluate.
    pub async fn between(&self, start: u64, end: u64, expression: &str) -> Result<Vec<Value>, String> {
        let [start, end] = [start, end].map(|it| it.to_string());
        let range = [("query", expression), ("start", &start), ("end", &end), ("step", "1s")];
        self.ask("query_range", &range).await
    }

    /// <https://prometheus.io/docs/prometheus/latest/querying/api/>
    async fn ask(&self, what: &str, parameters: &[(&str, &str)]) -> Result<Vec<Value>, String> {
        let url = format!("{}/api/v1/{what}", self.url);
        let answer =
            json(client().post(url).form(parameters).send().await.expect("Prometheus answers")).await;
        match answer["data"]["result"].as_array() {
            Some(series) => Ok(series.clone()),
            None => Err(answer["error"].to_string()),
        }
    }
}

/// An expression of a dashboard with Grafana's variables filled in: everything, and the shortest interval that it takes.
#[must_use]
pub fn filled_in(expression: &str) -> String {
    let expression = expression.replace("$__rate_interval", "15s");
    ["$app", "$release"].iter().fold(expression, |expression, name| expression.replace(name, ".+"))
}

const CONFIGURATION: &str = "\
global: {scrape_interval: 1s}
scrape_configs:
- job_name: sava
  file_sd_configs:
  - files: [targets.yml]
    refresh_interval: 1s
";
