//! A control group for the server: little memory, little processor. Version 1 and version 2.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::Skipped;

/// Where control groups are.
const ROOT: &str = "/sys/fs/cgroup";
/// A period of the processor's share, in microseconds.
const PERIOD: u64 = 100_000;

/// What a group limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Controller {
    Memory,
    Cpu,
}

impl Controller {
    fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Cpu => "cpu",
        }
    }
}

/// A group of this run. Dropped, it is removed; its processes must have ended.
pub(crate) struct Group {
    folder: PathBuf,
    /// Whether the machine has version 1.
    first: bool,
}

impl Group {
    /// Makes a group.
    pub(crate) fn new(controller: Controller, name: &str) -> Result<Self> {
        let root = Path::new(ROOT);
        let first = root.join(controller.name()).is_dir();
        let above = if first { root.join(controller.name()) } else { root.to_owned() };
        if !first {
            // Where it is on already, or somebody else's to decide, the file that is looked for below says so.
            let _ = fs::write(root.join("cgroup.subtree_control"), format!("+{}", controller.name()));
        }
        let folder = above.join(format!("{name}-{}", controller.name()));
        fs::create_dir(&folder)
            .map_err(|error| Skipped(format!("no control group can be made in {ROOT}: {error}")))?;
        let group = Self { folder, first };
        let file = match (controller, first) {
            (Controller::Memory, true) => "memory.limit_in_bytes",
            (Controller::Memory, false) => "memory.max",
            (Controller::Cpu, true) => "cpu.cfs_quota_us",
            (Controller::Cpu, false) => "cpu.max",
        };
        if !group.folder.join(file).exists() {
            return Err(Skipped(format!("control groups have no {file} here")).into());
        }
        Ok(group)
    }

    /// The file that a process joins by.
    pub(crate) fn processes(&self) -> PathBuf {
        self.folder.join("cgroup.procs")
    }

    /// Memory in use, in bytes.
    pub(crate) fn memory(&self) -> Result<u64> {
        let file = if self.first { "memory.usage_in_bytes" } else { "memory.current" };
        Ok(self.read(file)?.trim().parse()?)
    }

    /// Limits memory; none for no limit. Whether the system agreed: it does not at once while more is in use.
    pub(crate) fn limit_memory(&self, bytes: Option<u64>) -> bool {
        let (file, no_limit) =
            if self.first { ("memory.limit_in_bytes", "-1") } else { ("memory.max", "max") };
        let text = bytes.map_or(no_limit.to_owned(), |bytes| bytes.to_string());
        fs::write(self.folder.join(file), text).is_ok()
    }

    /// How many processes were killed for want of memory.
    pub(crate) fn memory_kills(&self) -> Result<u64> {
        let file = if self.first { "memory.oom_control" } else { "memory.events" };
        Ok(number_after(&self.read(file)?, "oom_kill"))
    }

    /// Gives it so many hundredths of one processor; none for all.
    pub(crate) fn limit_cpu(&self, percent: Option<u64>) -> Result<()> {
        let quota = percent.map(|percent| percent * PERIOD / 100);
        if self.first {
            fs::write(self.folder.join("cpu.cfs_period_us"), PERIOD.to_string())?;
            let quota = quota.map_or("-1".to_owned(), |quota| quota.to_string());
            fs::write(self.folder.join("cpu.cfs_quota_us"), quota)?;
        } else {
            let quota = quota.map_or("max".to_owned(), |quota| quota.to_string());
            fs::write(self.folder.join("cpu.max"), format!("{quota} {PERIOD}"))?;
        }
        Ok(())
    }

    /// In how many periods it was held back.
    pub(crate) fn throttled(&self) -> Result<u64> {
        Ok(number_after(&self.read("cpu.stat")?, "nr_throttled"))
    }

    fn read(&self, file: &str) -> Result<String> {
        fs::read_to_string(self.folder.join(file)).with_context(|| file.to_owned())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // A process that has been waited for may still stand in the group for a moment.
        for _ in 0..100 {
            if fs::remove_dir(&self.folder).is_ok() {
                return;
            }
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }
}

fn number_after(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|number| number.trim().parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::number_after;

    #[test]
    fn a_number_is_found_by_its_whole_name() {
        let text = "oom_kill_disable 0\nunder_oom 1\noom_kill 3\n";
        assert_eq!((number_after(text, "oom_kill"), number_after(text, "oom")), (3, 0));
    }
}
