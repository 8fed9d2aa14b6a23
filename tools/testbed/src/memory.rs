//! A limit of memory for a process, as a container has it.

use std::{fs, path::PathBuf};

/// A control group (cgroup v2, or v1) with a limit of memory: the kernel ends what uses more. Where this user may not
/// make one, the process runs without; its [`peak`] tells all the same.
#[derive(Debug)]
pub struct MemoryLimit {
    group: Option<PathBuf>,
}

impl MemoryLimit {
    /// A group that may use this many bytes, swap included.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        let name = format!("sava-tests-{:016x}", fastrand::u64(..));
        let unified = PathBuf::from("/sys/fs/cgroup");
        let group = if unified.join("cgroup.controllers").exists() {
            // Refused where it is on already and has processes beside it, which does no harm.
            let _ = fs::write(unified.join("cgroup.subtree_control"), "+memory");
            let group = unified.join(name);
            make(&group, &[("memory.max", bytes), ("memory.swap.max", 0)]).then_some(group)
        } else {
            let group = unified.join("memory").join(name);
            make(&group, &[("memory.limit_in_bytes", bytes)]).then_some(group)
        };
        if group.is_none() {
            eprintln!("this user may make no control group: the limit of memory is compared, not enforced");
        }
        Self { group }
    }

    /// From now on the process is in it.
    pub fn hold(&self, pid: u32) {
        if let Some(group) = &self.group {
            fs::write(group.join("cgroup.procs"), pid.to_string())
                .expect("a process can be put into a group");
        }
    }
}

impl Drop for MemoryLimit {
    fn drop(&mut self) {
        if let Some(group) = &self.group {
            // Not while a process is in it: then it stays, empty soon, which does no harm.
            let _ = fs::remove_dir(group);
        }
    }
}

fn make(group: &PathBuf, limits: &[(&str, u64)]) -> bool {
    let made = fs::create_dir(group).is_ok()
        && limits.iter().all(|(file, bytes)| fs::write(group.join(file), bytes.to_string()).is_ok());
    if !made {
        let _ = fs::remove_dir(group);
    }
    made
}

/// The most bytes of memory that the process has had so far.
///
/// # Panics
/// When there is no such process.
#[must_use]
pub fn peak(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux tells the peak");
    let kilobytes = line.trim().strip_suffix(" kB").and_then(|number| number.parse::<u64>().ok());
    kilobytes.expect("a number of kB") * 1024
}
