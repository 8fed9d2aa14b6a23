//! A picture of Grafana's dashboard, drawn by uPlot, which draws Grafana's own panels, from its JSON and what a real
//! Prometheus answers after two canaries. Grafana itself is not needed.

use std::{
    collections::BTreeMap,
    fs,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::Context as _;
use regex_lite::Regex;
use sava_testbed::{
    Balancer, Cart, Process, Product, binaries, command,
    prometheus::{Prometheus, filled_in},
    tools,
};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::Studio;

/// Between two events of the run: what has a rate over 15 seconds has time to rise.
const STAGE: Duration = Duration::from_secs(35);
const STAGES: u32 = 4;
/// Of the page, in CSS pixels.
const WIDTH: u32 = 1624;

/// 2.0.1 alone, a canary of 3.0.0, 3.0.0 alone, a canary of 2.0.2-errors; and what the dashboard shows of it.
pub(crate) async fn picture(studio: &Studio) -> anyhow::Result<()> {
    let old = Product::start().release("2.0.1").await;
    let balancer = Balancer::start().await;
    balancer.split(&[(old.address(), 1)]);
    let cart = Cart::start().product(&balancer.url("")).await;
    let mut prometheus = Prometheus::start().await;
    prometheus.read("sava-product", "sava-product-2.0.1-x2v7k", &old).await;
    prometheus.read("sava-cart-ie", "sava-cart-3.0.0-9hq4d", &cart).await;
    let mut shoppers = command(binaries::path("sava-shoppers"));
    shoppers.args(["--rate=40", "--for=10m", &cart.url("")]);
    let shoppers = Process::spawn("shoppers", shoppers);
    // Before anything happens, so that the first release does not appear within the picture.
    sleep(STAGE + Duration::from_secs(40)).await;
    let new = Product::start().release("3.0.0").await;
    prometheus.read("sava-product", "sava-product-3.0.0-m4zt8", &new).await;
    balancer.split(&[(old.address(), 3), (new.address(), 1)]);
    sleep(STAGE).await;
    balancer.split(&[(new.address(), 1)]);
    sleep(STAGE).await;
    let bad = Product::start().release("2.0.2-errors").await;
    prometheus.read("sava-product", "sava-product-2.0.2-errors-c6wpn", &bad).await;
    balancer.split(&[(new.address(), 3), (bad.address(), 1)]);
    sleep(STAGE).await;

    let end = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let board = Board { prometheus: &prometheus, start: end - (STAGE * STAGES).as_secs(), end };
    let data = board.data().await?;
    drop(shoppers);
    let library = |file: &str| fs::read_to_string(tools::npm("uplot", file)).context(file.to_owned());
    let page = format!(
        "{}<style>{}</style><script>{}</script><script>draw({data})</script>",
        include_str!("dashboard.html"),
        library("dist/uPlot.min.css")?,
        library("dist/uPlot.iife.min.js")?,
    );
    studio.page("dashboard", &page, WIDTH).await
}

/// The dashboard, filled in with what was between two times, in seconds since 1970.
struct Board<'a> {
    prometheus: &'a Prometheus,
    start: u64,
    end: u64,
}

impl Board<'_> {
    /// Its panels with their series, the times of their values in seconds from the start, and the annotations.
    async fn data(&self) -> anyhow::Result<Value> {
        let file = binaries::root().join("k8s/monitoring/sava-dashboard.json");
        let dashboard: Value = serde_json::from_str(&fs::read_to_string(file)?)?;
        let mut panels = Vec::new();
        for panel in dashboard["panels"].as_array().context("panels")? {
            panels.push(self.panel(panel).await?);
        }
        let mut notes = Vec::new();
        for note in dashboard["annotations"]["list"].as_array().context("annotations")? {
            let expression = note["target"]["expr"].as_str().context("a question")?;
            for series in self.series(expression).await? {
                // The first second of the time in which it is so.
                let first = series["values"][0][0].as_u64().context("a time")?;
                notes.push(json!({ "time": first - self.start, "colour": note["iconColor"] }));
            }
        }
        let times: Vec<u64> = (0..=self.end - self.start).collect();
        Ok(json!({ "panels": panels, "times": times, "notes": notes }))
    }

    async fn panel(&self, panel: &Value) -> anyhow::Result<Value> {
        let mut series = Vec::new();
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expression = target["expr"].as_str().context("a question")?;
            for found in self.series(expression).await? {
                series.push(self.line(panel, target, &found)?);
            }
        }
        let defaults = &panel["fieldConfig"]["defaults"];
        Ok(json!({
            "type": panel["type"], "title": panel["title"], "place": panel["gridPos"], "unit": defaults["unit"],
            "steps": defaults["thresholds"]["steps"],
            "stacking": defaults["custom"]["stacking"]["mode"].as_str().unwrap_or("none"),
            "series": series,
        }))
    }

    /// A series with its name, its unit where that is another, on an axis at the right, and its colour by the overrides, of which the last one holds.
    fn line(&self, panel: &Value, target: &Value, found: &Value) -> anyhow::Result<Value> {
        let mut name = target["legendFormat"].as_str().context("a legend")?.to_owned();
        for (label, value) in found["metric"].as_object().into_iter().flatten() {
            name = name.replace(&format!("{{{{{label}}}}}"), value.as_str().unwrap_or_default());
        }
        let (mut colour, mut unit, mut is_dashed) = (Value::Null, Value::Null, false);
        for rule in panel["fieldConfig"]["overrides"].as_array().into_iter().flatten() {
            let pattern = rule["matcher"]["options"].as_str().context("a pattern")?;
            if Regex::new(pattern.trim_matches('/'))?.is_match(&name) {
                for property in rule["properties"].as_array().into_iter().flatten() {
                    match property["id"].as_str() {
                        Some("color") => colour = property["value"]["fixedColor"].clone(),
                        Some("custom.lineStyle") => is_dashed = true,
                        Some("unit") => unit = property["value"].clone(),
                        _ => {}
                    }
                }
            }
        }
        let values: BTreeMap<u64, f64> = found["values"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|sample| Some((sample[0].as_u64()?, sample[1].as_str()?.parse().ok()?)))
            .collect();
        let values: Vec<Option<f64>> = (self.start..=self.end)
            .map(|second| values.get(&second).copied().filter(|it| it.is_finite()))
            .collect();
        Ok(json!({ "name": name, "colour": colour, "unit": unit, "isDashed": is_dashed, "values": values }))
    }

    /// What Prometheus has of an expression, with Grafana's variables filled in.
    async fn series(&self, expression: &str) -> anyhow::Result<Vec<Value>> {
        let series = self.prometheus.between(self.start, self.end, &filled_in(expression)).await;
        series.map_err(anyhow::Error::msg)
    }
}
