//! A process of a test: its output captured, shown when the test fails; ended whatever happens.

use std::{
    ffi::OsStr,
    io::{BufRead as _, BufReader, Read},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, LazyLock, Mutex, PoisonError, mpsc},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::watch;

use crate::processor;

/// How long a process may take for what a test waits for; generous, as the machine may be busy with other tests.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// A running process; dropping it ends it.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    output: Output,
}

/// How a process ended.
#[derive(Debug)]
pub struct Exit {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// All that it wrote, stdout and stderr as they came.
    pub output: String,
}

impl Process {
    /// Starts `command` (see [`command`]) and captures its output.
    #[track_caller]
    pub fn spawn(name: impl Into<String>, mut command: Command) -> Self {
        let name = name.into();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = match spawn(command) {
            Ok(child) => child,
            Err(error) => panic!("{name} cannot be started: {error}"),
        };
        let output = Output::default();
        if let Some(stdout) = child.stdout.take() {
            output.read(stdout);
        }
        if let Some(stderr) = child.stderr.take() {
            output.read(stderr);
        }
        Self { name, child, output }
    }

    /// The process's id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// All that it wrote so far.
    #[must_use]
    pub fn output(&self) -> String {
        self.output.lines().join("\n")
    }

    /// Waits for a line of output that `find` finds something in, from the first line on.
    pub async fn find<T>(&self, what: &str, find: impl Fn(&str) -> Option<T>) -> T {
        let mut written = self.output.written.subscribe();
        let search = async {
            let mut seen = 0;
            loop {
                // Which state it is in is read before the lines, so that the last lines are not missed.
                let state = *written.borrow_and_update();
                let lines = self.output.lines();
                if let Some(found) = lines[seen..].iter().find_map(|line| find(line)) {
                    return Some(found);
                }
                seen = lines.len();
                if state.closed == 2 || written.changed().await.is_err() {
                    return None;
                }
            }
        };
        let Ok(found) = tokio::time::timeout(PATIENCE, search).await else {
            panic!("{} did not write {what} in {PATIENCE:?}", self.name);
        };
        found.unwrap_or_else(|| panic!("{} ended before it wrote {what}", self.name))
    }

    /// Waits for a line that contains `text`, and returns it.
    pub async fn line(&self, text: &str) -> String {
        self.find(&format!("{text:?}"), |line| line.contains(text).then(|| line.to_owned())).await
    }

    /// Sends it a signal.
    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        if let Err(error) = kill_process(self.pid(), signal) {
            panic!("{} does not take {signal:?}: {error}", self.name);
        }
    }

    /// Waits for its end.
    pub async fn exit(mut self) -> Exit {
        let mut written = self.output.written.subscribe();
        let closed = written.wait_for(|written| written.closed == 2);
        let in_time = tokio::time::timeout(PATIENCE, closed).await.is_ok();
        assert!(in_time, "{} did not end in {PATIENCE:?}", self.name);
        let status = self.child.wait().expect("a child can be waited for");
        Exit { code: status.code(), output: self.output() }
    }

    /// Asks it to end (SIGTERM), and waits for that.
    pub async fn stop(self) -> Exit {
        self.signal(Signal::TERM);
        self.exit().await
    }

    /// The processor time that it and all processes below it have had, in seconds.
    #[must_use]
    pub fn processor_seconds(&self) -> f64 {
        processor::seconds(self.id())
    }

    /// Ends it at once (SIGKILL), as a crash of the machine would.
    pub fn kill(mut self) {
        self.end();
    }

    /// Its end, if it has ended.
    #[must_use]
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be asked for its end")
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    fn end(&mut self) {
        // Errors mean that it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
        if std::thread::panicking() {
            eprintln!("--- output of {} ---\n{}\n---", self.name, self.output());
        }
    }
}

/// The lines that a process wrote, both streams together.
#[derive(Clone, Debug)]
struct Output {
    /// Held only to add or copy lines.
    lines: Arc<Mutex<Vec<String>>>,
    written: watch::Sender<Written>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Written {
    lines: usize,
    /// How many of the two streams have ended.
    closed: u8,
}

impl Default for Output {
    fn default() -> Self {
        Self { lines: Arc::default(), written: watch::Sender::new(Written::default()) }
    }
}

impl Output {
    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn read(&self, stream: impl Read + Send + 'static) {
        let output = self.clone();
        std::thread::spawn(move || {
            let mut reader = BufReader::new(stream);
            let mut line = Vec::new();
            while reader.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                output.lines.lock().unwrap_or_else(PoisonError::into_inner).push(text);
                output.written.send_modify(|written| written.lines += 1);
                line.clear();
            }
            output.written.send_modify(|written| written.closed += 1);
        });
    }
}

/// A command for [`Process::spawn`]: `program` with no arguments yet, bound to this process: the kernel ends it when
/// this one dies, even when it is killed. (On Linux, by util-linux' `setpriv`; elsewhere only [`Drop`] ends it.)
#[must_use]
pub fn command(program: impl AsRef<OsStr>) -> Command {
    const SETPRIV: &str = "/usr/bin/setpriv";
    if !Path::new(SETPRIV).exists() {
        return Command::new(program);
    }
    let mut command = Command::new(SETPRIV);
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// Starts `command` in a thread that lives as long as the process: the kernel binds a child to the *thread* that
/// started it, and a test's thread ends with the test, where the child may be shared by several.
fn spawn(command: Command) -> std::io::Result<Child> {
    type Order = (Command, mpsc::Sender<std::io::Result<Child>>);
    static STARTER: LazyLock<Mutex<mpsc::Sender<Order>>> = LazyLock::new(|| {
        let (orders, inbox) = mpsc::channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, reply) in inbox {
                // A test that has given up no longer listens.
                let _ = reply.send(command.spawn());
            }
        });
        Mutex::new(orders)
    });
    let (reply, child) = mpsc::channel();
    STARTER
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .send((command, reply))
        .expect("the starting thread lives as long as the process");
    child.recv().expect("the starting thread answers each order")
}
