//! A file of a data directory, read within bounds: a volume may hold anything, and what has no end or never answers
//! must not take the service with it.

use std::{
    fs::{self, File, FileType, Metadata, OpenOptions},
    io::{self, Read as _},
    os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _},
    path::Path,
};

use rustix::fs::OFlags;

/// Reads a regular file of at most `max` bytes.
///
/// # Errors
/// When it cannot be read, is something else than a file, or has more bytes: the message says which.
pub(super) fn read(path: &Path, max: u64) -> io::Result<Vec<u8>> {
    let file = open(path, max)?;
    let mut bytes = Vec::with_capacity(usize::try_from(file.metadata()?.len()).unwrap_or_default());
    copy(file, max, &mut bytes)?;
    Ok(bytes)
}

/// Reads such a file piece by piece into `out`.
///
/// # Errors
/// As [`read`].
pub(super) fn read_into(path: &Path, max: u64, out: &mut impl io::Write) -> io::Result<()> {
    copy(open(path, max)?, max, out)
}

fn open(path: &Path, max: u64) -> io::Result<File> {
    // Before it is opened, as opening a device may have effects; and after that, as another may have taken its place.
    // A FIFO would then keep an open that may block waiting for whoever writes to it.
    check(&fs::metadata(path)?, max)?;
    let file =
        OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path)?;
    check(&file.metadata()?, max)?;
    Ok(file)
}

fn copy(file: File, max: u64, out: &mut impl io::Write) -> io::Result<()> {
    // Some files tell no length (those of /proc), and others grow while they are read.
    if io::copy(&mut file.take(max + 1), out)? > max {
        return Err(too_large(&format!("more than {max}"), max));
    }
    Ok(())
}

fn check(metadata: &Metadata, max: u64) -> io::Result<()> {
    if !metadata.is_file() {
        let message = format!("it is {}, not a regular file", kind(metadata.file_type()));
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    if metadata.len() > max {
        return Err(too_large(&metadata.len().to_string(), max));
    }
    Ok(())
}

fn kind(file_type: FileType) -> &'static str {
    match file_type {
        kind if kind.is_dir() => "a directory",
        kind if kind.is_fifo() => "a FIFO",
        kind if kind.is_socket() => "a socket",
        _ => "a device",
    }
}

fn too_large(length: &str, max: u64) -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, format!("it has {length} bytes; the most is {max}"))
}

#[cfg(test)]
mod tests {
    use std::{os::unix::net::UnixListener, process::Command};

    use super::*;

    #[track_caller]
    fn check_refused(path: impl AsRef<Path>, message: &str) {
        assert_eq!(read(path.as_ref(), 10).unwrap_err().to_string(), message);
    }

    #[test]
    fn only_regular_files_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name| directory.path().join(name);
        assert!(Command::new("mkfifo").arg(path("fifo")).status().unwrap().success());
        let _socket = UnixListener::bind(path("socket")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", path("zero")).unwrap();
        check_refused(path("fifo"), "it is a FIFO, not a regular file");
        check_refused(path("socket"), "it is a socket, not a regular file");
        check_refused(path("zero"), "it is a device, not a regular file");
        check_refused(directory.path(), "it is a directory, not a regular file");
    }

    #[test]
    fn files_are_read_up_to_their_bound() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, "0123456789").unwrap();
        assert_eq!(read(&path, 10).unwrap(), b"0123456789");
        fs::write(&path, "0123456789a").unwrap();
        check_refused(&path, "it has 11 bytes; the most is 10");
        check_refused("/proc/self/status", "it has more than 10 bytes; the most is 10");
    }
}
