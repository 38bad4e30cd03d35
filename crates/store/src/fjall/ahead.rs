//! Zeros ahead of the journal.
//!
//! fjall makes a journal as one large hole. Writing into a hole gives the file blocks, so each sync of it has to commit
//! the file system's own log too, and waits there for whatever else that log orders, such as a table of many megabytes
//! that is being flushed. Where zeros were written before, a sync writes the data and nothing else. So a thread of its
//! own keeps a stretch of zeros, written and synced, ahead of the end of the active journal.
//!
//! Guaranteed: nothing but zeros is ever overwritten, and with zeros only. The thread looks at a chunk and writes it
//! while no group can be written ([`hold`](Ahead::hold)), so what it saw is still so; to a reader of the journal nothing
//! changes. No file is made longer: a journal that a start has taken over ends where its content ends, and fjall appends
//! to it, so there is nothing to do until the next one. When the disk refuses, it leaves that journal alone; what matters is told to whoever syncs the data.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use parking_lot::{Condvar, Mutex, MutexGuard};

/// What is looked at and written at a time.
const CHUNK: usize = 256 * 1024;
/// How many chunks are kept ahead.
const AHEAD: u64 = 16;
/// After how many chunks they are synced.
const SYNC: u64 = 4;

/// The state that the committer and the thread share.
#[derive(Debug)]
pub(super) struct State {
    /// Bytes that were written to the journal since the thread last looked.
    written: usize,
    closed: bool,
}

/// Lets one thread write ahead while nobody writes.
#[derive(Debug)]
pub(super) struct Ahead {
    /// Where the journals are.
    dir: PathBuf,
    state: Mutex<State>,
    changed: Condvar,
}

impl Ahead {
    /// For the journals in a directory.
    pub(super) fn new(dir: PathBuf) -> Self {
        // As if much had been written: the thread begins at once.
        let state = State { written: CHUNK, closed: false };
        Self { dir, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// To be held while a group is written: until it is dropped, no zeros are.
    pub(super) fn hold(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// A group of so many bytes was written.
    pub(super) fn wrote(&self, mut held: MutexGuard<'_, State>, bytes: u64) {
        held.written = held.written.saturating_add(usize::try_from(bytes).unwrap_or(CHUNK));
        if held.written >= CHUNK {
            self.changed.notify_all();
        }
    }

    /// No more is written.
    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.changed.notify_all();
    }

    /// Keeps ahead until the store closes.
    pub(super) fn run(&self) {
        let mut journal: Option<Journal> = None;
        while self.wait() {
            match newest(&self.dir) {
                Ok(Some(path)) if journal.as_ref().is_none_or(|journal| journal.path != path) => {
                    journal = Journal::open(path).ok();
                }
                Ok(_) => {}
                Err(error) => tracing::debug!(%error, "the journals cannot be listed"),
            }
            if let Some(open) = &mut journal
                && let Err(error) = self.keep_ahead(open)
            {
                tracing::debug!(path = %open.path.display(), %error, "no zeros are written ahead in this journal");
                open.refused = true;
            }
        }
    }

    /// Waits for something to do; `false` when the store closes.
    fn wait(&self) -> bool {
        let mut state = self.state.lock();
        self.changed.wait_while(&mut state, |state| state.written < CHUNK && !state.closed);
        state.written = 0;
        !state.closed
    }

    fn keep_ahead(&self, journal: &mut Journal) -> io::Result<()> {
        let mut unsynced = 0;
        while !journal.refused {
            let held = self.hold();
            let more = !held.closed && journal.step()?;
            drop(held);
            unsynced += u64::from(more);
            if unsynced >= SYNC || (!more && unsynced > 0) {
                journal.file.sync_data()?;
                unsynced = 0;
            }
            if !more {
                break;
            }
        }
        Ok(())
    }
}

/// What stands in a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chunk {
    /// Nothing but zeros.
    Empty,
    /// Something.
    Used,
    /// The end of the file.
    Behind,
}

/// The active journal, as the thread sees it.
struct Journal {
    path: PathBuf,
    file: File,
    /// The first chunk in which nothing was yet.
    first: u64,
    /// The first chunk that has no zeros of ours.
    next: u64,
    refused: bool,
    buffer: Box<[u8]>,
}

impl Journal {
    fn open(path: PathBuf) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(&path)?;
        Ok(Self { path, file, first: 0, next: 0, refused: false, buffer: vec![0; CHUNK].into() })
    }

