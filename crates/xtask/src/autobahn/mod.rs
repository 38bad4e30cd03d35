//! The Autobahn suite: some 300 ways to speak WebSocket, right and wrong, against the gateway's codec.
//!
//! The suite is for Python 2.7, so it is installed into an environment of its own, pinned, once. Where no such Python is,
//! the stage says so and nothing else happens. The echo that it attacks is a test of `causerie-node`, which runs the
//! suite's client too; here its report is judged. Compression (12, 13) is left out: the server offers none.

mod python;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::stage::Context;
use crate::tally::Tally;
use crate::workspace::WHOLE;

/// The cases that the pinned suite has without compression; fewer were not run.
const CASES: usize = 301;

/// What the suite may find: as the standard wants it; left open by it; only reported, such as timings.
const GOOD: [&str; 3] = ["OK", "NON-STRICT", "INFORMATIONAL"];

/// The test that echoes.
const ECHO: &str = "gateway::conformance::the_codec_stands_the_autobahn_suite";

/// The stage.
pub(crate) fn command(context: &mut Context) -> Result<()> {
    let Some(python) = python::with_the_suite(context)? else {
        println!("        skipped: there is no Python 2.7 with pip, for which the suite is written");
        context
            .notes
            .push("autobahn was SKIPPED: there is no Python 2.7 with pip on this machine".to_owned());
        return Ok(());
    };
    let report = context.workspace.scratch().join("autobahn");
    if report.exists() {
        fs::remove_dir_all(&report)?;
    }
    fs::create_dir_all(&report)?;
    let mut echo = context.workspace.cargo(&["test", "--lib"]);
    echo.args(WHOLE).args([ECHO, "--", "--exact", "--nocapture"]);
    echo.env("CAUSERIE_AUTOBAHN_PYTHON", python).env("CAUSERIE_AUTOBAHN_REPORT", &report);
    context.run_tests(echo, |_| false, Tally::of_cargo_test)?;
    println!("        {}", judge(&report)?);
    Ok(())
}

/// Reads the report; returns how many cases ended how.
fn judge(report: &Path) -> Result<String> {
    let index = report.join("index.json");
    let text = fs::read(&index).with_context(|| format!("the suite wrote no {}", index.display()))?;
    let index: Value = serde_json::from_slice(&text)?;
    let cases = index["causerie"].as_object().context("the report says nothing of our server")?;
    ensure!(cases.len() == CASES, "{} cases were run instead of {CASES}", cases.len());
    let mut counts = BTreeMap::new();
    let mut bad = Vec::new();
    for (name, case) in cases {
        let ended = ["behavior", "behaviorClose"].map(|of| case[of].as_str().unwrap_or_default());
        if !ended.iter().all(|ended| GOOD.contains(ended)) {
            bad.push(format!("{name}: {}, its end {}", ended[0], ended[1]));
        }
        *counts.entry(ended[0]).or_insert(0_usize) += 1;
    }
    ensure!(bad.is_empty(), "{}\nreport: {}", bad.join("\n"), report.join("index.html").display());
    let counts: Vec<String> = counts.iter().map(|(ended, count)| format!("{count} {ended}")).collect();
    Ok(format!("{} cases: {}", cases.len(), counts.join(", ")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judged(count: usize, bad: Option<(&str, &str)>) -> Result<String> {
        let folder =
            std::env::temp_dir().join(format!("causerie-autobahn-{}-{count}-{bad:?}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let mut cases = serde_json::Map::new();
        for number in 0..count {
            let (behavior, close) = bad.filter(|_| number == 7).unwrap_or(("OK", "OK"));
            cases.insert(format!("1.{number}"), json!({ "behavior": behavior, "behaviorClose": close }));
        }
        fs::write(folder.join("index.json"), json!({ "causerie": cases }).to_string())?;
        let judged = judge(&folder);
        fs::remove_dir_all(folder)?;
        judged
    }

    #[test]
    fn a_failed_case_and_a_missing_one_are_found() {
        assert_eq!(judged(CASES, None).unwrap(), "301 cases: 301 OK");
        assert!(judged(CASES, Some(("NON-STRICT", "OK"))).unwrap().contains("1 NON-STRICT"));
        assert!(judged(CASES - 1, None).is_err());
        for bad in [("FAILED", "OK"), ("OK", "WRONG CODE"), ("", "OK"), ("UNIMPLEMENTED", "OK")] {
            assert!(judged(CASES, Some(bad)).unwrap_err().to_string().starts_with("1.7: "), "{bad:?}");
        }
    }
}
