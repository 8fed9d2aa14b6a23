//! A pod is a process of this machine: started, asked by its probes, restarted, told to end, and its output kept.
//!
//! Longer than others: a pod goes through one life, and each part of it needs the same state.

use std::collections::{BTreeMap, HashMap};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, interval, timeout};

use super::api::ApiState;
use super::events::{self, Severity};
use super::images::Image;
use super::network;
use super::service;
use super::store::{Key, now};

/// The pods that run.
#[derive(Debug, Default)]
pub(super) struct Kubelet {
    running: HashMap<String, tokio::task::JoinHandle<()>>,
}

impl Kubelet {
    /// Starts what is new.
    pub(super) fn reconcile(&mut self, shared: &Arc<ApiState>) {
        self.running.retain(|_, task| !task.is_finished());
        for pod in shared.store.list("pods", "").1 {
            let uid = pod["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
            let ended = matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
            if self.running.contains_key(&uid) || ended && pod["metadata"]["deletionTimestamp"].is_null() {
                continue;
            }
            let running = Pod::new(Arc::clone(shared), &pod, &uid);
            self.running.insert(uid, tokio::spawn(running.run()));
        }
    }
}

impl Drop for Kubelet {
    fn drop(&mut self) {
        self.running.values().for_each(tokio::task::JoinHandle::abort);
    }
}

/// Ends the process of a pod at once: the one that works in the pod's folder.
pub(super) fn kill(shared: &ApiState, pod: &Key) -> bool {
    let Some(pod) = shared.store.get(pod) else { return false };
    let folder = shared.pods.join(pod["metadata"]["uid"].as_str().unwrap_or_default());
    let mut processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    processes.any(|process| {
        let id = process.file_name().to_str().and_then(|it| it.parse().ok()).and_then(Pid::from_raw);
        let is_this = std::fs::read_link(process.path().join("cwd")).is_ok_and(|it| it == folder);
        is_this && id.is_some_and(|id| kill_process(id, Signal::KILL).is_ok())
    })
}

/// One pod, from its first start to its end.
struct Pod {
    shared: Arc<ApiState>,
    key: Key,
    /// Tells it from a later pod of the same name.
    uid: String,
    /// What the manifest says, which never changes for a pod.
    spec: Value,
    metadata: Value,
    /// The only container: pods of more are not known here.
    container: Value,
    ip: Ipv4Addr,
    directory: PathBuf,
    restarts: u64,
    /// How its process ended the last time.
    last_state: Value,
}

/// Why a process is no longer supervised.
enum PodEnd {
    Exited(ExitStatus),
    /// The liveness probe failed too often.
    Unhealthy,
    /// It used more memory than its limit, and was killed.
    OutOfMemory(ExitStatus),
    Deleted,
}

/// Why a container cannot be started now: the reason that `kubectl get pods` shows, what the pod's status says of it, and
/// the event that tells what went wrong.
#[derive(PartialEq, Eq)]
struct NotYet {
    reason: &'static str,
    message: String,
    event: (&'static str, String),
}

impl NotYet {
    fn image(image: &str) -> Self {
        Self {
            reason: "ImagePullBackOff",
            message: format!("Back-off pulling image {image:?}"),
            event: ("Failed", format!("Failed to pull image {image:?}: not found")),
        }
    }

    fn config(message: String) -> Self {
        let event = ("Failed", format!("Error: {message}"));
        Self { reason: "CreateContainerConfigError", message, event }
    }

