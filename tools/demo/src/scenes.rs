//! The scenes.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use sava_testbed::{Cart, Product, answer, client, json};
use time::{OffsetDateTime, macros::format_description};

use crate::stage::Stage;

/// Shoppers who mostly look.
const LOOKING: &str = "browse=6,search=2,fill=1,buy=1";
/// Shoppers who buy.
const BUYING: &str = "browse=1,buy=3";

/// A good release, from none of the traffic to all of it.
pub(crate) async fn canary(stage: &mut Stage) -> anyhow::Result<()> {
    stage.step("sava-product 1.0.3 is in production, behind one store front, 2.0.4")?;
    let (old, front) = in_production(stage, "1.0.3", "2.0.4").await;

    stage.step("Deploy 2.0.1: it runs and is ready, and no shopper gets it. Deployed is not released")?;
    let new = Product::start().release("2.0.1").await;
    let version = version(&new.url("/version")).await?;
    stage.say(format!("tried on its own address, {}: it says that it is {version}", new.url("/")));
    stage.watch().await;

    for percent in [5, 25, 50] {
        stage.step(&format!("Release 2.0.1 to {percent} % of the connections"))?;
        stage.say(format!("In the view, type {percent} beside 2.0.1: the band shows what chance allows."));
        stage.products.split(&[(old.address(), 100 - percent), (new.address(), percent)]);
        stage.watch().await;
    }

    stage.step("Shoppers judge it: is the new release worse than the old?")?;
    stage.let_through("1.0.3", "2.0.1", LOOKING).await?;

    stage.step("Release 2.0.1 to everybody, and take 1.0.3 away")?;
    stage.products.split(&[(new.address(), 1)]);
    old.stop().await;
    stage.watch().await;
    stage.say("Pictures are in the store now, and the view says how many requests were lost in the rollout.");
    stage.leave((new, front));
    Ok(())
}

/// A release that fails, found by its shoppers and taken back.
pub(crate) async fn rollback(stage: &mut Stage) -> anyhow::Result<()> {
    stage.step("sava-product 2.0.1 is in production, behind one store front, 3.0.0")?;
    let (good, front) = in_production(stage, "2.0.1", "3.0.0").await;

    stage.step("Release 2.0.2-errors to 30 %: its probes are green")?;
    let bad = Product::start().release("2.0.2-errors").await;
    stage.products.split(&[(good.address(), 70), (bad.address(), 30)]);
    stage.watch().await;

    stage.step("Shoppers judge it")?;
    let verdict = stage.judge("2.0.1", "2.0.2-errors", LOOKING).await?;
    ensure!(verdict.code == Some(1), "the bad release was not found worse");
    stage.say("No shopper saw an error page: the store front showed its last good list, and said so.");

    stage.step("Roll back: all connections go to 2.0.1, and 2.0.2-errors is taken away")?;
    stage.products.split(&[(good.address(), 1)]);
    bad.stop().await;
    stage.watch().await;
    stage.say("The view shows the last striped triangle leave at the left.");
    stage.leave((good, front));
    Ok(())
}

/// Each release that is bad on purpose, and what stops it.
pub(crate) async fn bad_release(stage: &mut Stage) -> anyhow::Result<()> {
    stage.step("2.0.1 and the store front 3.0.0 are in production")?;
    let (good, front) = in_production(stage, "2.0.1", "3.0.0").await;

    stage.step("2.1.0-breaking drops v1. The contract run stops it before it is deployed")?;
    let breaking = Product::start().release("2.1.0-breaking").await;
    let accept = "application/vnd.sava.v1+json";
    let status = breaking.get_as("/products/ie", accept).await.status();
    ensure!(status == 406, "2.1.0-breaking answers {accept} with {status}");
    stage.say(format!("GET /products/ie, Accept: {accept}: {status}"));
    stage.say("cargo xtask contract URL --release 2.0.1 fails: a client of v1 has no answer any more.");
    breaking.stop().await;

    stage.step("2.0.2-crash never gets ready. The rollout stops it: a Service sends nobody there")?;
    let crash = Product::start().release("2.0.2-crash").unready().await;
    let ready = crash.get("/readyz").await.status();
    ensure!(ready == 503, "2.0.2-crash is ready ({ready})");
    stage.say(format!(
        "GET /readyz: {ready}. It gets no traffic, and `kubectl rollout status` waits in vain."
    ));
    crash.stop().await;

    for (release, how) in [("2.0.2-slow", "is slow"), ("2.0.2-errors", "fails now and then")] {
        stage.step(&format!("{release} {how}, with green probes. The canary's verdict stops it"))?;
        let bad = Product::start().release(release).await;
        stage.products.split(&[(good.address(), 60), (bad.address(), 40)]);
        let verdict = stage.judge("2.0.1", release, LOOKING).await?;
        stage.products.split(&[(good.address(), 1)]);
        ensure!(verdict.code == Some(1), "{release} was not found worse");
        bad.stop().await;
    }

    stage.step(
        "2.0.2-leak looks well, and takes memory with each request. Only time, a limit or a graph shows it",
    )?;
    let leak = Product::start().release("2.0.2-leak").await;
    let before = memory(&leak).await?;
    for _ in 0..40 {
        leak.get("/products/ie").await;
    }
    let after = memory(&leak).await?;
    ensure!(after > before + 10.0, "2.0.2-leak took {before:.0} to {after:.0} MiB");
    stage.say(format!(
        "40 requests: {before:.0} MiB before, {after:.0} MiB after. A memory limit ends it in the end."
    ));
    leak.stop().await;

    stage
        .step("sava-cart 3.0.1-broken: its pages are fine, its checkout is not. Shoppers who buy stop it")?;
    let broken = front.start_again().release("3.0.1-broken").product(&stage.products.url("")).await;
    stage.fronts.split(&[(front.address(), 50), (broken.address(), 50)]);
    let verdict = stage.judge("3.0.0", "3.0.1-broken", BUYING).await?;
    stage.fronts.split(&[(front.address(), 1)]);
    ensure!(verdict.code == Some(1), "3.0.1-broken was not found worse");
    broken.stop().await;

    stage.step("And 3.0.0, a good one, is let through")?;
    let better = Product::start().release("3.0.0").await;
    stage.products.split(&[(good.address(), 50), (better.address(), 50)]);
    stage.let_through("2.0.1", "3.0.0", LOOKING).await?;
    stage.leave((good, front, better));
    Ok(())
}

