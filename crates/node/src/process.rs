//! What the process asks of the system.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the number of files that may be open to the most that is allowed, since every connection is one.
///
/// Returns that number; `None` when there is no limit.
///
/// # Errors
/// The system refuses; the limit stays as it was.
pub fn raise_open_files() -> io::Result<Option<u64>> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    }
    Ok(maximum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_becomes_the_hard_one() {
        let maximum = raise_open_files().unwrap();
        assert_eq!(getrlimit(Resource::Nofile).current, maximum);
    }
}
