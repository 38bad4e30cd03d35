//! What the rules look at: the files that are or will be committed, and the packages.

use std::process::Command;

use anyhow::{Result, ensure};

use crate::workspace::{Package, Workspace};

/// A text file of the project.
pub(super) struct File {
    /// Relative to the root, with `/`.
    pub(super) path: String,
    /// Its whole text.
    pub(super) text: String,
}

/// The project as the rules see it.
pub(super) struct Project {
    /// All text files.
    pub(super) files: Vec<File>,
    /// The paths of all files, those included that are no text.
    pub(super) paths: Vec<String>,
    /// The packages, with the packages that each names.
    pub(super) packages: Vec<Package>,
    /// The names of everything that `causerie-protocol` compiles, however deep.
    pub(super) under_protocol: Vec<String>,
}

impl Project {
    /// Reads what git knows or would add.
    pub(super) fn read(workspace: &Workspace) -> Result<Self> {
        let mut git = Command::new("git");
        git.current_dir(&workspace.root);
        let listed = output(git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]))?;
        let tree = workspace
            .cargo(&["tree", "--locked", "--package", "causerie-protocol", "--edges", "normal"])
            .args(["--all-features", "--prefix", "none", "--format", "{p}"])
            .output();
        let under_protocol =
            text_of(tree?)?.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect();
        let mut project = Self {
            files: Vec::new(),
            paths: Vec::new(),
            packages: workspace.packages.clone(),
            under_protocol,
        };
        for path in listed.split('\0').filter(|path| workspace.root.join(path).is_file()) {
            project.paths.push(path.to_owned());
            if let Ok(text) = String::from_utf8(std::fs::read(workspace.root.join(path))?) {
                project.files.push(File { path: path.to_owned(), text });
            }
        }
        Ok(project)
    }

    /// A project of a few files, for the rules' own tests.
    #[cfg(test)]
    pub(super) fn sample(files: &[(&str, &str)]) -> Self {
        Self {
            files: files
                .iter()
                .map(|(path, text)| File { path: (*path).into(), text: (*text).into() })
                .collect(),
            paths: files.iter().map(|(path, _)| (*path).to_owned()).collect(),
            packages: Vec::new(),
            under_protocol: Vec::new(),
        }
    }

    /// Files with one of these endings.
    pub(super) fn with_ending<'a>(&'a self, endings: &'a [&str]) -> impl Iterator<Item = &'a File> {
        self.files.iter().filter(move |file| endings.iter().any(|ending| file.path.ends_with(ending)))
    }

    /// Whether this is a file, or a folder with files in it.
    pub(super) fn has(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        self.paths.iter().any(|known| {
            known.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }
}

impl File {
    /// Its lines with their numbers, from 1.
    pub(super) fn numbered(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }
}

fn output(command: &mut Command) -> Result<String> {
    text_of(command.output()?)
}

fn text_of(output: std::process::Output) -> Result<String> {
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}
