//! Records what a release view would have seen of a scene: `docs/recordings.md` has the format.

use std::{
    collections::{HashSet, VecDeque},
    path::{Path, PathBuf},
    str::FromStr,
    time::{Duration, SystemTime},
};

use anyhow::Context as _;
use sava_testbed::client;
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::{
    sync::oneshot,
    task::{JoinHandle, JoinSet},
    time::{MissedTickBehavior, interval},
};

/// As often as the view that a scene opens.
const INTERVAL: Duration = Duration::from_millis(50);
/// As browsers have to one host.
const MAX_IN_FLIGHT: usize = 6;
const PATIENCE: Duration = Duration::from_secs(5);
/// As many as a view keeps: the last ones.
const MAX_SAMPLES: usize = 36_000;
const MAX_MARKS: usize = 1000;
const NOBODY: &str = "no answer";

/// Where a recording goes: JSON, or a page that plays it.
#[derive(Clone, Debug)]
pub(crate) struct RecordingFile {
    path: PathBuf,
    is_page: bool,
}

impl FromStr for RecordingFile {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let path = PathBuf::from(text);
        let is_page = match path.extension().and_then(|extension| extension.to_str()) {
            Some("html") => true,
            Some("json") => false,
            _ => return Err("takes a file whose name ends in .json or .html"),
        };
        Ok(Self { path, is_page })
    }
}

/// Takes samples until it is finished.
pub(crate) struct Recorder {
    file: RecordingFile,
    title: String,
    begun: SystemTime,
    marks: Vec<Value>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<anyhow::Result<Samples>>,
}

struct Samples {
    /// The release view of the store front that was there first, where a page is wanted.
    page: Option<String>,
    samples: VecDeque<Value>,
}

impl Recorder {
    /// Begins with the store at this URL.
    pub(crate) fn begin(file: RecordingFile, title: &str, store: &str) -> Self {
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(take(store.to_owned(), file.is_page, stopped));
        Self { file, title: title.to_owned(), begun: SystemTime::now(), marks: Vec::new(), stop, task }
    }

    /// What happens at this moment.
    pub(crate) fn mark(&mut self, text: &str) {
        if self.marks.len() < MAX_MARKS {
            self.marks.push(json!({ "time": written(SystemTime::now()), "text": text }));
        }
    }

    /// Writes the file, and says how many samples are in it.
    pub(crate) async fn finish(self) -> anyhow::Result<(PathBuf, usize)> {
        let Self { file, title, begun, marks, stop, task } = self;
        let until = SystemTime::now();
        let _ = stop.send(());
        let Samples { page, samples } = task.await??;
        let head = json!({ "format": "sava-recording", "version": 1, "title": title, "lostSince": written(begun),
            "until": written(until), "marks": marks });
        let lines: Vec<_> = samples.iter().map(Value::to_string).collect();
        let head = head.to_string();
        let recording = format!("{},\"samples\":[\n{}\n]}}\n", head.trim_end_matches('}'), lines.join(",\n"));
        let text = match page {
            Some(page) => page_of(&page, &recording).context("the release view takes no recording")?,
            None => recording,
        };
        write(&file.path, &text)?;
        Ok((file.path, samples.len()))
    }
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))
}