    fn volume(volume: &Value, problem: &str) -> Self {
        let event = format!("MountVolume.SetUp failed for volume {}: {problem}", volume["name"]);
        Self { reason: "ContainerCreating", message: String::new(), event: ("FailedMount", event) }
    }
}

impl Pod {
    fn new(shared: Arc<ApiState>, pod: &Value, uid: &str) -> Self {
        let metadata = &pod["metadata"];
        let key = Key::new(
            "pods",
            metadata["namespace"].as_str().unwrap_or_default(),
            metadata["name"].as_str().unwrap_or_default(),
        );
        let directory = shared.pods.join(uid);
        Self {
            key,
            uid: uid.to_owned(),
            spec: pod["spec"].clone(),
            metadata: metadata.clone(),
            container: pod["spec"]["containers"][0].clone(),
            ip: network::pod_ip(),
            directory,
            restarts: 0,
            last_state: json!({}),
            shared,
        }
    }

    async fn run(mut self) {
        let mut changes = self.shared.store.follow();
        let mut obstacle = None;
        loop {
            if self.deleted() {
                break;
            }
            changes.borrow_and_update();
            let mut child = match self.start() {
                Ok(child) => child,
                Err(problem) => {
                    let NotYet { reason, message, event } = &problem;
                    self.report(
                        "Pending",
                        false,
                        &json!({ "waiting": { "reason": reason, "message": message } }),
                    );
                    // Once: each event is a change, which is what the next attempt waits for.
                    if obstacle.as_ref() != Some(&problem) {
                        self.record(Severity::Warning, event.0, &event.1);
                        obstacle = Some(problem);
                    }
                    let _ = changes.changed().await;
                    continue;
                }
            };
            let name = self.container["name"].as_str().unwrap_or_default().to_owned();
            self.record(Severity::Normal, "Started", &format!("Started container {name}"));
            let outcome = self.supervise(&mut child).await;
            let status = match outcome {
                PodEnd::Exited(status) | PodEnd::OutOfMemory(status) => status,
                PodEnd::Unhealthy | PodEnd::Deleted => self.stop(&mut child).await,
            };
            let deleted = matches!(outcome, PodEnd::Deleted);
            if deleted || !self.again(status) {
                if !deleted {
                    return;
                }
                break;
            }
            let reason = match outcome {
                PodEnd::OutOfMemory(_) => "OOMKilled",
                _ if status.success() => "Completed",
                _ => "Error",
            };
            self.last_state = terminated(reason, status);
            self.restarts += 1;
            self.report("Running", false, &json!({ "waiting": { "reason": "CrashLoopBackOff" } }));
            let message = format!("Back-off restarting failed container {name} in pod {}", self.key.name);
            self.record(Severity::Warning, "BackOff", &message);
            self.back_off().await;
        }
        let _ = std::fs::remove_dir_all(&self.directory);
        self.shared.store.remove_if(&self.key, |pod| {
            let is_this = self.is(pod);
            if is_this {
                // Before another pod can get its name, and write a log of its own.
                let _ = std::fs::remove_file(self.log());
            }
            is_this
        });
    }

    /// Whether a pod that has this one's name is this one.
    fn is(&self, pod: &Value) -> bool {
        pod["metadata"]["uid"] == self.uid
    }

    /// Whether the container is to be started again; if not, the pod has come to its end.
    fn again(&self, status: ExitStatus) -> bool {
        let policy = self.spec["restartPolicy"].as_str().unwrap_or("Always");
        if policy == "Always" || policy == "OnFailure" && !status.success() {
            return true;
        }
        let (phase, reason) = if status.success() { ("Succeeded", "Completed") } else { ("Failed", "Error") };
        self.report(phase, false, &terminated(reason, status));
        false
    }

    /// Twice as long each time, as the kubelet waits, though a fifth as long; less if the pod is deleted meanwhile.
    async fn back_off(&self) {
        let wait = Duration::from_secs(1 << self.restarts.min(5));
        let mut changes = self.shared.store.follow();
        let _ = timeout(wait, async { while !self.deleted() && changes.changed().await.is_ok() {} }).await;
    }

    fn deleted(&self) -> bool {
        let pod = self.shared.store.get(&self.key);
        pod.is_none_or(|it| !self.is(&it) || !it["metadata"]["deletionTimestamp"].is_null())
    }

