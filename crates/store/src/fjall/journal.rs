//! A look through fjall's journals before fjall opens them.
//!
//! fjall 3.1 takes the first thing in a journal that it cannot parse for the torn end of the last write: it cuts the
//! file there and goes on. That is right after a crash and loses everything that follows after a flipped bit. So the
//! journals are read strictly first:
//!
//! - a sealed journal is whole;
//! - the groups of a journal are numbered without a gap;
//! - what does not read in the active journal is a torn end only when it was never acknowledged, that is when every
//!   group up to the [`mark`](super::mark) is there. Then it is cut off. Otherwise the store stays closed and no file
//!   is touched.
//!
//! The format is that of the one version of fjall that this crate is pinned to (`src/journal/entry.rs` there): batches
//! of `Start (1): count u32, seqno u64`, then so many `Item (2): type u8, compression u8, keyspace u64, key length u16,
//! length u32, length on disk u32, key, value`, then `End (3): xxh3 of all items u64, magic`; little endian; the rest
//! of a file is zeros.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use bincode::{BorrowDecode, Encode};
use xxhash_rust::xxh3::Xxh3;

use super::codec;
use super::keys::GROUP;
use super::records::Value;
use super::spaces::Space;

const MAGIC: [u8; 4] = *b"FJL\x03";
const START_BYTES: usize = 12;
/// Of an item, between its tag and its length on disk.
const ITEM_BYTES: usize = 16;
const END_BYTES: usize = 12;

/// Why the journals are not opened. No file was changed.
#[derive(Debug, thiserror::Error)]
pub(super) enum JournalError {
    /// Something that was acknowledged does not read.
    #[error("{} is damaged at byte {at}: {problem}", path.display())]
    Damaged { path: PathBuf, at: u64, problem: &'static str },
    /// The disk does not answer.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// How far the seqno of a group may be above the next one that fjall would have given when the group was begun: flushes
/// and compactions take some in between.
const SEQNO_STEPS: u64 = 1 << 16;

/// What a group says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, BorrowDecode)]
pub(super) struct Group {
    /// One above the group before.
    pub(super) number: u64,
    /// The lowest seqno that it can have: the one thing in a journal that decides what is newer, and that no checksum
    /// there covers.
    pub(super) seqno: u64,
}

impl Value for Group {
    type Record<'a> = Self;

    fn record(&self) -> Self {
        *self
    }

    fn value(record: Self) -> Option<Self> {
        Some(record)
    }
}

impl Group {
    /// Its bytes.
    pub(super) fn seal(self) -> Vec<u8> {
        let mut bytes = Vec::new();
        codec::seal(Space::State, GROUP, &self, &mut bytes).expect("two numbers are not too large");
        bytes
    }
}

/// Reads all journals in `dir`; every group up to `mark` was acknowledged.
pub(super) fn check(dir: &Path, mark: u64) -> Result<(), JournalError> {
    let mut journals = Vec::new();
    for file in fs::read_dir(dir)? {
        let path = file?.path();
        let id = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".jnl")?.parse().ok());
        journals.extend(id.map(|id: u64| (id, path)));
    }
    journals.sort();
    let mut last = None;
    for (index, (id, path)) in journals.iter().enumerate() {
        let active = index + 1 == journals.len();
        let mut journal = Journal::open(path)?;
        let problem = journal.read_groups(&mut last)?;
        // A journal after the first may be new and empty, and the earlier ones flushed and gone.
        let incomplete = last.map_or(*id == 0 && mark > 0, |last| last < mark);
        let damaged = |problem| JournalError::Damaged { path: path.clone(), at: journal.good, problem };
        match problem {
            Some(problem) if !active || incomplete => return Err(damaged(problem)),
            Some(_) => cut(path, journal.good)?,
            None if active && incomplete => {
                return Err(damaged("groups that were acknowledged are missing"));
            }
            None => (),
        }
    }
    Ok(())
}

/// Cuts off the torn end, which fjall would not always do: it refuses some of them.
fn cut(path: &Path, length: u64) -> io::Result<()> {
    tracing::warn!(path = %path.display(), length, "cutting off a write that a crash has torn; nobody was told of it");
    let file = OpenOptions::new().write(true).open(path)?;
    file.set_len(length)?;
    file.sync_all()
}

struct Journal {
    input: BufReader<File>,
    /// How far it was read.
    at: u64,
    /// The end of the last whole group.
    good: u64,
    last_seqno: Option<u64>,
    /// The last group of this file.
    last_group: Option<u64>,
    key: Vec<u8>,
    value: Vec<u8>,
}

