//! The judge: reads what clients attempted and saw, and says which promises were broken.
//!
//! It knows nothing of how the server works. Its whole input is a [`History`]: every attempt, its outcome, every message
//! that an observer saw and when. Its whole output is a [`Verdict`]. Message keys are unique and the server shows the
//! order, so each pass is linear once the history is sorted by conversation and position.
//!
//! Start with [`history`], which says what is recorded, then [`pass`], a file a finding. [`corpus`] makes good histories
//! and breaks them in one place each: that is how the judge is judged.

pub mod corpus;
mod evidence;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod history;
pub mod pass;
mod verdict;

pub use history::History;
pub use verdict::{Demands, Examples, Finding, Kind, Tally, Verdict};

/// Judges a history.
pub fn judge(history: &History, demands: &Demands) -> Verdict {
    let evidence = evidence::Evidence::new(history);
    pass::run(&evidence, demands)
}