    fn start(&self) -> Result<Child, NotYet> {
        let image = self.container["image"].as_str().unwrap_or_default();
        let image = Image::pull(image).ok_or_else(|| NotYet::image(image))?;
        let mounts = self.mounts()?;
        let environment = self.environment(&image, &mounts)?;
        let mut container = self.container.clone();
        for argument in container["args"].as_array_mut().into_iter().flatten() {
            let text = argument.as_str().unwrap_or_default();
            *argument = json!(service::resolved(self.shared.salt, &self.key.namespace, text));
        }
        let mut command = image.command(&container, &self.directory);
        let log = std::fs::File::options().create(true).append(true).open(self.log());
        let log = log.expect("the log can be written");
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .envs(environment)
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file handle can be copied"))
            .stderr(log);
        Command::from(command).kill_on_drop(true).spawn().map_err(|error| NotYet {
            reason: "RunContainerError",
            message: error.to_string(),
            event: ("Failed", format!("Error: {error}")),
        })
    }

    fn log(&self) -> PathBuf {
        self.shared.logs.join(format!("{}_{}.log", self.key.namespace, self.key.name))
    }

    /// The folders that stand for the mounted volumes, by the path at which the container sees them.
    fn mounts(&self) -> Result<BTreeMap<String, PathBuf>, NotYet> {
        let mut mounts = BTreeMap::new();
        let volumes = self.spec["volumes"].as_array().map_or(&[][..], Vec::as_slice);
        for mount in self.container["volumeMounts"].as_array().into_iter().flatten() {
            let (name, path) = (mount["name"].as_str().unwrap_or_default(), mount["mountPath"].as_str());
            let volume = volumes
                .iter()
                .find(|it| it["name"] == name)
                .ok_or_else(|| NotYet::config(format!("volume {name:?} not found")))?;
            let folder = self.directory.join(name);
            std::fs::create_dir_all(&folder).expect("a folder in a temporary folder");
            if let Some(files) = self.files(volume)? {
                project(&folder, &files);
            }
            mounts.insert(path.unwrap_or_default().to_owned(), folder);
        }
        // The images' own volume, where none is mounted.
        let data = self.directory.join("data-of-the-image");
        std::fs::create_dir_all(&data).expect("a folder in a temporary folder");
        mounts.entry("/data".to_owned()).or_insert(data);
        Ok(mounts)
    }

    /// The files of a volume that shows a `ConfigMap` or a Secret.
    fn files(&self, volume: &Value) -> Result<Option<BTreeMap<String, Vec<u8>>>, NotYet> {
        let (plural, kind, name) = if let Some(name) = volume["configMap"]["name"].as_str() {
            ("configmaps", "configmap", name)
        } else if let Some(name) = volume["secret"]["secretName"].as_str() {
            ("secrets", "secret", name)
        } else {
            return Ok(None);
        };
        let object = self.shared.store.get(&Key::new(plural, &self.key.namespace, name));
        let object = object.ok_or_else(|| NotYet::volume(volume, &format!("{kind} {name:?} not found")))?;
        let mut files = BTreeMap::new();
        for (name, value) in object["data"].as_object().into_iter().flatten() {
            let text = value.as_str().unwrap_or_default();
            let bytes = if plural == "secrets" { unwrapped(text) } else { text.as_bytes().to_vec() };
            files.insert(name.clone(), bytes);
        }
        for (name, value) in object["binaryData"].as_object().into_iter().flatten() {
            files.insert(name.clone(), unwrapped(value.as_str().unwrap_or_default()));
        }
        Ok(Some(files))
    }

