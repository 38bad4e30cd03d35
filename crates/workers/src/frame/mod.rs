//! The frame around a worker: its consumer, its batches, its pauses.

mod context;
mod engine;
mod error;
mod gathered;
mod session;
mod settings;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

pub use error::RunError;
pub use settings::Settings;

use crate::aside::{self, Aside};
use crate::progress::{Progress, State};
use crate::worker::Worker;

/// Runs a worker until `stop` is cancelled; what was read by then is committed. It blocks: give it a thread.
///
/// Memory: what is fetched ahead ([`Settings::fetched_bytes`]), one batch as it came and as it was decoded, and what the
/// worker keeps. It survives brokers that go and come, rebalances, and a worker's store that is unavailable for a while.
///
/// # Errors
/// Something that trying again does not mend, see [`RunError`]. What was committed stays.
pub fn run<W: Worker>(
    worker: W,
    settings: &Settings,
    progress: &Arc<Progress>,
    stop: &CancellationToken,
) -> Result<(), RunError> {
    let aside =
        Aside::open(settings.dir.join(aside::FOLDER), settings.set_aside_most).map_err(RunError::Aside)?;
    let ended = session::run(worker, aside, settings, progress, stop);
    progress.state(State::Stopped);
    ended
}
