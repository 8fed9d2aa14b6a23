//! A real Chromium, driven through its WebDriver.

use std::{
    collections::HashMap,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::{CapabilitiesHelper as _, ChromiumLikeCapabilities as _, DesiredCapabilities, WebDriver};

use crate::{Process, http, process::command};

/// How a browser is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    /// As browsers are.
    On,
    /// With JavaScript switched off in its settings.
    Off,
}

/// The memory of a page.
#[derive(Clone, Copy, Debug)]
pub struct PageMemory {
    /// Of JavaScript.
    pub heap_kb: f64,
    /// Of its typed arrays.
    pub buffers_kb: f64,
    /// Of the document's objects, such as elements and pictures.
    pub document_kb: f64,
    /// Nodes of the document, those that only script holds included.
    pub nodes: u64,
}

impl PageMemory {
    /// All of it.
    #[must_use]
    pub fn total_kb(self) -> f64 {
        self.heap_kb + self.buffers_kb + self.document_kb
    }
}

/// A Chromium with a profile of its own; dropping it ends it.
#[derive(Debug)]
pub struct Browser {
    driver: WebDriver,
    /// The port of its WebDriver.
    port: u16,
    // Dropped in this order.
    chromedriver: Process,
    _profile: TempDir,
}

impl Browser {
    /// Starts one, with a window of 1280 × 900 CSS pixels.
    pub async fn start(script: Script) -> Self {
        let chromedriver =
            find(&["chromedriver"]).expect("chromedriver is installed; `cargo xtask test` does it");
        let profile = tempfile::tempdir().expect("a temporary directory can be made");

        let (chromedriver, port) = start_chromedriver(&chromedriver, profile.path()).await;

        let mut capabilities = DesiredCapabilities::chrome();
        let set = |result: Result<(), _>| result.expect("a capability can be set");
        set(capabilities.set_binary(&chromium().to_string_lossy()));
        set(capabilities.add_arg(&format!("--user-data-dir={}", profile.path().join("profile").display())));
        for argument in ARGUMENTS {
            set(capabilities.add_arg(argument));
        }
        set(capabilities.set("goog:loggingPrefs", json!({ "browser": "ALL", "performance": "ALL" })));
        if script == Script::Off {
            let off = json!({ "profile.managed_default_content_settings.javascript": 2 });
            set(capabilities.add_experimental_option("prefs", off));
        }
        let driver = match WebDriver::new(format!("http://127.0.0.1:{port}"), capabilities).await {
            Ok(driver) => driver,
            Err(error) => panic!("Chromium does not start: {error}"),
        };
        Self { driver, port, chromedriver, _profile: profile }
    }

    /// What the console says since it was last asked: errors of pages, violations of their policies, failed requests.
    pub async fn console(&self) -> Vec<String> {
        let entries = self.log("browser").await;
        entries.iter().filter_map(|entry| Some(entry["message"].as_str()?.to_owned())).collect()
    }

    /// The URLs that hosts and files were asked for since this was last asked.
    pub async fn requests(&self) -> Vec<String> {
        let url = |entry: &Value| {
            let event: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
            let event = &event["message"];
            let url = event["params"]["request"]["url"].as_str()?;
            // `data:` URLs, and the pages that are Chromium's own, come from nowhere.
            let is_from_somewhere = url.starts_with("http") || url.starts_with("file:");
            let is_sent = event["method"] == "Network.requestWillBeSent" && is_from_somewhere;
            is_sent.then(|| url.to_owned())
        };
        self.log("performance").await.iter().filter_map(url).collect()
    }

    /// The headers of the forms that were posted since requests were last asked for, names in lower case: as they went
    /// over the wire, with those that scripts do not see.
    pub async fn posts(&self) -> Vec<HashMap<String, String>> {
        let headers = |entry: &Value| {
            let event: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
            let event = &event["message"];
            if event["method"] != "Network.requestWillBeSentExtraInfo" {
                return None;
            }
            let headers = event["params"]["headers"].as_object()?.iter();
            let headers: HashMap<_, _> = headers
                .filter_map(|(name, value)| Some((name.to_ascii_lowercase(), value.as_str()?.to_owned())))
                .collect();
            (headers.get("content-type")? == "application/x-www-form-urlencoded").then_some(headers)
        };
        self.log("performance").await.iter().filter_map(headers).collect()
    }

