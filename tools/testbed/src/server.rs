//! A service of sava that runs: what both have in common for a test.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use reqwest::{Response, StatusCode};
use serde_json::Value;

use crate::{
    Exit, Process, binaries, http,
    process::{PATIENCE, command},
};

/// Starts a program in namespaces of its own (util-linux).
const UNSHARE: &str = "/usr/bin/unshare";

/// What a service is started with.
#[derive(Clone, Debug)]
pub struct Start {
    name: &'static str,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    wait_until_ready: bool,
    /// What it has for `/etc/resolv.conf`, where that is not the machine's.
    resolv_conf: Option<PathBuf>,
}

/// A service that runs; dropping it ends it.
#[derive(Debug)]
pub struct Running {
    process: Process,
    address: String,
}

impl Start {
    /// The binary `name` on free ports, with nothing of this process's own environment that could be a setting.
    pub(crate) fn new(name: &'static str) -> Self {
        let start = Self {
            name,
            arguments: Vec::new(),
            environment: Vec::new(),
            wait_until_ready: true,
            resolv_conf: None,
        };
        start
            .env("LISTEN", "127.0.0.1:0")
            .env("ADMIN_LISTEN", "127.0.0.1:0")
            .env("LOG_FORMAT", "json")
            .env("NO_COLOR", "1")
    }

    pub(crate) fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    pub(crate) fn unready(mut self) -> Self {
        self.wait_until_ready = false;
        self
    }

    pub(crate) fn resolv_conf(mut self, file: &Path) -> Self {
        self.resolv_conf = Some(file.to_owned());
        self
    }

    /// The command, in `directory`.
    fn command(&self, directory: Option<&Path>) -> Command {
        let program = binaries::path(self.name);
        let mut command = match &self.resolv_conf {
            Some(file) => with_resolv_conf(file, &program),
            None => command(program),
        };
        command.args(&self.arguments).env_clear();
        for name in ["PATH", "RUST_LOG", "TMPDIR"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        if let Some(directory) = directory {
            command.current_dir(directory);
        }
        command
    }

    pub(crate) async fn run(self, directory: Option<&Path>) -> Running {
        let process = Process::spawn(self.name, self.command(directory));
        let address = process.find("the address that it listens on", |line| address(line, "listening")).await;
        let running = Running { process, address };
        if self.wait_until_ready {
            running.ready().await;
        }
        running
    }

    pub(crate) async fn fail(self, directory: Option<&Path>) -> Exit {
        Process::spawn(self.name, self.command(directory)).exit().await
    }
}

impl Running {
    /// The URL of `path` (with its leading slash, or empty for the origin) on the service.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The address and port that it listens on.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The port that it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        let (_, port) = self.address.rsplit_once(':').expect("an address has a port");
        port.parse().expect("a port is a number")
    }

    /// The URL of `path` on the admin port.
    pub async fn admin_url(&self, path: &str) -> String {
        let what = "the address of its admin port";
        let address = self.process.find(what, |line| address(line, "admin listening")).await;
        format!("http://{address}{path}")
    }

    /// The answer to `GET path`; redirects are not followed.
    pub async fn get(&self, path: &str) -> Response {
        http::answer(http::client().get(self.url(path))).await
    }

    /// The answer to `GET path` with this `Accept`.
    pub async fn get_as(&self, path: &str, accept: &str) -> Response {
        http::answer(http::client().get(self.url(path)).header("accept", accept)).await
    }

    /// Waits until it says that it is ready.
    pub async fn ready(&self) {
        // A connection beyond the cap may be refused before it has asked.
        let is_ready = async || {
            let answer = http::client().get(self.url("/readyz")).send().await;
            answer.is_ok_and(|answer| answer.status() == StatusCode::OK)
        };
        let ready = async {
            while !is_ready().await {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, ready).await.is_ok();
        assert!(in_time, "{} is not ready after {PATIENCE:?}", self.address);
    }

    /// The process, for its log, its signals and its end.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Waits for a line of its log in which `text` stands.
    pub async fn logged(&self, text: &str) -> String {
        self.process.line(text).await
    }

    /// Asks it to end (SIGTERM), and waits for that.
    pub async fn stop(self) -> Exit {
        self.process.stop().await
    }

    /// Ends it at once (SIGKILL).
    pub fn kill(self) {
        self.process.kill();
    }

    /// Waits for it to end by itself.
    pub async fn exit(self) -> Exit {
        self.process.exit().await
    }
}

/// `program`, to which `file` is `/etc/resolv.conf`: in a mount namespace of its own.
fn with_resolv_conf(file: &Path, program: &Path) -> Command {
    let mut command = command(UNSHARE);
    command.args(["--mount", "--", "sh", "-c", "mount --bind \"$0\" /etc/resolv.conf && exec \"$@\""]);
    command.arg(file).arg(program);
    command
}

/// Whether this user may start a service with a `resolv.conf` of its own, and be its name server: root may, elsewhere than
/// in a container that forbids it.
#[must_use]
pub fn has_own_resolver() -> bool {
    let is_file = Path::new("/etc/resolv.conf").is_file();
    let own = std::net::UdpSocket::bind("127.0.0.53:53").map_or_else(
        // Another name server of this machine may have it.
        |error| error.kind() == std::io::ErrorKind::AddrInUse,
        |_| true,
    );
    let mut mount = with_resolv_conf(Path::new("/etc/resolv.conf"), Path::new("true"));
    mount.stdout(Stdio::null()).stderr(Stdio::null());
    is_file && own && mount.status().is_ok_and(|status| status.success())
}

/// The address in a log line with this message, in either format.
fn address(line: &str, message: &str) -> Option<String> {
    if let Ok(entry) = serde_json::from_str::<Value>(line) {
        return (entry["message"] == message).then(|| entry["address"].as_str().map(str::to_owned))?;
    }
    // The text form: `2026-01-01T00:00:00Z  INFO sava_service::server: listening address=127.0.0.1:8080 release=…`
    let (_, fields) = line.split_once(&format!(": {message} "))?;
    let address = fields.split_whitespace().find_map(|field| field.strip_prefix("address="))?;
    Some(address.to_owned())
}
