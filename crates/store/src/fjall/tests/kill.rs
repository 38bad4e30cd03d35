//! A process that writes is killed at random points, again and again; everything that it has acknowledged is there.
//!
//! The process is this test program, told by its environment to write. It is killed after a random number of
//! acknowledgements, so that nothing here depends on time.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::sync_channel;

use causerie_protocol::Seq;

use crate::committed::PendingAppend;
use crate::contract::sample::{ALL, END, batch, client_id, conversation, cursor, entry, update, user};
use crate::contract::{ok, wait};
use crate::fjall::{FjallConfig, FjallStore};
use crate::model::EventPosition;
use crate::port::{Conversations, Events, Messages};

const DIR: &str = "CAUSERIE_STORE_KILL_DIR";
const CONVERSATIONS: u64 = 8;
const ROUNDS: u64 = 8;

fn settings(dir: &Path) -> FjallConfig {
    // Small, so that tables are written and journals are read in every round.
    FjallConfig { memtable_bytes: 64 * 1024, keys_in_memory: 500, reserve_bytes: 0, ..FjallConfig::new(dir) }
}

/// Not a test of its own: what the killed process does. Writes for ever, one batch at a time in each conversation, and
/// tells each position that was acknowledged.
#[test]
fn writer() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let store = FjallStore::open(settings(Path::new(&dir))).unwrap();
    let ids: Vec<_> = (0..CONVERSATIONS).map(conversation).collect();
    let heads = ok(store.heads(ids.clone()));
    let mut heads: Vec<u64> = heads.into_iter().map(|head| head.map_or(0, |entry| entry.seq.0)).collect();
    let (reply, replies) = sync_channel(ids.len());
    let send = |number: usize, first: u64| {
        let (reply, last) = (reply.clone(), first + first % 5);
        store.append(PendingAppend::new(batch(ids[number], first..=last), move |result| {
            result.unwrap();
            reply.send((number, last)).unwrap();
        }));
    };
    heads.iter().enumerate().for_each(|(number, head)| send(number, head + 1));
    let mut out = std::io::stdout();
    for (number, last) in replies {
        heads[number] = last;
        writeln!(out, "acknowledged {number} {last}").unwrap();
        if last % 7 == 0 {
            let cursor = cursor(last, last / 2);
            wait(store.put_cursors(vec![update(ids[number], "bob", "phone", cursor)])).unwrap();
            writeln!(out, "read {number} {last}").unwrap();
        }
        send(number, last + 1);
    }
}

fn start(dir: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["fjall::tests::kill::writer", "--exact", "--nocapture"])
        .env(DIR, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Lets a process write until it has acknowledged so much, and kills it. Adds what it acknowledged, by kind and
/// conversation.
fn round(dir: &Path, enough: u64, acknowledged: &mut BTreeMap<(String, u64), u64>) {
    let mut child = start(dir);
    let mut seen = 0;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let mut words = line.split_whitespace();
        let (Some(kind @ ("acknowledged" | "read")), Some(number), Some(last)) =
            (words.next(), words.next(), words.next())
        else {
            continue;
        };
        let Ok(last) = last.parse() else { continue };
        acknowledged.insert((kind.to_owned(), number.parse().unwrap()), last);
        seen += 1;
        if seen == enough {
            child.kill().unwrap();
        }
    }
    assert!(seen >= enough, "it ended by itself after {seen}");
    child.wait().unwrap();
}

#[test]
fn everything_acknowledged_survives_being_killed() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeMap::new();
    let mut random: u64 = 0x2545_F491_4F6C_DD1D;
    for _ in 0..ROUNDS {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        round(dir.path(), 1 + random % 700, &mut acknowledged);
    }
    let store = FjallStore::open(settings(dir.path())).unwrap();
    let mut entries = 0;
    for number in 0..CONVERSATIONS {
        let read = ok(store.read(conversation(number), Seq(1), END, ALL));
        let head = read.len() as u64;
        entries += head;
        assert_eq!(read, (1..=head).map(entry).collect::<Vec<_>>());
        let keys = (1..=head).map(|seq| (user("alice"), client_id(seq))).collect();
        let found: Vec<_> = ok(store.find(conversation(number), keys)).into_iter().flatten().collect();
        assert_eq!(found, read, "every key is there");
        let told = |kind: &str| acknowledged.get(&(kind.to_owned(), number)).copied().unwrap_or_default();
        assert!(head >= told("acknowledged"), "{number} lost {} of {}", told("acknowledged") - head, head);
        let cursors = ok(store.device_cursors(user("bob"), conversation(number)));
        let read = cursors.first().map_or(0, |(_, cursor)| cursor.delivered.0);
        assert!(read >= told("read"), "{number}");
    }
    let events = ok(store.events(EventPosition(0), usize::MAX));
    assert_eq!(events.len() as u64, store.last_event().0);
    assert!(events.len() as u64 > entries, "every entry, and receipts");
}
