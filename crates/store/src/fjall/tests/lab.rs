//! A store whose disk does what a test wants.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;
use std::{fs, io};

use parking_lot::{Condvar, Mutex};
use tempfile::TempDir;

use crate::contract::Subject;
use crate::fjall::hooks::{Hooks, Step};
use crate::fjall::{FjallConfig, FjallStore};

/// Hooks that stop, fail and starve.
#[derive(Default)]
pub(super) struct Lab {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    hold: Option<Step>,
    standing: bool,
    fail: Option<Step>,
    free: Option<u64>,
}

impl Lab {
    /// The committer stops at this step; if it stands at another, it goes on.
    pub(super) fn hold(&self, step: Step) {
        let mut state = self.state.lock();
        (state.hold, state.standing) = (Some(step), false);
        self.changed.notify_all();
    }

    /// Blocks until it stands there.
    pub(super) fn wait_standing(&self) {
        let mut state = self.state.lock();
        self.changed.wait_while(&mut state, |state| !state.standing);
    }

    /// It goes on.
    pub(super) fn release(&self) {
        let mut state = self.state.lock();
        (state.hold, state.standing) = (None, false);
        self.changed.notify_all();
    }

    /// This step fails from now on.
    pub(super) fn fail(&self, step: Step) {
        self.state.lock().fail = Some(step);
    }

    /// The disk says that it has so much space.
    pub(super) fn set_free(&self, bytes: u64) {
        self.state.lock().free = Some(bytes);
    }
}

impl Hooks for Lab {
    fn at(&self, step: Step) -> io::Result<()> {
        let mut state = self.state.lock();
        if state.hold == Some(step) {
            state.standing = true;
            self.changed.notify_all();
            self.changed.wait_while(&mut state, |state| state.hold == Some(step));
        }
        if state.fail == Some(step) { Err(io::Error::other("the disk is broken")) } else { Ok(()) }
    }

    fn available(&self, _: &Path) -> io::Result<u64> {
        Ok(self.state.lock().free.unwrap_or(u64::MAX))
    }
}

/// A store in a directory of its own.
pub(super) struct OnDisk {
    pub(super) lab: Arc<Lab>,
    store: Option<FjallStore>,
    dir: TempDir,
}

/// A new directory, in memory where there is such a thing: for tests that open hundreds of stores, none of which asks
/// whether the disk keeps what it has synced.
pub(super) fn scratch() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// Settings for a store under test.
pub(super) fn config(dir: &Path, lab: &Arc<Lab>) -> FjallConfig {
    FjallConfig { hooks: Arc::<Lab>::clone(lab), reserve_bytes: 1_000, ..FjallConfig::new(dir) }
}

impl OnDisk {
    /// Opens what is in a directory.
    pub(super) fn open(dir: TempDir) -> Self {
        Self::open_with(dir, |config| config)
    }

    /// Opens it with other settings.
    pub(super) fn open_with(dir: TempDir, change: impl FnOnce(FjallConfig) -> FjallConfig) -> Self {
        let lab = Arc::<Lab>::default();
        let store = FjallStore::open(change(config(dir.path(), &lab))).unwrap();
        Self { lab, store: Some(store), dir }
    }

    /// Closes the store and leaves its directory.
    pub(super) fn close(mut self) -> TempDir {
        drop(self.store.take());
        self.dir
    }

    /// What is on the disk at this moment.
    pub(super) fn image(&self) -> TempDir {
        copy(self.dir.path())
    }
}

impl Subject for OnDisk {
    type Store = FjallStore;

    fn new() -> Self {
        Self::open(tempfile::tempdir().unwrap())
    }

    fn store(&self) -> &FjallStore {
        self.store.as_ref().unwrap()
    }

    fn reopen(self) -> Self {
        Self::open(self.close())
    }

    fn hold(&self) {
        self.lab.hold(Step::AfterSync);
    }

    fn wait_held(&self) {
        self.lab.wait_standing();
    }

    fn release(&self) {
        self.lab.release();
    }

    fn crash(self) -> Self {
        let image = self.image();
        self.lab.release();
        drop(self);
        Self::open(image)
    }
}

/// A copy of a directory. What a journal has been given beyond its content is left out: it is 64 MiB of zeros.
pub(super) fn copy(from: &Path) -> TempDir {
    // The database's own threads may be at it: what was changed while it was copied is no image of any moment.
    loop {
        let before = stamps(from);
        if let Ok(to) = copied(from)
            && stamps(from) == before
        {
            return to;
        }
    }
}

/// Everything by which a change shows; what vanishes meanwhile is left out.
fn stamps(dir: &Path) -> Vec<(PathBuf, u64, u64, SystemTime)> {
    let stamp = |path: PathBuf| {
        let meta = fs::metadata(&path).ok()?;
        Some((path, meta.ino(), meta.len(), meta.modified().ok()?))
    };
    files(dir).into_iter().filter_map(stamp).collect()
}

fn copied(from: &Path) -> io::Result<TempDir> {
    let to = scratch();
    for file in files(from) {
        let target = to.path().join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        let mut bytes = fs::read(&file)?;
        if file.extension().is_some_and(|ending| ending == "jnl") {
            let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            bytes.truncate(used);
        }
        fs::write(target, bytes).unwrap();
    }
    Ok(to)
}

/// All files under a directory, sorted.
pub(super) fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}
