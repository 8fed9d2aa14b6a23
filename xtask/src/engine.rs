//! A Docker engine for the tests: the one that runs, else one of our own with its own data root; and the base images,
//! from their registry, else as local stand-ins under the same names.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};

use crate::{
    docker::{self, Docker},
    test::need,
};

/// An engine that answers. One that was started here ends with this value.
pub(crate) struct Engine {
    /// `DOCKER_HOST` for it, where it isn't the one that the environment names already.
    host: Option<String>,
    own: Option<Child>,
}

impl Engine {
    /// Finds the running engine, else starts one, keeping its images in `folder` for the next time; then sees to
    /// the base images.
    pub(crate) fn ready(docker: &Docker, folder: &Path) -> anyhow::Result<Self> {
        let mut engine = Self { host: None, own: None };
        if !docker.has_engine() {
            engine.start(folder)?;
        }
        for image in [Base::from_dockerfile()?, Base::from_compose()?] {
            image.provide(&engine, docker, folder)?;
        }
        Ok(engine)
    }

    /// What the environment of a command must have, so that it finds this engine.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        self.host.iter().map(|host| ("DOCKER_HOST", host.clone())).collect()
    }

    /// What `docker ARGS…` prints on this engine; its own message where it fails.
    pub(crate) fn output<'a>(
        &self,
        docker: &Docker,
        args: impl IntoIterator<Item = &'a str>,
    ) -> anyhow::Result<String> {
        docker::output(&mut self.command(docker, args))
    }

    /// `docker ARGS…` on this engine.
    fn command<'a>(&self, docker: &Docker, args: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = docker.command(args);
        if let Some(host) = &self.host {
            command.env("DOCKER_HOST", host);
        }
        command
    }

    fn start(&mut self, folder: &Path) -> anyhow::Result<()> {
        ensure!(
            rustix::process::geteuid().is_root(),
            "no Docker engine answers: start Docker, or run this as root on Debian or Ubuntu, where the tests start an engine of their own"
        );
        let folder = std::path::absolute(folder)?;
        fs::create_dir_all(&folder)?;
        // A socket's path has room for about 100 bytes, which a checkout's own path may fill.
        let runtime = std::env::temp_dir().join(format!("sava-docker-{}", std::process::id()));
        fs::create_dir_all(&runtime)?;
        let socket = runtime.join("docker.sock");
        let log = folder.join("dockerd.log");
        eprintln!("No Docker engine answers: starting one with its data in {}.", folder.display());
        let file = fs::File::create(&log)?;
        let child = Command::new(crate::workspace::find("dockerd").context("dockerd is not installed")?)
            .arg("--data-root")
            .arg(folder.join("data"))
            .arg("--exec-root")
            .arg(runtime.join("exec"))
            .arg("--pidfile")
            .arg(runtime.join("dockerd.pid"))
            .arg("--host")
            .arg(format!("unix://{}", socket.display()))
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .context("cannot start dockerd")?;
        let child = self.own.insert(child);
        let deadline = Instant::now() + Duration::from_mins(1);
        while std::os::unix::net::UnixStream::connect(&socket).is_err() {
            if let Some(status) = child.try_wait()? {
                bail!("dockerd ended with {status}:\n{}", tail(&log));
            }
            ensure!(Instant::now() < deadline, "dockerd does not answer:\n{}", tail(&log));
            std::thread::sleep(Duration::from_millis(50));
        }
        self.host = Some(format!("unix://{}", socket.display()));
        Ok(())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let Some(child) = &mut self.own else { return };
        // SIGTERM, so that it ends its containers and mounts.
        let _ = Command::new("kill").arg(child.id().to_string()).status();
        let _ = child.wait();
    }
}

/// A base image that the project names, and how to make something in its place.
struct Base {
    name: String,
    /// Debian packages of the stand-in.
    packages: &'static str,
    /// Fills in what no package has; gets the root file system.
    complete: fn(&Path) -> anyhow::Result<()>,
    /// Its configuration, in the words of a Dockerfile.
    changes: &'static [&'static str],
}

