//! The simulation itself: that a seed replays, and that what is broken is found.

mod broken_store;
mod planted;
mod replay;
