//! The README's first picture, which moves: a canary that comes to serve all, then a bad release that is stopped. Real
//! processes are recorded once, in real time, and the recording is then played picture by picture, so that each is exact
//! however busy this machine is.

use std::{fs, path::Path, process::Command, time::Duration};

use anyhow::{Context as _, ensure};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use sava_testbed::{Balancer, Cart, Product, answer, binaries, client};
use serde_json::json;
use tempfile::TempDir;

use super::{Screen, Studio};

const SCREEN: Screen = Screen { width: 960, height: 540, dark: false, printed: false };
const RATE: u32 = 20;
/// Of the recording, from one picture to the next, and how long each is shown: it moves twice as fast as it was.
const STEP: Duration = Duration::from_millis(400);
const SHOWN: Duration = Duration::from_millis(200);
/// The last one is shown so long, before it begins anew.
const PAUSE: Duration = Duration::from_secs(4);
/// A README is read on phones, too.
const MOST_BYTES: u64 = 1_000_000;
const STOPPED: &str = "rolled back";
/// The view's own limit is 16 letters at least.
const KEY: &str = "the presenter of pictures";

/// Records the run, and makes the picture of it, and a still one for those who want no motion.
pub(crate) async fn picture(studio: &Studio) -> anyhow::Result<()> {
    let frames = tempfile::tempdir()?;
    studio.adapt(SCREEN).await?;
    let moving = json!([{ "name": "prefers-reduced-motion", "value": "no-preference" }]);
    studio.send("Emulation.setEmulatedMedia", json!({ "features": moving })).await?;
    let recording = record(studio).await?;
    let n = play(studio, &recording, &frames).await?;
    studio.send("Emulation.clearDeviceMetricsOverride", json!({})).await?;
    let path = binaries::root().join("docs/screenshots/rollout.webp");
    animate(&frames, n, &path)
}

/// The page that plays what happened, as the view itself saves it.
async fn record(studio: &Studio) -> anyhow::Result<String> {
    let old = Product::start().release("1.0.3").await;
    let balancer = Balancer::start().await;
    balancer.split(&[(old.address(), 1)]);
    let front = Cart::start().product(&balancer.url("")).env("PRESENTER_KEY", KEY).await;
    let new = Product::start().release("2.0.1").await;
    let bad = Product::start().release("2.0.2-errors").await;
    studio.visit(&front, &format!("/release#rate={RATE}&window=30&look=stage")).await?;
    studio.wait("document.querySelector('#product-wall .big b')?.textContent === '100'").await?;
    let watch = |seconds| tokio::time::sleep(Duration::from_secs(seconds));

    watch(3).await;
    mark(&front, "2.0.1 deployed").await?;
    watch(4).await;
    balancer.split(&[(old.address(), 75), (new.address(), 25)]);
    mark(&front, "2.0.1 at 25 %").await?;
    watch(7).await;
    balancer.split(&[(new.address(), 1)]);
    mark(&front, "2.0.1 at 100 %").await?;
    old.stop().await;
    watch(9).await;
    balancer.split(&[(new.address(), 75), (bad.address(), 25)]);
    mark(&front, "2.0.2-errors at 25 %").await?;
    studio.wait("Number(document.querySelector('#wall-lost').textContent) >= 6").await?;
    balancer.split(&[(new.address(), 1)]);
    mark(&front, STOPPED).await?;
    bad.stop().await;
    watch(8).await;

    let save = "const done = arguments[0];
        const make = URL.createObjectURL;
        URL.createObjectURL = (page) => { page.text().then(done); return make(page); };
        document.querySelector('#html').click()";
    studio.send("Browser.setDownloadBehavior", json!({ "behavior": "deny" })).await?; // it is taken here
    let page = studio.browser.driver().execute_async(save, vec![]).await?;
    Ok(page.json().as_str().context("a page")?.to_owned())
}

/// A presenter's word at this moment.
async fn mark(front: &Cart, word: &str) -> anyhow::Result<()> {
    let mark = json!({ "key": KEY, "id": word, "text": word, "ageMs": 0 });
    let status = answer(client().post(front.url("/release/marks")).json(&mark)).await.status();
    ensure!(status == 204, "the mark {word:?} is answered with {status}");
    Ok(())
}

