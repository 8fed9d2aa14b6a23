//! The processor time of processes, as Linux tells it (proc(5)).

use std::{collections::HashMap, fs};

/// In which Linux counts for programs (`USER_HZ`): the same on all machines that the services run on.
const TICKS_A_SECOND: f64 = 100.0;

/// The processor time that a process and all below it have had so far, in seconds; those that have ended included.
pub(crate) fn seconds(pid: u32) -> f64 {
    let mut ticks = 0;
    let mut children: HashMap<u32, Vec<Process>> = HashMap::new();
    for entry in fs::read_dir("/proc").expect("Linux tells of its processes").flatten() {
        // What is no process has no number, and one may end meanwhile.
        let id = entry.file_name().to_str().and_then(|name| name.parse().ok());
        let stat = fs::read_to_string(entry.path().join("stat")).ok();
        let Some(process) = id.zip(stat).and_then(|(id, stat)| Process::read(id, &stat)) else { continue };
        if process.id == pid {
            ticks += process.ticks;
        }
        children.entry(process.parent).or_default().push(process);
    }
    let mut parents = vec![pid];
    while let Some(parent) = parents.pop() {
        for child in children.remove(&parent).unwrap_or_default() {
            ticks += child.ticks;
            parents.push(child.id);
        }
    }
    f64::from(ticks) / TICKS_A_SECOND
}

struct Process {
    id: u32,
    parent: u32,
    /// Its own, and those of its children that have ended.
    ticks: u32,
}

impl Process {
    fn read(id: u32, stat: &str) -> Option<Self> {
        // The name, in parentheses, may have anything in it.
        let (_, figures) = stat.rsplit_once(") ")?;
        let figures: Vec<_> = figures.split(' ').collect();
        // utime, stime, cutime, cstime.
        let ticks =
            figures.get(11..15)?.iter().map(|figure| figure.parse::<u32>().ok()).sum::<Option<_>>()?;
        Some(Self { id, parent: figures[1].parse().ok()?, ticks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::{Process, command};

    #[tokio::test]
    async fn time_is_that_of_those_below_and_of_those_that_ended_too() {
        let count = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done";
        let mut shell = command("sh");
        shell.args(["-c", &format!("sh -c '{count}'; echo ended; sh -c '{count}; echo going on; exec tail --pid=$PPID -f /dev/null'; true")]);
        let shell = Process::spawn("shells", shell);
        shell.line("ended").await;
        let of_one = seconds(shell.id());
        assert!(of_one > 0.0, "one that ended is counted");
        shell.line("going on").await;
        assert!(seconds(shell.id()) > of_one, "one that goes on is counted");
    }

    #[test]
    fn names_may_have_anything_in_them() {
        let stat = "7 (a) b) S 3 7 7 0 -1 4194304 1 0 0 0 10 20 30 40 20 0 1 0 5 6 7";
        let Some(super::Process { id: 7, parent: 3, ticks: 100 }) = super::Process::read(7, stat) else {
            panic!("{stat} is not read")
        };
    }
}
