//! What the figures were made on: the machine, its disk's sync, and the commit.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::Result;
use serde_json::{Value, json};

use super::numbers::{quantile, rounded};
use crate::workspace::Workspace;

/// Appends that are timed.
const SYNCS: usize = 200;
/// Bytes of each: as many as a small batch has.
const APPEND: usize = 4096;

/// Looks at the machine; `folder` is on the disk that the servers use.
pub(super) fn describe(workspace: &Workspace, folder: &Path) -> Result<Value> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let memory = field(&read("/proc/meminfo"), "MemTotal");
    let memory = memory.and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
    let git = |arguments: &[&str]| git(workspace, arguments);
    Ok(json!({
        "cores": std::thread::available_parallelism()?.get(),
        "processor": field(&read("/proc/cpuinfo"), "model name"),
        "memory_mb": memory.map(|kilobytes| kilobytes / 1024),
        "kernel": read("/proc/sys/kernel/osrelease").trim(),
        "append_fdatasync_ms": time_syncs(folder)?,
        "commit": git(&["log", "-1", "--format=%h"]),
        "commit_date": git(&["log", "-1", "--format=%cI"]),
        "changed_since_commit": !git(&["status", "--porcelain", "--", "crates", "Cargo.lock"]).is_empty(),
    }))
}

/// Nothing where there is no git, or no repository.
fn git(workspace: &Workspace, arguments: &[&str]) -> String {
    let output = Command::new("git").current_dir(&workspace.root).args(arguments).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

/// How long an append to a growing file takes to be on the disk, in milliseconds.
fn time_syncs(folder: &Path) -> Result<Value> {
    let path = folder.join("sync-probe");
    let mut file = File::create(&path)?;
    let mut took = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let begun = Instant::now();
        file.write_all(&[0x5a; APPEND])?;
        file.sync_data()?;
        took.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    fs::remove_file(path)?;
    let at = |share: f64| rounded(quantile(&took, share), 3);
    Ok(json!({ "p50": at(0.5), "p95": at(0.95), "p99": at(0.99), "max": at(1.0) }))
}
