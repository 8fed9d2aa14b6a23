//! Queries that take time, kept away from the threads that serve: a few at once, a few more in a queue, and beyond
//! that a 503. So probes and plain requests are answered whatever is searched, and searches alone cannot fill the
//! server's cap of requests in flight.

use std::sync::Arc;

use sava_service::Problem;
use tokio::sync::Semaphore;

use crate::problems;

/// How many run at once. One would let a hard search hold up all others; more would take the processors from the rest.
const MAX_RUNNING: usize = 2;
/// How many wait for one of those to end: half a second each at the most, so the last one waits 16 s.
const MAX_WAITING: usize = 64;

/// Where searches run.
#[derive(Clone, Debug)]
pub(crate) struct Searches {
    running: Arc<Semaphore>,
    /// Of those that run and those that wait.
    places: Arc<Semaphore>,
}

impl Searches {
    /// None runs yet.
    #[must_use]
    pub(crate) fn new() -> Self {
        Self {
            running: Arc::new(Semaphore::new(MAX_RUNNING)),
            places: Arc::new(Semaphore::new(MAX_RUNNING + MAX_WAITING)),
        }
    }

    /// Does `work` on a thread of its own, when it is its turn. It goes on to its end even if nobody waits for it any
    /// more, and keeps its place until then.
    ///
    /// # Errors
    /// When as many wait already as may.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_full| problems::overloaded())?;
        // Never closed, so this fails never; without a permit the work would only run sooner.
        let turn = Arc::clone(&self.running).acquire_owned().await;
        let done = tokio::task::spawn_blocking(move || {
            let _held = (place, turn);
            work()
        });
        match done.await {
            Ok(done) => Ok(done),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

impl Default for Searches {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_few_run_a_few_wait_and_more_are_refused() {
        let searches = Arc::new(Searches::new());
        let (gates, tasks): (Vec<_>, Vec<_>) = (0..MAX_RUNNING + MAX_WAITING)
            .map(|number| {
                let (gate, passed) = mpsc::channel::<()>();
                let searches = Arc::clone(&searches);
                let work = move || passed.recv().map_or(usize::MAX, |()| number);
                (gate, tokio::spawn(async move { searches.run(work).await }))
            })
            .unzip();
        while searches.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let refused = searches.run(|| ()).await.expect_err("all places are taken");
        assert_eq!(refused.status, http::StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(searches.running.available_permits(), 0);

        for gate in gates {
            gate.send(()).unwrap();
        }
        for (number, task) in tasks.into_iter().enumerate() {
            assert_eq!(task.await.unwrap().unwrap(), number);
        }
        assert_eq!(searches.run(|| 5).await.unwrap(), 5, "there is room again");
    }

    #[tokio::test]
    async fn one_that_panics_leaves_its_place() {
        let searches = Arc::new(Searches::new());
        for _ in 0..2 * (MAX_RUNNING + MAX_WAITING) {
            let searches = Arc::clone(&searches);
            let panicked = tokio::spawn(async move { searches.run(|| panic!("on purpose")).await }).await;
            assert!(panicked.is_err_and(|error| error.is_panic()));
        }
        assert_eq!(searches.places.available_permits(), MAX_RUNNING + MAX_WAITING);
    }
}
