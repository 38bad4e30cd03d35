//! The one place where tasks are spawned, bounded in number, and where everything is joined when the node ends.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::metrics::{Limit, Metrics};

/// Tasks beside the actors: reads of the store for clients, and the node's own loops.
#[derive(Debug)]
pub struct Background {
    tasks: TaskTracker,
    actors: TaskTracker,
    permits: Arc<Semaphore>,
    metrics: Metrics,
}

impl Background {
    /// At most `limit` jobs at once; more wait in line.
    pub fn new(limit: usize, metrics: Metrics) -> Self {
        Self {
            tasks: TaskTracker::new(),
            actors: TaskTracker::new(),
            permits: Arc::new(Semaphore::new(limit)),
            metrics,
        }
    }

    /// Runs a job when there is room. What is asked for is bounded by the askers: each connection has a window.
    pub fn job(&self, job: impl Future<Output = ()> + Send + 'static) {
        let (permits, metrics) = (Arc::clone(&self.permits), self.metrics.clone());
        let asked = Instant::now();
        self.tasks.spawn(async move {
            if permits.available_permits() == 0 {
                metrics.count_limit(Limit::ReadsInFlight);
            }
            metrics.reads_waiting.inc();
            // The semaphore is never closed, so there is always a permit in the end.
            let _permit = permits.acquire_owned().await;
            metrics.reads_waiting.dec();
            metrics.reads_in_flight.inc();
            job.await;
            metrics.reads_in_flight.dec();
            metrics.read_seconds.observe(asked.elapsed().as_secs_f64());
        });
    }

    /// To be held by an actor, and by what it has under way, as long as they hold the node.
    pub(crate) fn actor(&self) -> TaskTrackerToken {
        self.actors.token()
    }

    /// Ends when nobody holds a token.
    pub(crate) async fn actors_ended(&self) {
        self.actors.close();
        self.actors.wait().await;
    }

    /// Runs one of the node's own loops.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// Ends when all tasks have.
    pub async fn join(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}
