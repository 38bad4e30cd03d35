//! What a machine must have, and how it gets it: Debian packages, and the npm packages of the browser test.
//!
//! As root on Debian everything missing is installed. Elsewhere nothing is changed, and the message is the command to
//! run.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::stage::Context;

/// Where Debian puts it. The browser test takes another one from `CAUSERIE_CHROMIUM`.
const CHROMIUM: &str = "/usr/bin/chromium";
/// Looked for by version: another may come first on the path.
const JAVA: &str = "java of version 17";

/// Something a stage needs, and where it comes from on Debian.
struct Need {
    what: &'static str,
    program: &'static str,
    packages: &'static [&'static str],
}

/// For the build and the fast tests. `make` is for the allocator, whose C sources come with its crate.
const BASE: [Need; 4] = [
    Need { what: "a C compiler", program: "cc", packages: &["gcc", "libc6-dev"] },
    Need { what: "make", program: "make", packages: &["make"] },
    Need { what: "git", program: "git", packages: &["git"] },
    Need { what: "Node.js, for the tests of the web client", program: "node", packages: &["nodejs"] },
];

/// For the tests that break the server under load.
const FAULTS: [Need; 5] = [
    Need { what: "strace, for slow and failing disks", program: "strace", packages: &["strace"] },
    Need { what: "faketime, for clocks that jump", program: "faketime", packages: &["faketime"] },
    Need {
        what: "mkfs.ext4, for disks of their own",
        program: "/usr/sbin/mkfs.ext4",
        packages: &["e2fsprogs"],
    },
    Need { what: "mount", program: "mount", packages: &["mount"] },
    Need { what: "setpriv and unshare", program: "setpriv", packages: &["util-linux"] },
];

/// For the tests against real services.
const SERVICES: [Need; 4] = [
    Need { what: "Java 17, for Cassandra and Kafka", program: JAVA, packages: &["openjdk-17-jre-headless"] },
    Need { what: "Maven, for their jars", program: "mvn", packages: &["maven"] },
    Need { what: "Redis", program: "redis-server", packages: &["redis-server"] },
    Need { what: "HAProxy", program: "haproxy", packages: &["haproxy"] },
];

/// For the browser test in addition.
const BROWSER: [Need; 2] = [
    Need { what: "npm", program: "npm", packages: &["npm"] },
    Need { what: "Chromium", program: CHROMIUM, packages: &["chromium"] },
];

/// What the whole test needs.
pub(crate) fn install_all(context: &mut Context) -> Result<()> {
    install(context, BASE.iter().chain(&FAULTS).chain(&SERVICES).chain(&BROWSER))?;
    components(context)?;
    browser_packages(context)
}

/// What the fast test needs.
pub(crate) fn install_for_fast(context: &mut Context) -> Result<()> {
    install(context, BASE.iter())
}

fn install<'a>(context: &Context, needs: impl Iterator<Item = &'a Need>) -> Result<()> {
    let missing: Vec<&Need> = needs.filter(|need| !is_present(need.program)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().flat_map(|need| need.packages).copied().collect();
    let names: Vec<&str> = missing.iter().map(|need| need.what).collect();
    println!("        missing: {}", names.join(", "));
    if !is_present("apt-get") || !rustix::process::geteuid().is_root() {
        bail!(
            "On Debian, run:\n    sudo apt-get update && sudo apt-get install -y --no-install-recommends {}",
            packages.join(" ")
        );
    }
    context.run(apt_get(&["update"]))?;
    context.run(apt_get(&[&["install", "-y", "--no-install-recommends"], packages.as_slice()].concat()))?;
    Ok(())
}

fn apt_get(arguments: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn is_present(program: &str) -> bool {
    if program == CHROMIUM && std::env::var_os("CAUSERIE_CHROMIUM").is_some() {
        return true;
    }
    if program == JAVA {
        return causerie_services::find_java().is_ok();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    // An absolute path replaces the folder it is joined to.
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Part of a usual toolchain, left out of a minimal one.
fn components(context: &Context) -> Result<()> {
    for tool in ["fmt", "clippy"] {
        let finished = context.finish(context.workspace.cargo(&[tool, "--version"]), |_| false)?;
        if !finished.success {
            bail!("cargo {tool} is missing. Run:\n    rustup component add rustfmt clippy");
        }
    }
    Ok(())
}

/// `npm ci`, unless the lock file is the one that was installed from last time.
fn browser_packages(context: &Context) -> Result<()> {
    let folder = context.workspace.root.join("tests/browser");
    let lock = folder.join("package-lock.json");
    let wanted = fs::read(&lock).with_context(|| format!("cannot read {}", lock.display()))?;
    let marker = folder.join("node_modules/.installed-from");
    if fs::read(&marker).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    context.run(npm_ci(&folder))?;
    fs::create_dir_all(folder.join("node_modules"))?;
    fs::write(&marker, wanted)?;
    Ok(())
}

/// Without the packages' own scripts: the browser is the machine's, nothing is to be downloaded beside the packages.
fn npm_ci(folder: &Path) -> Command {
    let mut command = Command::new("npm");
    command.current_dir(folder).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
    command
}