impl Base {
    /// The image that docker/Dockerfile compiles in. The stand-in has the toolchain of this machine.
    fn from_dockerfile() -> anyhow::Result<Self> {
        let dockerfile = fs::read_to_string("docker/Dockerfile").context("cannot read docker/Dockerfile")?;
        let name = dockerfile
            .lines()
            .filter(|line| line.starts_with("FROM "))
            .find_map(|line| line.split_whitespace().find(|word| word.starts_with("rust:")))
            .context("docker/Dockerfile names no rust: image")?;
        Ok(Self {
            name: name.to_owned(),
            packages: "gcc,libc6-dev,ca-certificates",
            complete: copy_toolchain,
            changes: &[
                "ENV PATH=/usr/local/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "ENV CARGO_HOME=/usr/local/cargo",
            ],
        })
    }

    /// The database of docker/compose.yaml's `postgres` profile. The stand-in understands the same three variables.
    fn from_compose() -> anyhow::Result<Self> {
        let compose = fs::read_to_string("docker/compose.yaml").context("cannot read docker/compose.yaml")?;
        let name = compose
            .lines()
            .find_map(|line| line.trim().strip_prefix("image: postgres:"))
            .context("docker/compose.yaml names no postgres: image")?;
        Ok(Self {
            name: format!("postgres:{name}"),
            packages: "postgresql,ca-certificates",
            complete: write_postgres_entrypoint,
            changes: &[
                "ENV PATH=/usr/lib/postgresql/15/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "ENTRYPOINT [\"/entrypoint.sh\"]",
                "EXPOSE 5432",
                "VOLUME /var/lib/postgresql/data",
            ],
        })
    }

    fn provide(&self, engine: &Engine, docker: &Docker, folder: &Path) -> anyhow::Result<()> {
        let is_there = |command: &mut Command| {
            command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
        };
        if is_there(&mut engine.command(docker, ["image", "inspect", &self.name]))
            || is_there(&mut engine.command(docker, ["pull", "--quiet", &self.name]))
        {
            return Ok(());
        }
        eprintln!("No registry has {} for this machine: making a local stand-in of that name.", self.name);
        ensure!(
            rustix::process::geteuid().is_root(),
            "a stand-in of {} can only be made by root on Debian or Ubuntu",
            self.name
        );
        need::install(&[&need::DEBOOTSTRAP])?;
        let root = std::path::absolute(folder)?.join(format!("root-{}", self.name.replace([':', '/'], "-")));
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(&root)?;
        run(Command::new("debootstrap")
            .args(["--variant=minbase", &format!("--include={}", self.packages), "bookworm"])
            .arg(&root))?;
        // The machine's own certificates: it may reach the package registries through a proxy.
        let certificates = "etc/ssl/certs/ca-certificates.crt";
        fs::copy(Path::new("/").join(certificates), root.join(certificates))
            .context("cannot copy the CA certificates")?;
        (self.complete)(&root)?;
        let archive = root.with_extension("tar");
        run(Command::new("tar").arg("-cf").arg(&archive).arg("-C").arg(&root).arg("."))?;
        let mut import = engine.command(docker, ["import"]);
        for change in self.changes {
            import.args(["--change", change]);
        }
        run(import.arg(&archive).arg(&self.name))?;
        fs::remove_file(&archive)?;
        fs::remove_dir_all(&root)?;
        Ok(())
    }
}

fn copy_toolchain(root: &Path) -> anyhow::Result<()> {
    let output = Command::new("rustc").args(["--print", "sysroot"]).output().context("cannot start rustc")?;
    let toolchain = PathBuf::from(String::from_utf8(output.stdout)?.trim());
    let target = root.join("usr/local/rust");
    fs::create_dir_all(&target)?;
    for part in ["bin", "lib", "libexec"].map(|part| toolchain.join(part)).iter().filter(|part| part.exists())
    {
        run(Command::new("cp").arg("-a").arg(part).arg(&target))?;
    }
    Ok(())
}

fn write_postgres_entrypoint(root: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let script = include_str!("postgres-entrypoint.sh");
    let file = root.join("entrypoint.sh");
    fs::write(&file, script)?;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let output =
        command.stdin(Stdio::null()).output().with_context(|| format!("cannot start {command:?}"))?;
    ensure!(
        output.status.success(),
        "{command:?} failed with {}:\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

fn tail(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
