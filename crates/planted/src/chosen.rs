//! Which bug this process has.

use std::sync::OnceLock;

use crate::Bug;

/// The name of a bug, or [`NONE`].
const VARIABLE: &str = "CAUSERIE_PLANTED_BUG";
/// No bug: a server of the same build that is sound.
const NONE: &str = "none";

/// Whether this server has this bug. Chosen once, for the whole process: this is the one global of the project, and it is
/// in no server that anybody runs.
pub fn planted(bug: Bug) -> bool {
    static CHOSEN: OnceLock<Option<Bug>> = OnceLock::new();
    // A name that is none has ended the program at its start.
    *CHOSEN.get_or_init(|| chosen().ok().flatten()) == Some(bug)
}

/// The bug that the environment names.
///
/// # Errors
/// It names none: says which there are. A server with bugs is not to be started by accident.
pub fn chosen() -> Result<Option<Bug>, String> {
    let name = std::env::var(VARIABLE).unwrap_or_default();
    if name == NONE {
        return Ok(None);
    }
    let found = Bug::ALL.iter().copied().find(|bug| bug.name() == name);
    found.map(Some).ok_or_else(|| {
        let names: Vec<_> = Bug::ALL.iter().map(|bug| bug.name()).collect();
        format!("{VARIABLE} names the bug of this server: {NONE}, {}", names.join(", "))
    })
}
