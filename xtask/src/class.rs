//! `cargo xtask class`: how far each student of a class is, read from the cluster.

mod shop;
mod step;

use std::{io::Write as _, process::ExitCode, time::Duration};

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::Value;
use xshell::{Shell, cmd};

use crate::workspace;
use shop::Shop;

/// Show how far each student is: a line for each namespace, read from the cluster that kubectl points to
///
/// The step is the furthest of the tutorial of which the cluster shows something, "–" where it shows nothing. Deployed
/// are the releases that have a ready pod; released are those that the Service leads to, with their share of its pods
/// where there are several. Orders are those since the pods of the store fronts started.
#[derive(Args)]
pub(crate) struct Class {
    /// Namespaces of the class; `*` at the end stands for any ending, as in 'vampio-*'
    #[arg(required = true, value_name = "NAMESPACE")]
    namespaces: Vec<String>,

    /// Show it again and again, so long after the last time, such as 10s, until Ctrl-C
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    every: Option<Duration>,
}

impl Class {
    /// Shows the table.
    ///
    /// # Errors
    /// When kubectl cannot read the cluster, or no namespace is meant.
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let shell = workspace::shell()?;
        loop {
            let text = self.table(&shell)?;
            // Nobody reads any more: the teacher has seen enough.
            if write!(std::io::stdout(), "{text}").is_err() {
                return Ok(ExitCode::SUCCESS);
            }
            let Some(pause) = self.every else { return Ok(ExitCode::SUCCESS) };
            std::thread::sleep(pause);
            println!();
        }
    }

    fn table(&self, shell: &Shell) -> anyhow::Result<String> {
        let list = get(shell, &["namespaces"])?;
        let all = items(&list).filter_map(|item| item["metadata"]["name"].as_str());
        let meant: Vec<_> = all.filter(|name| self.namespaces.iter().any(|it| is_meant(it, name))).collect();
        if meant.is_empty() {
            bail!("the cluster has no namespace {}", self.namespaces.join(" or "));
        }
        let objects = get(shell, &["pods,services", "--all-namespaces"])?;
        let mut rows = vec![shop::HEADINGS.map(str::to_owned)];
        for namespace in meant {
            let own = items(&objects).filter(|item| item["metadata"]["namespace"] == namespace);
            let own: Vec<_> = own.collect();
            let shop = Shop::of(own.iter().copied());
            let orders = shop.store_pods.iter().map(|pod| orders(shell, namespace, pod));
            rows.push(shop.row(namespace, step::furthest(&own, &shop), orders.sum()));
        }
        Ok(aligned(&rows))
    }
}

fn get(shell: &Shell, what: &[&str]) -> anyhow::Result<Value> {
    let text = cmd!(shell, "kubectl get {what...} --output=json").quiet().read()?;
    serde_json::from_str(&text).context("kubectl's answer is no JSON")
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list["items"].as_array().into_iter().flatten()
}

/// The orders that a pod of a store front has taken, by its metrics; none where they cannot be read: it may just be leaving.
fn orders(shell: &Shell, namespace: &str, pod: &str) -> u64 {
    let path = format!("/api/v1/namespaces/{namespace}/pods/{pod}:3081/proxy/metrics");
    let metrics = cmd!(shell, "kubectl get --raw {path}").quiet().ignore_stderr().read().unwrap_or_default();
    shop::orders_in(&metrics)
}

fn is_meant(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == pattern,
    }
}

fn aligned<const N: usize>(rows: &[[String; N]]) -> String {
    let widths: [usize; N] = std::array::from_fn(|column| {
        rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()
    });
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_are_meant_by_name_or_beginning() {
        assert!(is_meant("vampio-*", "vampio-anna") && is_meant("vampio-anna", "vampio-anna"));
        assert!(!is_meant("vampio-*", "vampi") && !is_meant("vampio-a", "vampio-anna"));
    }
}
