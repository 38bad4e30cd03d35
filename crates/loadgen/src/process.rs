//! What the system says of a process: processor time and memory.

use std::fs;
use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;

/// A process, seen at one moment.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Usage {
    /// Processor time since it began, in microseconds; exact to 10 ms.
    pub(crate) cpu_us: u64,
    /// Memory that is resident, in bytes.
    pub(crate) rss: u64,
}

impl Usage {
    /// Looks at a process.
    pub(crate) fn of(pid: u32) -> anyhow::Result<Self> {
        let read = |file: &str| {
            let path = format!("/proc/{pid}/{file}");
            fs::read_to_string(&path).with_context(|| format!("{path}: is the process gone?"))
        };
        let stat = read("stat")?;
        // The name may have blanks; what follows its parenthesis has none.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks =
            |field: usize| fields.get(field).and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
        let per_second = rustix::param::clock_ticks_per_second().max(1);
        let cpu_us = (ticks(11) + ticks(12)) * 1_000_000 / per_second;
        let status = read("status")?;
        let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let rss =
            rss.and_then(|text| text.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or_default();
        Ok(Self { cpu_us, rss: rss * 1024 })
    }

    /// Processor time between two moments.
    pub(crate) fn cpu_since(&self, before: &Self) -> Duration {
        Duration::from_micros(self.cpu_us.saturating_sub(before.cpu_us))
    }
}
