//! The servers that are measured, each a process of its own.

use std::{
    fmt::Write as _,
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use tempfile::TempDir;

use crate::{callgrind, client::Response, stores};

/// A server; dropping it ends it.
pub(crate) struct Server {
    process: Child,
    pub(crate) address: SocketAddr,
    /// From its start until it took a connection.
    pub(crate) started_in: Duration,
    /// What works for it, and counts as its cost.
    behind: Option<u32>,
    folder: TempDir,
}

/// Where the services are, and how they are started.
#[derive(Clone)]
pub(crate) struct Binaries {
    pub(crate) folder: PathBuf,
    pub(crate) under: Under,
}

/// What a server runs under.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Under {
    /// The kernel alone.
    Nothing,
    /// valgrind, which counts its instructions, with one thread to answer requests.
    Callgrind,
}

impl Binaries {
    pub(crate) fn product(&self, settings: &[(&str, &str)]) -> anyhow::Result<Server> {
        self.service("sava-product", settings)
    }

    pub(crate) fn cart(&self, settings: &[(&str, &str)]) -> anyhow::Result<Server> {
        self.service("sava-cart", settings)
    }

    fn service(&self, name: &str, settings: &[(&str, &str)]) -> anyhow::Result<Server> {
        let binary = std::path::absolute(self.folder.join(name))?;
        ensure!(binary.exists(), "{} is not there: cargo xtask bench builds it", binary.display());
        let folder = tempfile::tempdir()?;
        let mut command = self.under.command(&binary, folder.path());
        command.current_dir(folder.path()).env("ADMIN_LISTEN", "127.0.0.1:0");
        command.env("DATABASE_URL", "sqlite:sava-cart.db");
        command.envs(settings.iter().copied());
        Server::start(command, free_address()?, folder, |_| Ok(()))
    }
}

impl Under {
    /// Starts the program with an empty environment; what counts it keeps its files in `folder`.
    fn command(self, program: &Path, folder: &Path) -> Command {
        match self {
            Self::Nothing => {
                let mut command = Command::new(program);
                command.env_clear();
                command
            }
            Self::Callgrind => callgrind::command(program, folder),
        }
    }
}

