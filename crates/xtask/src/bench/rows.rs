//! Figures against targets: the rows of the table.

use super::measured::Measured;
use super::numbers::shown;
use super::row::{Good, Row, absolute, to_floor};

/// All rows of the scenarios that were measured.
pub(super) fn rows(all: &[&Measured]) -> Vec<Row> {
    all.iter().flat_map(|measured| of_scenario(measured)).collect()
}

fn of_scenario(measured: &Measured) -> Vec<Row> {
    let parts: Vec<&str> = measured.name.split('-').collect();
    match parts.as_slice() {
        ["pairs", window] => pairs(measured, window),
        ["open", rate] => open(measured, rate),
        ["group", members, window] => {
            let scenario = format!("group of {members}, one sender, window {window}");
            let targets = (Good::AtLeast, 0.6, 1.0);
            vec![to_floor(measured, &scenario, "deliveries/s", "/per_second/delivered", "relay", targets)]
        }
        ["connect"] => {
            let scenario = "connect, hello, welcome, first sync";
            vec![to_floor(
                measured,
                scenario,
                "connects/s",
                "/per_second/connects",
                "relay",
                (Good::AtLeast, 0.5, 0.85),
            )]
        }
        ["idle"] => {
            let values = scaled(&measured.figures("server", "/rss_bytes/by_connection"), 1e-3);
            let what = "server RSS of each, kB";
            vec![absolute("10,000 idle connections", what, values, (Good::AtMost, Some(16.0), 11.0))]
        }
        ["history"] => {
            let values = measured.figures("server", "/read_p50_ms");
            let what = "p50 in the server, ms";
            vec![absolute("page of 50 of history, cold", what, values, (Good::AtMost, Some(1.0), 0.2))]
        }
        ["overload"] => overload(measured),
        ["conversations" | "connections" | "log"] => growth(measured),
        _ => Vec::new(),
    }
}

fn pairs(measured: &Measured, window: &str) -> Vec<Row> {
    let scenario = format!("1:1, 400 connections, window {window}");
    let acknowledged = "/per_second/acknowledged";
    let centrifugo = if window == "1" { 36_000.0 } else { 127_000.0 };
    vec![
        to_floor(measured, &scenario, "acked/s", acknowledged, "durable", (Good::AtLeast, 0.6, 0.85)),
        to_floor(
            measured,
            &scenario,
            "server CPU a message, µs",
            "/server_cpu_us",
            "durable",
            (Good::AtMost, 2.0, 1.2),
        ),
        absolute(
            &scenario,
            "acked/s, against Centrifugo's in memory",
            measured.figures("server", acknowledged),
            (Good::AtLeast, None, centrifugo),
        ),
    ]
}

fn open(measured: &Measured, rate: &str) -> Vec<Row> {
    let scenario = format!("open loop, {rate} a second");
    [("p50", 1.5, 1.2), ("p99", 3.0, 1.5)]
        .map(|(share, must, aim)| {
            let (what, pointer) = (format!("ack {share}, ms"), format!("/latency_ms/ack/{share}"));
            to_floor(measured, &scenario, &what, &pointer, "durable", (Good::AtMost, must, aim))
        })
        .into()
}

fn overload(measured: &Measured) -> Vec<Row> {
    let acknowledged = "/per_second/acknowledged";
    let scenario = "open loop at 120 % of saturation";
    let peak = measured.figure("peak", acknowledged);
    let goodput = measured.figures("server", acknowledged);
    let share = peak.map(|peak| scaled(&goodput, 1.0 / peak)).unwrap_or_default();
    let memory = scaled(&measured.figures("server", "/rss_bytes/peak"), 1e-6);
    let mut row = absolute(scenario, "goodput, share of the peak", share, (Good::AtLeast, Some(0.9), 0.97));
    row.ours = measured.figure("server", acknowledged);
    row.floor = peak.map(|peak| ("peak", peak));
    vec![row, absolute(scenario, "highest RSS, MB", memory, (Good::AtMost, Some(1_024.0), 512.0))]
}

