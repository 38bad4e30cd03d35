//! What the kernel says: processor time of processes and of the whole machine, memory of a process.

use std::fs;
use std::path::Path;

use rustix::param::clock_ticks_per_second;

/// Processor time of three at one moment, in seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// All processors, whoever used them.
    all: f64,
    /// The process that is measured.
    process: f64,
    /// What we started and have waited for: the generator.
    children: f64,
}

impl Moment {
    /// Now.
    pub(super) fn of(pid: u32) -> Self {
        let process: f64 = ticks(&format!("/proc/{pid}/stat"), 11..13);
        Self { all: machine(), process, children: ticks("/proc/self/stat", 13..15) }
    }

    /// What others used since `before`, in seconds of a processor.
    pub(super) fn others_since(&self, before: &Self) -> f64 {
        let ours = self.process - before.process + self.children - before.children;
        (self.all - before.all - ours).max(0.0)
    }
}

/// Fields of a process's `stat`, counted from behind its name, as seconds.
fn ticks(path: &str, fields: std::ops::Range<usize>) -> f64 {
    let stat = fs::read_to_string(path).unwrap_or_default();
    let numbers = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    seconds(numbers.skip(fields.start).take(fields.len()))
}

/// What all processors did but idle and wait for the disk.
fn machine() -> f64 {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let numbers: Vec<&str> = stat.lines().next().unwrap_or_default().split_whitespace().skip(1).collect();
    // user, nice, system, (idle, iowait,) irq, softirq, steal
    let busy = [0, 1, 2, 5, 6, 7].into_iter().filter_map(|field| numbers.get(field).copied());
    seconds(busy)
}

fn seconds<'a>(numbers: impl Iterator<Item = &'a str>) -> f64 {
    let ticks: f64 = numbers.filter_map(|number| number.parse::<f64>().ok()).sum();
    #[expect(clippy::cast_precision_loss, reason = "it is a hundred")]
    let per_second = clock_ticks_per_second().max(1) as f64;
    ticks / per_second
}

/// Memory of a process in bytes: `VmRSS` now, `VmHWM` at its highest. 0 if it is gone.
pub(super) fn memory(pid: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|text| text.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or_default() * 1024
}

/// Asks the kernel to forget what it keeps of the files in a folder, so that reading them reads the disk.
pub(super) fn forget_files(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let (path, kind) = entry.map(|entry| (entry.path(), entry.file_type()))?;
        if kind?.is_dir() {
            forget_files(&path)?;
        } else {
            let file = fs::File::open(&path)?;
            // What is not on the disk yet cannot be forgotten.
            file.sync_all()?;
            rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?;
        }
    }
    Ok(())
}
