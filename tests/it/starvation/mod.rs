//! Clients, by themselves or by their number, that would leave nothing for the others: files, memory, the way to the disk.
//!
//! Each test first shows that the shortage was there. The bounds on memory and time are generous: they tell what is
//! bounded from what is not, and say nothing of how fast the server is.

mod descriptors;
mod half_open;
mod light;
mod slow_readers;
mod stampede;
mod usage;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// As many connections as are wanted, or as this machine lets a process have. The rest is for the other tests.
fn connections(wanted: usize) -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
            .expect("the soft limit may be raised");
    }
    let most = maximum.map_or(usize::MAX, |maximum| usize::try_from(maximum).unwrap_or(usize::MAX));
    // A tenth for every day, of what is more than hundreds.
    let fast = std::env::var_os("CAUSERIE_TEST_FAST").is_some();
    let wanted = if fast && wanted > 1_000 { wanted / 10 } else { wanted };
    let may = wanted.min(most.saturating_sub(6_000));
    assert!(may >= 200, "only {most} files may be open: raise `ulimit -Hn`");
    may
}