/// One URL, three versions of the API: the client says which.
pub(crate) async fn media_type(stage: &mut Stage) -> anyhow::Result<()> {
    stage.step("sava-product 3.0.0 serves v1, v2 and v3 at one URL: the Accept header chooses")?;
    let product = Product::start().release("3.0.0").await;
    stage.products.split(&[(product.address(), 1)]);
    let url = stage.products.url("/products/ie/1");
    for accept in
        ["application/vnd.sava.v1+json", "application/vnd.sava.v2+json", "application/vnd.sava.v3+json"]
    {
        stage.say(format!("$ curl -H 'Accept: {accept}' {url}"));
        let response = answer(client().get(&url).header("accept", accept)).await;
        let header = |name: &str| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
        let media_type = header("content-type").context("no Content-Type")?;
        match header("deprecation") {
            Some(value) => stage.say(format!("{media_type}, {}", deprecated(&value))),
            None => stage.say(media_type),
        }
        stage.show_json(&response.text().await.context("no body")?)?;
        stage.watch().await;
    }

    stage.step("A version that there is not: 406, and the answer names those there are")?;
    let response = answer(client().get(&url).header("accept", "application/vnd.sava.v9+json")).await;
    let status = response.status();
    ensure!(status == 406, "v9 is answered with {status}");
    stage.say(status.to_string());
    stage.show_json(&response.text().await.context("no body")?)?;

    stage
        .step("Three releases of the store front, each asking for its own version, of one product service")?;
    let old = Cart::start().release("1.0.5").product(&stage.products.url("")).await;
    let middle = old.start_again().release("2.0.4").product(&stage.products.url("")).await;
    let new = old.start_again().release("3.0.0").product(&stage.products.url("")).await;
    stage.fronts.split(&[(old.address(), 1), (middle.address(), 1), (new.address(), 1)]);
    stage.show_view("");
    stage.say("The grid \"Who was served by whom\" shows v1, v2 and v3 from the same pod.");
    stage.watch().await;

    stage.step(
        "The product service goes back to 1.0.3: newer store fronts ask for less, and nobody falls over",
    )?;
    let first = Product::start().release("1.0.3").await;
    stage.products.split(&[(first.address(), 1)]);
    product.stop().await;
    stage.watch().await;
    for front in [&old, &middle, &new] {
        let status = front.get("/").await.status();
        ensure!(status == 200, "a store front answers {status}");
    }
    stage.say("All three stores are open, with v1.");
    stage.leave((first, old, middle, new));
    Ok(())
}

/// One release of each service behind the stage's balancers, and the view of it. Both end with what is returned.
async fn in_production(stage: &mut Stage, product: &str, cart: &str) -> (Product, Cart) {
    let product = Product::start().release(product).await;
    stage.products.split(&[(product.address(), 1)]);
    let front = Cart::start().release(cart).product(&stage.products.url("")).await;
    stage.fronts.split(&[(front.address(), 1)]);
    stage.show_view("");
    stage.watch().await;
    (product, front)
}

/// What a service says that it is.
async fn version(url: &str) -> anyhow::Result<String> {
    let version = json(answer(client().get(url)).await).await;
    let text = |name: &str| version[name].as_str().with_context(|| format!("{url} has no {name}"));
    Ok(format!("{} {}", text("service")?, text("release")?))
}

/// What a `Deprecation` header (RFC 9745) means: the day, where it says one.
fn deprecated(value: &str) -> String {
    let day = || {
        let date = OffsetDateTime::from_unix_timestamp(value.strip_prefix('@')?.parse().ok()?).ok()?;
        let since = if date <= OffsetDateTime::now_utc() { "since" } else { "from" };
        let day = date.format(format_description!("[day padding:none] [month repr:long] [year]")).ok()?;
        Some(format!("deprecated {since} {day}"))
    };
    day().unwrap_or_else(|| format!("Deprecation: {value}"))
}

/// The resident memory of a service in MiB, by its own metrics.
async fn memory(service: &Product) -> anyhow::Result<f64> {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let metrics = answer(client().get(service.admin_url("/metrics").await)).await.text().await?;
        let bytes = metrics.lines().find_map(|line| line.strip_prefix("process_resident_memory_bytes "));
        if let Some(bytes) = bytes {
            return Ok(bytes.parse::<f64>()? / 1_048_576.0);
        }
        ensure!(Instant::now() < deadline, "no process_resident_memory_bytes in the metrics");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deprecation_is_told_as_a_day() {
        assert_eq!(deprecated("@1772409600"), "deprecated since 2 March 2026");
        assert_eq!(deprecated("@253402214400"), "deprecated from 31 December 9999");
        assert_eq!(deprecated("?1"), "Deprecation: ?1");
    }
}
