//! Ends a test's server when the test's process is gone.
//!
//! Destructors do not run when a process is killed, and never for statics. So a small shell holds the other end of a
//! pipe, and kills the server once nobody holds ours. It ends by itself in either case.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

use crate::identity::Identity;

/// Compares the start time, as [`Identity::signal`] does; between that and the signal is a gap of microseconds.
const SCRIPT: &str = r#"
read -r word
[ "$word" = done ] && exit 0
started=$(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20)
[ "$started" = "$2" ] && kill -9 "$1"
exit 0
"#;

/// One server's guard, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Guard {
    shell: Child,
}

impl Guard {
    /// Begins to watch. In a process group of its own: an interrupt on the terminal must not end it first.
    pub(crate) fn over(server: &Identity) -> io::Result<Self> {
        let mut shell = Command::new("sh");
        shell.args(["-c", SCRIPT, "guard", &server.id().to_string(), &server.started().to_string()]);
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        Ok(Self { shell: shell.spawn()? })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Where either fails the shell has ended, which is what is wanted.
        if let Some(mut input) = self.shell.stdin.take() {
            let _ = io::Write::write_all(&mut input, b"done\n");
        }
        let _ = self.shell.wait();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(20);

    #[test]
    fn whoever_loses_its_test_is_killed_and_a_stopped_one_too() {
        let mut server = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let identity = Identity::of(server.id()).unwrap();
        let mut guard = Guard::over(&identity).unwrap();
        identity.signal(rustix::process::Signal::STOP).unwrap();
        // As when this process ends without a word.
        drop(guard.shell.stdin.take());
        assert!(identity.wait_for_end(LIMIT).unwrap());
        server.wait().unwrap();
    }

    #[test]
    fn a_guard_that_is_dismissed_leaves_its_server_alone() {
        let mut server = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let identity = Identity::of(server.id()).unwrap();
        drop(Guard::over(&identity).unwrap());
        assert!(identity.is_alive());
        drop(server.stdin.take());
        server.wait().unwrap();
    }
}
