//! The data directory's disk, which may hang, as a network mount does whose server is gone: what touches it runs on a
//! thread of its own and has limited time, one at a time.
//!
//! Not tokio's threads for blocking work: the runtime waits for those before the process can end.

use std::{io, sync::Arc, thread, time::Duration};

use tokio::{
    sync::{Semaphore, oneshot},
    time::timeout,
};

/// The most time that a look at the files, or reading them, may take.
const MAX_TIME: Duration = Duration::from_secs(30);

/// The way to the disk; a handle that is cheap to clone.
#[derive(Clone)]
pub struct Disk {
    /// Held by the thread that is at it, so that one that hangs is not joined by others.
    turn: Arc<Semaphore>,
}

impl Default for Disk {
    fn default() -> Self {
        Self { turn: Arc::new(Semaphore::new(1)) }
    }
}

impl Disk {
    /// Does `work`, which touches the disk.
    ///
    /// # Errors
    /// When it takes longer than it may, or waits that long for other work to end.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        let done = async {
            let turn = Arc::clone(&self.turn).acquire_owned().await.map_err(io::Error::other)?;
            let (sender, receiver) = oneshot::channel();
            thread::Builder::new().name("disk".to_owned()).spawn(move || {
                let done = work();
                drop(turn);
                // Whoever waited may have given up.
                let _ = sender.send(done);
            })?;
            receiver.await.map_err(|_dropped| io::Error::other("the thread that read it panicked"))
        };
        timeout(MAX_TIME, done).await.unwrap_or_else(|_elapsed| {
            let message = format!("the disk has not answered for {} s", MAX_TIME.as_secs());
            Err(io::Error::new(io::ErrorKind::TimedOut, message))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_disk_that_hangs_is_given_up_and_tried_again() {
        let disk = Disk::default();
        let (answer, hangs) = mpsc::channel::<()>();
        let first = disk.run(move || hangs.recv().is_err()).await;
        assert_eq!(first.unwrap_err().to_string(), "the disk has not answered for 30 s");
        let (started, is_started) = mpsc::channel();
        let second = disk.run(move || started.send(())).await;
        assert_eq!(second.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(is_started.try_recv().is_err(), "no thread joins the one that hangs");

        drop(answer);
        tokio::time::resume();
        assert_eq!(disk.run(|| 5).await.unwrap(), 5);
    }

    #[tokio::test]
    async fn a_panic_is_an_error() {
        let disk = Disk::default();
        assert!(disk.run(|| panic!("on purpose")).await.is_err());
        assert_eq!(disk.run(|| 5).await.unwrap(), 5, "and leaves its turn");
    }
}
