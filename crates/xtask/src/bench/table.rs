//! The report as tables, in Markdown: the terminal and the document show the same.

use std::fmt::Write as _;

use serde_json::Value;

use super::measured::Measured;
use super::numbers::shown;
use super::row::Row;
use super::rows::rows;

/// Processors that others may use in a measurement before the table warns.
const QUIET: f64 = 0.2;

/// Both tables of a report, with a line on the machine before them and what went wrong behind them.
pub(super) fn markdown(report: &Value) -> String {
    let scenarios = report["scenarios"].as_object().into_iter().flatten();
    let all: Vec<Measured> = scenarios.map(|(name, value)| Measured::from_json(name, value)).collect();
    let mut all: Vec<&Measured> = all.iter().collect();
    let order = report["order"].as_array().cloned().unwrap_or_default();
    all.sort_by_key(|measured| order.iter().position(|name| *name == measured.name.as_str()));
    let mut out = heading(report);
    out.push_str(
        "\n| scenario | figure | server | compared with | value | spread | must | aim | met |\n|---|---|---|---|---|---|---|---|---|\n",
    );
    rows(&all).iter().for_each(|row| out.push_str(&target_line(row)));
    out.push_str(
        "\nWhat was measured, medians:\n\n\
         | scenario | of | rate, 1/s | p50 / p95 / p99 / max, ms | server CPU each, µs | generator CPU each, µs | RSS, MB: loaded / peak | fsyncs a message | refused | verdict |\n\
         |---|---|---|---|---|---|---|---|---|---|\n",
    );
    for measured in &all {
        let mut names: Vec<&str> = measured.names().collect();
        // Sizes by size; the server before its floors.
        names.sort_by_key(|name| (name.parse::<u64>().unwrap_or_default(), *name != "server"));
        names.iter().for_each(|series| out.push_str(&sample_line(measured, series)));
    }
    let troubles: Vec<String> = all
        .iter()
        .flat_map(|measured| {
            measured.troubles.iter().map(move |trouble| format!("- {}: {trouble}\n", measured.name))
        })
        .collect();
    if !troubles.is_empty() {
        let _ = write!(out, "\nWhat went wrong:\n\n{}", troubles.concat());
    }
    out
}

fn heading(report: &Value) -> String {
    let machine = &report["machine"];
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    let sync = &machine["append_fdatasync_ms"];
    let changed = if machine["changed_since_commit"] == true { ", with changes" } else { "" };
    let quick = if report["quick"] == true { " A quick run: not to be quoted." } else { "" };
    let noise = |name: &str| report["noise"][name].as_f64().unwrap_or_default();
    let noisy = if noise("others_processors_median") > QUIET {
        " **The machine was busy with other work: absolute figures say nothing, ratios little.**"
    } else {
        ""
    };
    format!(
        "Commit {} of {}{changed}; runs: {}.{quick} Cores: {} ({}), Linux {}. An appending `fdatasync` takes {} ms \
         (p99 {}). Other processes used {} processors in the middle measurement, {} at most; the generator at most \
         {} of one.{noisy}\n",
        text(&machine["commit"]),
        text(&machine["commit_date"]),
        report["runs"],
        machine["cores"],
        text(&machine["processor"]),
        text(&machine["kernel"]),
        sync["p50"],
        sync["p99"],
        noise("others_processors_median"),
        noise("others_processors_max"),
        noise("generator_processors_max"),
    )
}

fn target_line(row: &Row) -> String {
    let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), shown);
    let floor =
        row.floor.map_or_else(|| "–".to_owned(), |(name, figure)| format!("{name}: {}", shown(figure)));
    let spread = match (row.values.len(), row.spread()) {
        (0 | 1, _) => "–".to_owned(),
        (_, (low, high)) => format!("{} … {}", shown(low), shown(high)),
    };
    let [must, aim] = row.targets();
    let met = match row.met() {
        met @ ("missed" | "not measured") => format!("**{met}**"),
        met => met.to_owned(),
    };
    let value = number(row.value());
    format!(
        "| {} | {} | {} | {floor} | {value} | {spread} | {must} | {aim} | {met} |\n",
        row.scenario,
        row.what,
        number(row.ours)
    )
}

fn sample_line(measured: &Measured, series: &str) -> String {
    let figure = |pointer: &str| measured.figure(series, pointer);
    let number = |pointer: &str| figure(pointer).map_or_else(|| "–".to_owned(), shown);
    let rate = if measured.name.starts_with("group") { "delivered" } else { "acknowledged" };
    let rate = [rate, "connects", "pages"]
        .into_iter()
        .find_map(|name| figure(&format!("/per_second/{name}")).filter(|rate| *rate > 0.0));
    let latency = ["connect", "page", "ack"]
        .into_iter()
        .find(|name| figure(&format!("/latency_ms/{name}/p50")).is_some());
    let latency = latency.map_or_else(
        || "–".to_owned(),
        |name| ["p50", "p95", "p99", "max"].map(|at| number(&format!("/latency_ms/{name}/{at}"))).join(" / "),
    );
    let megabytes =
        |pointer: &str| figure(pointer).map_or_else(|| "–".to_owned(), |bytes| shown(bytes / 1e6));
    format!(
        "| {} | {series} | {} | {latency} | {} | {} | {} / {} | {} | {} | {} |\n",
        measured.name,
        rate.map_or_else(|| "–".to_owned(), shown),
        number("/server_cpu_us"),
        number("/generator_cpu_us"),
        megabytes("/rss_bytes/loaded"),
        megabytes("/rss_bytes/peak"),
        number("/fsyncs_per_message"),
        number("/refused"),
        measured.verdict(series).unwrap_or("–")
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_report_is_shown_with_what_went_wrong() {
        let sample = |rate: f64, verdict: &str| json!([{ "per_second": { "acknowledged": rate }, "server_cpu_us": 10.0, "refused": 3, "verdict": verdict }]);
        let report = json!({
            "quick": true, "runs": 1, "machine": { "cores": 2, "commit": "abc", "append_fdatasync_ms": { "p50": 0.2 } },
            "order": ["pairs-1"],
            "scenarios": { "pairs-1": {
                "samples": { "server": sample(900.0, "passed, 9"), "durable": sample(1000.0, "not judged") },
                "troubles": ["relay: it went away"],
            } },
        });
        let text = markdown(&report);
        for part in [
            "Commit abc",
            "A quick run",
            "| 1:1, 400 connections, window 1 | acked/s | 900 | F2: 1,000 | 0.90 | – | ≥ 0.60 | ≥ 0.85 | aim |",
            "| pairs-1 | durable | 1,000 |",
            "| 3 | passed |",
            "- pairs-1: relay: it went away",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }
}
