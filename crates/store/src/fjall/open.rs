//! Opening: the lock, the format, the journals, the database, and what they say.
//!
//! Nothing in the directory is changed before the lock is held and the format is known. What is damaged is reported
//! and left as it is.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use causerie_protocol::Timestamp;
use causerie_protocol::snowflake::NodeNumber;
use fjall::{CompressionType, Database};

use super::ahead::Ahead;
use super::codec;
use super::config::FjallConfig;
use super::journal::{self, Group, JournalError};
use super::key_index::{self, KeyIndex};
use super::keys;
use super::lock::{DirLock, LockError};
use super::log::Log;
use super::manifest::{self, ManifestError};
use super::mark::Mark;
use super::records::EventRecord;
use super::shared::Shared;
use super::spaces::{Space, Spaces};
use super::staging::Staging;
use super::view::View;
use super::write::Write;
use crate::model::Epoch;
use crate::port::ReadError;
use crate::port::ownership::Grant;

/// The first line of the file `format`.
const FORMAT: &str = "causerie store ";

/// The format that this program reads and writes.
const FORMAT_VERSION: u32 = 2;

/// With a single one, fjall 3.1 stops for ever under sustained writes.
const WORKERS: usize = 8;

/// Why a store was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open. Nothing was changed.
    #[error("{} is in use by {}", dir.display(), holder(*pid))]
    Locked {
        /// Which directory.
        dir: PathBuf,
        /// Who has it, if it is known.
        pid: Option<u32>,
    },
    /// It was written by a newer program. Nothing was changed.
    #[error("{} has format {found}; this program knows formats up to {FORMAT_VERSION}: install a newer one", dir.display())]
    NewerFormat {
        /// Which directory.
        dir: PathBuf,
        /// Its format.
        found: u32,
    },
    /// It was written by an older program, and there is no way from there. Nothing was changed.
    #[error(
        "{} has format {found}, this program format {FORMAT_VERSION}: export with the program that wrote it, or begin anew",
        dir.display()
    )]
    OlderFormat {
        /// Which directory.
        dir: PathBuf,
        /// Its format.
        found: u32,
    },
    /// Something that was acknowledged does not read. It needs an operator, and a backup.
    #[error("the store is damaged: {0}")]
    Corrupt(String),
    /// The database stopped before the first write was done: its own threads, which read tables as soon as it is open,
    /// found one that does not read, or the disk failed. Nothing was served.
    #[error(
        "the store cannot be opened for writing: {0}; something stored does not read, or the disk failed"
    )]
    Stopped(String),
    /// The operating system refused. What was made so far is used the next time.
    #[error("{what}: {error}")]
    Io {
        /// What was tried.
        what: String,
        /// What it said.
        error: io::Error,
    },
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or("another process".to_owned(), |pid| format!("process {pid}"))
}

/// An open database, before its threads run.
pub(super) struct Opened {
    pub(super) log: Log,
    pub(super) grant: Grant,
    /// The term of this opening.
    pub(super) epoch: Epoch,
}

/// Opens or makes the store in the directory of `config`.
pub(super) fn open(config: &FjallConfig) -> Result<Opened, OpenError> {
    let dir = &config.dir;
    let io = |what: &str| {
        let what = format!("{what} {}", dir.display());
        |error| OpenError::Io { what, error }
    };
    fs::create_dir_all(dir).map_err(io("cannot make"))?;
    let lock = DirLock::take(&dir.join("lock")).map_err(|error| match error {
        LockError::Held(pid) => OpenError::Locked { dir: dir.clone(), pid },
        LockError::Io(error) => io("cannot lock")(error),
    })?;
    check_format(dir)?;
    let (mark, marked) = Mark::open(&dir.join("mark")).map_err(io("cannot open the mark in"))?;
    let marked = marked.ok_or_else(|| OpenError::Corrupt(format!("{}", dir.join("mark").display())))?;
    sync_names(dir).map_err(io("cannot sync"))?;
    let spaces = Arc::new(open_spaces(config, marked)?);
    let view = View::now(Arc::clone(&spaces));
    let group = view.value::<Group>(keys::GROUP).map_err(read)?.map_or(0, |group| group.number);
    if group < marked {
        let what = format!("it ends at group {group}, and group {marked} was acknowledged");
        return Err(OpenError::Corrupt(what));
    }
    let last_event = last_event(&view)?;
    let (grant, epoch) = grant(config, &view)?;
    let keyed = number(&view, keys::KEYED)?.unwrap_or_default();
    if keyed > last_event {
        let what = format!("it ends at event {last_event}, and the keys up to event {keyed} are there");
        return Err(OpenError::Corrupt(what));
    }
    let keys = KeyIndex::new(config.keys_in_memory, key_index::load(&view, keyed).map_err(read)?);
    let shared =
        Arc::new(Shared::new(Arc::clone(&spaces), keys, Ahead::new(dir.join("db")), last_event, lock));
    let mut log = Log { shared, hooks: Arc::clone(&config.hooks), mark, group };
    let mut staging = Staging::new(&spaces, &view, last_event, 3);
    let opening = Write::Opening { node: u64::from(grant.node.get()), epoch: epoch.0 };
    opening.stage(&mut staging).map_err(|error| OpenError::Corrupt(error.to_string()))?;
    log.write(staging).map_err(OpenError::Stopped)?;
    Ok(Opened { log, grant, epoch })
}

