//! One measurement: a run of the generator against a process, and all that is known of it.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::{Map, Value, json};

use super::metrics::Metrics;
use super::numbers::rounded;
use super::place::Place;
use super::proc::Moment;
use super::target::Target;
use crate::process;

/// No run of the generator takes longer.
const LIMIT: Duration = Duration::from_mins(10);

/// The figures of one measurement; the keys are explained in `docs/performance.md`.
#[derive(Clone, Debug)]
pub(super) struct Sample(pub(super) Value);

impl Sample {
    /// Runs the generator with these arguments against a process.
    pub(super) fn take(target: &Target, place: &Place, arguments: &[String]) -> Result<Self> {
        let path = place.folder.join("generator.json");
        if path.exists() {
            fs::remove_file(&path)?;
        }
        let mut command = place.generator();
        command.args(arguments).args(["--server", &target.address, "--sign-in", &target.sign_in()]);
        command.args(["--server-pid", &target.pid().to_string()]).arg("--report").arg(&path);
        let (metrics, moment, begun) = (target.metrics()?, Moment::of(target.pid()), Instant::now());
        let finished = process::run(command, &place.folder.join("generator.log"), LIMIT, |_| false)?;
        let others = Moment::of(target.pid()).others_since(&moment) / begun.elapsed().as_secs_f64();
        if !path.exists() {
            bail!("{}", finished.output.trim().lines().last().unwrap_or("the generator said nothing"));
        }
        let mut it = Self::of(&read(&path)?, &metrics, &target.metrics()?);
        it.set("others_processors", rounded(others, 2));
        it.set_in("rss_bytes", "after", target.memory("VmRSS"));
        it.set_in("rss_bytes", "peak", target.memory("VmHWM"));
        Ok(it)
    }

    /// From the generator's report and the server's metrics before and after.
    fn of(report: &Value, before: &Metrics, after: &Metrics) -> Self {
        let get = |pointer: &str| report.pointer(pointer).and_then(Value::as_f64);
        let seconds = get("/seconds").unwrap_or_default().max(f64::MIN_POSITIVE);
        // What is counted: pages and connects where a scenario counts those, deliveries in a group, messages else.
        let each = ["connects", "pages"].iter().find_map(|name| get(&format!("/per_second/{name}")));
        let each = each.or_else(|| {
            get(if report["scenario"] == "group" {
                "/per_second/delivered"
            } else {
                "/per_second/acknowledged"
            })
        });
        let count = each.map(|rate| rate * seconds).filter(|count| *count > 0.0);
        let per_unit =
            |seconds: Option<f64>| count.and_then(|count| Some(rounded(seconds? * 1e6 / count, 2)));
        let (server, generator) = (get("/server/cpu_s"), get("/generator_cpu_s"));
        let entries =
            after.value("causerie_store_entries_total") - before.value("causerie_store_entries_total");
        let syncs = "causerie_store_sync_duration_seconds_count";
        let syncs = after.value(syncs) - before.value(syncs);
        let heads = "causerie_replaced_by_head_total";
        Self(json!({
            "connections": report["connections"],
            "options": report["options"],
            "seconds": report["seconds"],
            "per_second": rounded_all(&report["per_second"], 1.0, 1),
            "latency_ms": latencies(&report["latency"]),
            "server_cpu_us": per_unit(server),
            "server_processors": server.map(|used| rounded(used / seconds, 2)),
            "generator_cpu_us": per_unit(generator),
            "generator_processors": generator.map(|used| rounded(used / seconds, 2)),
            "rss_bytes": {
                "before": report.pointer("/server/rss_before"),
                "loaded": report.pointer("/server/rss"),
                "by_connection": get("/server/rss_per_connection").map(f64::round),
            },
            "fsyncs_per_message": (entries > 0.0).then(|| rounded(syncs / entries, 4)),
            "replaced_by_head": after.value(heads) - before.value(heads),
            "read_p50_ms": after.quantile_since(before, "causerie_read_duration_seconds", 0.5).map(|s| rounded(s * 1e3, 3)),
            "errors": report["errors"],
            "refused": report["errors"].as_object().map(|codes| codes.values().filter_map(Value::as_u64).sum::<u64>()),
            "unknown": report["unknown"],
            "broken": report["broken"],
            "verdict": verdict(&report["verdict"]),
        }))
    }

    /// A figure of it.
    pub(super) fn get(&self, pointer: &str) -> Option<f64> {
        self.0.pointer(pointer).and_then(Value::as_f64)
    }

