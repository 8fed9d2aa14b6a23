//! A Docker engine for the tests: the one that runs, else one of our own with its own data root; and the base images.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use xshell::cmd;

use crate::{docker::Docker, test::need, workspace};

/// An engine that answers. One that was started here ends with this value.
pub(crate) struct Engine {
    /// `DOCKER_HOST` for it, where it isn't the one that the environment names already.
    host: Option<String>,
    own: Option<Child>,
}

impl Engine {
    /// Finds the running engine, else starts one, keeping its images in `folder` for the next time, and points `docker`
    /// to it; then sees to the base images.
    pub(crate) fn ready(docker: &Docker, folder: &Path) -> anyhow::Result<Self> {
        let mut engine = Self { host: None, own: None };
        if !docker.has_engine() {
            engine.start(docker, folder)?;
        }
        for image in [rust_image()?, postgres_image()?] {
            provide(&image, &engine, docker, folder)?;
        }
        Ok(engine)
    }

    /// What the environment of a command must have, so that it finds this engine.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        self.host.iter().map(|host| ("DOCKER_HOST", host.clone())).collect()
    }

    fn start(&mut self, docker: &Docker, folder: &Path) -> anyhow::Result<()> {
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
        let child = Command::new(workspace::find("dockerd").context("dockerd is not installed")?)
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
        let host = format!("unix://{}", socket.display());
        docker.shell.set_var("DOCKER_HOST", &host);
        self.host = Some(host);
        Ok(())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let Some(child) = &mut self.own else { return };
        // SIGTERM, so that it ends its containers and mounts.
        let _ = rustix::process::kill_process(
            rustix::process::Pid::from_child(child),
            rustix::process::Signal::TERM,
        );
        let _ = child.wait();
    }
}

/// Sees to a base image of `docker/`: the engine's own, else its registry's, else a stand-in under its name, made by
/// `tests/base-images`. An engine that ran before is never given a stand-in: it belongs to somebody, who would take it
/// for the image.
fn provide(image: &str, engine: &Engine, docker: &Docker, folder: &Path) -> anyhow::Result<()> {
    if docker.succeeds(["image", "inspect", image]) || docker.succeeds(["pull", "--quiet", image]) {
        return Ok(());
    }
    ensure!(
        engine.own.is_some(),
        "{image} is not in the Docker engine that runs, which cannot pull it: pull or load it, or stop that engine, \
         and the tests start one of their own, where they may put something else under that name"
    );
    eprintln!("No registry has {image} for this machine: making a stand-in for the tests' own engine.");
    need::install(&[&need::DEBOOTSTRAP])?;
    let folder = std::path::absolute(folder)?;
    let made = cmd!(docker.shell, "tests/base-images/make.sh {image} {folder}")
        .env("DOCKER", docker.client())
        .output();
    made.map(|_| ()).with_context(|| format!("no stand-in of {image} could be made"))
}

/// The image that docker/Dockerfile compiles in.
fn rust_image() -> anyhow::Result<String> {
    let dockerfile = read("docker/Dockerfile")?;
    let image = dockerfile.lines().find_map(|line| line.strip_prefix("ARG RUST_IMAGE="));
    Ok(image.context("docker/Dockerfile has no ARG RUST_IMAGE")?.to_owned())
}

/// The database of docker/compose.yaml's `postgres` profile.
fn postgres_image() -> anyhow::Result<String> {
    let compose = read("docker/compose.yaml")?;
    let default = compose.split_once("${POSTGRES_IMAGE:-").and_then(|(_, rest)| rest.split_once('}'));
    Ok(default.context("docker/compose.yaml has no POSTGRES_IMAGE")?.0.to_owned())
}

fn read(file: &str) -> anyhow::Result<String> {
    fs::read_to_string(workspace::root().join(file)).with_context(|| format!("cannot read {file}"))
}

fn tail(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_images_are_found() {
        assert!(rust_image().expect("in the Dockerfile").starts_with("rust:1."));
        assert!(postgres_image().expect("in the compose file").starts_with("postgres:17."));
    }
}
