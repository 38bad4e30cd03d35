//! Where the project lies, which packages it has, and how cargo is called on it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// What every cargo command that compiles is given. The same selection and features each time: another selection
/// would unify features differently and compile half of the dependencies again.
pub(crate) const WHOLE: [&str; 4] = ["--workspace", "--locked", "--features", "causerie-protocol/schema"];

/// The project on disk.
pub(crate) struct Workspace {
    /// The folder of the top `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// Cargo's target folder, wherever the developer has put it.
    pub(crate) target: PathBuf,
    /// The packages of the project itself.
    pub(crate) packages: Vec<Package>,
    /// The names of the packages that have tests against real services: a test target called `services`.
    pub(crate) with_service_tests: Vec<String>,
}

/// One package of the project.
#[derive(Clone, Debug)]
pub(crate) struct Package {
    /// As in its `Cargo.toml`.
    pub(crate) name: String,
    /// Its folder, relative to the root.
    pub(crate) folder: String,
    /// The packages that its `Cargo.toml` names, of every kind: normal, for tests, for build scripts.
    pub(crate) dependencies: Vec<String>,
}

impl Workspace {
    /// Reads what cargo says of the project that this program was compiled in.
    pub(crate) fn open() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
        let output = cargo(&root).args(["metadata", "--no-deps", "--format-version", "1"]).output()?;
        ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
        let metadata: Value = serde_json::from_slice(&output.stdout)?;
        let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
        Ok(Self {
            target: PathBuf::from(text(&metadata["target_directory"])?),
            packages: packages.iter().map(|package| Package::read(&root, package)).collect::<Result<_>>()?,
            with_service_tests: packages
                .iter()
                .filter(|package| has_service_tests(package))
                .map(|package| Ok(text(&package["name"])?.to_owned()))
                .collect::<Result<_>>()?,
            root,
        })
    }

    /// A cargo command on this project, with plain output.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = cargo(&self.root);
        command.args(arguments);
        command
    }

    /// The server, as built for tests.
    pub(crate) fn server_binary(&self) -> PathBuf {
        self.target.join("debug/causerie")
    }

    /// Where logs and scratch data of these commands go.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.target.join("xtask")
    }
}

impl Package {
    fn read(root: &Path, package: &Value) -> Result<Self> {
        let manifest = Path::new(text(&package["manifest_path"])?);
        let folder = manifest.parent().context("a manifest lies in a folder")?;
        let dependencies =
            package["dependencies"].as_array().context("cargo metadata lists no dependencies")?;
        Ok(Self {
            name: text(&package["name"])?.to_owned(),
            folder: folder.strip_prefix(root)?.to_string_lossy().into_owned(),
            dependencies: dependencies
                .iter()
                .map(|dependency| text(&dependency["name"]).map(str::to_owned))
                .collect::<Result<_>>()?,
        })
    }
}

fn has_service_tests(package: &Value) -> bool {
    let targets = package["targets"].as_array().into_iter().flatten();
    let mut tests = targets.filter(|target| target["kind"][0] == "test");
    tests.any(|target| target["name"] == "services")
}

fn text(value: &Value) -> Result<&str> {
    value.as_str().context("cargo metadata has another shape than expected")
}

fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root).env("CARGO_TERM_COLOR", "never").env("CARGO_TERM_PROGRESS_WHEN", "never");
    if std::env::var_os("CI").is_some() {
        // A clean checkout is compiled once: incremental state would be written for nobody.
        command.env("CARGO_INCREMENTAL", "0");
    }
    command
}
