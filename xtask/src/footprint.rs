//! `cargo xtask footprint`: what the images weigh, measured, and written into the README.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};

use crate::{
    docker::Docker,
    engine::Engine,
    images::{Image, SERVICES},
    workspace,
};

/// Measure image, memory at rest and start of each service, and write the table into the README
///
/// The binaries are those of the images, which `cargo xtask publish --build-only` has built; they run on this machine,
/// outside of a container.
#[derive(clap::Args)]
pub(crate) struct Footprint {
    /// How often each service is started; the median counts
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u16).range(1..=1000))]
    starts: u16,

    /// The organization of the images
    #[arg(long, default_value = "vampio")]
    organization: String,
}

/// What one image weighs.
struct Row {
    image: String,
    bytes: u64,
    /// Resident, of which the binary's own pages are the larger part.
    memory: u64,
    start: Duration,
}

const BEGIN: &str = "<!-- footprint -->\n";
const END: &str = "<!-- /footprint -->";

impl Footprint {
    /// Measures each service in its newest release.
    #[expect(clippy::print_stdout, reason = "the table is what the command is asked for")]
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let docker = Docker::find()?;
        let _engine = Engine::ready(&docker, &workspace::target().join("docker"))?;
        let folder = tempfile::tempdir()?;
        let images = Image::all();
        let newest = |service: &str| {
            images.iter().find(|image| {
                image.service == service && image.floating_tags.iter().any(|tag| tag == "latest")
            })
        };
        let mut rows = Vec::new();
        let mut product = None;
        for service in SERVICES.iter().filter_map(|service| Subject::of(service.name)) {
            let release = newest(service.name).context("each service has a newest release")?.release;
            let image = format!("{}/{}:{release}", self.organization, service.name);
            let bytes = docker.command(["image", "inspect", "--format", "{{.Size}}", &image]).read()?;
            let container = docker.command(["create", &image]).read()?;
            let binary = folder.path().join(service.name);
            let from = format!("{container}:/{}", service.name);
            docker.command(["cp", &from, &binary.display().to_string()]).read()?;
            docker.command(["rm", &container]).read()?;
            // The store front shows real products, as in a shop.
            let products = product.as_ref().map(|running: &RunningSubject| running.address);
            let mut starts = Vec::new();
            for _ in 0..self.starts {
                starts.push(service.start(&binary, folder.path(), products)?.took);
            }
            starts.sort();
            let running = service.start(&binary, folder.path(), products)?;
            // At rest: what starting took has been given back, and nobody asks.
            std::thread::sleep(Duration::from_secs(2));
            rows.push(Row {
                image,
                bytes: bytes.parse()?,
                memory: running.memory()?,
                start: starts[starts.len() / 2],
            });
            product = product.or(Some(running));
        }
        let table = table(&rows);
        print!("{table}");
        write(&workspace::root().join("README.md"), &table)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// How a service is started, and what it is asked first.
struct Subject {
    name: &'static str,
    page: &'static str,
}

impl Subject {
    /// The service of that name, if it is one that serves.
    fn of(name: &'static str) -> Option<Self> {
        let page = match name {
            "sava-product" => "/products/ie",
            "sava-cart" => "/",
            _ => return None,
        };
        Some(Self { name, page })
    }

    /// Starts it and asks for its page until that is there.
    fn start(
        &self,
        binary: &Path,
        folder: &Path,
        products: Option<SocketAddr>,
    ) -> anyhow::Result<RunningSubject> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut command = Command::new(binary);
        command.env_clear().current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null());
        command.env("LISTEN", address.to_string()).env("ADMIN_LISTEN", "127.0.0.1:0");
        command.env("DATABASE_URL", "sqlite:sava-cart.db");
        if let Some(products) = products {
            command.env("PRODUCT_SERVICE_ADDR", format!("http://{products}"));
        }
        let started = Instant::now();
        let process = command.spawn().with_context(|| format!("cannot start {}", binary.display()))?;
        let mut running = RunningSubject { process, address, took: Duration::ZERO };
        while !answers(address, self.page) {
            ensure!(started.elapsed() < Duration::from_secs(20), "{} does not answer", self.name);
            if let Some(status) = running.process.try_wait()? {
                bail!("{} ended with {status}", self.name);
            }
        }
        running.took = started.elapsed();
        Ok(running)
    }
}

/// A service that runs until this is dropped.
struct RunningSubject {
    process: Child,
    address: SocketAddr,
    /// From its start to its first answer.
    took: Duration,
}

impl RunningSubject {
    /// Its resident memory in bytes.
    fn memory(&self) -> anyhow::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line =
            status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("Linux tells VmRSS")?;
        let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kibibytes * 1024)
    }
}

impl Drop for RunningSubject {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Whether the server there answers the request for `path` with 200.
fn answers(address: SocketAddr, path: &str) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200 "))
}

fn table(rows: &[Row]) -> String {
    use std::fmt::Write as _;
    let mut table =
        "| image | size | memory at rest | start to first answer |\n| --- | --- | --- | --- |\n".to_owned();
    for Row { image, bytes, memory, start } in rows {
        let (size, memory) = (megabytes(*bytes), megabytes(*memory));
        let _ =
            writeln!(table, "| `{image}` | {size} MB | {memory} MB | {:.1} ms |", start.as_secs_f64() * 1e3);
    }
    table
}

/// Megabytes with a digit behind the point.
fn megabytes(bytes: u64) -> String {
    let tenths = (bytes + 50_000) / 100_000;
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// Puts the table into its place.
fn write(readme: &Path, table: &str) -> anyhow::Result<()> {
    let text = fs::read_to_string(readme)?;
    let place = text.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) = place.context("README.md has no place for the footprints")?;
    fs::write(readme, format!("{before}{BEGIN}{table}{END}{after}"))?;
    Ok(())
}
