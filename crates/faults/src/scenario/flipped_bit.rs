//! A bit flips, or a file loses its end, while the server is stopped; or a bit of a table flips under a server that runs
//! and has not read it lately. What is damaged is reported by name, when the data is opened or when it is read; it is
//! never served, and nothing is skipped.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use causerie_checker::history::{Fault, Outcome as Sent};
use causerie_checker::{Demands, judge};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};

use crate::book::{Book, Found, Letter, Unread};
use crate::campaign::Campaign;
use crate::clock;
use crate::moves::Node;
use crate::process::run as run_command;
use crate::report::Outcome;
use crate::server::{PATIENCE, Started};
use crate::world::{Needs, node};

/// Bursts of messages, messages of a burst, bytes of a message: enough for tables beside the journal,
/// and several times what the server keeps of them in memory.
const WRITTEN: (usize, usize, usize) = (40, 32, 6_000);
/// Copies that are damaged.
const ROUNDS: u32 = 20;
/// What a server that has found damage says, beside the name of the file or the record.
const WORDS: [&str; 3] = ["damaged", "does not read", "corrupt"];

/// Tables up to this size, in bytes, are left alone.
const SMALL: u64 = 64 * 1024;

/// Where the damage is found.
const OPENING: &str = "found when it was opened";
const READING: &str = "found when it was read";

/// What is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Table,
    Journal,
    List,
}

/// When it is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Stopped,
    Running,
}

/// In turn.
const TARGETS: [(Target, When); 5] = [
    (Target::Table, When::Running),
    (Target::Table, When::Running),
    (Target::Journal, When::Stopped),
    (Target::Table, When::Stopped),
    (Target::List, When::Stopped),
];

impl Target {
    /// Whether a file of the store is one of these.
    fn is(self, path: &Path) -> bool {
        let within = |folder: &str| path.components().any(|part| part.as_os_str() == folder);
        match self {
            Self::Table => within("tables"),
            Self::Journal => path.extension().is_some_and(|ending| ending == "jnl"),
            Self::List => within("keyspaces") && !within("tables"),
        }
    }
}

/// What was written, and the server's folder as it was left.
struct Trial {
    node: Node,
    book: Book,
    image: PathBuf,
    all: Vec<Found>,
    outcome: Outcome,
    rng: StdRng,
}

pub(super) async fn run(campaign: &Campaign, seed: u64) -> Result<Outcome> {
    let mut trial = Trial::begin(campaign, seed).await?;
    for round in 0..campaign.rounds.unwrap_or(ROUNDS) {
        trial.round(TARGETS[round as usize % TARGETS.len()]).await?;
    }
    let verdict = trial.conclude().await?;
    let Trial { mut outcome, book, .. } = trial;
    outcome.judged(&verdict);
    if !outcome.passed() {
        campaign.keep_history(&book.history, "flipped-bit")?;
    }
    Ok(outcome)
}

impl Trial {
    async fn begin(campaign: &Campaign, seed: u64) -> Result<Self> {
        let folder = campaign.folder("flipped-bit")?;
        let mut node = node(campaign, folder.clone(), Needs::default())?;
        node.server.start().await?;
        let mut book = Book::open(node.server.address(), "bits").await?;
        let mut line = book.connect(node.server.address(), 0, "writer").await?;
        let (bursts, burst, bytes) = WRITTEN;
        for _ in 0..bursts {
            let mut rows = Vec::new();
            for _ in 0..burst {
                let (row, frame) = book.attempt(&line, &Letter::new(bytes), 0, 0);
                rows.push((line.socket.tell(frame).await?, row));
            }
            for (request, row) in rows {
                let answer = line.socket.answer(request).await?;
                if !matches!(book.answer(row, &answer), Sent::Sent(_)) {
                    bail!("a message was not taken: {answer}");
                }
            }
        }
        let all = book.read(&mut line, 0, false).await?;
        book.close(line);
        let image = node.server.setting.data.clone();
        // A killed server leaves more behind than one that has ended well.
        node.server.kill().await?;
        node.server.setting.data = folder.join("copy");
        let (outcome, rng) = (Outcome::new("flipped-bit", seed), StdRng::seed_from_u64(seed));
        Ok(Self { node, book, image, all, outcome, rng })
    }