    /// Whether the judge has found nothing, or had nothing to judge.
    pub(super) fn is_sound(&self) -> bool {
        self.0["verdict"].as_str().is_some_and(|text| text.starts_with("passed") || text == NOT_JUDGED)
    }

    /// Adds a figure.
    pub(super) fn set(&mut self, key: &str, value: impl Into<Value>) {
        self.0[key] = value.into();
    }

    fn set_in(&mut self, object: &str, key: &str, value: u64) {
        self.0[object][key] = value.into();
    }

    /// One line for who waits.
    pub(super) fn line(&self) -> String {
        let mut parts = Vec::new();
        let shown = super::numbers::shown;
        for name in ["acknowledged", "delivered", "connects", "pages"] {
            if let Some(rate) = self.get(&format!("/per_second/{name}")) {
                parts.push(format!("{} {name}/s", shown(rate)));
            }
        }
        for name in ["ack", "connect", "page"] {
            let at = |share: &str| self.get(&format!("/latency_ms/{name}/{share}"));
            if let (Some(p50), Some(p99)) = (at("p50"), at("p99")) {
                parts.push(format!("{name} p50 {} p99 {} ms", shown(p50), shown(p99)));
            }
        }
        if let Some(cpu) = self.get("/server_cpu_us") {
            parts.push(format!("{} us each", shown(cpu)));
        }
        if !self.is_sound() {
            parts.push(format!("JUDGE: {}", self.0["verdict"]));
        }
        parts.join(", ")
    }
}

/// What stands in place of a verdict on a floor.
const NOT_JUDGED: &str = "not judged";

fn read(path: &Path) -> Result<Value> {
    serde_json::from_slice(&fs::read(path)?).context("the generator's report")
}

fn verdict(verdict: &Value) -> String {
    if verdict.is_null() {
        return NOT_JUDGED.to_owned();
    }
    if verdict["passed"] == true {
        return format!("passed, {} acknowledged messages judged", verdict["judged"]["acknowledged"]);
    }
    let found = verdict["findings"].as_object().into_iter().flatten();
    let found: Vec<String> = found.map(|(kind, examples)| format!("{} {kind}", examples["count"])).collect();
    format!("found: {}; proves nothing because: {}", found.join(", "), verdict["vacuous"])
}

fn rounded_all(object: &Value, factor: f64, digits: i32) -> Value {
    let numbers = object.as_object().into_iter().flatten();
    let number = |value: &Value| value.as_f64().map(|value| rounded(value * factor, digits));
    numbers.map(|(key, value)| (key.clone(), json!(number(value)))).collect::<Map<_, _>>().into()
}

/// Percentiles in milliseconds, without their unit in the key.
fn latencies(object: &Value) -> Value {
    let mut all = Map::new();
    for (name, percentiles) in object.as_object().into_iter().flatten() {
        let one = rounded_all(percentiles, 1e-3, 3);
        let one = one.as_object().into_iter().flatten();
        let one = one.filter_map(|(key, value)| Some((key.strip_suffix("_us")?.to_owned(), value.clone())));
        all.insert(name.clone(), one.collect::<Map<_, _>>().into());
    }
    all.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_becomes_a_sample() {
        let report = json!({
            "scenario": "pairs", "connections": 4, "seconds": 2.0, "options": {}, "errors": {"busy": 3},
            "per_second": {"acknowledged": 1000.0, "delivered": 999.96},
            "latency": {"ack": {"count": 9, "p50_us": 1500.0, "p99_us": 2500.0}},
            "server": {"cpu_s": 0.5, "rss_before": 10, "rss": 50, "rss_per_connection": 10.0},
            "generator_cpu_s": 1.0, "unknown": 0, "broken": 0,
            "verdict": {"passed": false, "findings": {"lost": {"count": 2}}, "vacuous": []},
        });
        let sample = Sample::of(&report, &Metrics::default(), &Metrics::default());
        for (pointer, value) in [
            ("/per_second/delivered", 1000.0),
            ("/latency_ms/ack/p50", 1.5),
            ("/server_cpu_us", 250.0),
            ("/generator_cpu_us", 500.0),
            ("/generator_processors", 0.5),
            ("/errors/busy", 3.0),
        ] {
            assert_eq!(sample.get(pointer), Some(value), "{pointer}");
        }
        assert_eq!(sample.get("/latency_ms/ack/count"), None);
        assert!(!sample.is_sound() && sample.line().contains("2 lost"), "{}", sample.line());
        let mut floor = report.clone();
        floor["verdict"] = Value::Null;
        assert!(Sample::of(&floor, &Metrics::default(), &Metrics::default()).is_sound());
    }
}