/// What stands where a group may begin.
enum Next {
    Group(u64),
    /// Zeros to the end of the file, or the end itself.
    End,
    Problem(&'static str),
}

impl Journal {
    fn open(path: &Path) -> io::Result<Self> {
        let input = BufReader::with_capacity(256 * 1024, File::open(path)?);
        let (key, value) = (Vec::new(), Vec::new());
        Ok(Self { input, at: 0, good: 0, last_seqno: None, last_group: None, key, value })
    }

    /// Reads to the end, or to the first thing that does not read, which is told.
    fn read_groups(&mut self, last: &mut Option<u64>) -> io::Result<Option<&'static str>> {
        loop {
            match self.next_group()? {
                Next::Group(group) => {
                    let follows = match self.last_group {
                        Some(previous) => previous + 1 == group,
                        None => last.is_none_or(|last| last < group),
                    };
                    if !follows {
                        return Ok(Some("a group is missing"));
                    }
                    self.good = self.at;
                    self.last_group = Some(group);
                    *last = Some(group);
                }
                Next::End => return Ok(None),
                Next::Problem(problem) => return Ok(Some(problem)),
            }
        }
    }

    fn next_group(&mut self) -> io::Result<Next> {
        match self.tag()? {
            None => return Ok(Next::End),
            Some(0) => return self.zeros(),
            Some(1) => (),
            Some(_) => return Ok(Next::Problem("no group begins where one should")),
        }
        let Some(start) = self.array::<START_BYTES>()? else {
            return Ok(Next::Problem("it ends in a group"));
        };
        let items = u32::from_le_bytes([start[0], start[1], start[2], start[3]]);
        let seqno = u64_at(&start, 4);
        if self.last_seqno.is_some_and(|last| seqno <= last) {
            return Ok(Next::Problem("a group is out of order"));
        }
        let mut hash = Xxh3::new();
        let mut group = None;
        for _ in 0..items {
            if self.tag()? != Some(2) || !self.item(&mut hash)? {
                return Ok(Next::Problem("a record does not read"));
            }
            if self.key == GROUP {
                group = codec::unseal::<Group>(Space::State, GROUP, &self.value).ok();
            }
        }
        let end = if self.tag()? == Some(3) { self.array::<END_BYTES>()? } else { None };
        let Some(end) = end.filter(|end| end[8..] == MAGIC) else {
            return Ok(Next::Problem("a group does not end where it should"));
        };
        if u64_at(&end, 0) != hash.digest() {
            return Ok(Next::Problem("the checksum of a group does not match"));
        }
        let Some(group) = group else { return Ok(Next::Problem("a group without a number")) };
        if !(group.seqno..group.seqno.saturating_add(SEQNO_STEPS)).contains(&seqno) {
            return Ok(Next::Problem("a group is out of order"));
        }
        self.last_seqno = Some(seqno);
        Ok(Next::Group(group.number))
    }

    /// Reads an item behind its tag into `key` and `value`. `false`: it is none.
    fn item(&mut self, hash: &mut Xxh3) -> io::Result<bool> {
        let Some(head) = self.array::<ITEM_BYTES>()? else { return Ok(false) };
        let key = usize::from(u16::from_le_bytes([head[10], head[11]]));
        let length = u32::from_le_bytes([head[12], head[13], head[14], head[15]]);
        let on_disk = self.array::<4>()?.filter(|on_disk| *on_disk == length.to_le_bytes());
        let Some(on_disk) = on_disk else { return Ok(false) };
        if !self.bytes(true, key as u64)? || !self.bytes(false, u64::from(length))? {
            return Ok(false);
        }
        for part in [&[2], head.as_slice(), &on_disk, &self.key, &self.value] {
            hash.update(part);
        }
        Ok(true)
    }

    fn tag(&mut self) -> io::Result<Option<u8>> {
        Ok(self.array::<1>()?.map(|[tag]| tag))
    }

    fn array<const N: usize>(&mut self) -> io::Result<Option<[u8; N]>> {
        let mut bytes = [0; N];
        match self.input.read_exact(&mut bytes) {
            Ok(()) => {
                self.at += N as u64;
                Ok(Some(bytes))
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads a key or a value. It takes no more memory than the file has bytes, whatever length it claims.
    fn bytes(&mut self, key: bool, length: u64) -> io::Result<bool> {
        let into = if key { &mut self.key } else { &mut self.value };
        into.clear();
        let read = (&mut self.input).take(length).read_to_end(into)? as u64;
        self.at += read;
        Ok(read == length)
    }

    fn zeros(&mut self) -> io::Result<Next> {
        let mut block = [0; 64 * 1024];
        loop {
            match self.input.read(&mut block)? {
                0 => return Ok(Next::End),
                read if block[..read].iter().all(|byte| *byte == 0) => (),
                _ => return Ok(Next::Problem("no group begins where one should")),
            }
        }
    }
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes[at..].first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}
