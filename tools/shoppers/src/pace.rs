//! The pace of all shoppers together: a number of requests a second and no more.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

/// Hands out turns evenly. Time that was missed is not made up for: a slow shop is not hit by a burst.
#[derive(Debug)]
pub(crate) struct Pace {
    between: Duration,
    /// When the next turn is. Locked only to take one: never over an await.
    next: Mutex<Instant>,
}

impl Pace {
    /// A pace of `rate` turns a second.
    #[must_use]
    pub(crate) fn new(rate: f64) -> Self {
        Self { between: Duration::from_secs_f64(1.0 / rate), next: Mutex::new(Instant::now()) }
    }

    /// Waits for a turn.
    pub(crate) async fn turn(&self) {
        let mine = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let mine = (*next).max(Instant::now());
            *next = mine + self.between;
            mine
        };
        sleep_until(mine).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn turns_are_evenly_spaced() {
        let pace = Pace::new(10.0);
        let start = Instant::now();
        for _ in 0..5 {
            pace.turn().await;
        }
        assert_eq!(start.elapsed().as_millis(), 400);
    }

    #[tokio::test(start_paused = true)]
    async fn missed_turns_are_not_made_up_for() {
        let pace = Pace::new(10.0);
        pace.turn().await;
        tokio::time::advance(Duration::from_secs(5)).await;
        let start = Instant::now();
        pace.turn().await;
        pace.turn().await;
        assert_eq!(start.elapsed().as_millis(), 100);
    }
}
