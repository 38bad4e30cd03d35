//! A worker on a thread of the test's process.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use causerie_workers::{Progress, RunError, Settings, Worker, run};
use tokio_util::sync::CancellationToken;

use super::log::{Log, until};

pub(crate) struct Running {
    pub(crate) progress: Arc<Progress>,
    stop: CancellationToken,
    thread: Option<JoinHandle<Result<(), RunError>>>,
}

/// Settings with short pauses and small batches.
pub(crate) fn settings(log: &Log, dir: &std::path::Path) -> Settings {
    Settings {
        prefix: log.prefix.clone(),
        batch_records: 64,
        linger: Duration::from_millis(5),
        session_timeout: Duration::from_secs(6),
        pauses: (Duration::from_millis(5), Duration::from_millis(40)),
        // What is asked for before a pause is answered after so long when nothing comes, and only then it goes on.
        kafka: vec![("fetch.wait.max.ms".to_owned(), "50".to_owned())],
        ..Settings::new(&log.brokers, dir)
    }
}

impl Running {
    pub(crate) fn start(worker: impl Worker + 'static, settings: Settings, progress: Arc<Progress>) -> Self {
        let stop = CancellationToken::new();
        let thread = {
            let (progress, stop) = (Arc::clone(&progress), stop.clone());
            std::thread::spawn(move || run(worker, &settings, &progress, &stop))
        };
        Self { progress, stop, thread: Some(thread) }
    }

    /// Waits until it holds so many partitions, and everything in them is part of its result.
    pub(crate) fn reaches(&self, log: &Log, partitions: usize) {
        let ends = log.ends();
        until("the end of the log", || {
            let now = self.progress.snapshot().partitions;
            now.len() == partitions
                && now.iter().all(|(partition, reached)| reached.position == ends[partition])
        });
    }

    /// Waits for its end.
    pub(crate) fn ended(mut self) -> Result<(), RunError> {
        self.thread.take().unwrap().join().unwrap()
    }

    pub(crate) fn stop(self) -> Result<(), RunError> {
        self.stop.cancel();
        self.ended()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
