//! The threads that read, so that a slow disk holds up no thread of the runtime.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::{io, thread};

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::shared::Shared;
use super::view::View;
use crate::port::{Answer, ReadError};

type Job = Box<dyn FnOnce(&View) + Send>;

/// A fixed number of threads behind one bounded queue.
pub(super) struct Readers {
    queue: Option<SyncSender<Job>>,
    threads: Vec<JoinHandle<()>>,
    shared: Arc<Shared>,
}

impl Readers {
    pub(super) fn start(shared: &Arc<Shared>, threads: usize, queue: usize) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(queue);
        let receiver = Arc::new(Mutex::new(receiver));
        let threads = (0..threads.max(1)).map(|_| {
            let (receiver, shared) = (Arc::clone(&receiver), Arc::clone(shared));
            thread::Builder::new().name("store-reader".to_owned()).spawn(move || work(&receiver, &shared))
        });
        let threads = threads.collect::<io::Result<_>>()?;
        Ok(Self { queue: Some(sender), threads, shared: Arc::clone(shared) })
    }

    /// Reads on one of the threads, from what is durable when the read begins.
    ///
    /// A read that nobody waits for any more is not done. One that panics is answered as unavailable.
    pub(super) fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&View) -> Result<T, ReadError> + Send + 'static,
    ) -> Answer<Result<T, ReadError>> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |view| {
            if !reply.is_closed() {
                drop(reply.send(read(view)));
            }
        });
        if self.queue.as_ref().is_none_or(|queue| queue.try_send(job).is_err()) {
            self.shared.metrics.reads_refused.fetch_add(1, Relaxed);
            let error = ReadError::Unavailable("too many reads are waiting".to_owned());
            return Box::pin(std::future::ready(Err(error)));
        }
        Box::pin(async {
            answer.await.unwrap_or_else(|_| Err(ReadError::Unavailable("the read was given up".to_owned())))
        })
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..).filter(|thread| thread.thread().id() != thread::current().id()) {
            drop(thread.join());
        }
    }
}

fn work(queue: &Mutex<Receiver<Job>>, shared: &Shared) {
    loop {
        let job = queue.lock().recv();
        let Ok(job) = job else { return };
        let view = shared.view();
        drop(catch_unwind(AssertUnwindSafe(|| job(&view))));
    }
}
