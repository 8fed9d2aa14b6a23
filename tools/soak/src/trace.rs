//! What a process writes to files and when it syncs them, as strace(1) tells it; and the disk as the power could have
//! left it at any moment in between.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    time::{Duration, SystemTime},
};

use anyhow::Context as _;
use fastrand::Rng;

/// Disks write sectors whole.
const SECTOR: usize = 512;

/// A system call that concerns a file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    /// When it was made; for a sync, when it had returned.
    pub(crate) at: SystemTime,
    /// The name of the file, without its directory.
    file: String,
    operation: Operation,
}

#[derive(Clone, Debug, PartialEq)]
enum Operation {
    Write { offset: usize, bytes: Vec<u8> },
    Truncate(usize),
    Sync,
}

impl Event {
    pub(crate) fn is_sync(&self) -> bool {
        self.operation == Operation::Sync
    }
}

/// The system calls to be traced, for strace's `-e trace=`.
pub(crate) const CALLS: &str = "pwrite64,ftruncate,fsync,fdatasync";

/// Reads the log of `strace -f -ttt -y -xx`, for the files in one directory.
pub(crate) fn read(log: &str) -> anyhow::Result<Vec<Event>> {
    let mut events = Vec::new();
    // A call that another thread's line interrupts ends on a line of its own.
    let mut unfinished: HashMap<&str, (&str, String)> = HashMap::new();
    for line in log.lines() {
        // The thread's id is padded to five digits.
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let Some((at, call)) = rest.trim_start().split_once(' ') else { continue };
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs_f64(at.parse().unwrap_or_default());
        if call.starts_with("<... ") {
            if let Some((name, file)) = unfinished.remove(thread)
                && name.ends_with("sync")
            {
                events.push(Event { at, file, operation: Operation::Sync });
            }
            continue;
        }
        let Some((name, arguments)) = call.split_once('(') else { continue };
        let file = arguments.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
        let Some((file, rest)) = file else { continue };
        let file = unescaped(file)?;
        let file = String::from_utf8_lossy(&file);
        let file = file.rsplit('/').next().unwrap_or_default().to_owned();
        if call.ends_with("<unfinished ...>") {
            unfinished.insert(thread, (name, file.clone()));
            if name.ends_with("sync") {
                continue;
            }
        }
        let operation = match name {
            "pwrite64" => write(rest).with_context(|| format!("a line of strace: {line:.200}"))?,
            "ftruncate" => {
                let digits: String = rest.chars().filter(char::is_ascii_digit).collect();
                // Its result follows the length: ` = 0`.
                Operation::Truncate(digits.strip_suffix('0').unwrap_or(&digits).parse()?)
            }
            "fsync" | "fdatasync" => Operation::Sync,
            _ => continue,
        };
        events.push(Event { at, file, operation });
    }
    Ok(events)
}

/// `, "\x00…", LENGTH, OFFSET) = LENGTH`, or without its end.
fn write(arguments: &str) -> anyhow::Result<Operation> {
    let mut parts = arguments.split('"');
    let bytes = unescaped(parts.nth(1).context("no text")?)?;
    let rest = parts.next().context("no length")?;
    anyhow::ensure!(!rest.starts_with("..."), "a text that was cut");
    let offset = rest.split(',').nth(2).context("no offset")?;
    let digits: String = offset.trim().chars().take_while(char::is_ascii_digit).collect();
    Ok(Operation::Write { offset: digits.parse()?, bytes })
}

/// `\x0d\x00…` as bytes.
fn unescaped(text: &str) -> anyhow::Result<Vec<u8>> {
    let bytes = text.split("\\x").skip(1).map(|byte| u8::from_str_radix(byte, 16));
    bytes.collect::<Result<_, _>>().with_context(|| format!("a text of strace: {text:.80}"))
}

/// The files of a directory: what is on the disk for sure, and what is on its way.
#[derive(Clone, Debug, Default)]
pub(crate) struct DiskImage(BTreeMap<String, File>);

#[derive(Clone, Debug, Default)]
struct File {
    durable: Vec<u8>,
    pending: Vec<Operation>,
}