impl Server {
    /// An axum server that knows nothing but this answer.
    pub(crate) fn bare(answer: &Response, under: Under) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut command = under.command(&std::env::current_exe()?, folder.path());
        command.arg("bare").stdin(Stdio::piped());
        Self::start(command, free_address()?, folder, |process| {
            let stdin = process.stdin.take().context("its input is a pipe")?;
            Ok(serde_json::to_writer(stdin, answer)?)
        })
    }

    fn start(
        mut command: Command,
        address: SocketAddr,
        folder: TempDir,
        tell: impl FnOnce(&mut Child) -> anyhow::Result<()>,
    ) -> anyhow::Result<Self> {
        command.env("LISTEN", address.to_string()).stdout(Stdio::null());
        let start = Instant::now();
        let process = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        let mut server = Self { process, address, started_in: Duration::ZERO, behind: None, folder };
        tell(&mut server.process)?;
        while TcpStream::connect(address).is_err() {
            if let Some(status) = server.process.try_wait()? {
                bail!("{command:?} ended with {status}");
            }
            ensure!(start.elapsed() < Duration::from_mins(5), "{command:?} does not listen");
            std::thread::sleep(Duration::from_millis(1));
        }
        server.started_in = start.elapsed();
        Ok(server)
    }

    /// Counts what `other` costs with what this one does.
    pub(crate) fn with(mut self, other: &Self) -> Self {
        self.behind = Some(other.process.id());
        self
    }

    /// The processor time that it and its children have had, in seconds.
    pub(crate) fn processor_time(&self) -> anyhow::Result<f64> {
        let own = self.process.id();
        let mut nanoseconds = 0;
        for id in [Some(own), self.behind].into_iter().flatten().chain(children(own)?) {
            for thread in fs::read_dir(format!("/proc/{id}/task"))? {
                let Ok(text) = fs::read_to_string(thread?.path().join("schedstat")) else { continue };
                nanoseconds += text.split(' ').next().context("a number")?.parse::<u64>()?;
            }
        }
        Ok(Duration::from_nanos(nanoseconds).as_secs_f64())
    }

    /// The instructions that it has run, but for the kernel's for it, since this was asked before: of a server under
    /// [`Under::Callgrind`].
    pub(crate) fn instructions(&self) -> anyhow::Result<u64> {
        callgrind::take(self.process.id(), self.folder.path())
    }

    /// Waits until it does nothing any more of what it began with.
    pub(crate) fn settle(&self) -> anyhow::Result<()> {
        /// How long a look at it is, and how little it then has of a processor, in seconds.
        const LOOK: Duration = Duration::from_millis(500);
        const LITTLE: f64 = 0.01;
        for _ in 0..600 {
            let before = self.processor_time()?;
            std::thread::sleep(LOOK);
            if self.processor_time()? - before < LITTLE {
                return Ok(());
            }
        }
        bail!("{} does not come to rest", self.address)
    }

    /// A figure of its memory, such as `VmRSS`, in bytes.
    pub(crate) fn memory(&self, name: &str) -> anyhow::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)).context("Linux tells it")?;
        let kibibytes: u64 = line.trim_matches([':', '\t', ' ']).trim_end_matches("kB").trim().parse()?;
        Ok(kibibytes * 1024)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for child in children(self.process.id()).unwrap_or_default() {
            let _ = Command::new("kill").arg(child.to_string()).status();
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The processes that a process has started.
fn children(id: u32) -> anyhow::Result<Vec<u32>> {
    let text = fs::read_to_string(format!("/proc/{id}/task/{id}/children"))?;
    text.split_whitespace().map(|id| Ok(id.parse()?)).collect()
}

pub(crate) fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// nginx with the answer as a file, if it is installed.
pub(crate) fn nginx(answer: &Response) -> anyhow::Result<Option<Server>> {
    let places = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&places).chain(["/usr/sbin".into()]);
    let Some(program) = places.map(|place| place.join("nginx")).find(|program| program.is_file()) else {
        return Ok(None);
    };
    let folder = tempfile::tempdir()?;
    // Its workers give up root, and must still read the file.
    fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    fs::write(folder.path().join("answer.json"), &answer.body)?;
    let address = free_address()?;
    let mut headers = String::new();
    for (name, value) in &answer.headers {
        if !["date", "content-length", "content-type", "connection", "etag"].contains(&name.as_str()) {
            // As nginx quotes; it has no way to write a dollar sign, and none is in these headers.
            let value = value.replace('\\', r"\\").replace('"', r#"\""#);
            let _ = writeln!(headers, "add_header {name} \"{value}\";");
        }
    }
    let at = folder.path().display();
    let configuration = format!(
        "daemon off; worker_processes 2; pid {at}/pid; error_log {at}/error.log;
         events {{ worker_connections 256; }}
         http {{
             access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; default_type application/json;
             client_body_temp_path {at}/a; proxy_temp_path {at}/b; fastcgi_temp_path {at}/c; uwsgi_temp_path {at}/d; scgi_temp_path {at}/e;
             server {{ listen {address}; root {at}; location = / {{ try_files /answer.json =404; {headers} }} }}
         }}"
    );
    let file = folder.path().join("nginx.conf");
    fs::write(&file, configuration)?;
    let mut command = Command::new(program);
    command.arg("-c").arg(file);
    Server::start(command, address, folder, |_| Ok(())).map(Some)
}

/// json-server with the products of the shop; it writes a log line a request, as the services do.
pub(crate) fn json_server(program: &Path) -> anyhow::Result<Server> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("db.json");
    fs::write(&file, stores::OWN)?;
    let address = free_address()?;
    let mut command = Command::new("node");
    command.arg(std::path::absolute(program)?).args(["--host", "127.0.0.1", "--port"]);
    command.arg(address.port().to_string()).arg(file).current_dir(folder.path());
    Server::start(command, address, folder, |_| Ok(()))
}
