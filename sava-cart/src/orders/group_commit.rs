//! Orders that are written together.
//!
//! A commit waits for the disk, and SQLite has one writer: were each order a transaction, they would wait in a row. So
//! all that have come while the one before was written become the next transaction, and each is acknowledged after that
//! (the group commit of databases with many writers). One that comes alone does not wait for others.

use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use tokio::sync::oneshot;

use super::{NotPlaced, row::OrderRow, unavailable::Unavailable};

/// The most orders of a transaction, so that others can read and write between two.
const MAX_TOGETHER: usize = 256;

/// Whether an order was written: not where there is one of its number or form key.
pub(super) type Written = Result<bool, NotPlaced>;

/// The orders that wait to be written. A handle, cheap to clone.
#[derive(Clone, Default)]
pub(super) struct GroupCommit {
    /// Held only to look, never over an await.
    queue: Arc<Mutex<Queue>>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    /// Whether there is a task that writes what waits.
    is_written: bool,
}

/// An order that waits.
pub(super) struct Waiting {
    pub(super) row: OrderRow,
    stage: Arc<Stage>,
    answer: oneshot::Sender<Written>,
}

/// What has become of an order that waits: it is taken to be written, or given up, and never both.
#[derive(Default)]
struct Stage(AtomicU8);

impl Stage {
    const WAITS: u8 = 0;
    const IS_TAKEN: u8 = 1;
    const IS_GIVEN_UP: u8 = 2;

