//! The one thread that writes.
//!
//! It takes what waits, up to a bound and without ever waiting for more, writes it as one group with one sync, and then
//! answers. While it syncs, the next group gathers: the slower the disk, the larger the groups.
//!
//! Guaranteed: an append is whole in its group or not there; nothing is told before the sync; an append that is
//! malformed, or that finds no space, is refused alone and nothing of it is written. When the disk fails, what is under
//! way is answered as unknown, nothing is tried again, `on_fatal` is called, and from then on everything is refused.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::Receiver;

use super::log::Log;
use super::staging::Staging;
use super::view::View;
use super::work::Work;
use super::{append, keys};

/// The most entries and writes of a group.
const GROUP_ITEMS: usize = 1024;

/// The content at which a group is full; the first append always fits.
const GROUP_BYTES: usize = 1024 * 1024;

pub(super) struct Committer {
    pub(super) log: Log,
    pub(super) receiver: Receiver<Work>,
    pub(super) dir: PathBuf,
    pub(super) reserve_bytes: u64,
    pub(super) on_fatal: Box<dyn Fn(String) + Send + Sync>,
}

impl Committer {
    /// Works until all senders are gone and everything is answered.
    pub(super) fn run(mut self) {
        let ended = catch_unwind(AssertUnwindSafe(|| {
            while let Ok(first) = self.receiver.recv() {
                let group = self.gather(first);
                self.commit(group);
            }
        }));
        match ended {
            Ok(()) => drop(self.log.mark.sync()),
            Err(_) => {
                let reason = "the committer panicked";
                self.tell(self.log.shared.set_fatal(reason), reason.to_owned());
            }
        }
    }

    /// What waits already, in order.
    fn gather(&self, first: Work) -> Vec<Work> {
        let mut group = Vec::new();
        let (mut items, mut bytes) = (0, 0);
        let mut next = Some(first);
        while let Some(work) = next {
            items += work.entries().max(1);
            bytes += work.size().1;
            match work.malformed() {
                None => group.push(work),
                Some(problem) => self.refuse(work, problem),
            }
            self.log.shared.metrics.queue_depth.fetch_sub(1, Relaxed);
            if items >= GROUP_ITEMS || bytes >= GROUP_BYTES {
                break;
            }
            next = self.receiver.try_recv().ok();
        }
        group
    }

    fn commit(&mut self, mut group: Vec<Work>) {
        if let Some(problem) = self.cannot_write() {
            group.into_iter().for_each(|work| self.refuse(work, problem.clone()));
            return;
        }
        let shared = Arc::clone(&self.log.shared);
        let keyed = match shared.keys.written() {
            Ok(keyed) => keyed,
            Err(reason) => {
                group.into_iter().for_each(|work| self.refuse(work, reason.clone()));
                return self.tell(shared.set_fatal(&reason), reason);
            }
        };
        let view = shared.view();
        group = group.into_iter().filter_map(|work| self.check_keys(work, &view)).collect();
        let rows = group.iter().map(|work| work.size().0).sum();
        let last_event = *shared.last_event.borrow();
        let mut staging = loop {
            let mut staging = Staging::new(&shared.spaces, &view, last_event, rows);
            let failed =
                group.iter().enumerate().find_map(|(at, work)| Some((at, work.stage(&mut staging).err()?)));
            match failed {
                None => break staging,
                // Rare enough to begin anew, so that nothing of the failed one stays.
                Some((at, error)) => self.refuse(group.remove(at), error.to_string()),
            }
        };
        if let Some(keyed) = keyed {
            staging.put(keys::KEYED.to_vec(), &keyed).expect("a number is not too large");
        }
        match self.log.write(staging) {
            Ok(()) => {
                if keyed.is_some() {
                    shared.keys.forget_written();
                }
                group.iter().filter_map(Work::batch).for_each(|batch| shared.keys.insert(batch));
                let appends = group.iter().filter(|work| matches!(work, Work::Append(_))).count();
                shared.metrics.appends.fetch_add(appends as u64, Relaxed);
                let entries: usize = group.iter().map(Work::entries).sum();
                shared.metrics.entries.fetch_add(entries as u64, Relaxed);
                group.into_iter().for_each(Work::done);
                let last_event = *shared.last_event.borrow();
                shared.keys.freeze_if_full(last_event);
            }
            Err(reason) => {
                let first = self.log.shared.set_fatal(&reason);
                group.into_iter().for_each(|work| work.unknown(reason.clone()));
                self.tell(first, reason);
            }
        }
    }

    /// Gives back what may be written; refuses an append whose keys are in the log already.
    fn check_keys(&self, work: Work, view: &View) -> Option<Work> {
        let shared = &self.log.shared;
        let existing = match work.batch().filter(|batch| batch.check_keys) {
            Some(batch) => append::existing_keys(batch, &shared.keys, view),
            None => return Some(work),
        };
        match existing {
            Ok(existing) if existing.is_empty() => return Some(work),
            Ok(existing) => {
                shared.metrics.refused.fetch_add(1, Relaxed);
                work.exists(existing);
            }
            Err(error) => self.refuse(work, error.to_string()),
        }
        None
    }

    fn cannot_write(&self) -> Option<String> {
        if let Some(reason) = self.log.shared.fatal() {
            return Some(format!("the store has stopped: {reason}"));
        }
        match self.log.hooks.available(&self.dir) {
            Ok(free) => {
                self.log.shared.metrics.disk_free.store(free, Relaxed);
                (free < self.reserve_bytes).then(|| {
                    format!("the disk is full: {free} bytes are free, {} are kept", self.reserve_bytes)
                })
            }
            Err(error) => Some(format!("the disk does not tell how much space is left: {error}")),
        }
    }

    fn refuse(&self, work: Work, reason: String) {
        self.log.shared.metrics.refused.fetch_add(1, Relaxed);
        work.refuse(reason);
    }

    /// Tells the process that it has to exit, unless it was told.
    fn tell(&self, first: bool, reason: String) {
        if first {
            (self.on_fatal)(reason);
        }
    }
}