    /// Writes the next chunk, if it is not far enough ahead. To be called while no group is written.
    fn step(&mut self) -> io::Result<bool> {
        while self.look(self.first)? == Chunk::Used {
            self.first += 1;
        }
        self.next = self.next.max(self.first);
        if self.next >= self.first + AHEAD || self.look(self.next)? != Chunk::Empty {
            return Ok(false);
        }
        self.buffer.fill(0);
        self.file.write_all_at(&self.buffer, self.next * CHUNK as u64)?;
        self.next += 1;
        Ok(true)
    }

    fn look(&mut self, chunk: u64) -> io::Result<Chunk> {
        let mut read = 0;
        while read < CHUNK {
            match self.file.read_at(&mut self.buffer[read..], chunk * CHUNK as u64 + read as u64) {
                Ok(0) => break,
                Ok(bytes) => read += bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(match read {
            CHUNK if self.buffer.iter().all(|byte| *byte == 0) => Chunk::Empty,
            CHUNK => Chunk::Used,
            _ => Chunk::Behind,
        })
    }
}

/// The journal that is written to: the one with the highest number.
fn newest(dir: &Path) -> io::Result<Option<PathBuf>> {
    let mut newest: Option<(u64, PathBuf)> = None;
    for file in fs::read_dir(dir)? {
        let path = file?.path();
        let number = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".jnl")?.parse().ok());
        if let Some(number) = number
            && newest.as_ref().is_none_or(|(highest, _)| *highest < number)
        {
            newest = Some((number, path));
        }
    }
    Ok(newest.map(|(_, path)| path))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn journal(dir: &Path, number: u64, content: &[u8]) -> PathBuf {
        let path = dir.join(format!("{number}.jnl"));
        let file = File::create(&path).unwrap();
        file.set_len(64 * CHUNK as u64).unwrap();
        file.write_all_at(content, 0).unwrap();
        path
    }

    #[test]
    fn only_zeros_are_overwritten_and_only_ahead() {
        let dir = tempfile::tempdir().unwrap();
        let content = vec![7; CHUNK + 9];
        let path = journal(dir.path(), 3, &content);
        let mut open = Journal::open(newest(dir.path()).unwrap().unwrap()).unwrap();
        // A byte in the middle of nothing: whoever wrote it, it stays.
        open.file.write_all_at(&[1], 5 * CHUNK as u64 + 77).unwrap();
        while open.step().unwrap() {}
        assert_eq!((open.first, open.next), (2, 5), "the first chunk is full, the second has begun");
        let bytes = fs::read(&path).unwrap();
        assert_eq!(bytes.len(), 64 * CHUNK);
        assert_eq!((&bytes[..content.len()], bytes[5 * CHUNK + 77]), (&content[..], 1));
        assert_eq!(bytes.iter().filter(|byte| **byte != 0).count(), content.len() + 1);
    }

    #[test]
    fn a_journal_that_is_appended_to_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        for length in [0, 9, CHUNK, 2 * CHUNK + 1] {
            let path = dir.path().join("0.jnl");
            fs::write(&path, vec![3; length]).unwrap();
            let mut open = Journal::open(path.clone()).unwrap();
            assert!(!open.step().unwrap());
            assert_eq!(fs::read(&path).unwrap(), vec![3; length]);
        }
    }

    #[test]
    fn it_goes_on_with_the_end_and_with_the_newest_journal() {
        let dir = tempfile::tempdir().unwrap();
        journal(dir.path(), 9, b"old");
        let path = journal(dir.path(), 10, b"new");
        assert_eq!(newest(dir.path()).unwrap(), Some(path.clone()));
        let mut open = Journal::open(path).unwrap();
        while open.step().unwrap() {}
        assert_eq!((open.first, open.next), (1, 1 + AHEAD));
        open.file.write_all_at(&vec![1; 3 * CHUNK], 0).unwrap();
        while open.step().unwrap() {}
        assert_eq!((open.first, open.next), (3, 3 + AHEAD));
    }

    #[test]
    fn nothing_is_written_while_it_is_held() {
        let dir = tempfile::tempdir().unwrap();
        let path = journal(dir.path(), 0, b"");
        let ahead = Arc::new(Ahead::new(dir.path().to_owned()));
        let held = ahead.hold();
        let thread = std::thread::spawn({
            let ahead = Arc::clone(&ahead);
            move || ahead.run()
        });
        // Written under the hold, wherever the thread stands: it is seen.
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.write_all_at(&vec![5; 3 * CHUNK], 0).unwrap();
        ahead.wrote(held, 3 * CHUNK as u64);
        ahead.close();
        thread.join().unwrap();
        assert!(fs::read(&path).unwrap()[..3 * CHUNK].iter().all(|byte| *byte == 5));
    }
}
