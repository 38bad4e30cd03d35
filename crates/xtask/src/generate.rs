//! `cargo xtask generate`: files in the repository that are written by the code, so that they cannot drift from it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use crate::stage::Context;
use crate::workspace::{WHOLE, Workspace};

/// A file and the built program that prints it.
struct Generated {
    path: &'static str,
    program: &'static str,
    arguments: &'static [&'static str],
}

const GENERATED: [Generated; 2] = [
    Generated { path: "docs/asyncapi.json", program: "debug/examples/asyncapi", arguments: &[] },
    Generated { path: "docs/configuration.md", program: "debug/causerie", arguments: &["config-reference"] },
];

/// Writes all of them.
pub(crate) fn write(context: &mut Context) -> Result<()> {
    for (path, text) in produce(context)? {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&path, text)?;
        println!("wrote {}", path.display());
    }
    Ok(())
}

/// Compares all of them with what is there, and changes nothing.
pub(crate) fn check(context: &mut Context) -> Result<()> {
    let mut stale = Vec::new();
    for (path, text) in produce(context)? {
        let present = fs::read_to_string(&path).unwrap_or_default();
        if let Some(difference) = first_difference(&present, &text) {
            stale.push(format!("{}: {difference}", path.display()));
        }
    }
    ensure!(stale.is_empty(), "{}\nRun `cargo xtask generate` and look at what changed.", stale.join("\n"));
    Ok(())
}

/// Builds with the selection of all other commands and calls what was built: `cargo run` would compile the
/// dependencies once more for one package alone.
fn produce(context: &Context) -> Result<Vec<(PathBuf, String)>> {
    let mut cargo = context.workspace.cargo(&["build", "--bin", "causerie", "--example", "asyncapi"]);
    cargo.args(WHOLE);
    fs::create_dir_all(context.workspace.scratch())?;
    context.run(cargo)?;
    GENERATED
        .iter()
        .map(|file| Ok((context.workspace.root.join(file.path), print(&context.workspace, file)?)))
        .collect()
}

fn print(workspace: &Workspace, file: &Generated) -> Result<String> {
    let program = workspace.target.join(file.program);
    let output = Command::new(&program)
        .args(file.arguments)
        .output()
        .with_context(|| format!("cannot start {}", program.display()))?;
    if !output.status.success() {
        bail!("{} failed: {}", program.display(), String::from_utf8_lossy(&output.stderr));
    }
    let text = String::from_utf8(output.stdout)?;
    Ok(format!("{}\n", text.trim_end()))
}

fn first_difference(present: &str, expected: &str) -> Option<String> {
    if present == expected {
        return None;
    }
    let (mut have, mut want) = (present.lines(), expected.lines());
    for number in 1.. {
        match (have.next(), want.next()) {
            (None, None) => return Some("the end of the file differs".into()),
            (have, want) if have == want => {}
            (have, want) => {
                let [have, want] = [have, want].map(|line| line.unwrap_or("(the end)"));
                return Some(format!("line {number} is\n    {have}\nand should be\n    {want}"));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::first_difference;

    #[test]
    fn the_first_line_that_differs_is_named() {
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
        let difference = first_difference("a\nb\n", "a\nc\n").unwrap();
        assert!(difference.starts_with("line 2 is\n    b\n"), "{difference}");
        assert!(first_difference("", "a\n").unwrap().contains("(the end)"));
        assert!(first_difference("a", "a\n").unwrap().contains("end of the file"));
    }
}
