//! Identical requests in flight are shared: who comes while one is under way waits for the same answer.

use std::{
    fmt,
    future::Future,
    sync::{Mutex, PoisonError},
};

use futures_util::future::{BoxFuture, FutureExt as _, Shared, WeakShared};

/// The request under way, if there is one.
pub(super) struct InFlight<T: Clone> {
    /// Weak, so that a request whose askers have all gone away ends. Held only to look, never over an await.
    current: Mutex<Option<WeakShared<BoxFuture<'static, T>>>>,
}

impl<T: Clone + Send + 'static> InFlight<T> {
    pub(super) const fn new() -> Self {
        Self { current: Mutex::new(None) }
    }

    /// The answer of the request under way, or of `start`, where there is none.
    pub(super) async fn join<F>(&self, start: impl FnOnce() -> F) -> T
    where
        F: Future<Output = T> + Send + 'static,
    {
        self.shared(start).await
    }

    fn shared<F>(&self, start: impl FnOnce() -> F) -> Shared<BoxFuture<'static, T>>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = current.as_ref().and_then(WeakShared::upgrade)
            && shared.peek().is_none()
        {
            return shared;
        }
        let shared = start().boxed().shared();
        *current = shared.downgrade();
        shared
    }
}

impl<T: Clone> fmt::Debug for InFlight<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("InFlight")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn those_who_come_meanwhile_share_and_those_who_come_later_do_not() {
        let (flights, starts) = (Arc::new(InFlight::new()), Arc::new(AtomicUsize::new(0)));
        let gate = Arc::new(Notify::new());
        let ask = || {
            let (starts, gate) = (Arc::clone(&starts), Arc::clone(&gate));
            flights.shared(move || async move {
                gate.notified().await;
                starts.fetch_add(1, Ordering::Relaxed)
            })
        };
        let together: Vec<_> = (0..10).map(|_| ask()).collect();
        gate.notify_one();
        for answer in together {
            assert_eq!(answer.await, 0);
        }
        gate.notify_one();
        assert_eq!(ask().await, 1);
    }

    #[tokio::test]
    async fn one_who_leaves_does_not_take_the_answer_along() {
        let flights = InFlight::new();
        let gate = Arc::new(Notify::new());
        let ask = || {
            let gate = Arc::clone(&gate);
            flights.shared(move || async move { gate.notified().await })
        };
        let (mut first, second) = (ask(), ask());
        assert!(futures_util::poll!(&mut first).is_pending());
        drop(first);
        gate.notify_one();
        second.await;
    }
}
