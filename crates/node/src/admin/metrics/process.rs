//! What the system says of this process, under the names that all exporters use. What it does not say is left out.

use std::fs;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::registry::Unit;
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

use super::Reading;

/// Reads `/proc/self` when it is asked.
#[derive(Debug)]
pub(super) struct Process {
    /// When the process started, since 1970.
    pub(super) started: Duration,
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        let cpu = ConstCounter::new(cpu_seconds());
        let help = "Processor time that was used.";
        cpu.encode(encoder.encode_descriptor(
            "process_cpu",
            help,
            Some(&Unit::Seconds),
            cpu.metric_type(),
        )?)?;
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let field = |name: &str| status.lines().find_map(|line| number(line.strip_prefix(name)?));
        let started = Some(self.started.as_secs_f64());
        let files = getrlimit(Resource::Nofile).current;
        let readings = [
            (
                "process_resident_memory",
                "Memory in use.",
                Some(Unit::Bytes),
                field("VmRSS:").map(|kib| kib * 1024.0),
            ),
            (
                "process_virtual_memory",
                "Addresses in use.",
                Some(Unit::Bytes),
                field("VmSize:").map(|kib| kib * 1024.0),
            ),
            ("process_threads", "Threads.", None, field("Threads:")),
            ("process_open_fds", "Open files and sockets.", None, open_files()),
            ("process_max_fds", "Files and sockets that may be open.", None, files.map(|files| files as f64)),
            ("process_start_time", "When the process started, since 1970.", Some(Unit::Seconds), started),
        ];
        for (name, help, unit, value) in readings {
            if let Some(value) = value {
                Reading { name, help, unit, value }.gauge(&mut encoder)?;
            }
        }
        Ok(())
    }
}

fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// The first number of a line.
fn number(text: &str) -> Option<f64> {
    text.split_whitespace().next()?.parse().ok()
}

/// How many descriptors are open, without the one that it takes to look.
fn open_files() -> Option<f64> {
    Some(fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1) as f64)
}
