//! What the server says of itself at `/metrics`.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

/// How long the answer may take: the server may be busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// All samples at one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Metrics(String);

impl Metrics {
    /// Asks the operators' listener at `address`.
    pub(super) fn of(address: &str) -> Result<Self> {
        let mut stream = TcpStream::connect(address).context("the metrics")?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes())?;
        let mut text = String::new();
        stream.read_to_string(&mut text).context("the metrics")?;
        ensure!(text.starts_with("HTTP/1.1 200"), "the metrics: {}", text.lines().next().unwrap_or_default());
        Ok(Self(text))
    }

    /// The value of the sample with this name and these labels; 0 if there is none.
    pub(super) fn value(&self, name: &str) -> f64 {
        self.0
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
            .unwrap_or_default()
    }

    /// The upper ends of a histogram's buckets, and how many are below each.
    fn buckets(&self, name: &str) -> Vec<(f64, f64)> {
        let begin = format!("{name}_bucket{{le=\"");
        let bucket = |line: &str| {
            let (end, count) = line.strip_prefix(&begin)?.split_once("\"} ")?;
            let end = if end == "+Inf" { f64::INFINITY } else { end.parse().ok()? };
            // A trace may follow as an exemplar.
            Some((end, count.split(' ').next()?.parse().ok()?))
        };
        self.0.lines().filter_map(bucket).collect()
    }

    /// A quantile of what a histogram counted since `before`, straight between the ends of its bucket. None if it
    /// counted nothing, or more than `share` of it above the last bucket.
    pub(super) fn quantile_since(&self, before: &Self, name: &str, share: f64) -> Option<f64> {
        let earlier = before.buckets(name);
        let count = |place: usize, count: f64| count - earlier.get(place).map_or(0.0, |(_, count)| *count);
        let buckets: Vec<(f64, f64)> = self
            .buckets(name)
            .into_iter()
            .enumerate()
            .map(|(place, (end, all))| (end, count(place, all)))
            .collect();
        let wanted = share * buckets.last().map(|(_, count)| *count).filter(|count| *count > 0.0)?;
        let mut below = (0.0, 0.0);
        for (end, count) in buckets {
            if count >= wanted {
                let part = (wanted - below.1) / (count - below.1).max(f64::MIN_POSITIVE);
                return end.is_finite().then_some(below.0 + part * (end - below.0));
            }
            below = (end, count);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics(counts: [u32; 3]) -> Metrics {
        let [a, b, c] = counts;
        Metrics(format!(
            "# TYPE x histogram\nx_sum 3.0\nx_count {c}\nx_bucket{{le=\"0.1\"}} {a}\nx_bucket{{le=\"0.3\"}} {b}\n\
             x_bucket{{le=\"+Inf\"}} {c}\ny_total{{code=\"a\"}} 7\n"
        ))
    }

    #[test]
    fn values_and_quantiles_are_read() {
        let (before, after) = (metrics([10, 10, 10]), metrics([10, 18, 20]));
        assert_eq!(
            (after.value("x_count"), after.value("y_total{code=\"a\"}"), after.value("z")),
            (20.0, 7.0, 0.0)
        );
        let median = after.quantile_since(&before, "x", 0.5).unwrap();
        assert!((median - 0.225).abs() < 1e-9, "{median}");
        assert_eq!(after.quantile_since(&before, "x", 0.9), None);
        assert_eq!(after.quantile_since(&after, "x", 0.5), None);
    }
}
