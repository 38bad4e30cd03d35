//! The supply chain: `cargo deny` over the locked dependencies, by the rules in `deny.toml`.
//!
//! The tool is pinned and built once into the user's cache. Advisories come from a folder that holds them as an
//! archive (`CAUSERIE_ADVISORY_DB`, or `../shared/advisory-db` beside the checkout), else from the network. Where
//! neither is to be had, licences, bans and sources are still checked, and a note says that advisories were not.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::cache;
use crate::stage::Context;

const VERSION: &str = "0.20.2";

/// Where `deny.toml` looks for advisories.
const DATABASES: &str = "CAUSERIE_ADVISORY_DBS";

/// The folder in which cargo-deny expects its default database, below the folder of all databases.
const DEFAULT_DATABASE: &str = "advisory-db-3157b0e258782691";

/// Makes an unpacked archive the git repository, freshly fetched, that cargo-deny expects a database to be.
const AS_REPOSITORY: &str = "git init -q && git add -A \
    && git -c user.name=xtask -c user.email=xtask@localhost commit -q -m advisories && touch .git/FETCH_HEAD";

/// The stage.
pub(crate) fn command(context: &mut Context) -> Result<()> {
    let cache = cache::folder()?;
    let tool = tool(context, &cache)?;
    let output = context.run(deny(context, &tool, &["--locked", "check", "bans", "licenses", "sources"]))?;
    println!("        {}", warnings(&output));
    let databases = cache.join("advisory-dbs");
    if let Some(archive) = archive(&context.workspace.root) {
        unpack(context, &archive, &databases.join(DEFAULT_DATABASE))?;
    } else {
        let mut fetch = deny(context, &tool, &["fetch", "db"]);
        fetch.env(DATABASES, &databases);
        let fetched = context.finish(fetch, |_| false)?;
        if !fetched.success {
            let why = fetched.output.lines().rfind(|line| !line.is_empty()).unwrap_or_default();
            context.notes.push(format!(
                "advisories were NOT checked: they cannot be fetched here ({why}), and no archive of them is at hand \
                 (CAUSERIE_ADVISORY_DB names the folder of an advisories.tar.gz)"
            ));
            return Ok(());
        }
    }
    let mut advisories = deny(context, &tool, &["--locked", "--offline", "check", "advisories"]);
    advisories.env(DATABASES, &databases);
    let output = context.run(advisories)?;
    println!("        {}", warnings(&output));
    Ok(())
}

fn deny(context: &Context, tool: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(tool);
    command.current_dir(&context.workspace.root).args(["--color", "never", "--workspace"]).args(arguments);
    command
}

/// How often cargo-deny warned of what: `2 × duplicate, 1 × yanked`. The log has the places.
fn warnings(output: &str) -> String {
    let mut counts = BTreeMap::new();
    for line in output.lines().filter_map(|line| line.strip_prefix("warning[")) {
        *counts.entry(line.split(']').next().unwrap_or_default()).or_insert(0_u32) += 1;
    }
    let counts: Vec<String> = counts.iter().map(|(what, count)| format!("{count} × {what}")).collect();
    if counts.is_empty() { "no warnings".into() } else { format!("warnings: {}", counts.join(", ")) }
}

fn tool(context: &Context, cache: &Path) -> Result<PathBuf> {
    let root = cache.join("tools");
    let tool = root.join("bin/cargo-deny");
    let installed = Command::new(&tool).arg("--version").output();
    if installed.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).trim().ends_with(VERSION)) {
        return Ok(tool);
    }
    println!("        building cargo-deny {VERSION}, once (some minutes)");
    let version = format!("={VERSION}");
    let mut install =
        context.workspace.cargo(&["install", "--locked", "--version", &version, "cargo-deny", "--root"]);
    // From the root of the file system: the project's own cargo settings are not for the tool.
    install.arg(&root).current_dir("/").env_remove("CARGO_TARGET_DIR");
    context.run(install)?;
    Ok(tool)
}

fn archive(root: &Path) -> Option<PathBuf> {
    let named = std::env::var_os("CAUSERIE_ADVISORY_DB").map(PathBuf::from);
    let archive = named.unwrap_or_else(|| root.join("../shared/advisory-db")).join("advisories.tar.gz");
    archive.is_file().then_some(archive)
}

/// Unpacks into `database`, unless that was made from the same archive. It comes into being in one step: a run that
/// is interrupted leaves nothing half.
fn unpack(context: &Context, archive: &Path, database: &Path) -> Result<()> {
    let bytes = fs::read(archive)?;
    let source = database.join(".git/unpacked-from");
    if fs::read(&source).is_ok_and(|present| present == bytes) {
        // Its age is that of the archive, which nobody can make younger here: do not refuse it for that.
        return Ok(fs::write(database.join(".git/FETCH_HEAD"), "")?);
    }
    let half = database.with_extension("half");
    for folder in [&half, database] {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
    }
    fs::create_dir_all(&half)?;
    let mut tar = Command::new("tar");
    tar.arg("xzf").arg(archive).arg("-C").arg(&half);
    context.run(tar)?;
    let mut git = Command::new("sh");
    git.current_dir(&half).args(["-ec", AS_REPOSITORY]);
    context.run(git)?;
    fs::write(half.join(".git/unpacked-from"), bytes)?;
    if fs::rename(&half, database).is_err() && !source.exists() {
        bail!("cannot put the advisories to {}", database.display());
    }
    Ok(())
}
