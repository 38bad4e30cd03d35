//! `cargo xtask fuzz`: the fuzz targets in `fuzz/`, one for each decoder.
//!
//! cargo-fuzz is pinned and built once into the user's cache; the targets are compiled by the toolchain that the project
//! is compiled with. The sanitizer is off: it finds misuse of memory, of which there is none without `unsafe`. What was
//! found to be worth keeping of each target's inputs stays in `target/fuzz/corpus`, what breaks it in `fuzz/artifacts`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use crate::cache;
use crate::stage::Context;

const VERSION: &str = "0.13.2";
const SECONDS: u32 = 60;

/// The command, with what was said after it.
pub(crate) fn command(context: &Context, arguments: &[&str]) -> Result<bool> {
    let targets = targets(context)?;
    let (wanted, seconds) = match arguments {
        [target] => (*target, SECONDS),
        [target, "--seconds", seconds] => {
            (*target, seconds.parse().context("--seconds takes a whole number")?)
        }
        _ => bail!(
            "Say which: cargo xtask fuzz TARGET [--seconds N], or `all`. The targets are: {}",
            targets.join(", ")
        ),
    };
    let known = wanted == "all" || targets.iter().any(|target| target == wanted);
    ensure!(known, "There is no target {wanted}. The targets are: {}", targets.join(", "));
    fs::create_dir_all(context.workspace.scratch())?;
    let tool = tool(context)?;
    for target in targets.iter().filter(|target| wanted == "all" || *target == wanted) {
        println!("{target}: {seconds} s");
        run(context, &tool, target, seconds)?;
    }
    Ok(true)
}

fn run(context: &Context, tool: &Path, target: &str, seconds: u32) -> Result<()> {
    let root = &context.workspace.root;
    let build = context.workspace.target.join("fuzz");
    let corpus = build.join("corpus").join(target);
    fs::create_dir_all(&corpus)?;
    let mut fuzz = Command::new(tool);
    fuzz.current_dir(root).args(["run", "--sanitizer", "none", "--target-dir"]).arg(&build);
    fuzz.arg(target).arg(&corpus);
    // Where there are good inputs, begin with them.
    let seeds = root.join("crates/protocol/src/golden").join(target);
    if seeds.is_dir() {
        fuzz.arg(seeds);
    }
    fuzz.args(["--", "-timeout=10", "-rss_limit_mb=2048", "-max_len=4096"]);
    fuzz.arg(format!("-max_total_time={seconds}"));
    // Some targets write a file for each input.
    if Path::new("/dev/shm").is_dir() {
        fuzz.env("TMPDIR", "/dev/shm");
    }
    // Instrumentation is not stable; nothing else of what this allows is used.
    fuzz.env("RUSTC_BOOTSTRAP", "1").env("CARGO_TERM_COLOR", "never");
    let output = context.run(fuzz)?;
    let done =
        output.lines().rfind(|line| line.starts_with("Done ")).context("it did not say how much it did")?;
    println!("        {done}, nothing found");
    Ok(())
}

fn targets(context: &Context) -> Result<Vec<String>> {
    let folder = context.workspace.root.join("fuzz/fuzz_targets");
    let mut targets = Vec::new();
    for file in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let name = file?.file_name().to_string_lossy().into_owned();
        targets.extend(name.strip_suffix(".rs").map(str::to_owned));
    }
    targets.sort();
    Ok(targets)
}

fn tool(context: &Context) -> Result<PathBuf> {
    let root = cache::folder()?.join("tools");
    let tool = root.join("bin/cargo-fuzz");
    let installed = Command::new(&tool).arg("--version").output();
    if installed.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).trim().ends_with(VERSION)) {
        return Ok(tool);
    }
    println!("        building cargo-fuzz {VERSION}, once (a minute)");
    let version = format!("={VERSION}");
    let mut install =
        context.workspace.cargo(&["install", "--locked", "--version", &version, "cargo-fuzz", "--root"]);
    // From the root of the file system: the project's own cargo settings are not for the tool.
    install.arg(&root).current_dir("/").env_remove("CARGO_TARGET_DIR");
    context.run(install)?;
    Ok(tool)
}
