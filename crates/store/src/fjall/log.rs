//! Writes one group and syncs it.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use causerie_planted::{Bug, planted};
use fjall::PersistMode;

use super::hooks::{Hooks, Step};
use super::mark::Mark;
use super::shared::Shared;
use super::staging::Staging;

/// The one way into the database.
///
/// Write and sync are one call of fjall, under its journal's lock. Two calls would let one of its flush workers sync in
/// between: an error of the disk is reported to whoever syncs first and to nobody else, so ours could succeed although
/// the write is lost.
pub(super) struct Log {
    pub(super) shared: Arc<Shared>,
    pub(super) hooks: Arc<dyn Hooks>,
    pub(super) mark: Mark,
    /// The number of the last group.
    pub(super) group: u64,
}

impl Log {
    /// Makes a group durable and visible. After an error it is not known how much of it the disk has, and nothing may
    /// be written any more.
    pub(super) fn write(&mut self, staging: Staging<'_>) -> Result<(), String> {
        if staging.is_empty() {
            return Ok(());
        }
        let failed = |what: &str, error: &dyn std::fmt::Display| format!("{what}: {error}");
        let begun = Instant::now();
        self.hooks.at(Step::BeforeWrite).map_err(|error| failed("the disk could not be written", &error))?;
        self.group += 1;
        let last_event = staging.last_event();
        let (batch, bytes) = staging.finish(self.group);
        let mode = if planted(Bug::NoSync) { PersistMode::Buffer } else { PersistMode::SyncData };
        let batch = batch.durability(Some(mode));
        let held = self.shared.ahead.hold();
        batch.commit().map_err(|error| failed("the disk could not be written or synced", &error))?;
        self.shared.ahead.wrote(held, bytes);
        self.mark.write(self.group).map_err(|error| failed("the mark could not be written", &error))?;
        self.hooks.at(Step::AfterSync).map_err(|error| failed("the disk could not be synced", &error))?;
        self.shared.publish(last_event);
        self.shared.metrics.bytes.fetch_add(bytes, Relaxed);
        self.shared.metrics.syncs.record(begun.elapsed());
        Ok(())
    }
}
