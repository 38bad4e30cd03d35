//! The one place where tasks are spawned: bounded in number, and joined when the node ends.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

/// Tasks beside the actors: reads of the store for clients, and the node's own loops.
#[derive(Debug)]
pub struct Background {
    tasks: TaskTracker,
    permits: Arc<Semaphore>,
}

impl Background {
    /// At most `limit` jobs at once; more wait in line.
    pub fn new(limit: usize) -> Self {
        Self { tasks: TaskTracker::new(), permits: Arc::new(Semaphore::new(limit)) }
    }

    /// Runs a job when there is room. What is asked for is bounded by the askers: each connection has a window.
    pub fn job(&self, job: impl Future<Output = ()> + Send + 'static) {
        let permits = Arc::clone(&self.permits);
        self.tasks.spawn(async move {
            // The semaphore is never closed, so there is always a permit in the end.
            let _permit = permits.acquire_owned().await;
            job.await;
        });
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