    /// What the process finds in its environment: the image's, the cluster's, the manifest's.
    fn environment(
        &self,
        image: &Image,
        mounts: &BTreeMap<String, PathBuf>,
    ) -> Result<Vec<(String, String)>, NotYet> {
        let mut environment = image.environment();
        environment.push(("HOSTNAME".to_owned(), self.key.name.clone()));
        if self.spec["enableServiceLinks"] != false {
            environment.extend(service::variables(&self.shared.store, &self.key.namespace));
        }
        let mut own: Vec<(String, String)> = Vec::new();
        for variable in self.container["env"].as_array().into_iter().flatten() {
            let name = variable["name"].as_str().unwrap_or_default().to_owned();
            let mut value = self.value(variable)?;
            for (earlier, replacement) in &own {
                value = value.replace(&format!("$({earlier})"), replacement);
            }
            own.push((name, value));
        }
        environment.extend(own);
        for (_, value) in &mut environment {
            *value = service::resolved(self.shared.salt, &self.key.namespace, value);
            for (path, folder) in mounts {
                let inside = |at: usize| at == 0 || value.as_bytes()[at - 1] == b':';
                if let Some(at) = value.find(path.as_str()).filter(|at| inside(*at)) {
                    value.replace_range(at..at + path.len(), &folder.to_string_lossy());
                }
            }
            // Every pod has its own address here, as in a cluster, but all addresses are of one machine.
            for wild in ["0.0.0.0:", "127.0.0.1:", "[::]:"] {
                if let Some(port) = value.strip_prefix(wild) {
                    *value = format!("{}:{port}", self.ip);
                    break;
                }
            }
        }
        Ok(environment)
    }

    fn value(&self, variable: &Value) -> Result<String, NotYet> {
        if let Some(value) = variable["value"].as_str() {
            return Ok(value.to_owned());
        }
        let from = &variable["valueFrom"];
        if let Some(path) = from["fieldRef"]["fieldPath"].as_str() {
            let label = path.strip_prefix("metadata.labels['").and_then(|it| it.strip_suffix("']"));
            return Ok(match (path, label) {
                ("metadata.name", _) => self.key.name.clone(),
                ("metadata.namespace", _) => self.key.namespace.clone(),
                ("status.podIP", _) => self.ip.to_string(),
                (_, Some(label)) => self.metadata["labels"][label].as_str().unwrap_or_default().to_owned(),
                _ => String::new(),
            });
        }
        for (field, plural, kind) in
            [("secretKeyRef", "secrets", "secret"), ("configMapKeyRef", "configmaps", "configmap")]
        {
            let reference = &from[field];
            if let (Some(name), Some(entry)) = (reference["name"].as_str(), reference["key"].as_str()) {
                let object = self.shared.store.get(&Key::new(plural, &self.key.namespace, name));
                let text = object.as_ref().and_then(|it| it["data"][entry].as_str());
                return match text {
                    Some(text) if plural == "secrets" => {
                        Ok(String::from_utf8_lossy(&unwrapped(text)).into_owned())
                    }
                    Some(text) => Ok(text.to_owned()),
                    None if reference["optional"] == true => Ok(String::new()),
                    None => {
                        let why = if object.is_none() {
                            format!("{kind} {name:?} not found")
                        } else {
                            format!("couldn't find key {entry} in {kind} {}/{name}", self.key.namespace)
                        };
                        Err(NotYet::config(why))
                    }
                };
            }
        }
        Ok(String::new())
    }

