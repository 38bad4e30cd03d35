//! What a process uses, by the system's word.

use std::time::Duration;

use rustix::process::Pid;

/// Ticks a second of the times in `/proc`, the same on every Linux.
const TICKS: u32 = 100;

/// The memory of a process, in bytes.
pub(super) fn memory(process: Pid) -> u64 {
    let status = read(process, "status");
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.strip_suffix("kB"));
    resident.and_then(|kilobytes| kilobytes.trim().parse::<u64>().ok()).expect("the size of a process") * 1024
}

/// The processor time that a process has taken.
pub(super) fn processor(process: Pid) -> Duration {
    let stat = read(process, "stat");
    // The name, which may hold anything, ends with the last parenthesis; times are the 12th and 13th behind it.
    let (_, behind) = stat.rsplit_once(')').expect("a name");
    let ticks = |at: usize| behind.split_whitespace().nth(at).and_then(|ticks| ticks.parse::<u32>().ok());
    Duration::from_secs(1) * (ticks(11).expect("a time") + ticks(12).expect("a time")) / TICKS
}

/// How many files a process has open.
pub(super) fn files(process: Pid) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", process.as_raw_nonzero())).expect("a process that runs").count()
}

fn read(process: Pid, file: &str) -> String {
    let path = format!("/proc/{}/{file}", process.as_raw_nonzero());
    std::fs::read_to_string(path).expect("a process that runs")
}
