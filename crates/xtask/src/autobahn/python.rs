//! The Python that the suite runs on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::cache;
use crate::stage::Context;

/// What is installed, exactly.
const REQUIREMENTS: &str = include_str!("requirements.txt");
/// The last one for Python 2.7.
const VIRTUALENV: &str = "virtualenv==20.15.1";

/// The Python of an environment with the suite in it, which is made if it is not there; `None` where no Python 2.7 is.
pub(super) fn with_the_suite(context: &Context) -> Result<Option<PathBuf>> {
    let tools = cache::folder()?.join("tools");
    let environment = tools.join("autobahn");
    let python = environment.join("bin/python");
    let marker = environment.join("installed-from.txt");
    if fs::read_to_string(&marker).is_ok_and(|installed| installed == REQUIREMENTS) {
        return Ok(Some(python));
    }
    let Some(base) = candidates().into_iter().find(|python| is_right(python)) else { return Ok(None) };
    println!("        installing the Autobahn suite, once (a minute)");
    let maker = tools.join("autobahn-virtualenv");
    for folder in [&environment, &maker] {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
    }
    context.run(pip(&base, &["--target", &maker.display().to_string(), VIRTUALENV]))?;
    let mut make = Command::new(&base);
    make.args(["-m", "virtualenv", "--no-download", "--no-periodic-update"]).arg(&environment);
    make.env("PYTHONPATH", &maker);
    context.run(make)?;
    let requirements = environment.join("requirements.txt");
    fs::write(&requirements, REQUIREMENTS)?;
    context.run(pip(&python, &["-r", &requirements.display().to_string()]))?;
    fs::write(marker, REQUIREMENTS)?;
    Ok(Some(python))
}

fn pip(python: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(python);
    command.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(arguments);
    command
}

/// Where one may be: on the path, or among the versions of pyenv, whose own `python2.7` works only when one is chosen.
fn candidates() -> Vec<PathBuf> {
    let mut found = vec![PathBuf::from("python2.7"), PathBuf::from("python2")];
    let pyenv = std::env::var_os("PYENV_ROOT").map(PathBuf::from);
    let pyenv = pyenv.or_else(|| std::env::home_dir().map(|home| home.join(".pyenv")));
    let versions = pyenv.and_then(|pyenv| fs::read_dir(pyenv.join("versions")).ok());
    for version in versions.into_iter().flatten().flatten() {
        found.push(version.path().join("bin/python2.7"));
    }
    found
}

fn is_right(python: &Path) -> bool {
    let script = "import pip, sys; sys.exit(sys.version_info[:2] != (2, 7))";
    let output = Command::new(python).args(["-c", script]).output();
    output.is_ok_and(|output| output.status.success())
}
