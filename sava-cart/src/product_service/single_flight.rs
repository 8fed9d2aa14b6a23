//! Requests that are shared by all who ask for the same thing at the same time.

use std::{
    fmt,
    future::Future,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures_util::future::{BoxFuture, FutureExt as _, Shared, WeakShared};

/// One request for many who ask; the last one is remembered, and shared with those for whom it is not too old.
pub(crate) struct SingleFlight<T: Clone> {
    sharing: Sharing,
    /// Held only to look, never over an await.
    last: Mutex<Option<Flight<T>>>,
}

/// With whom a request is shared.
#[derive(Clone, Copy, Debug)]
enum Sharing {
    /// With those who come while it is under way. It ends when all of them have gone away.
    UnderWay,
    /// With those who come within this time of its start, whether it has an answer or not.
    Within(Duration),
}

struct Flight<T: Clone> {
    began: Instant,
    request: WeakShared<BoxFuture<'static, T>>,
    /// Keeps the answer for those who come later.
    kept: Option<Shared<BoxFuture<'static, T>>>,
}

impl<T: Clone + Send + Sync + 'static> SingleFlight<T> {
    /// Shares a request with those who come while it is under way.
    pub(crate) const fn under_way() -> Self {
        Self { sharing: Sharing::UnderWay, last: Mutex::new(None) }
    }

    /// Shares a request with those who come within `window` of its start.
    pub(crate) const fn within(window: Duration) -> Self {
        Self { sharing: Sharing::Within(window), last: Mutex::new(None) }
    }

    /// The answer of the last request, if it is to be shared, or else that of `start`.
    pub(crate) async fn join<F>(&self, start: impl FnOnce() -> F) -> T
    where
        F: Future<Output = T> + Send + 'static,
    {
        self.shared(start).await
    }

    fn shared<F>(&self, start: impl FnOnce() -> F) -> Shared<BoxFuture<'static, T>>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = &*last
            && let Some(request) = flight.kept.clone().or_else(|| flight.request.upgrade())
            && match self.sharing {
                Sharing::UnderWay => request.peek().is_none(),
                Sharing::Within(window) => flight.began.elapsed() < window,
            }
        {
            return request;
        }
        let request = start().boxed().shared();
        *last = request.downgrade().map(|weak| Flight {
            began: Instant::now(),
            request: weak,
            kept: matches!(self.sharing, Sharing::Within(_)).then(|| request.clone()),
        });
        request
    }
}

impl<T: Clone> fmt::Debug for SingleFlight<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SingleFlight").field("sharing", &self.sharing).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use futures_util::future::join_all;
    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn those_who_come_meanwhile_share_and_those_who_come_later_do_not() {
        let (flights, starts) = (Arc::new(SingleFlight::under_way()), Arc::new(AtomicUsize::new(0)));
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
        let flights = SingleFlight::under_way();
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

    #[tokio::test]
    async fn those_who_come_within_the_window_share() {
        let begun = Arc::new(AtomicUsize::new(0));
        let flights = SingleFlight::within(Duration::from_hours(1));
        let ask = || {
            let begun = Arc::clone(&begun);
            flights.join(|| async move { begun.fetch_add(1, Ordering::Relaxed) })
        };
        assert_eq!(join_all((0..20).map(|_| ask())).await, [0; 20]);
        assert_eq!(begun.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn whoever_comes_after_the_window_gets_a_new_answer() {
        let flights = SingleFlight::within(Duration::ZERO);
        assert_eq!(flights.join(|| async { 1 }).await, 1);
        assert_eq!(flights.join(|| async { 2 }).await, 2);
    }
}
