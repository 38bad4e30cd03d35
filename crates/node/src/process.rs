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

/// How the files that may be open are shared out: what clients take can never be missing where messages are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenFiles {
    /// Connections of clients, at most.
    connections: usize,
    /// Tables that the store keeps open.
    pub tables: usize,
}

impl OpenFiles {
    /// Shares out a limit. A quarter, 1,024 at most, is kept from clients: half of it for the store's tables, the rest
    /// for its journals, for listeners and for operators.
    pub fn share(limit: Option<u64>) -> Self {
        let limit = limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let kept = (limit / 4).min(1_024);
        Self { connections: limit - kept, tables: (kept / 2).max(10) }
    }

    /// How many clients may be let in, of as many as are wanted; the log says when it is fewer.
    pub fn connections(self, wanted: usize) -> usize {
        let connections = self.connections.min(wanted);
        if connections < wanted {
            tracing::info!(
                connections,
                wanted,
                "so few files may be open (ulimit -Hn) that fewer clients are let in"
            );
        }
        connections
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_becomes_the_hard_one() {
        let maximum = raise_open_files().unwrap();
        assert_eq!(getrlimit(Resource::Nofile).current, maximum);
    }

    #[test]
    fn clients_never_get_all() {
        let share = |limit| {
            let OpenFiles { connections, tables } = OpenFiles::share(limit);
            (connections, tables)
        };
        assert_eq!(share(Some(256)), (192, 32));
        assert_eq!(share(Some(20_000)), (18_976, 512));
        assert_eq!(share(None), (usize::MAX - 1_024, 512));
    }
}