    /// Whether it waited, and is now at `next`.
    fn leave(&self, next: u8) -> bool {
        self.0.compare_exchange(Self::WAITS, next, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

/// The place of an order in the queue. Dropped, it is given up, unless it was taken.
pub(super) struct Ticket {
    stage: Arc<Stage>,
    answer: oneshot::Receiver<Written>,
}

impl GroupCommit {
    /// Puts `row` behind those that wait. Where nobody writes yet, a task is begun that does, by `write`, until none is
    /// left: it answers each order that it is given.
    pub(super) fn enter<W: Future<Output = ()> + Send + 'static>(
        &self,
        row: OrderRow,
        write: impl Fn(Vec<Waiting>) -> W + Send + 'static,
    ) -> Ticket {
        let (sender, answer) = oneshot::channel();
        let stage = Arc::<Stage>::default();
        let begins = {
            let mut queue = self.queue();
            queue.waiting.push_back(Waiting { row, stage: Arc::clone(&stage), answer: sender });
            !std::mem::replace(&mut queue.is_written, true)
        };
        if begins {
            let mut turns = Turns { group: self.clone(), are_over: false };
            tokio::spawn(async move {
                while let Some(together) = turns.next() {
                    write(together).await;
                }
            });
        }
        Ticket { stage, answer }
    }

    /// Those that come next; `None` where none waits, and then nobody writes any more.
    fn take(&self) -> Option<Vec<Waiting>> {
        let mut queue = self.queue();
        let mut together = Vec::new();
        while together.len() < MAX_TOGETHER
            && let Some(next) = queue.waiting.pop_front()
        {
            if next.stage.leave(Stage::IS_TAKEN) {
                together.push(next);
            }
        }
        queue.is_written = !together.is_empty();
        queue.is_written.then_some(together)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The turns of the task that writes. Where it ends before they are over, those that wait are not to wait for it.
struct Turns {
    group: GroupCommit,
    are_over: bool,
}

impl Turns {
    fn next(&mut self) -> Option<Vec<Waiting>> {
        let next = self.group.take();
        self.are_over = next.is_none();
        next
    }
}

impl Drop for Turns {
    fn drop(&mut self) {
        if !self.are_over {
            *self.group.queue() = Queue::default();
        }
    }
}

impl Waiting {
    /// Tells what has become of the order whoever still wants to know.
    pub(super) fn answer(self, written: Written) {
        let _ = self.answer.send(written);
    }
}

impl Ticket {
    /// What has become of the order, where that is known within `patience`. After that it is given up.
    pub(super) async fn written(mut self, patience: Duration) -> Written {
        match tokio::time::timeout(patience, &mut self.answer).await {
            Ok(Ok(written)) => written,
            _ if self.give_up() => Err(NotPlaced::Refused(Unavailable::Slow)),
            _ => Err(NotPlaced::Unknown(Unavailable::Slow)),
        }
    }

    /// Whether the order has not been taken, and now never will be.
    fn give_up(&self) -> bool {
        self.stage.leave(Stage::IS_GIVEN_UP)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.give_up();
    }
}

impl fmt::Debug for GroupCommit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("GroupCommit")
            .field("waiting", &self.queue().waiting.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Notify;

    use super::*;

    /// A writer that waits for `gate` before each turn, and remembers what it was given.
    #[derive(Default)]
    struct Writer {
        gate: Notify,
        is_writing: Notify,
        turns: Mutex<Vec<Vec<String>>>,
    }

    fn enter(group: &GroupCommit, writer: &Arc<Writer>, number: &str) -> Ticket {
        let writer = Arc::clone(writer);
        let row = OrderRow { number: number.to_owned(), ..OrderRow::TRIAL };
        group.enter(row, move |together| {
            let writer = Arc::clone(&writer);
            async move {
                let numbers = together.iter().map(|waiting| waiting.row.number.clone()).collect();
                writer.turns.lock().unwrap().push(numbers);
                writer.is_writing.notify_one();
                writer.gate.notified().await;
                for waiting in together {
                    waiting.answer(Ok(true));
                }
            }
        })
    }

    /// The time of these shoppers is that of a paused clock.
    const PATIENCE: Duration = Duration::from_secs(8);

    #[tokio::test(start_paused = true)]
    async fn what_was_given_up_is_not_written_and_what_is_written_may_be_there() {
        let (group, writer) = (GroupCommit::default(), Arc::new(Writer::default()));
        let first = enter(&group, &writer, "1");
        writer.is_writing.notified().await;
        let waits = ["2", "3", "4"].map(|number| enter(&group, &writer, number));
        let [second, third, fourth] = waits;
        // One shopper has waited for too long, and one went away.
        let refused = second.written(PATIENCE).await;
        assert!(matches!(refused, Err(NotPlaced::Refused(Unavailable::Slow))), "{refused:?}");
        drop(third);
        let unknown = first.written(PATIENCE).await;
        assert!(matches!(unknown, Err(NotPlaced::Unknown(Unavailable::Slow))), "{unknown:?}");
        writer.gate.notify_one();
        writer.is_writing.notified().await;
        writer.gate.notify_one();
        assert!(matches!(fourth.written(PATIENCE).await, Ok(true)));
        // The task has ended, and another begins.
        let fifth = enter(&group, &writer, "5");
        writer.is_writing.notified().await;
        writer.gate.notify_one();
        assert!(matches!(fifth.written(PATIENCE).await, Ok(true)));
        assert_eq!(*writer.turns.lock().unwrap(), [["1"], ["4"], ["5"]]);
    }

    #[tokio::test]
    async fn a_turn_has_so_many_and_no_more() {
        let (group, writer) = (GroupCommit::default(), Arc::new(Writer::default()));
        let tickets: Vec<_> =
            (0..=MAX_TOGETHER).map(|number| enter(&group, &writer, &number.to_string())).collect();
        for _ in 0..2 {
            writer.is_writing.notified().await;
            writer.gate.notify_one();
        }
        for ticket in tickets {
            assert!(matches!(ticket.written(PATIENCE).await, Ok(true)));
        }
        let turns: Vec<_> = writer.turns.lock().unwrap().iter().map(Vec::len).collect();
        assert_eq!(turns, [MAX_TOGETHER, 1]);
    }

    /// A writer that panics must not keep those waiting who come after it.
    #[tokio::test]
    async fn a_writer_that_fails_is_followed_by_another() {
        let group = GroupCommit::default();
        let fails = |_| async { panic!("as a bug would") };
        let ticket = group.enter(OrderRow::TRIAL, fails);
        let unknown = ticket.written(PATIENCE).await;
        assert!(matches!(unknown, Err(NotPlaced::Unknown(_))), "{unknown:?}");
        let writer = Arc::new(Writer::default());
        writer.gate.notify_one();
        assert!(matches!(enter(&group, &writer, "1").written(PATIENCE).await, Ok(true)));
    }
}
