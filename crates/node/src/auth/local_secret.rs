//! The secret of sign-in by name: made on the first run, kept in the data directory, readable by its owner only.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rand::TryRngCore;
use rand::rngs::OsRng;

use crate::config::Secret;

const BYTES: usize = 32;

/// Where the secret is.
pub(super) fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("sign-in.secret")
}

/// Reads the secret, or makes it when there is none.
///
/// It is durable before it is used, and two processes that make it at once end with the same one.
pub(super) fn open(data_dir: &Path) -> Result<Secret, String> {
    if !path(data_dir).exists() {
        make(data_dir).map_err(|error| format!("{} cannot be made: {error}", path(data_dir).display()))?;
    }
    read(data_dir)
}

/// Reads the secret that a server has made.
pub(super) fn read(data_dir: &Path) -> Result<Secret, String> {
    let path = path(data_dir);
    let problem = |what: String| format!("{} {what}", path.display());
    let meta = std::fs::metadata(&path).map_err(|error| problem(format!("cannot be read: {error}")))?;
    if meta.permissions().mode() & 0o077 != 0 {
        return Err(problem(format!("can be read by others: chmod 600 {}", path.display())));
    }
    let bytes = std::fs::read(&path).map_err(|error| problem(format!("cannot be read: {error}")))?;
    if bytes.len() != BYTES {
        return Err(problem(format!(
            "has {} bytes instead of {BYTES}: remove it, and a new one is made; everybody then signs in again",
            bytes.len()
        )));
    }
    Ok(Secret::new(bytes))
}

fn make(data_dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(data_dir)?;
    let mut secret = [0; BYTES];
    OsRng.try_fill_bytes(&mut secret).map_err(io::Error::other)?;
    let draft = data_dir.join(format!("sign-in.secret.{}", std::process::id()));
    // One may be left by a process of this number that was killed here.
    match std::fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let made = write(&draft, &secret).and_then(|()| match std::fs::hard_link(&draft, path(data_dir)) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        outcome => outcome,
    });
    let removed = std::fs::remove_file(&draft);
    made.and(removed)?;
    File::open(data_dir)?.sync_all()
}

fn write(path: &Path, secret: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(secret)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_made_once_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("new/data");
        assert!(read(&data).unwrap_err().contains("cannot be read"));
        let secret = open(&data).unwrap();
        assert_eq!(open(&data).unwrap(), secret, "it is kept");
        assert_eq!(secret.expose().len(), 32);
        assert_eq!(std::fs::metadata(path(&data)).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(std::fs::read_dir(&data).unwrap().count(), 1, "no draft is left");

        let other = open(&folder.path().join("other")).unwrap();
        assert_ne!(other, secret);
        make(&data).unwrap();
        assert_eq!(open(&data).unwrap(), secret, "who comes second takes the first one's");
    }

    #[test]
    fn a_secret_that_others_can_read_or_that_is_damaged_is_refused_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        open(folder.path()).unwrap();
        let file = path(folder.path());
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(open(folder.path()).unwrap_err().contains("chmod 600"));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&file, b"short").unwrap();
        assert!(open(folder.path()).unwrap_err().contains("has 5 bytes instead of 32"));
    }
}