fn check_format(dir: &Path) -> Result<(), OpenError> {
    let path = dir.join("format");
    let failed = |error| OpenError::Io { what: path.display().to_string(), error };
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound && !dir.join("db").exists() => {
            // Under another name first: a crash leaves no half a file.
            let new = dir.join("format.new");
            let mut file = File::create(&new).map_err(failed)?;
            writeln!(file, "{FORMAT}{FORMAT_VERSION}").map_err(failed)?;
            file.sync_all().map_err(failed)?;
            return fs::rename(&new, &path).map_err(failed);
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidData => String::new(),
        Err(error) => return Err(failed(error)),
    };
    let version = text.strip_suffix('\n').and_then(|text| text.strip_prefix(FORMAT)?.parse().ok());
    match version {
        Some(FORMAT_VERSION) => Ok(()),
        Some(found) if found > FORMAT_VERSION => Err(OpenError::NewerFormat { dir: dir.to_owned(), found }),
        Some(found @ 1..) => Err(OpenError::OlderFormat { dir: dir.to_owned(), found }),
        _ => Err(OpenError::Corrupt(path.display().to_string())),
    }
}

/// Makes the names in the directory durable, and its own in the one above.
fn sync_names(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()?;
    match dir.canonicalize()?.parent() {
        Some(above) => File::open(above)?.sync_all(),
        None => Ok(()),
    }
}

fn open_spaces(config: &FjallConfig, marked: u64) -> Result<Spaces, OpenError> {
    let dir = config.dir.join("db");
    let io = |error| OpenError::Io { what: dir.display().to_string(), error };
    if dir.join("version").exists() {
        journal::check(&dir, marked).map_err(|error| match error {
            JournalError::Io(error) => io(error),
            damaged @ JournalError::Damaged { .. } => OpenError::Corrupt(damaged.to_string()),
        })?;
        manifest::check(&dir).map_err(|error| match error {
            ManifestError::Io(error) => io(error),
            damaged @ ManifestError::Damaged { .. } => OpenError::Corrupt(damaged.to_string()),
        })?;
    } else if dir.exists() {
        if marked > 0 {
            return Err(OpenError::Corrupt(format!("{} is missing", dir.join("version").display())));
        }
        // A crash while it was made: there is nothing in it, and fjall would not begin again.
        fs::remove_dir_all(&dir).map_err(io)?;
    }
    let open = || {
        let database = Database::builder(&dir)
            .worker_threads(WORKERS)
            .max_cached_files(Some(config.open_tables))
            .manual_journal_persist(true)
            .journal_compression(CompressionType::None)
            .max_journaling_size(config.journal_bytes.max(FjallConfig::MIN_JOURNAL_BYTES))
            .cache_size(config.cache_bytes)
            .open()?;
        Spaces::open(database, config)
    };
    // fjall panics at some damaged files.
    let opened = catch_unwind(AssertUnwindSafe(open))
        .map_err(|_| OpenError::Corrupt(format!("{} does not read", dir.display())))?;
    opened.map_err(|error| match error {
        fjall::Error::Io(error) if error.kind() != io::ErrorKind::UnexpectedEof => io(error),
        error => OpenError::Corrupt(format!("{}: {error}", dir.display())),
    })
}

fn number(view: &View, key: &[u8]) -> Result<Option<u64>, OpenError> {
    view.value(key).map_err(read)
}

fn last_event(view: &View) -> Result<u64, OpenError> {
    let Some(row) = view.last(Space::Events) else { return Ok(0) };
    let (key, bytes) = row.map_err(read)?;
    let events: Vec<EventRecord<'_>> = codec::unseal(Space::Events, &key, &bytes)
        .map_err(|damaged| OpenError::Corrupt(damaged.to_string()))?;
    let first = keys::position_of(&key).map_or(0, |first| first);
    Ok(first + events.iter().map(EventRecord::positions).sum::<u64>() - 1)
}

fn grant(config: &FjallConfig, view: &View) -> Result<(Grant, Epoch), OpenError> {
    let kept = number(view, keys::NODE)?.and_then(|node| NodeNumber::new(u16::try_from(node).ok()?));
    let node = config.node.or(kept).or(NodeNumber::new(1)).expect("1 is a node number");
    let epoch = Epoch(number(view, keys::EPOCH)?.unwrap_or_default() + 1);
    Ok((Grant { node, id_floor: Timestamp(number(view, keys::CEILING)?.unwrap_or_default()) }, epoch))
}

fn read(error: ReadError) -> OpenError {
    match error {
        ReadError::Corrupt(what) => OpenError::Corrupt(what),
        ReadError::Unavailable(what) => OpenError::Io { what, error: io::ErrorKind::Other.into() },
    }
}
