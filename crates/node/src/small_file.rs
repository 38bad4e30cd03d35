//! Files of keys, secrets and settings: read within a bound, and noticed when they are replaced, without watching them.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::SystemTime;

/// Reads a file of at most `max` bytes.
///
/// # Errors
/// Says what is wrong with it, as it stands after the file's name and a colon.
pub(crate) fn read(path: &Path, max: u64) -> Result<Vec<u8>, String> {
    let problem = |error: io::Error| format!("it cannot be read: {error}");
    let file = File::open(path).map_err(problem)?;
    let mut bytes = Vec::new();
    // Counted as they come: what is no plain file does not say how many there are.
    file.take(max.saturating_add(1)).read_to_end(&mut bytes).map_err(problem)?;
    if bytes.len() as u64 > max {
        return Err(format!("it has more than {max} bytes"));
    }
    Ok(bytes)
}

/// What a file looked like. Another stamp means another content; the same stamp nearly always the same one.
///
/// Links are followed, so a link that is pointed elsewhere counts as a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileStamp(Option<(SystemTime, u64, u64)>);

impl FileStamp {
    /// The present stamp of a file. Take it before reading, so that a change in between is seen the next time.
    pub(crate) fn of(path: &Path) -> Self {
        use std::os::unix::fs::MetadataExt;
        let stamp = std::fs::metadata(path).and_then(|meta| Ok((meta.modified()?, meta.len(), meta.ino())));
        Self(stamp.ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_the_bound_and_no_further() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, b"1234").unwrap();
        assert_eq!(read(&path, 4), Ok(b"1234".to_vec()));
        assert_eq!(read(&path, 3), Err("it has more than 3 bytes".to_owned()));
        assert_eq!(read(Path::new("/dev/zero"), 3), Err("it has more than 3 bytes".to_owned()));
        assert!(read(folder.path(), 4).unwrap_err().starts_with("it cannot be read: "), "a directory");
    }
}
