//! The reader's terminals: one in which block after block is pasted, and others for what keeps running.

use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader, Read, Write as _},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process_group};

/// How long one block may take: a rollout on a slow cluster, images that are pulled.
const PATIENCE: Duration = Duration::from_mins(5);

/// Ends the output of each block; no command prints it.
const MARK: &str = "\u{1}block ended\u{1}";

/// A bash that remembers variables from block to block, as the reader's does.
pub(crate) struct Shell {
    process: Background,
    input: ChildStdin,
}

/// What a block did.
pub(crate) struct BlockResult {
    /// Both streams, as they came.
    pub(crate) output: String,
    /// The exit code of the last command that failed; 0 if none did.
    pub(crate) failed: i32,
}

impl Shell {
    pub(crate) fn start(directory: &Path, environment: &HashMap<String, String>) -> anyhow::Result<Self> {
        let mut command = bash(directory, environment);
        command.args(["--norc", "--noprofile"]).stdin(Stdio::piped());
        let mut process = Background::start(command)?;
        let mut input = process.child.stdin.take().context("bash has an input")?;
        input.write_all(b"exec 2>&1\n")?;
        Ok(Self { process, input })
    }

    /// Runs a block and returns what it did.
    pub(crate) fn run(&mut self, script: &str) -> anyhow::Result<BlockResult> {
        let mut file = tempfile::NamedTempFile::new()?;
        file.write_all(script.as_bytes())?;
        let path = file.path().display();
        writeln!(
            self.input,
            "__failed=0; trap '__failed=$?' ERR; . '{path}' </dev/null; trap - ERR; echo \"{MARK}$__failed\""
        )?;
        let deadline = Instant::now() + PATIENCE;
        let mut output = String::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.process.lines.recv_timeout(left) {
                Ok(line) => match line.split_once(MARK) {
                    Some((last, failed)) => {
                        output.push_str(last);
                        return Ok(BlockResult { output, failed: failed.trim().parse()? });
                    }
                    None => output.push_str(&line),
                },
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    bail!("not finished within {PATIENCE:?}; so far it printed\n{output}")
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => bail!("the shell ended; it printed\n{output}"),
            }
        }
    }
}

/// A command that keeps running; dropping it ends it and all that it started.
pub(crate) struct Background {
    child: Child,
    lines: Receiver<String>,
}

impl Background {
    /// Runs a block in a terminal of its own.
    pub(crate) fn run(
        script: &str,
        directory: &Path,
        environment: &HashMap<String, String>,
    ) -> anyhow::Result<Self> {
        let mut command = bash(directory, environment);
        command.args(["--norc", "--noprofile", "-c", &format!("exec 2>&1\n{script}")]).stdin(Stdio::null());
        Self::start(command)
    }

    /// What it has printed within `wait`, or sooner if `enough` says that it is enough.
    pub(crate) fn output(&self, wait: Duration, enough: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + wait;
        let mut output = String::new();
        while !enough(&output) {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else { break };
            output.push_str(&line);
        }
        output
    }

    fn start(mut command: Command) -> anyhow::Result<Self> {
        use std::os::unix::process::CommandExt as _;
        // A group of its own, so that what it starts ends with it.
        command.process_group(0);
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().context("bash does not start")?;
        let output = child.stdout.take().context("bash has an output")?;
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || pass_on(output, &sender));
        Ok(Self { child, lines })
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // Errors mean that it is gone already.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::TERM);
        let _ = self.child.wait();
    }
}

fn bash(directory: &Path, environment: &HashMap<String, String>) -> Command {
    let mut command = Command::new("bash");
    command.current_dir(directory).envs(environment);
    command
}

fn pass_on(output: impl Read, lines: &mpsc::Sender<String>) {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    while output.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        if lines.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
            return;
        }
        line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell() -> Shell {
        Shell::start(Path::new("/"), &HashMap::new()).expect("a shell")
    }

    #[test]
    fn variables_last_and_both_streams_are_seen() {
        let mut shell = shell();
        assert_eq!(shell.run("A=1\n").expect("a run").failed, 0);
        let done = shell.run("echo $A\necho error >&2\nprintf end").expect("a run");
        assert_eq!((done.output.as_str(), done.failed), ("1\nerror\nend", 0));
    }

    #[test]
    fn a_failure_within_a_block_is_seen() {
        let mut shell = shell();
        assert_eq!(shell.run("(exit 3)\necho after\n").expect("a run").failed, 3);
        assert_eq!(shell.run("if false; then :; fi\nfalse || true\n").expect("a run").failed, 0);
    }

    #[test]
    fn a_background_command_ends_when_it_is_dropped() {
        let script = "sleep 600 & echo $!\nwait\n";
        let background = Background::run(script, Path::new("/"), &HashMap::new()).expect("a shell");
        let pid = background.output(Duration::from_secs(10), |it| it.ends_with('\n'));
        drop(background);
        let gone = || !Path::new(&format!("/proc/{}/stat", pid.trim())).exists();
        let deadline = Instant::now() + Duration::from_secs(10);
        while !gone() {
            assert!(Instant::now() < deadline, "sleep lives on");
            std::thread::yield_now();
        }
    }
}
