//! A service of the shop that runs: its log on the screen, its end noticed.

use std::{
    collections::VecDeque,
    fmt::Write as _,
    io::{BufRead as _, BufReader, Read},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread::JoinHandle,
};

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};

use super::{colours, plan::Planned};
use crate::workspace;

/// How many of its last lines a report of its exit repeats.
const LAST_LINES: usize = 5;

/// What happens while the shop is open.
pub(super) enum Event {
    /// Ctrl-C or SIGTERM.
    Interrupted,
    /// The service of this index has closed its output: it ended.
    Ended(usize),
}

/// Where the lines of all logs go. Until it is opened it keeps them, so that they do not push away what matters more.
#[derive(Clone)]
pub(super) struct Screen {
    /// What is kept; none once it is open.
    kept: Arc<Mutex<Option<Vec<String>>>>,
}

impl Screen {
    pub(super) fn closed() -> Self {
        Self { kept: Arc::new(Mutex::new(Some(Vec::new()))) }
    }

    /// Shows what was kept and is worth it, and from now on each line as it comes.
    pub(super) fn open(&self, is_worth_it: impl Fn(&str) -> bool) {
        for line in self.kept().take().into_iter().flatten().filter(|line| is_worth_it(line)) {
            println!("{line}");
        }
    }

    fn show(&self, line: String) {
        let mut kept = self.kept();
        match &mut *kept {
            Some(lines) => lines.push(line),
            None => println!("{line}"),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Option<Vec<String>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running service; dropping it ends it.
pub(super) struct ServiceProcess {
    title: String,
    child: Child,
    /// The end of its log; held only to add or copy lines.
    log: Arc<Mutex<Log>>,
    readers: Vec<JoinHandle<()>>,
}

/// The end of a service's log.
struct Log {
    last: VecDeque<String>,
    /// How many of its output streams are open.
    streams: u8,
}

impl ServiceProcess {
    /// Starts a service, in a process group of its own, so that Ctrl-C reaches only this command, which ends the
    /// services in order.
    pub(super) fn start(
        index: usize,
        planned: &Planned,
        profile: &str,
        width: usize,
        screen: &Screen,
        events: &mpsc::Sender<Event>,
    ) -> anyhow::Result<Self> {
        use std::os::unix::process::CommandExt as _;

        std::fs::create_dir_all(&planned.directory)
            .with_context(|| format!("{} cannot be made", planned.directory.display()))?;
        let folder = if profile == "dev" { "debug" } else { profile };
        let mut command = bound(workspace::target().join(folder).join(planned.binary));
        command
            .current_dir(&planned.directory)
            .envs(planned.environment.iter().map(|(name, value)| (name, value)))
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // It writes into a pipe; what it writes goes on to where this writes.
        command.env(if colours() { "CLICOLOR_FORCE" } else { "NO_COLOR" }, "1");
        let mut child = command.spawn().with_context(|| format!("{} does not start", planned.binary))?;

        let log = Arc::new(Mutex::new(Log { last: VecDeque::new(), streams: 2 }));
        let mark = mark(index, &planned.name, width);
        let streams: [Option<Box<dyn Read + Send>>; 2] = [
            child.stdout.take().map(|stream| Box::new(stream) as _),
            child.stderr.take().map(|stream| Box::new(stream) as _),
        ];
        let readers = streams.into_iter().flatten().map(|stream| {
            let (mark, log) = (mark.clone(), Arc::clone(&log));
            let (screen, events) = (screen.clone(), events.clone());
            std::thread::spawn(move || {
                let log = || log.lock().unwrap_or_else(PoisonError::into_inner);
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    screen.show(format!("{mark}{line}"));
                    let mut log = log();
                    if log.last.len() == LAST_LINES {
                        log.last.pop_front();
                    }
                    log.last.push_back(line);
                }
                let mut log = log();
                log.streams -= 1;
                if log.streams == 0 {
                    // The receiver is gone only when everything has ended.
                    let _ = events.send(Event::Ended(index));
                }
            })
        });
        let readers = readers.collect();
        let title = format!("{} ({})", planned.binary, planned.name);
        Ok(Self { title, child, log, readers })
    }

    /// Asks it to end.
    pub(super) fn terminate(&mut self) {
        if !self.has_ended() {
            // It may have ended meanwhile.
            let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        }
    }

    pub(super) fn has_ended(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_some())
    }

    /// Ends it at once, if it has not ended.
    pub(super) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.finish_log();
    }

    /// How it ended, with its last words.
    pub(super) fn exit_report(&mut self) -> String {
        // Its output is closed, so its end is a matter of milliseconds.
        let status = self.child.wait();
        self.finish_log();
        let mut text = match status {
            Ok(status) => format!("{} ended ({status}), so the shop was closed; its last words:", self.title),
            Err(error) => format!("{} is lost ({error})", self.title),
        };
        for line in &self.log.lock().unwrap_or_else(PoisonError::into_inner).last {
            let _ = write!(text, "\n  {line}");
        }
        text
    }

    /// Waits until its last line is on the screen.
    fn finish_log(&mut self) {
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
    }
}

impl Drop for ServiceProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A command that the kernel ends when this process is killed, where util-linux' `setpriv` is there to ask for it.
fn bound(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let Some(setpriv) = workspace::find("setpriv") else { return Command::new(program) };
    let mut command = Command::new(setpriv);
    command.args(["--pdeathsig", "TERM", "--"]).arg(program);
    command
}

/// The mark before each line of a service's log, in a colour of its own on a terminal.
fn mark(index: usize, name: &str, width: usize) -> String {
    const COLOURS: [u8; 6] = [36, 32, 35, 33, 34, 31];
    if colours() {
        format!("\x1b[{}m{name:width$} |\x1b[0m ", COLOURS[index % COLOURS.len()])
    } else {
        format!("{name:width$} | ")
    }
}
