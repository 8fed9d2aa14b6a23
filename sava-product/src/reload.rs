//! Reloads the catalog when its data directory changes: an edited file, or a `ConfigMap` whose symbolic link is swapped.
//!
//! The directory is watched; where the file system has no events (some network and bind mounts), a look at the files
//! every few seconds finds the change. Bad data never replaces good: it is told in the log, in a metric and in
//! `/readyz?verbose`, and what was served is served on.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use notify::{
    EventKind, RecommendedWatcher, RecursiveMode, Watcher as _,
    event::{AccessKind, AccessMode},
};
use sava_service::Readiness;
use tokio::{sync::Notify, time::timeout};

use crate::{
    catalog::{Catalog, LoadError, Source},
    disk::Disk,
    metrics::ApiMetrics,
};

/// How often the files are looked at without an event.
const POLL: Duration = Duration::from_secs(4);
/// Files that change are left alone until they have not changed for this long: who writes them may not be done.
const QUIET: Duration = Duration::from_millis(100);
/// The longest wait is this many times that.
const MAX_QUIETS: usize = 10;

/// Keeps `catalog` up to date with `source` until the process ends.
pub async fn watch(
    source: Source,
    disk: Disk,
    catalog: Arc<ArcSwap<Catalog>>,
    metrics: Arc<ApiMetrics>,
    readiness: Readiness,
) {
    let Source::Directory(directory) = &source else { return };
    let events = Arc::new(Notify::new());
    let watcher = Arc::new(Mutex::new(watcher(&events)));
    let mut reloader = Reloader { source: &source, disk: &disk, seen: None, catalog, metrics, readiness };
    loop {
        // Again each time: the directory may have been replaced by another of the same name.
        let look = {
            let (watcher, directory) = (Arc::clone(&watcher), directory.clone());
            move || {
                watch_directory(watcher.lock().unwrap_or_else(PoisonError::into_inner).as_mut(), &directory);
                fingerprint(&directory)
            }
        };
        match disk.run(look).await {
            Ok(changed) if reloader.seen.as_ref() != Some(&changed) => {
                reloader.reload(settled(&disk, directory, changed).await).await;
            }
            // An elapsed time is as good as an event: both mean to look.
            Ok(_unchanged) => {
                let _ = timeout(POLL, events.notified()).await;
            }
            Err(error) => {
                reloader.failed(&LoadError::Unreadable(directory.clone(), error));
                tokio::time::sleep(POLL).await;
            }
        }
    }
}

fn watcher(events: &Arc<Notify>) -> Option<RecommendedWatcher> {
    let events = Arc::clone(events);
    let notify = move |event: notify::Result<notify::Event>| {
        // To look at the files is an access, and would be an event without end.
        let is_change = event.is_ok_and(|event| match event.kind {
            EventKind::Access(kind) => kind == AccessKind::Close(AccessMode::Write),
            _ => true,
        });
        if is_change {
            events.notify_one();
        }
    };
    notify::recommended_watcher(notify)
        .inspect_err(
            |error| tracing::warn!(%error, "no file system events; the data is looked at every {} s", POLL.as_secs()),
        )
        .ok()
}

fn watch_directory(watcher: Option<&mut RecommendedWatcher>, directory: &Path) {
    let Some(watcher) = watcher else { return };
    for directory in [directory.to_owned(), directory.join("images")] {
        // What is not there has no events; looking finds it once it is.
        let _ = watcher.watch(&directory, RecursiveMode::NonRecursive);
    }
}

/// What tells one state of the files from another, without reading them.
type Fingerprint = Vec<(PathBuf, u64, u64, i64, i64)>;

fn fingerprint(directory: &Path) -> Fingerprint {
    let mut files = vec![directory.join("db.json")];
    for directory in [directory.to_owned(), directory.join("images")] {
        let entries = fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok);
        files.extend(entries.map(|entry| entry.path()));
    }
    files.sort();
    let of_file = |path: PathBuf| -> io::Result<_> {
        // Through symbolic links: what they lead to is what is read.
        let metadata = fs::metadata(&path)?;
        let nanoseconds =
            metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec());
        let changed = metadata.ctime().saturating_mul(1_000_000_000).saturating_add(metadata.ctime_nsec());
        Ok((path, metadata.ino(), metadata.len(), nanoseconds, changed))
    };
    files.into_iter().filter_map(|path| of_file(path).ok()).collect()
}

/// Waits until the files stop changing.
async fn settled(disk: &Disk, directory: &Path, mut before: Fingerprint) -> Fingerprint {
    for _ in 0..MAX_QUIETS {
        tokio::time::sleep(QUIET).await;
        let directory = directory.to_owned();
        // Where the disk does not answer any more, reading will tell.
        let Ok(now) = disk.run(move || fingerprint(&directory)).await else { break };
        if now == before {
            break;
        }
        before = now;
    }
    before
}

struct Reloader<'source> {
    source: &'source Source,
    disk: &'source Disk,
    /// The files when they were last read.
    seen: Option<Fingerprint>,
    catalog: Arc<ArcSwap<Catalog>>,
    metrics: Arc<ApiMetrics>,
    readiness: Readiness,
}

impl Reloader<'_> {
    async fn reload(&mut self, changed: Fingerprint) {
        let is_first = self.seen.replace(changed).is_none();
        match self.load().await {
            Ok(None) => self.readiness.report("catalog", Ok(())),
            Ok(Some(catalog)) => {
                tracing::info!(source = catalog.source, digest = catalog.digest, "catalog reloaded");
                self.metrics.reloaded(&catalog);
                self.catalog.store(Arc::new(catalog));
                self.readiness.report("catalog", Ok(()));
            }
            // An empty directory was reported at the start.
            Err(LoadError::NoFile(_)) if is_first => {}
            Err(error) => {
                // A disk that does not answer is asked again, changed or not.
                if error.is_timeout() {
                    self.seen = Some(Fingerprint::new());
                }
                self.failed(&error);
            }
        }
    }

    /// What there is now, unless that is served already.
    async fn load(&self) -> Result<Option<Catalog>, LoadError> {
        let contents = self.source.read_from(self.disk).await?;
        // The directory itself may have been touched, and nothing in it that counts.
        if contents.version() == self.catalog.load().version {
            return Ok(None);
        }
        match tokio::task::spawn_blocking(|| contents.parse()).await {
            Ok(loaded) => loaded.map(Some),
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }

    fn failed(&self, error: &LoadError) {
        self.metrics.reload_failed();
        error.log("the catalog could not be reloaded; what was served is served on");
        self.readiness.report("catalog", Err(error.summary()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn a_fingerprint_tells_of_files_and_of_where_links_lead() {
        let directory = fixture::data("one");
        let path = directory.path();
        let first = fingerprint(path);
        assert_eq!(fingerprint(path), first);
        fs::write(path.join("lamp.svg"), "<svg/>").unwrap();
        let second = fingerprint(path);
        assert_ne!(second, first);
        fs::write(path.join("other"), "two").unwrap();
        fs::remove_file(path.join("db.json")).unwrap();
        std::os::unix::fs::symlink("other", path.join("db.json")).unwrap();
        assert_ne!(fingerprint(path), second);
        fs::remove_dir_all(path).unwrap();
        assert!(fingerprint(path).is_empty());
    }
}
