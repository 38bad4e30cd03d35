//! What is wrong with a configuration, and where.

use std::fmt;
use std::path::PathBuf;

/// Where a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the file, at a line and a column, both from 1; 0 when the whole file is meant.
    File {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
        /// The column, in characters.
        column: usize,
    },
    /// In an environment variable of this name.
    Variable(String),
    /// In `--set` for this key; the value is not repeated, since it may be a secret.
    Set(String),
    /// In this flag.
    Flag(&'static str),
    /// Nowhere: a default.
    Default,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line: 0, .. } => write!(f, "{}: ", path.display()),
            Self::File { path, line, column } => write!(f, "{}:{line}:{column}: ", path.display()),
            Self::Variable(name) => write!(f, "environment variable {name}: "),
            Self::Set(key) => write!(f, "--set {key}: "),
            Self::Flag(name) => write!(f, "{name}: "),
            Self::Default => Ok(()),
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}{message}")]
pub struct ConfigError {
    /// Where.
    pub place: Place,
    /// What, and what to do about it.
    pub message: String,
}

/// Everything that is wrong with a configuration; none of it was used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let line_end = if index == 0 { "" } else { "\n" };
            write!(f, "{line_end}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
