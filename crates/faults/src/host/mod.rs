//! What the machine lends to a fault: disks, control groups, another clock. Each gives back what it took when it is
//! dropped, and says why when the machine does not allow it.

pub(crate) mod clock;
pub(crate) mod disk;
pub(crate) mod group;

use std::fmt;

/// The machine does not allow it: the scenario is skipped, with this reason.
#[derive(Debug)]
pub(crate) struct Skipped(pub(crate) String);

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Skipped {}