    async fn log(&self, name: &str) -> Vec<Value> {
        let session = self.driver.session_id();
        let url = format!("http://127.0.0.1:{}/session/{session}/se/log", self.port);
        let answer = http::answer(http::client().post(url).json(&json!({ "type": name }))).await;
        http::json(answer).await["value"].as_array().expect("a log has entries").clone()
    }

    /// What the page needs, without its garbage.
    ///
    /// One collection leaves what script and document hold of each other, so the least of several counts.
    pub async fn memory(&self) -> PageMemory {
        let mut least: Option<PageMemory> = None;
        for _ in 0..6 {
            self.send("HeapProfiler.collectGarbage").await;
            let heap = self.send("Runtime.getHeapUsage").await;
            let kb = |part: &str| heap[part].as_f64().expect("a size of the heap") / 1024.0;
            let nodes =
                self.send("Memory.getDOMCounters").await["nodes"].as_u64().expect("a number of nodes");
            let now = PageMemory {
                heap_kb: kb("usedSize"),
                buffers_kb: kb("backingStorageSize"),
                document_kb: kb("embedderHeapUsedSize"),
                nodes,
            };
            if least.is_none_or(|least| now.total_kb() < least.total_kb()) {
                least = Some(now);
            }
        }
        least.expect("it was read")
    }

    /// The processor time that all its processes have had, its WebDriver's included, in seconds.
    #[must_use]
    pub fn processor_seconds(&self) -> f64 {
        self.chromedriver.processor_seconds()
    }

    async fn send(&self, method: &str) -> Value {
        self.driver.cdp().send_raw(method, json!({})).await.expect("Chromium does it")
    }

    /// Ends the session, and so the browser.
    fn quit(&self) -> std::io::Result<()> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let session = self.driver.session_id();
        write!(stream, "DELETE /session/{session} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        // Its first byte comes when the browser has ended.
        stream.read_exact(&mut [0])
    }

    /// The session, for all that WebDriver can do.
    #[must_use]
    pub fn driver(&self) -> &WebDriver {
        &self.driver
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // thirtyfour would end the session, too, but waits for the very runtime that this drop stops.
        let _ = self.driver.clone().leak();
        if let Err(error) = self.quit() {
            eprintln!("Chromium did not end as asked: {error}");
        }
    }
}

/// What makes Chromium the same on each machine, and keeps it from talking to any other host.
const ARGUMENTS: &[&str] = &[
    "--headless=new",
    // The tests may run as root in a container, where Chromium's sandbox cannot be set up.
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--no-proxy-server",
    // Names below .test are this machine too, for what browsers do only on plain http to a name.
    "--host-resolver-rules=MAP *.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
    "--lang=en-IE",
    "--hide-scrollbars",
    "--window-size=1280,900",
    "--force-device-scale-factor=1",
    "--force-prefers-reduced-motion",
];

/// Starts a chromedriver, and tells its port. It chooses a port that is free for IPv6, and ends where that is not free
/// for IPv4: then another one is luckier.
async fn start_chromedriver(program: &Path, home: &Path) -> (Process, u16) {
    for _ in 0..5 {
        let mut chromedriver = command(program);
        chromedriver.arg("--port=0").env("HOME", home);
        let chromedriver = Process::spawn("chromedriver", chromedriver);
        let port = |line: &str| {
            if line.contains("port not available") {
                return Some(None);
            }
            let (_, port) = line.split_once("started successfully on port ")?;
            port.trim_end_matches('.').parse::<u16>().ok().map(Some)
        };
        if let Some(port) = chromedriver.find("its port", port).await {
            return (chromedriver, port);
        }
    }
    panic!("chromedriver finds no free port");
}

/// Where Chromium is.
pub(crate) fn chromium() -> PathBuf {
    find(&["chromium", "chromium-browser", "google-chrome"])
        .expect("Chromium is installed; `cargo xtask test` does it")
}

fn find(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    names
        .iter()
        .flat_map(|name| std::env::split_paths(&path).map(move |directory| directory.join(name)))
        .find(|program| program.is_file())
}