    /// Watches over a running process: its probes, its volumes, its end.
    async fn supervise(&self, child: &mut Child) -> PodEnd {
        let started = json!({ "running": { "startedAt": now() } });
        let (readiness, liveness) = (self.probe("readinessProbe"), self.probe("livenessProbe"));
        let mut ready = readiness.is_none();
        self.report("Running", ready, &started);
        let mut changes = self.shared.store.follow();
        // A young pod is asked more often than the kubelet would, so that tests do not wait for it.
        let mut tick = interval(Duration::from_millis(100));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (mut asked_ready, mut asked_alive) = (Instant::now(), Instant::now());
        let (mut unready, mut dead) = (0, 0);
        let mut complaint = String::new();
        // Before its first period a pod is not late.
        let born = Instant::now();
        let mut complain = |probe: &Probe, name: &str, problem: &str| {
            if born.elapsed() >= probe.period && complaint != problem {
                self.record(Severity::Warning, "Unhealthy", &format!("{name} probe failed: {problem}"));
                problem.clone_into(&mut complaint);
            }
        };
        let limit = self.container["resources"]["limits"]["memory"].as_str().and_then(bytes);
        loop {
            tokio::select! {
                status = child.wait() => return PodEnd::Exited(status.expect("a child can be waited for")),
                news = changes.changed() => {
                    if news.is_err() || self.deleted() {
                        return PodEnd::Deleted;
                    }
                    let _ = self.mounts();
                }
                _ = tick.tick() => {
                    if let (Some(limit), Some(used)) = (limit, child.id().and_then(memory))
                        && used > limit
                    {
                        let _ = child.start_kill();
                        return PodEnd::OutOfMemory(child.wait().await.expect("a child can be waited for"));
                    }
                    if let Some(probe) = &readiness
                        && (!ready || asked_ready.elapsed() >= probe.period)
                    {
                        asked_ready = Instant::now();
                        unready = match probe.ask().await {
                            Ok(()) => 0,
                            Err(problem) => {
                                complain(probe, "Readiness", &problem);
                                unready + 1
                            }
                        };
                        let now_ready = if ready { unready < probe.failures } else { unready == 0 };
                        if now_ready != ready {
                            ready = now_ready;
                            self.report("Running", ready, &started);
                        }
                    }
                    if let Some(probe) = &liveness && asked_alive.elapsed() >= probe.period {
                        asked_alive = Instant::now();
                        dead = match probe.ask().await {
                            Ok(()) => 0,
                            Err(problem) => {
                                complain(probe, "Liveness", &problem);
                                dead + 1
                            }
                        };
                        if dead >= probe.failures {
                            let name = self.container["name"].as_str().unwrap_or_default();
                            let message = format!("Container {name} failed liveness probe, will be restarted");
                            self.record(Severity::Normal, "Killing", &message);
                            return PodEnd::Unhealthy;
                        }
                    }
                }
            }
        }
    }

    /// SIGTERM, and after the grace period SIGKILL.
    async fn stop(&self, child: &mut Child) -> ExitStatus {
        if let Some(pid) = child.id().and_then(|it| i32::try_from(it).ok()).and_then(Pid::from_raw) {
            // PostgreSQL waits for its clients on SIGTERM; its image asks for SIGINT. Errors mean that it is gone already.
            let image = self.container["image"].as_str().and_then(Image::pull);
            let _ = kill_process(pid, image.map_or(Signal::TERM, |it| it.stop_signal()));
        }
        let grace = Duration::from_secs(self.spec["terminationGracePeriodSeconds"].as_u64().unwrap_or(30));
        if let Ok(status) = timeout(grace, child.wait()).await {
            return status.expect("a child can be waited for");
        }
        let _ = child.start_kill();
        child.wait().await.expect("a child can be waited for")
    }

    fn probe(&self, name: &str) -> Option<Probe> {
        let probe = &self.container[name];
        let http = &probe["httpGet"];
        let ask = if http.is_null() { &probe["tcpSocket"] } else { http };
        let port = service::target_port(&ask["port"], &json!({ "spec": self.spec }))?;
        let path = http.as_object().map(|_| http["path"].as_str().unwrap_or("/").to_owned());
        Some(Probe {
            address: SocketAddr::from((self.ip, port)),
            path,
            period: Duration::from_secs(probe["periodSeconds"].as_u64().unwrap_or(10)),
            failures: probe["failureThreshold"].as_u64().unwrap_or(3),
        })
    }

    fn record(&self, severity: Severity, reason: &str, message: &str) {
        events::record(&self.shared.store, &self.metadata, severity, reason, message);
    }

