//! The fence gate: what was written before it counts only if it is open afterwards.
//!
//! Whoever takes over writes a fence for the earlier owner at a majority *before* it reads any log. A pass is a read of
//! that fence at a majority that began after the pass was asked for. So if a write was done before the pass and the pass
//! finds no fence, the write was done before the other's read of the log, which sees it.
//!
//! One loop serves everybody: each read answers all passes that were waiting when it began. Two reads are under way at
//! most, and two begin at least a millisecond apart.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::life::Life;
use crate::session::Cql;
use crate::statement::Prepared;

/// Passes that may wait; whoever comes above waits in line.
const WAITING: usize = 16 * 1024;

/// Reads under way at once.
const READS: usize = 2;

/// From the beginning of one read to that of the next.
const APART: Duration = Duration::from_millis(1);

type Waiter = oneshot::Sender<Result<(), GateShut>>;

/// Asks for passes.
#[derive(Debug)]
pub(crate) struct Gate {
    queue: mpsc::Sender<Waiter>,
    life: Arc<Life>,
}

/// Why there was no pass.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GateShut {
    /// Another node has taken over, or the store was closed. It will never open again.
    #[error("this node does not own it any more")]
    Fenced,
    /// The fence cannot be read now; later it may.
    #[error("the fence cannot be read: {0}")]
    Unreadable(String),
}

impl Gate {
    /// Begins to serve; ends when `stop` is cancelled, and answers `Fenced` from then on.
    pub(crate) fn start(
        cql: Arc<Cql>,
        fence: Prepared,
        inc: Uuid,
        life: Arc<Life>,
        tasks: &TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        let (queue, waiting) = mpsc::channel(WAITING);
        let keeper = Keeper { cql, fence, inc, life: Arc::clone(&life), tasks: tasks.clone() };
        tasks.spawn(keeper.run(waiting, stop));
        Self { queue, life }
    }

    /// Waits for a read of the fence that begins after this call, and finds nothing.
    pub(crate) async fn pass(&self) -> Result<(), GateShut> {
        let (waiter, answer) = oneshot::channel();
        if self.life.over().is_some() || self.queue.send(waiter).await.is_err() {
            return Err(GateShut::Fenced);
        }
        answer.await.unwrap_or(Err(GateShut::Fenced))
    }
}

/// Reads the fence for everybody.
#[derive(Clone)]
struct Keeper {
    cql: Arc<Cql>,
    fence: Prepared,
    inc: Uuid,
    life: Arc<Life>,
    tasks: TaskTracker,
}

impl Keeper {
    async fn run(self, mut waiting: mpsc::Receiver<Waiter>, stop: CancellationToken) {
        let reads = Arc::new(Semaphore::new(READS));
        let mut next = Instant::now();
        loop {
            let mut passes = Vec::new();
            tokio::select! {
                some = waiting.recv_many(&mut passes, WAITING) => if some == 0 { return },
                () = stop.cancelled() => return,
            }
            sleep_until(next).await;
            let Ok(permit) = Arc::clone(&reads).acquire_owned().await else { return };
            // Those who came meanwhile are served too: the read has not begun.
            while let Ok(pass) = waiting.try_recv() {
                passes.push(pass);
            }
            next = Instant::now() + APART;
            self.tasks.spawn(self.clone().serve(passes, permit));
        }
    }

    async fn serve(self, passes: Vec<Waiter>, permit: OwnedSemaphorePermit) {
        let answer = self.read().await;
        drop(permit);
        self.cql.metrics.gate_passes.fetch_add(passes.len() as u64, Relaxed);
        for pass in passes {
            // Who does not listen any more needs no answer.
            let _ = pass.send(answer.clone());
        }
    }

    async fn read(&self) -> Result<(), GateShut> {
        let began = Instant::now();
        let found = self.cql.one::<(Uuid,)>(&self.fence, (self.inc,)).await;
        self.cql.metrics.gate_reads.record(began.elapsed());
        match found {
            Ok(Some(_)) => {
                self.life.end("another node has fenced this one and taken over");
                Err(GateShut::Fenced)
            }
            Ok(None) if self.life.over().is_some() => Err(GateShut::Fenced),
            Ok(None) => Ok(()),
            Err(error) => Err(GateShut::Unreadable(error.to_string())),
        }
    }
}
