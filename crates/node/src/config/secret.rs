//! Bytes that must not be seen: no `Debug`, `Display` or `Serialize` of their content exists.

use std::fmt;
use std::path::{Path, PathBuf};

use subtle::ConstantTimeEq;

use crate::small_file;

/// The largest file that is read as a secret, in bytes.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// A secret. Its text form is always `[secret]`.
#[derive(Clone)]
pub struct Secret(Box<[u8]>);

impl Secret {
    /// Takes bytes that are a secret.
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// Reads a file's content, without the line end that editors and `echo` leave.
    ///
    /// # Errors
    /// The file cannot be read, is empty, or has more than 64 KiB.
    pub fn read(path: &Path) -> Result<Self, SecretFileError> {
        let problem = |problem: String| SecretFileError { path: path.to_owned(), problem };
        let mut bytes = small_file::read(path, MAX_FILE_BYTES).map_err(problem)?;
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
            if bytes.last() == Some(&b'\r') {
                bytes.pop();
            }
        }
        if bytes.is_empty() { Err(problem("it is empty".to_owned())) } else { Ok(Self::new(bytes)) }
    }

    /// The bytes, for the one place that uses them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Whether these are the bytes, in a time that does not depend on where they differ.
    pub fn matches(&self, other: &[u8]) -> bool {
        self.0.ct_eq(other).into()
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.matches(&other.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// A file that should hold a secret does not. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", path.display())]
pub struct SecretFileError {
    path: PathBuf,
    problem: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_shown() {
        let secret = Secret::new(*b"canary-canary");
        assert_eq!(format!("{secret:?} {:#?}", Some(&secret)), "[secret] Some(\n    [secret],\n)");
        assert!(
            secret.matches(b"canary-canary") && !secret.matches(b"canary-canarY") && !secret.matches(b"")
        );
    }

    #[test]
    fn a_secret_file_is_read_without_its_line_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        for (content, expected) in
            [("abc", Some("abc")), ("abc\n", Some("abc")), ("abc\r\n", Some("abc")), ("\n", None)]
        {
            std::fs::write(&path, content).unwrap();
            let secret = Secret::read(&path).ok();
            assert_eq!(secret.as_ref().map(Secret::expose), expected.map(str::as_bytes), "{content:?}");
        }
        std::fs::write(&path, vec![b'x'; 70_000]).unwrap();
        assert!(Secret::read(&path).unwrap_err().to_string().contains("it has more than 65536 bytes"));
        assert!(Secret::read(folder.path()).is_err(), "a directory");
    }
}
