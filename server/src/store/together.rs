//! Asking the database together: what requests that come at the same time ask for is asked in one
//! statement, and each gets its own share of the answer.
//!
//! While one batch is under way on each lane, those that come meanwhile make up the next: nobody
//! waits for a timer, a request that is alone goes alone, and the more there are, the less each
//! costs. Whoever waits for an answer before asking again is answered in that order. The queue is
//! bounded: when the database cannot follow, requests wait, and those that wait too long are
//! refused.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::{Mutex, mpsc, oneshot};

use crate::store::error::StoreError;

/// Requests that may wait for their turn.
const QUEUE: usize = 1_024;
/// How much one batch asks for, about: what a request asks for is never parted.
const BATCH: usize = 512;
/// A request waits this long at most for a place in the queue.
const PATIENCE: Duration = Duration::from_secs(10);

/// What can be asked together.
pub trait Work: Send + Sync + 'static {
    /// What one request asks for.
    type Asked: Send + 'static;
    /// What it is given.
    type Given: Send + 'static;

    /// How much it asks for.
    fn weight(asked: &Self::Asked) -> usize;

    /// Asks for all; the answers are in the order of `asked`.
    fn run(
        &self,
        asked: Vec<Self::Asked>,
    ) -> impl Future<Output = Result<Vec<Self::Given>, StoreError>> + Send;
}

struct Waiting<W: Work> {
    asked: W::Asked,
    answer: oneshot::Sender<Result<W::Given, StoreError>>,
}

/// The queue to the lanes.
pub struct Together<W: Work> {
    queue: mpsc::Sender<Waiting<W>>,
}

impl<W: Work> Together<W> {
    /// Starts so many lanes; they end with this.
    pub fn start(work: W, lanes: usize) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let (work, waiting) = (Arc::new(work), Arc::new(Mutex::new(waiting)));
        for _ in 0..lanes {
            tokio::spawn(lane(Arc::clone(&work), Arc::clone(&waiting)));
        }
        Self { queue }
    }

    /// Asks, and returns with the answer.
    ///
    /// # Errors
    /// When the batch fails, for each who asked in it.
    pub async fn ask(&self, asked: W::Asked) -> Result<W::Given, StoreError> {
        let (answer, answered) = oneshot::channel();
        let sent = self.queue.send(Waiting { asked, answer });
        match tokio::time::timeout(PATIENCE, sent).await {
            Ok(Ok(())) => answered.await.map_err(|_| StoreError::Overloaded)?,
            Ok(Err(_)) | Err(_) => Err(StoreError::Overloaded),
        }
    }
}

async fn lane<W: Work>(work: Arc<W>, waiting: Arc<Mutex<mpsc::Receiver<Waiting<W>>>>) {
    loop {
        let mut asked = Vec::new();
        let mut answers = Vec::new();
        {
            let mut waiting = waiting.lock().await;
            let Some(first) = waiting.recv().await else {
                return;
            };
            let mut weight = W::weight(&first.asked);
            asked.push(first.asked);
            answers.push(first.answer);
            while weight < BATCH {
                let Ok(next) = waiting.try_recv() else { break };
                weight += W::weight(&next.asked);
                asked.push(next.asked);
                answers.push(next.answer);
            }
        }
        // A panic ends the requests of this batch, not the lane.
        let Ok(outcome) = AssertUnwindSafe(work.run(asked)).catch_unwind().await else {
            continue;
        };
        // One that went away needs no answer.
        match outcome {
            Ok(given) => {
                for (answer, given) in answers.into_iter().zip(given) {
                    let _ = answer.send(Ok(given));
                }
            }
            Err(error) => {
                let error = Arc::new(error);
                for answer in answers {
                    let _ = answer.send(Err(StoreError::Together(Arc::clone(&error))));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Semaphore;

    use super::*;

    /// Doubles numbers; refuses 13, panics at 14. A batch begins when there is a permit.
    struct Doubling {
        gate: Arc<Semaphore>,
        batches: Arc<AtomicUsize>,
    }

    impl Work for Doubling {
        type Asked = u64;
        type Given = u64;

        fn weight(_: &u64) -> usize {
            1
        }

        async fn run(&self, asked: Vec<u64>) -> Result<Vec<u64>, StoreError> {
            self.gate.acquire().await.unwrap().forget();
            self.batches.fetch_add(1, Ordering::SeqCst);
            assert!(!asked.contains(&14), "fourteen");
            if asked.contains(&13) {
                return Err(StoreError::RecordDestroyed);
            }
            Ok(asked.iter().map(|number| number * 2).collect())
        }
    }

    fn doubling() -> (Arc<Together<Doubling>>, Arc<Semaphore>, Arc<AtomicUsize>) {
        let (gate, batches) = (Arc::new(Semaphore::new(0)), Arc::default());
        let work = Doubling {
            gate: Arc::clone(&gate),
            batches: Arc::clone(&batches),
        };
        (Arc::new(Together::start(work, 1)), gate, batches)
    }

    #[tokio::test]
    async fn each_gets_its_own_share_of_what_was_asked_together() {
        let (together, gate, batches) = doubling();
        let asking: Vec<_> = (20..60)
            .map(|number| {
                let together = Arc::clone(&together);
                tokio::spawn(async move { together.ask(number).await })
            })
            .collect();
        // All have asked when nothing else is left to do.
        tokio::task::yield_now().await;
        gate.add_permits(asking.len());
        for (number, asked) in (20..).zip(asking) {
            assert_eq!(asked.await.unwrap().unwrap(), 2 * number);
        }
        assert!(batches.load(Ordering::SeqCst) < 40);
    }

    #[tokio::test]
    async fn a_batch_that_fails_or_panics_is_answered_and_the_next_goes_on() {
        let (together, gate, _) = doubling();
        gate.add_permits(10);
        let refused = together.ask(13).await.unwrap_err();
        assert_eq!(refused.code(), crate::store::error::RECORD_DESTROYED);
        assert!(matches!(
            together.ask(14).await,
            Err(StoreError::Overloaded)
        ));
        assert_eq!(together.ask(15).await.unwrap(), 30);
    }
}