/// The page with a recording in it, as the view itself saves it.
fn page_of(page: &str, recording: &str) -> Option<String> {
    const DATA: &str = r#"<script type="application/json" id="recording">"#;
    let (before, rest) = page.split_once(r#"<section class="made""#)?;
    let (_, after) = rest.split_once("</section>")?;
    let (head, body) = before.split_once(r#"<meta name="policy-of-a-file""#)?;
    let (middle, end) = after.split_once(DATA)?;
    let data = recording.replace('<', "\\u003c");
    Some(format!(r#"{head}<meta http-equiv="Content-Security-Policy"{body}{middle}{DATA}{data}{end}"#))
}

/// `2026-01-31T12:00:00.250Z`
fn written(time: SystemTime) -> String {
    let time = OffsetDateTime::from(time);
    let time = time.replace_millisecond(time.millisecond()).unwrap_or(time);
    time.format(&Rfc3339).expect("a year of four digits")
}

async fn take(store: String, is_page: bool, mut stopped: oneshot::Receiver<()>) -> anyhow::Result<Samples> {
    let page = if is_page {
        let request = client().get(format!("{store}release")).header("accept", "text/html");
        Some(request.send().await?.text().await?)
    } else {
        None
    };
    let (mut samples, mut seen) = (VecDeque::new(), HashSet::new());
    let mut keep = |mut sample: Value, number: Option<u64>| {
        // Who asks close to another gets the same sample of the product service: it counts once.
        let is_own =
            number.is_some_and(|number| seen.insert((sample["storefrontInstance"].to_string(), number)));
        sample["productSampleIsOwn"] = is_own.into();
        samples.push_back(sample);
        if samples.len() > MAX_SAMPLES {
            samples.pop_front();
        }
    };
    let mut turns = interval(INTERVAL);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut in_flight = JoinSet::new();
    let mut is_over = false;
    while !is_over || !in_flight.is_empty() {
        tokio::select! {
            _ = turns.tick(), if !is_over && in_flight.len() < MAX_IN_FLIGHT => {
                in_flight.spawn(sample(format!("{store}release/sample")));
            }
            Some(taken) = in_flight.join_next() => {
                let (sample, number) = taken?;
                keep(sample, number);
            }
            _ = &mut stopped, if !is_over => is_over = true,
        }
    }
    Ok(Samples { page, samples })
}

/// One sample, with the number that the store front gives that of the product service.
async fn sample(url: String) -> (Value, Option<u64>) {
    let (time, start) = (SystemTime::now(), tokio::time::Instant::now());
    let mut sample = json!({ "time": written(time), "storefrontRelease": NOBODY, "storefrontInstance": "",
        "storefrontError": "", "latencyMs": 0, "productRelease": "", "productInstance": "", "apiVersion": "",
        "productError": "", "productLatencyMs": 0, "productEtag": "" });
    let said = async {
        let answer = client().get(url).header("accept", "application/json").send().await?;
        for (field, header) in
            [("storefrontRelease", "x-sava-release"), ("storefrontInstance", "x-sava-instance")]
        {
            if let Some(value) = answer.headers().get(header).and_then(|value| value.to_str().ok()) {
                sample[field] = value.into();
            }
        }
        answer.error_for_status()?.text().await
    };
    let answered = match tokio::time::timeout(PATIENCE, said).await {
        Err(_) => Err("no answer in time".to_owned()),
        Ok(Err(error)) => {
            Err(error.status().map_or(NOBODY.to_owned(), |status| format!("status {}", status.as_u16())))
        }
        Ok(Ok(text)) => serde_json::from_str::<Value>(&text).map_err(|_| NOBODY.to_owned()),
    };
    sample["latencyMs"] = ((start.elapsed().as_secs_f64() * 100_000.0).round() / 100.0).into();
    match answered {
        Err(error) => {
            sample["storefrontError"] = error.into();
            (sample, None)
        }
        Ok(said) => {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let (storefront, product) = (&said["storefront"], &said["product"]);
            sample["storefrontRelease"] = text(&storefront["release"]).into();
            sample["storefrontInstance"] = text(&storefront["instance"]).into();
            sample["productRelease"] = product["release"].as_str().unwrap_or(NOBODY).into();
            for (field, name) in [
                ("productInstance", "instance"),
                ("apiVersion", "apiVersion"),
                ("productError", "error"),
                ("productEtag", "etag"),
            ] {
                sample[field] = text(&product[name]).into();
            }
            sample["productLatencyMs"] = product["latencyMs"].clone();
            (sample, product["sample"].as_u64())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_format() {
        assert_eq!(written(SystemTime::UNIX_EPOCH), "1970-01-01T00:00:00Z");
        assert_eq!(
            written(SystemTime::UNIX_EPOCH + Duration::from_micros(1_250_999)),
            "1970-01-01T00:00:01.25Z"
        );
    }

    #[test]
    fn recordings_are_json_or_a_page() {
        for (name, is_page) in
            [("a.json", Some(false)), ("b/c.html", Some(true)), ("a.csv", None), ("json", None)]
        {
            assert_eq!(name.parse::<RecordingFile>().ok().map(|file| file.is_page), is_page, "{name}");
        }
    }
}