impl DiskImage {
    /// What is in a directory now, all of it synced.
    pub(crate) fn of(directory: &Path) -> anyhow::Result<Self> {
        let mut files = BTreeMap::new();
        for entry in std::fs::read_dir(directory)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            // SQLite's index of the log is memory that happens to be a file; it is made again.
            if entry.file_type()?.is_file() && !name.ends_with("-shm") {
                files.insert(name, File { durable: std::fs::read(entry.path())?, pending: Vec::new() });
            }
        }
        Ok(Self(files))
    }

    /// The process does this.
    pub(crate) fn apply(&mut self, event: &Event) {
        let Some(file) = self.0.get_mut(&event.file) else { return };
        match &event.operation {
            Operation::Sync => {
                for operation in std::mem::take(&mut file.pending) {
                    apply(&mut file.durable, &operation, || true);
                }
            }
            operation => file.pending.push(operation.clone()),
        }
    }

    /// Writes into `directory` what may be left when the power goes now: of what was not synced, each sector is there or
    /// is not.
    pub(crate) fn lose_power(&self, directory: &Path, rng: &mut Rng) -> anyhow::Result<()> {
        // Often all or nothing of it arrives: that is drawn, too.
        let odds = *rng.choice(&[0.0, 0.1, 0.5, 0.9, 1.0]).expect("some");
        for (name, File { durable, pending }) in &self.0 {
            let mut bytes = durable.clone();
            for operation in pending {
                apply(&mut bytes, operation, || rng.f64() < odds);
            }
            std::fs::write(directory.join(name), bytes)?;
        }
        Ok(())
    }
}

fn apply(file: &mut Vec<u8>, operation: &Operation, mut arrives: impl FnMut() -> bool) {
    match operation {
        Operation::Write { offset, bytes } => {
            let mut at = *offset;
            let end = offset + bytes.len();
            while at < end {
                let next = ((at / SECTOR + 1) * SECTOR).min(end);
                if arrives() {
                    if file.len() < next {
                        file.resize(next, 0);
                    }
                    file[at..next].copy_from_slice(&bytes[at - offset..next - offset]);
                }
                at = next;
            }
        }
        Operation::Truncate(length) => {
            if arrives() {
                file.resize(*length, 0);
            }
        }
        Operation::Sync => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `strace -f -ttt -y -xx` writes it, of two threads.
    const LOG: &str = r#"10    100.000001 pwrite64(13</\x2f\x61\x2f\x6f\x2e\x64\x62>, "\x01\x02\x03", 3, 4) = 3
10    100.000002 fsync(13<\x2f\x61\x2f\x6f\x2e\x64\x62> <unfinished ...>
12345 100.000003 ftruncate(13<\x2f\x61\x2f\x6f\x2e\x64\x62>, 20480) = 0
10    100.000004 <... fsync resumed>)    = 0
123456 100.000005 fdatasync(14<\x2f\x61\x2f\x6f\x2e\x64\x62\x2d\x77\x61\x6c>) = 0
"#;

    #[test]
    fn calls_are_read_when_they_take_effect() {
        let events = read(LOG).unwrap();
        let read: Vec<_> = events.iter().map(|event| (&*event.file, &event.operation)).collect();
        assert_eq!(
            read,
            [
                ("o.db", &Operation::Write { offset: 4, bytes: vec![1, 2, 3] }),
                ("o.db", &Operation::Truncate(20480)),
                ("o.db", &Operation::Sync),
                ("o.db-wal", &Operation::Sync),
            ]
        );
        assert_eq!(events[2].at, SystemTime::UNIX_EPOCH + Duration::from_secs_f64(100.000_004));
    }

    #[test]
    fn what_is_synced_is_kept_and_the_rest_may_be_torn() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("f"), [0; 4]).unwrap();
        let mut disk = DiskImage::of(directory.path()).unwrap();
        let event = |operation| Event { at: SystemTime::UNIX_EPOCH, file: "f".to_owned(), operation };
        disk.apply(&event(Operation::Write { offset: 0, bytes: vec![1; 1024] }));
        disk.apply(&event(Operation::Sync));
        disk.apply(&event(Operation::Write { offset: 0, bytes: vec![2; 1024] }));
        let mut rng = Rng::with_seed(1);
        let mut states = std::collections::BTreeSet::new();
        for _ in 0..200 {
            disk.lose_power(directory.path(), &mut rng).unwrap();
            let bytes = std::fs::read(directory.path().join("f")).unwrap();
            assert_eq!(bytes.len(), 1024);
            assert!(bytes.chunks(SECTOR).all(|sector| sector.iter().all(|byte| *byte == sector[0])));
            states.insert((bytes[0], bytes[SECTOR]));
        }
        assert_eq!(states.into_iter().collect::<Vec<_>>(), [(1, 1), (1, 2), (2, 1), (2, 2)]);
    }
}
