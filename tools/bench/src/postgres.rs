//! A PostgreSQL server to measure with, and its own benchmark.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use tempfile::TempDir;

use crate::server::free_address;

/// A server with its defaults, which sync each commit; it and its files end with it.
pub(crate) struct Postgres {
    process: Child,
    /// Where its programs are.
    programs: PathBuf,
    port: u16,
    folder: TempDir,
}

impl Postgres {
    /// Starts one; `None` where PostgreSQL is not installed.
    pub(crate) fn start() -> anyhow::Result<Option<Self>> {
        let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
        let programs = versions.filter_map(|version| Some(version.ok()?.path().join("bin"))).max();
        let Some(programs) = programs.filter(|programs| programs.join("pgbench").is_file()) else {
            return Ok(None);
        };
        let folder = tempfile::tempdir()?;
        if is_root()? {
            run(Command::new("chown").arg("postgres:").arg(folder.path()))?;
        }
        let data = folder.path().join("data");
        let mut init = as_its_user(&programs.join("initdb"), folder.path())?;
        init.args(["--username=shop", "--auth=trust", "--locale=C", "--encoding=UTF8", "--pgdata"])
            .arg(&data);
        run(&mut init)?;
        let port = free_address()?.port();
        let mut server = as_its_user(&programs.join("postgres"), folder.path())?;
        server.arg("-D").arg(data).arg("-k").arg(folder.path()).args(["-c", "listen_addresses=127.0.0.1"]);
        server.args(["-p", &port.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
        let process = server.spawn().with_context(|| format!("cannot start {server:?}"))?;
        let mut postgres = Self { process, programs, port, folder };
        let begun = Instant::now();
        while run(as_its_user(&postgres.programs.join("pg_isready"), postgres.folder.path())?.args([
            "--host=127.0.0.1",
            "--port",
            &port.to_string(),
        ]))
        .is_err()
        {
            if let Some(status) = postgres.process.try_wait()? {
                bail!("PostgreSQL ended with {status}");
            }
            ensure!(begun.elapsed() < Duration::from_mins(5), "PostgreSQL takes no connections");
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(Some(postgres))
    }

    /// Its URL, as `DATABASE_URL` takes it.
    pub(crate) fn url(&self) -> String {
        format!("postgres://shop@127.0.0.1:{}/postgres?sslmode=disable", self.port)
    }

    /// Lets pgbench run `sql` again and again by so many clients; how often a second.
    pub(crate) fn bench(&self, sql: &str, clients: u32, time: Duration) -> anyhow::Result<f64> {
        let script = self.folder.path().join("script.sql");
        fs::write(&script, sql.replace('\n', " "))?;
        let mut bench = as_its_user(&self.programs.join("pgbench"), self.folder.path())?;
        bench.args(["--no-vacuum", "--protocol=prepared", "--host=127.0.0.1", "--username=shop"]);
        bench.args(["--port", &self.port.to_string(), "--client", &clients.to_string(), "--jobs=2"]);
        bench.args(["--time", &time.as_secs().to_string(), "--file"]).arg(script).arg("postgres");
        let text = run(&mut bench)?;
        let rate = text.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next());
        Ok(rate.with_context(|| format!("pgbench tells its rate: {text}"))?.parse()?)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // A fast shutdown; by SIGKILL its own processes would stay for a while.
        let _ = Command::new("kill").args(["-INT", &self.process.id().to_string()]).status();
        let _ = self.process.wait();
    }
}

/// A program of PostgreSQL's, which refuses to run as root.
fn as_its_user(program: &Path, folder: &Path) -> anyhow::Result<Command> {
    let mut command = if is_root()? {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "--pdeathsig=KILL", "--"]);
        command.arg(program);
        command
    } else {
        Command::new(program)
    };
    command.current_dir(folder);
    Ok(command)
}

/// Whether this process is root's.
fn is_root() -> anyhow::Result<bool> {
    Ok(std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self")?) == 0)
}

fn run(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}
