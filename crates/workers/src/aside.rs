//! Records that nobody can work with, kept for a person to look at.
//!
//! One file a record in one directory, named by topic, partition and offset: setting a record aside again, as after a
//! crash, changes nothing. A file is durable, with its name, before the worker's position moves past the record. The files
//! can be listed and deleted while the worker runs; the frame never reads them.
//!
//! The number is bounded: a log of which thousands of records are refused is not a log with poison in it but the wrong
//! topic or the wrong version, and then the worker stops instead of setting everything aside.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use crate::raw::Raw;
use crate::worker::Partition;

/// Where the files are within the directory of a worker.
pub const FOLDER: &str = "aside";

/// A record that was set aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAside {
    /// The topic that it is in.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// What was wrong with it.
    pub reason: String,
    /// Its key, in base64.
    pub key: Option<String>,
    /// Its headers, the values in base64.
    pub headers: Vec<(String, String)>,
    /// Its value, in base64.
    pub value: Option<String>,
}

impl SetAside {
    pub(crate) fn new(partition: &Partition, offset: i64, reason: String, raw: &Raw) -> Self {
        let text = |bytes: &Vec<u8>| BASE64_STANDARD.encode(bytes);
        Self {
            topic: partition.topic.clone(),
            partition: partition.number,
            offset,
            reason,
            key: raw.key.as_ref().map(text),
            headers: raw.headers.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
            value: raw.value.as_ref().map(text),
        }
    }

    fn file(&self) -> String {
        format!("{}-{}-{}.json", self.topic, self.partition, self.offset)
    }
}

/// Why a record could not be set aside. The worker's position has not moved past it.
#[derive(Debug, thiserror::Error)]
pub enum AsideError {
    /// There are too many already.
    #[error(
        "{count} records were set aside in {}: that is no accident; look at them (`causerie-worker aside`), mend the cause, and delete the files",
        dir.display()
    )]
    TooMany {
        /// Where.
        dir: PathBuf,
        /// How many.
        count: usize,
    },
    /// The directory cannot be read or written.
    #[error("cannot set a record aside in {}: {error}", dir.display())]
    Io {
        /// Where.
        dir: PathBuf,
        /// What the operating system said.
        error: io::Error,
    },
}

/// The directory of records that were set aside.
#[derive(Debug)]
pub(crate) struct Aside {
    dir: PathBuf,
    most: usize,
}

impl Aside {
    /// Uses the directory `dir`, which is made when it is not there, for at most so many records.
    pub(crate) fn open(dir: PathBuf, most: usize) -> Result<Self, AsideError> {
        let made = fs::create_dir_all(&dir).and_then(|()| dir.parent().map_or(Ok(()), sync_dir));
        match made {
            Ok(()) => Ok(Self { dir, most }),
            Err(error) => Err(AsideError::Io { dir, error }),
        }
    }

    /// Keeps records; they are durable when it returns.
    pub(crate) fn keep(&self, records: &[SetAside]) -> Result<(), AsideError> {
        if records.is_empty() {
            return Ok(());
        }
        let io = |error| AsideError::Io { dir: self.dir.clone(), error };
        let mut count = files(&self.dir).map_err(io)?.len();
        for record in records {
            let path = self.dir.join(record.file());
            if path.exists() {
                continue;
            }
            if count >= self.most {
                return Err(AsideError::TooMany { dir: self.dir.clone(), count });
            }
            write(&path, record).map_err(io)?;
            count += 1;
        }
        sync_dir(&self.dir).map_err(io)
    }
}

/// Under another name first: a crash leaves no half a record.
fn write(path: &Path, record: &SetAside) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = File::create(&new)?;
    file.write_all(&serde_json::to_vec(record)?)?;
    file.sync_all()?;
    fs::rename(&new, path)
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    // The parent of a relative path of one part is the empty path.
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    File::open(dir)?.sync_all()
}

fn files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    Ok(files)
}

/// The records that were set aside by the worker with the directory `dir`, by topic, partition and offset. It may run.
///
/// # Errors
/// The directory or a file cannot be read, or a file is not one of a record. Nothing is changed.
pub fn list(dir: &Path) -> io::Result<Vec<SetAside>> {
    let dir = dir.join(FOLDER);
    if !dir.exists() {
        return Ok(Vec::new());
    }
    let mut records = Vec::new();
    for path in files(&dir)? {
        let bytes = match fs::read(&path) {
            // Somebody has dealt with it meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            read => read?,
        };
        let record: SetAside = serde_json::from_slice(&bytes)
            .map_err(|error| io::Error::other(format!("{}: {error}", path.display())))?;
        records.push(record);
    }
    records.sort_by(|a, b| (&a.topic, a.partition, a.offset).cmp(&(&b.topic, b.partition, b.offset)));
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(offset: i64, reason: &str) -> SetAside {
        let raw = Raw {
            key: Some(b"k".to_vec()),
            headers: vec![("ce_id".to_owned(), vec![0xff])],
            value: Some(b"{".to_vec()),
        };
        let partition = Partition { topic: "a.messages".to_owned(), number: 2 };
        SetAside::new(&partition, offset, reason.to_owned(), &raw)
    }

    #[test]
    fn what_was_set_aside_is_listed_in_order_and_once() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(list(dir.path()).unwrap(), []);
        let aside = Aside::open(dir.path().join(FOLDER), 10).unwrap();
        aside.keep(&[record(10, "not JSON")]).unwrap();
        aside.keep(&[record(9, "no id"), record(10, "not JSON, again")]).unwrap();
        assert_eq!(list(dir.path()).unwrap(), [record(9, "no id"), record(10, "not JSON")]);
        assert_eq!(BASE64_STANDARD.decode(&list(dir.path()).unwrap()[0].headers[0].1).unwrap(), [0xff]);
    }

    #[test]
    fn there_is_a_bound_and_what_is_there_does_not_count_twice() {
        let dir = tempfile::tempdir().unwrap();
        let aside = Aside::open(dir.path().join(FOLDER), 2).unwrap();
        aside.keep(&[record(1, ""), record(2, "")]).unwrap();
        aside.keep(&[record(2, "")]).unwrap();
        assert!(matches!(aside.keep(&[record(3, "")]), Err(AsideError::TooMany { count: 2, .. })));
    }

    #[test]
    fn half_a_file_of_a_crash_is_no_record() {
        let dir = tempfile::tempdir().unwrap();
        let aside = Aside::open(dir.path().join(FOLDER), 2).unwrap();
        fs::write(dir.path().join(FOLDER).join("a.messages-2-7.new"), "{").unwrap();
        aside.keep(&[record(7, "")]).unwrap();
        assert_eq!(list(dir.path()).unwrap(), [record(7, "")]);
    }
}
