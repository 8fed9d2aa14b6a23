//! Docker for the tests: containers that end with the test, whatever happens.

use std::{
    process::{Command, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use serde_json::Value;

/// `docker ARGS…`: the client that `DOCKER` names and the engine that `DOCKER_HOST` names; `cargo xtask test` sets both.
#[must_use]
pub fn docker<'a>(args: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(std::env::var_os("DOCKER").unwrap_or_else(|| "docker".into()));
    command.args(args).stdin(Stdio::null());
    command
}

/// What `docker ARGS…` prints; it must succeed.
#[track_caller]
pub fn docker_output<'a>(args: impl IntoIterator<Item = &'a str>) -> String {
    succeed(&mut docker(args))
}

/// What the command prints on stdout; it must succeed.
#[track_caller]
pub fn succeed(command: &mut Command) -> String {
    let Output { status, stdout, stderr } =
        command.output().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{command:?}: {status}\n{stdout}{stderr}");
    stdout.trim().to_owned()
}

/// A name that no other test uses.
#[must_use]
pub fn unique(name: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("sava-test-{name}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A user-defined network, in which containers find each other by name.
#[derive(Debug)]
pub struct Network {
    /// Its name.
    pub name: String,
}

impl Network {
    /// A network of the test's own.
    #[must_use]
    pub fn create() -> Self {
        let name = unique("network");
        docker_output(["network", "create", &name]);
        Self { name }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = docker(["network", "rm", &self.name]).output();
    }
}

/// A container that runs; dropping it removes it, and shows its log when the test fails.
#[derive(Debug)]
pub struct Container {
    /// Its name.
    pub name: String,
}

impl Container {
    /// `docker run OPTIONS… IMAGE ARGUMENTS…` in the background.
    #[track_caller]
    #[must_use]
    pub fn run(image: &str, options: &[&str], arguments: &[&str]) -> Self {
        let name = unique("container");
        let mut command = docker(["run", "--detach", "--name", &name]);
        succeed(command.args(options).arg(image).args(arguments));
        Self { name }
    }

    /// Waits until Docker itself, by the image's health check, finds it healthy.
    #[track_caller]
    pub fn wait_until_healthy(&self) {
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            let state = self.inspect("{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{end}}");
            match state.as_str() {
                "running healthy" => return,
                _ if state.starts_with("running") && Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(100));
                }
                _ => panic!("{} is {state}:\n{}", self.name, self.logs()),
            }
        }
    }

    /// Waits until it has logged this text.
    #[track_caller]
    pub fn wait_for_log(&self, text: &str) {
        let deadline = Instant::now() + Duration::from_mins(1);
        while !self.logs().contains(text) {
            assert!(Instant::now() < deadline, "{} does not log {text}:\n{}", self.name, self.logs());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The address on this machine at which the container's port is found.
    #[track_caller]
    #[must_use]
    pub fn address(&self, port: u16) -> String {
        let addresses = docker_output(["port", &self.name, &port.to_string()]);
        addresses
            .lines()
            .next()
            .unwrap_or_else(|| panic!("port {port} of {} is not published", self.name))
            .to_owned()
    }

    /// What `docker inspect` says of it by a template.
    #[track_caller]
    #[must_use]
    pub fn inspect(&self, template: &str) -> String {
        docker_output(["inspect", "--format", template, &self.name])
    }

    /// What it has logged.
    #[must_use]
    pub fn logs(&self) -> String {
        let output = docker(["logs", &self.name]).output().expect("docker starts");
        [output.stdout, output.stderr].map(|part| String::from_utf8_lossy(&part).into_owned()).concat()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- {}\n{}", self.name, self.logs());
        }
        let _ = docker(["rm", "--force", "--volumes", &self.name]).output();
    }
}

/// What `docker image inspect` says of an image.
#[track_caller]
#[must_use]
pub fn image(reference: &str) -> Value {
    let text = docker_output(["image", "inspect", reference]);
    serde_json::from_str::<Vec<Value>>(&text).expect("docker prints JSON").swap_remove(0)
}