    /// Damages a copy, opens it and reads it.
    async fn round(&mut self, (target, when): (Target, When)) -> Result<()> {
        let begun = clock::now();
        let copy = self.node.server.setting.data.clone();
        copy_folder(&self.image, &copy)?;
        let mut what = String::new();
        if when == When::Stopped {
            what = self.damage(&copy.join("store"), target, when)?;
        }
        self.node.server.launch(None, &copy)?;
        let found = match self.node.server.listening().await? {
            Started::Ended(status) if status.success() => bail!("the server ends well instead of opening"),
            Started::Ended(_) => Some(OPENING),
            Started::Listening => {
                if when == When::Running {
                    what = self.damage(&copy.join("store"), target, when)?;
                }
                self.read().await?
            }
        };
        self.outcome.rounds += 1;
        let said = self.node.server.said();
        if let Some(found) = found {
            *self.outcome.effects.entry(found).or_default() += 1;
            self.book.history.fault(Fault { at: begun, until: clock::now(), name: found.into(), effect: 1 });
            match said.lines().find(|line| WORDS.iter().any(|word| line.contains(word))) {
                Some(named) => println!("  {named}"),
                None => self.outcome.problems.push(format!("{what}: {found}, and not named: {said}")),
            }
        }
        println!("flipped-bit {}: {what}: {}", self.outcome.rounds, found.unwrap_or("changes nothing"));
        if self.node.server.is_running() {
            self.node.server.kill().await?;
        }
        Ok(())
    }

    /// Reads everything: it is what was written, or an error. Where the damage was found, if it was.
    async fn read(&mut self) -> Result<Option<&'static str>> {
        let address = self.node.server.address();
        let read = async {
            let mut line = self.book.connect(address, 0, "reader").await?;
            let read = self.book.read(&mut line, 0, false).await;
            self.book.close(line);
            read
        };
        match read.await {
            Ok(found) => {
                let same = |(a, b): (&Found, &Found)| a.seq == b.seq && a.letter == b.letter && a.id == b.id;
                if found.len() != self.all.len() || !found.iter().zip(&self.all).all(same) {
                    let problem =
                        format!("{} messages of {} were served, or others", found.len(), self.all.len());
                    self.outcome.problems.push(problem);
                }
                Ok(None)
            }
            Err(error) if error.is::<Unread>() => {
                if error.to_string() != Unread("internal".to_owned()).to_string() {
                    self.outcome.problems.push(format!("a damaged page: {error}"));
                }
                Ok(Some(READING))
            }
            // A thread of the store may meet the damage before a reader does; then the server ends, and says why.
            Err(error) => match self.node.server.process()?.ended(PATIENCE).await? {
                Some(_) => Ok(Some(READING)),
                None => Err(error),
            },
        }
    }

    /// Flips a bit of a file, or takes its end, and says where.
    fn damage(&mut self, store: &Path, target: Target, when: When) -> Result<String> {
        let mut files = Vec::new();
        collect(store, &mut files)?;
        // Small tables hold no messages.
        let large = |file: &PathBuf| fs::metadata(file).is_ok_and(|file| file.len() > SMALL);
        files.retain(|file| target.is(file) && (target != Target::Table || large(file)));
        // A folder has no order: what is drawn must not depend on it.
        files.sort();
        let path = files.choose(&mut self.rng).with_context(|| format!("the store has no {target:?}"))?;
        let name = path.strip_prefix(store)?.display();
        let bytes = match fs::read(path) {
            // Merged into another by the server that runs.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(format!("{name} was gone before"));
            }
            read => read?,
        };
        // What is behind was never written.
        let used = bytes.iter().rposition(|byte| *byte != 0).context("an empty file")? + 1;
        let at = self.rng.random_range(0..used);
        // In place: a server that runs has it open.
        let file = File::options().write(true).open(path)?;
        if when == When::Stopped && self.rng.random_ratio(1, 4) {
            file.set_len(at as u64)?;
            return Ok(format!("{name} cut off at {at} of {used}"));
        }
        let bit = self.rng.random_range(0..8);
        file.write_all_at(&[bytes[at] ^ 1 << bit], at as u64)?;
        Ok(format!("bit {bit} of byte {at} of {name} flipped, {when:?}"))
    }

    /// The undamaged folder is still what it was.
    async fn conclude(&mut self) -> Result<serde_json::Value> {
        for place in [OPENING, READING] {
            if !self.outcome.effects.contains_key(place) {
                self.outcome.vacuous.push(format!("no damage was {place}"));
            }
        }
        self.node.server.setting.data.clone_from(&self.image);
        self.node.server.start().await?;
        let mut line = self.book.connect(self.node.server.address(), 0, "reader").await?;
        self.book.read(&mut line, 0, true).await?;
        self.book.close(line);
        self.node.server.stop().await?;
        let demands = Demands { acknowledged: self.all.len() as u64, faults: 2 };
        Ok(serde_json::to_value(judge(&self.book.history, &demands))?)
    }
}

/// Copies a folder over another; holes stay holes.
fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    run_command(Command::new("cp").args(["-a", "--sparse=always"]).args([from, to])).map(drop)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}
