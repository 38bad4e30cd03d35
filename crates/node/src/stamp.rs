//! Noticing that a file was replaced, without watching it.

use std::path::Path;
use std::time::SystemTime;

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
