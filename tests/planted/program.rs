//! The programs that take part, all built by `cargo xtask test`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Which server is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// The one that people run.
    Sound,
    /// The one with this bug.
    Planted(&'static str),
}

/// A program.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Program {
    Sound,
    Planted,
    Load,
    Faults,
}

impl Program {
    /// Where it is: beside these tests, or where the environment says.
    pub(crate) fn path(self) -> PathBuf {
        let (variable, name) = match self {
            Self::Sound => ("CAUSERIE_BIN", "causerie"),
            Self::Planted => ("CAUSERIE_PLANTED_BIN", "causerie-planted"),
            Self::Load => ("CAUSERIE_LOADGEN_BIN", "causerie-loadgen"),
            Self::Faults => ("CAUSERIE_FAULTS_BIN", "causerie-faults"),
        };
        let beside = || {
            let tests = std::env::current_exe().expect("this program has a path");
            tests.ancestors().nth(2).unwrap_or(Path::new("")).join(name)
        };
        let path = std::env::var_os(variable).map_or_else(beside, PathBuf::from);
        assert!(path.exists(), "{} is not there: run `cargo xtask test --only planted-bugs`", path.display());
        path
    }

    /// A command without the settings of whoever runs the tests. It is killed when these tests end, however they do.
    pub(crate) fn command(self) -> Command {
        self.command_behind(&[])
    }

    /// The same, started by other programs, each of which becomes the next.
    pub(crate) fn command_behind(self, others: &[String]) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).args(others).arg(self.path());
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CAUSERIE_"))
        {
            command.env_remove(name);
        }
        command
    }

    /// What it says when it is not told which bug to have, and its exit status.
    pub(crate) fn says_without_a_bug(self) -> (Option<i32>, String) {
        let output = self.command().output().expect("it starts");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// The program itself.
    pub(crate) fn bytes(self) -> Vec<u8> {
        fs::read(self.path()).expect("a program can be read")
    }
}
