//! The figures of a run, beside the judge's verdict.

use std::collections::BTreeMap;
use std::fmt;

use causerie_checker::Verdict;
use hdrhistogram::Histogram;
use serde::Serialize;

/// Percentiles of a latency, in microseconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Latency {
    /// How many were measured.
    pub(crate) count: u64,
    /// The median.
    pub(crate) p50_us: f64,
    /// 95 in a hundred are quicker.
    pub(crate) p95_us: f64,
    /// 99 in a hundred are quicker.
    pub(crate) p99_us: f64,
    /// The slowest.
    pub(crate) max_us: f64,
}

impl Latency {
    /// Percentiles of nanoseconds; none if nothing was measured.
    pub(crate) fn of(histogram: &Histogram<u64>) -> Option<Self> {
        let at = |quantile: f64| precise(histogram.value_at_quantile(quantile)) / 1_000.0;
        (!histogram.is_empty()).then(|| Self {
            count: histogram.len(),
            p50_us: at(0.50),
            p95_us: at(0.95),
            p99_us: at(0.99),
            max_us: precise(histogram.max()) / 1_000.0,
        })
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |us: f64| us / 1_000.0;
        write!(
            f,
            "p50 {:.3}  p95 {:.3}  p99 {:.3}  max {:.3} ms",
            ms(self.p50_us),
            ms(self.p95_us),
            ms(self.p99_us),
            ms(self.max_us)
        )
    }
}

/// What the server's process used. Only with `--server-pid`.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct ServerUsage {
    /// Processor time in the time measured, in seconds.
    pub(crate) cpu_s: f64,
    /// The same for each acknowledged message, or for each of what the scenario counts, in microseconds.
    pub(crate) cpu_us_per_unit: f64,
    /// Resident memory before the clients came, in bytes.
    pub(crate) rss_before: u64,
    /// The same with all clients, at the end of the time measured.
    pub(crate) rss: u64,
    /// The difference by client, in bytes.
    pub(crate) rss_per_connection: f64,
}

/// A report: printed, and written as JSON with `--report`.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Report {
    /// Which scenario.
    pub(crate) scenario: String,
    /// Clients.
    pub(crate) connections: usize,
    /// What else was asked for.
    pub(crate) options: BTreeMap<&'static str, f64>,
    /// The time measured, in seconds.
    pub(crate) seconds: f64,
    /// What is counted, by the second: `acknowledged`, `delivered`, `connects`, `pages`.
    pub(crate) per_second: BTreeMap<&'static str, f64>,
    /// Latencies: `ack`, `delivery`, `connect`, `page`.
    pub(crate) latency: BTreeMap<&'static str, Latency>,
    /// What the server's process used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) server: Option<ServerUsage>,
    /// What the generator used: processor time in the time measured, in seconds.
    pub(crate) generator_cpu_s: f64,
    /// Syncs that the server told clients to do, by delivered message.
    pub(crate) syncs_per_message: f64,
    /// Errors by code.
    pub(crate) errors: BTreeMap<String, u64>,
    /// Attempts whose outcome never became known.
    pub(crate) unknown: u64,
    /// Connections that ended before their time.
    pub(crate) broken: u64,
    /// The judge; none where the server keeps nothing that could be judged.
    pub(crate) verdict: Option<Verdict>,
}

impl Report {
    /// Whether nothing speaks against the run: the judge has passed it, or there was nothing to judge.
    pub(crate) fn passed(&self) -> bool {
        self.verdict.as_ref().is_none_or(|verdict| verdict.passed)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} connections, {:.1} s", self.scenario, self.connections, self.seconds)?;
        for (name, value) in &self.options {
            write!(f, ", {name} {value}")?;
        }
        writeln!(f)?;
        for (name, rate) in &self.per_second {
            writeln!(f, "  {name:<13} {rate:.0}/s")?;
        }
        for (name, latency) in &self.latency {
            writeln!(f, "  {name:<13} {latency}")?;
        }
        if let Some(server) = &self.server {
            writeln!(
                f,
                "  server        {:.2} s of processor, {:.1} us each; RSS {:.1} MB, {:.1} KB a connection",
                server.cpu_s,
                server.cpu_us_per_unit,
                precise(server.rss) / 1e6,
                server.rss_per_connection / 1e3
            )?;
        }
        writeln!(f, "  generator     {:.2} s of processor", self.generator_cpu_s)?;
        if self.syncs_per_message > 0.0 {
            writeln!(f, "  syncs         {:.5} a message", self.syncs_per_message)?;
        }
        if !self.errors.is_empty() || self.unknown + self.broken > 0 {
            writeln!(
                f,
                "  trouble       errors {:?}, {} unknown, {} connections broken",
                self.errors, self.unknown, self.broken
            )?;
        }
        match &self.verdict {
            Some(verdict) => write!(f, "{verdict}"),
            None => writeln!(f, "verdict: not judged, a floor keeps nothing"),
        }
    }
}

/// A count as a floating point number, exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "figures of a report are rounded anyway")]
pub(crate) fn precise(count: u64) -> f64 {
    count as f64
}