    fn report(&self, phase: &str, ready: bool, state: &Value) {
        let status = json!({
            "phase": phase, "podIP": self.ip, "podIPs": [{ "ip": self.ip }], "hostIP": "127.0.0.1",
            "conditions": [
                { "type": "Ready", "status": if ready { "True" } else { "False" } },
                { "type": "ContainersReady", "status": if ready { "True" } else { "False" } },
            ],
            "containerStatuses": [{
                "name": self.container["name"], "image": self.container["image"], "ready": ready,
                "restartCount": self.restarts, "state": state, "lastState": self.last_state,
            }],
        });
        self.shared.store.update(&self.key, |pod| {
            if self.is(pod) {
                pod["status"] = status;
            }
        });
    }
}

struct Probe {
    address: SocketAddr,
    /// Of an HTTP probe; without one, a connection is enough.
    path: Option<String>,
    period: Duration,
    failures: u64,
}

impl Probe {
    /// Asks once; what is wrong, in a few words, if it does not pass.
    async fn ask(&self) -> Result<(), String> {
        let limit = Duration::from_secs(1);
        let Some(path) = &self.path else {
            let no_connection = || format!("dial tcp {}: no connection", self.address);
            let connected = timeout(limit, TcpStream::connect(self.address)).await;
            return connected.ok().and_then(Result::ok).map(drop).ok_or_else(no_connection);
        };
        let url = format!("http://{}{path}", self.address);
        match crate::client().get(&url).timeout(limit).send().await {
            Ok(answer) if answer.status().as_u16() < 400 => Ok(()),
            Ok(answer) => Err(format!("HTTP probe failed with statuscode: {}", answer.status().as_u16())),
            Err(error) if error.is_timeout() => Err(format!("Get {url:?}: no answer in time")),
            Err(_) => Err(format!("Get {url:?}: no connection")),
        }
    }
}

/// The state of a container whose process ended.
fn terminated(reason: &str, status: ExitStatus) -> Value {
    json!({ "terminated": { "reason": reason, "exitCode": status.code().unwrap_or(137) } })
}

/// The bytes of a quantity of memory: whole numbers with the units that manifests of memory have.
fn bytes(quantity: &str) -> Option<u64> {
    let digits = quantity.trim_end_matches(|it: char| !it.is_ascii_digit());
    let factor = match &quantity[digits.len()..] {
        "" => 1,
        "k" => 1000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

/// The bytes of memory of a process that its limit counts: its own pages. Those of files, which a cgroup counts as well,
/// the kernel would take back before it kills.
fn memory(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let own = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    own.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|it| it * 1024)
}

fn unwrapped(base64: &str) -> Vec<u8> {
    base64::engine::general_purpose::STANDARD.decode(base64).unwrap_or_default()
}

/// Puts files into a folder as the kubelet does: in a folder of their own, to which one symbolic link is swapped.
fn project(folder: &Path, files: &BTreeMap<String, Vec<u8>>) {
    let data = folder.join("..data");
    let same = files.iter().all(|(name, bytes)| std::fs::read(data.join(name)).is_ok_and(|it| it == *bytes));
    let count = std::fs::read_dir(&data).map_or(usize::MAX, Iterator::count);
    if same && count == files.len() {
        return;
    }
    let fresh = folder.join(format!("..{}", fastrand::u64(..)));
    std::fs::create_dir(&fresh).expect("a folder in a temporary folder");
    for (name, bytes) in files {
        std::fs::write(fresh.join(name), bytes).expect("a file in a temporary folder");
        let link = folder.join(name);
        if !link.exists() {
            let _ = std::os::unix::fs::symlink(Path::new("..data").join(name), link);
        }
    }
    let swap = folder.join("..data_tmp");
    std::os::unix::fs::symlink(&fresh, &swap).expect("a link in a temporary folder");
    std::fs::rename(swap, data).expect("a link can be renamed over a link");
}
