//! Measures what the release view costs over minutes, in its page and in the store front: `cargo xtask view-cost`.

#![expect(clippy::print_stdout, reason = "it tells what it measured")]

use std::{fs, process::ExitCode, time::Duration};

use anyhow::Context as _;
use clap::{Parser, value_parser};
use sava_testbed::{
    Balancer, Cart, Product,
    browser::{Browser, PageMemory, Script},
};
use serde_json::json;
use tokio::time::{Instant, sleep_until};

/// Measure what the release view costs: memory of its page and of the store front, pictures a second, and processor time
#[derive(Debug, Parser)]
#[command(name = "cargo xtask view-cost", bin_name = "cargo xtask view-cost", version, max_term_width = 100)]
struct Arguments {
    /// For this many minutes; there is a line for each
    #[arg(long, default_value_t = 10, value_parser = value_parser!(u32).range(1..=60))]
    minutes: u32,

    /// At this many samples a second
    #[arg(long, default_value_t = 50, value_parser = value_parser!(u32).range(1..=50))]
    rate: u32,

    /// The stage instead of the instrument
    #[arg(long)]
    stage: bool,
}

const MINUTE: Duration = Duration::from_mins(1);
/// More than this from the median of the first half to that of the second is growth; less is what garbage collectors
/// and allocators do. A single minute may read half a megabyte more than the next one.
const PAGE_NOISE_KB: f64 = 512.0;
const STORE_FRONT_NOISE_KB: f64 = 4096.0;

/// What the page counts for itself: answers to its requests, each a sample, and the browser's pictures.
const COUNTING: &str = "[window.answers, window.pictures] = [0, 0];
    const ask = fetch;
    window.fetch = (...it) => ask(...it).finally(() => { answers += 1; });
    const count = () => { pictures += 1; requestAnimationFrame(count); };
    requestAnimationFrame(count);";

/// What was used from the beginning to a moment, and what is used then.
#[derive(Clone, Copy, Debug)]
struct Usage {
    at: Instant,
    /// By [`COUNTING`].
    samples: f64,
    frames: f64,
    page: PageMemory,
    browser_cpu_seconds: f64,
    store_front_kb: f64,
    store_front_cpu_seconds: f64,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let Arguments { minutes, rate, stage } = Arguments::parse();
    let old = Product::start().release("1.0.3").await;
    let new = Product::start().release("2.0.1").await;
    let balancer = Balancer::start().await;
    balancer.split(&[(old.address(), 1), (new.address(), 1)]);
    let cart = Cart::start().product(&balancer.url("")).await;
    let browser = Browser::start(Script::On).await;
    let driver = browser.driver();
    driver.cdp().send_raw("Network.disable", json!({})).await?; // its log of each request would be part of what is measured
    let moving = json!({ "features": [{ "name": "prefers-reduced-motion", "value": "no-preference" }] });
    driver.cdp().send_raw("Emulation.setEmulatedMedia", moving).await?;
    let screen = json!({ "width": 1920, "height": 1080, "deviceScaleFactor": 1, "mobile": false });
    driver.cdp().send_raw("Emulation.setDeviceMetricsOverride", screen).await?;
    let counting = json!({ "source": COUNTING });
    driver.cdp().send_raw("Page.addScriptToEvaluateOnNewDocument", counting).await?;
    let look = if stage { "&look=stage" } else { "" };
    driver.goto(cart.url(&format!("/release#rate={rate}&window=60{look}"))).await?;

    println!(
        "| minute | samples/s | frames/s | browser: CPU | page: heap | buffers | document | nodes | store front: memory | CPU |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    let mut before = read(&browser, &cart).await?;
    let start = before.at;
    let mut readings = Vec::new();
    for minute in 1..=minutes {
        sleep_until(start + MINUTE * minute).await;
        let reading = read(&browser, &cart).await?;
        let seconds = (reading.at - before.at).as_secs_f64();
        let a_second = |figure: fn(&Usage) -> f64| (figure(&reading) - figure(&before)) / seconds;
        println!(
            "| {minute} | {:.1} | {:.0} | {:.0} % | {:.0} KB | {:.0} KB | {:.0} KB | {} | {:.1} MB | {:.1} % |",
            a_second(|usage| usage.samples),
            a_second(|usage| usage.frames),
            a_second(|usage| usage.browser_cpu_seconds) * 100.0,
            reading.page.heap_kb,
            reading.page.buffers_kb,
            reading.page.document_kb,
            reading.page.nodes,
            reading.store_front_kb / 1024.0,
            a_second(|usage| usage.store_front_cpu_seconds) * 100.0,
        );
        before = reading;
        readings.push(reading);
    }

    let page = growth(&readings, |reading| reading.page.total_kb());
    let store_front = growth(&readings, |reading| reading.store_front_kb);
    println!(
        "\nFrom the median of the first half to that of the second: page {page:+.0} KB, store front {store_front:+.0} KB."
    );
    let load = fs::read_to_string("/proc/loadavg").context("Linux tells its load")?;
    let load = load.split(' ').nth(2).context("it has three")?;
    let processors = std::thread::available_parallelism()?;
    println!("Load of the machine, over the last 15 minutes: {load} on {processors} processors.");
    let is_flat = page <= PAGE_NOISE_KB && store_front <= STORE_FRONT_NOISE_KB;
    Ok(if is_flat { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The median of the second half less that of the first; both have the one in the middle.
fn growth(readings: &[Usage], figure: impl Fn(&Usage) -> f64) -> f64 {
    let half = readings.len().div_ceil(2);
    let median = |readings: &[Usage]| {
        let mut figures: Vec<_> = readings.iter().map(&figure).collect();
        figures.sort_by(f64::total_cmp);
        figures[figures.len() / 2]
    };
    median(&readings[readings.len() - half..]) - median(&readings[..half])
}

async fn read(browser: &Browser, cart: &Cart) -> anyhow::Result<Usage> {
    let page = browser.memory().await;
    let counted = browser.driver().execute("return [answers, pictures]", Vec::new()).await?;
    let (at, browser_cpu_seconds) = (Instant::now(), browser.processor_seconds());
    let counted = |place: usize| counted.json()[place].as_f64().context("the page counts");
    let asked = sava_testbed::client().get(cart.admin_url("/metrics").await);
    let metrics = sava_testbed::body(sava_testbed::answer(asked).await).await;
    let metric = |name: &str| {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|value| value.parse::<f64>().ok()).with_context(|| format!("{name} in the metrics"))
    };
    Ok(Usage {
        at,
        samples: counted(0)?,
        frames: counted(1)?,
        page,
        browser_cpu_seconds,
        store_front_kb: metric("process_resident_memory_bytes")? / 1024.0,
        store_front_cpu_seconds: metric("process_cpu_seconds_total")?,
    })
}