/// Takes the pictures of a recording, and says how many.
async fn play(studio: &Studio, recording: &str, frames: &TempDir) -> anyhow::Result<usize> {
    let file = tempfile::Builder::new().suffix(".html").tempfile()?;
    fs::write(file.path(), recording)?;
    let driver = studio.browser.driver();
    driver.goto(format!("file://{}#window=30&look=stage", file.path().display())).await?;
    // What belongs to a player, and not to what is played.
    let alone = "document.querySelector('#play').click();
        document.querySelector('#replay').hidden = true;
        document.querySelector('#wall').style.bottom = '0';
        document.querySelector('#wall-state').style.display = 'none';
        return Number(document.querySelector('#place').max)";
    let length = driver.execute(alone, vec![]).await?.json().as_f64().context("a length")?;
    let mut is_stopped = false;
    let mut n = 0;
    // The view shows nobody for a moment first.
    let mut place = 1000.0;
    while place <= length {
        let word =
            driver.execute_async(STEP_TO, vec![json!(place), json!(n), json!(SHOWN.as_millis())]).await?;
        if word.json() == STOPPED && !is_stopped {
            is_stopped = true;
            let still = studio.capture(false).await?;
            fs::write(binaries::root().join("docs/screenshots/rollout-still.webp"), still)?;
        }
        let picture = studio.send("Page.captureScreenshot", json!({ "format": "png" })).await?;
        let picture = BASE64_STANDARD.decode(picture["data"].as_str().context("a picture")?)?;
        fs::write(frames.path().join(name(n)), picture)?;
        n += 1;
        place += STEP.as_secs_f64() * 1e3;
    }
    ensure!(is_stopped, "nobody is stopped in the recording");
    Ok(n)
}

/// Goes to a place, and gives the word that is on the stage then. Figures are shown four times a second. What is animated
/// by style is as far as it would be in the picture of this number; what goes over is over.
const STEP_TO: &str = "const [place, number, shown, done] = arguments;
    const slider = document.querySelector('#place');
    slider.value = place;
    slider.dispatchEvent(new Event('input'));
    window.begun ??= new Map();
    let since;
    const look = (at) => {
        since ??= at;
        if (at - since < 400) return requestAnimationFrame(look);
        for (const moves of document.getAnimations()) {
            if (moves instanceof CSSTransition) { moves.finish(); continue; }
            if (!begun.has(moves)) { moves.pause(); begun.set(moves, number); }
            const time = (number - begun.get(moves)) * shown;
            if (time < moves.effect.getComputedTiming().endTime) moves.currentTime = time; else moves.finish();
        }
        requestAnimationFrame(() => requestAnimationFrame(() => done(document.querySelector('#wall-mark').textContent)));
    };
    requestAnimationFrame(look)";

fn name(number: usize) -> String {
    format!("{number:03}.png")
}

/// Makes one file of the first `n` pictures in a folder.
fn animate(frames: &TempDir, n: usize, path: &Path) -> anyhow::Result<()> {
    let mut encoder = Command::new("img2webp");
    encoder.current_dir(frames.path()).args(["-loop", "0", "-kmin", "0", "-lossy", "-q", "60", "-m", "4"]);
    encoder.args(["-d", &SHOWN.as_millis().to_string()]).args((0..n - 1).map(name));
    encoder.args(["-d", &PAUSE.as_millis().to_string()]).arg(name(n - 1)).arg("-o").arg(path);
    let output = encoder.output().context("img2webp does not start")?;
    ensure!(output.status.success(), "img2webp: {}", String::from_utf8_lossy(&output.stderr));
    let bytes = fs::metadata(path)?.len();
    println!("{}: {n} pictures, {} KiB", path.display(), bytes / 1024);
    ensure!(bytes <= MOST_BYTES, "{} has {bytes} bytes; {MOST_BYTES} are the most", path.display());
    Ok(())
}