/// The dearest size against the smallest one, and whether what is kept for each stays the same.
fn growth(measured: &Measured) -> Vec<Row> {
    let mut sizes: Vec<(f64, &str)> =
        measured.names().filter_map(|name| Some((name.parse().ok()?, name))).collect();
    sizes.sort_by(|a, b| a.0.total_cmp(&b.0));
    let costs: Vec<f64> =
        sizes.iter().filter_map(|(_, name)| measured.figure(name, "/server_cpu_us")).collect();
    let names: Vec<String> = sizes.iter().map(|(size, _)| shown(*size)).collect();
    let unit = if measured.name == "log" { "messages in the log" } else { measured.name.as_str() };
    let scenario = format!("{} {unit}", names.join(", "));
    let highest = costs.iter().copied().fold(0.0, f64::max);
    let ratio = costs.first().filter(|_| costs.len() > 1).map(|first| highest / first);
    let what = "server CPU a message, highest to first";
    let mut cost = absolute(&scenario, what, ratio.into_iter().collect(), (Good::AtMost, Some(1.5), 1.1));
    cost.ours = (highest > 0.0).then_some(highest);
    cost.floor = costs.first().map(|first| ("first", *first));
    vec![cost, memory(measured, &scenario, &sizes)]
}

/// Linear is what costs as much by one more at the end as at the beginning. A log has no business in memory: it may
/// take no more than its caches.
fn memory(measured: &Measured, scenario: &str, sizes: &[(f64, &str)]) -> Row {
    let loaded = |name: &str| measured.figure(name, "/rss_bytes/loaded");
    let points: Vec<(f64, f64)> =
        sizes.iter().filter_map(|(size, name)| Some((*size, loaded(name)?))).collect();
    if measured.name == "log" {
        let last = points.last().map(|(_, bytes)| bytes / 1e6);
        let targets = (Good::AtMost, Some(1_024.0), 512.0);
        return absolute(scenario, "RSS at the end, MB", last.into_iter().collect(), targets);
    }
    let slopes: Vec<f64> =
        points.windows(2).map(|pair| (pair[1].1 - pair[0].1) / (pair[1].0 - pair[0].0) / 1e3).collect();
    let last = slopes.last().copied();
    if slopes.len() < 2 {
        return absolute(
            scenario,
            "RSS of one more, kB",
            last.into_iter().collect(),
            (Good::AtMost, Some(32.0), 16.0),
        );
    }
    let ratio = last.map(|last| last / slopes[0].max(f64::MIN_POSITIVE));
    let what = "RSS of one more, kB, last to first step";
    let mut row = absolute(scenario, what, ratio.into_iter().collect(), (Good::AtMost, Some(1.5), 1.1));
    (row.ours, row.floor) = (last, Some(("first", slopes[0])));
    row
}

fn scaled(values: &[f64], factor: f64) -> Vec<f64> {
    values.iter().map(|value| value * factor).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn measured(name: &str, samples: &Value) -> Measured {
        Measured::from_json(name, &json!({ "samples": samples, "troubles": [] }))
    }

    fn rate(rates: &[f64]) -> Value {
        rates
            .iter()
            .map(|rate| json!({ "per_second": { "acknowledged": rate, "delivered": rate } }))
            .collect()
    }

    #[test]
    fn ratios_are_of_runs_beside_each_other() {
        let samples = json!({ "server": rate(&[60.0, 90.0, 30.0]), "durable": rate(&[100.0, 100.0, 60.0]) });
        let rows = rows(&[&measured("pairs-1", &samples)]);
        assert_eq!(rows[0].values, [0.6, 0.9, 0.5]);
        assert_eq!((rows[0].value(), rows[0].spread(), rows[0].met()), (Some(0.6), (0.5, 0.9), "must"));
        assert_eq!(rows[0].floor, Some(("F2", 100.0)));
        // Processor time was not measured; 60 a second are not 36,000.
        assert_eq!((rows[1].met(), rows[2].met()), ("not measured", "missed"));
    }

    #[test]
    fn a_floor_that_failed_once_gives_no_ratio() {
        let samples = json!({ "server": rate(&[60.0, 90.0]), "relay": rate(&[100.0]) });
        assert_eq!(rows(&[&measured("group-100-1", &samples)])[0].met(), "not measured");
    }

    #[test]
    fn what_grows_is_compared_with_its_smallest_size() {
        let at = |cpu: f64, bytes: f64| json!([{ "server_cpu_us": cpu, "rss_bytes": { "loaded": bytes } }]);
        let samples = json!({ "1000": at(20.0, 50e6), "10000": at(28.0, 150e6), "5000": at(31.0, 90e6) });
        let rows = rows(&[&measured("connections", &samples)]);
        assert_eq!(rows[0].values, [1.55]);
        // 10 kB each up to 5,000, 12 kB each from there.
        assert_eq!((rows[0].met(), rows[1].values.as_slice(), rows[1].met()), ("missed", &[1.2][..], "must"));
        assert!(rows[0].scenario.starts_with("1,000, 5,000, 10,000 conn"), "{}", rows[0].scenario);
    }
}
