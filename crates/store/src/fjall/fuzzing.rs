//! What the decoders of records and journals promise of any bytes: property tests and the targets in `fuzz/` use it.

use std::fs;
use std::path::PathBuf;

use super::codec::{self, checksum, seal};
use super::journal::{self, Group};
use super::records::{EventRecord, Membership, Value};
use super::run;
use super::spaces::Space;
use crate::model::{ConversationRow, Cursor, Profile};

const KEY: &[u8] = b"0123456789abcdef\0\0\0\0\0\0\x01\0";

/// A record whose checksum is right and whose content is anything: it is read or it is damaged, and what is read is
/// written as it was. The first byte says which kind of record it is to be.
pub fn record(bytes: &[u8]) {
    let Some((kind, payload)) = bytes.split_first() else { return };
    match kind % 9 {
        0 => value::<u64>(payload),
        1 => value::<Box<str>>(payload),
        2 => value::<Cursor>(payload),
        3 => value::<ConversationRow>(payload),
        4 => value::<Membership>(payload),
        5 => value::<Profile>(payload),
        6 => value::<Group>(payload),
        7 => {
            let bytes = sealed(Space::Events, payload);
            let Ok(events) = codec::unseal::<Vec<EventRecord<'_>>>(Space::Events, KEY, &bytes) else {
                return;
            };
            again(Space::Events, &events, &bytes);
        }
        _ => {
            let bytes = sealed(Space::Messages, payload);
            let Ok((first, entries)) = run::unseal(KEY, &bytes) else { return };
            assert_eq!(first.0 + entries.len() as u64 - 1, 256, "the key says where a run ends");
            again(Space::Messages, &entries, &bytes);
            for (seq, entry) in (first.0..).zip(entries) {
                // `None`: nothing that was ever written.
                let _ = entry.into_entry(causerie_protocol::Seq(seq));
            }
        }
    }
}

fn value<V: Value>(payload: &[u8]) {
    let bytes = sealed(Space::State, payload);
    let Ok(record) = codec::unseal::<V::Record<'_>>(Space::State, KEY, &bytes) else { return };
    again(Space::State, &record, &bytes);
    if let Some(value) = V::value(record) {
        again(Space::State, &value.record(), &bytes);
    }
}

fn sealed(space: Space, payload: &[u8]) -> Vec<u8> {
    let checksum = checksum(space, KEY, 1, payload);
    [&[1], &checksum.to_le_bytes()[..], payload].concat()
}

fn again<R: bincode::Encode>(space: Space, record: &R, bytes: &[u8]) {
    let mut out = Vec::new();
    seal(space, KEY, record, &mut out).expect("what was read can be written");
    assert_eq!(out, bytes);
}

/// A journal of any bytes: nothing is acknowledged in it, so at most its end is cut off, and then it is whole.
pub fn journal(bytes: &[u8]) {
    let folder = Folder::new();
    let path = folder.0.join("0.jnl");
    fs::write(&path, bytes).expect("the folder can be written");
    let checked = journal::check(&folder.0, 0);
    let kept = fs::read(&path).expect("it is there");
    assert!(bytes.starts_with(&kept), "it is only ever cut");
    if checked.is_ok() {
        journal::check(&folder.0, 0).expect("what was cut is whole");
        assert_eq!(fs::read(&path).expect("it is there"), kept, "and is not cut again");
    } else {
        assert_eq!(kept, bytes, "what is damaged is not touched");
    }
}

/// A folder of one thread, made anew.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let name = format!("causerie-fuzzing-{}-{:?}", std::process::id(), std::thread::current().id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("a folder for journals");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Left behind at worst.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::Index;
    use xxhash_rust::xxh3::Xxh3;

    use super::*;
    use crate::fjall::keys::GROUP;

    /// A journal of so many groups, each with its number and one more record; and where each group begins.
    fn groups(values: &[Vec<u8>]) -> (Vec<u8>, Vec<usize>) {
        let (mut bytes, mut starts) = (Vec::new(), Vec::new());
        for (number, value) in (1..).zip(values) {
            starts.push(bytes.len());
            bytes.extend([&[1][..], &2_u32.to_le_bytes(), &u64::to_le_bytes(number)].concat());
            let mut hash = Xxh3::new();
            for (key, value) in [(GROUP, &Group { number, seqno: number }.seal()), (b"key", value)] {
                let length = u32::try_from(value.len()).unwrap().to_le_bytes();
                let key_length = u16::try_from(key.len()).unwrap().to_le_bytes();
                let item = [&[2, 0, 0][..], &[0; 8], &key_length, &length, &length, key, value].concat();
                hash.update(&item);
                bytes.extend(item);
            }
            bytes.extend([&[3][..], &hash.digest().to_le_bytes(), b"FJL\x03"].concat());
        }
        (bytes, starts)
    }

    proptest! {
        #[test]
        fn records(bytes in any::<Vec<u8>>(), near in (0_u8..9, prop::collection::vec(prop_oneof![Just(0), 0_u8..4, any::<u8>()], 0..80))) {
            record(&bytes);
            record(&[&[near.0], near.1.as_slice()].concat());
        }

        #[test]
        fn journals(bytes in any::<Vec<u8>>()) {
            journal(&bytes);
            journal(&[&[1, 1, 0, 0, 0], bytes.as_slice()].concat());
        }

        #[test]
        fn an_acknowledged_group_that_was_touched_is_never_passed_over(
            values in prop::collection::vec(any::<Vec<u8>>(), 1..5),
            at in any::<Index>(),
            bit in 0_u8..8,
            torn in any::<Index>(),
        ) {
            let (whole, starts) = groups(&values);
            let acknowledged = values.len() as u64;
            let folder = Folder::new();
            let path = folder.0.join("0.jnl");
            let check = |bytes: &[u8]| {
                fs::write(&path, bytes).unwrap();
                let checked = journal::check(&folder.0, acknowledged);
                (checked.is_ok(), fs::read(&path).unwrap())
            };
            prop_assert_eq!(check(&whole), (true, whole.clone()));
            let at = at.index(whole.len());
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << bit;
            let (fine, kept) = check(&flipped);
            prop_assert_eq!(&kept, &flipped, "nothing is cut off");
            // A seqno may be a little higher than it was: it decides what is newer, and nothing is newer.
            let seqno = starts.iter().any(|start| (start + 5..start + 13).contains(&at));
            prop_assert!(!fine || seqno, "a flipped bit is found");
            let torn = &whole[..torn.index(whole.len())];
            prop_assert_eq!(check(torn), (false, torn.to_vec()), "an end that is missing");
            // What follows, and nobody was told of, is cut off.
            let more = [whole.as_slice(), &whole[..whole.len() / 2]].concat();
            let (fine, kept) = check(&more);
            prop_assert!(fine && kept.starts_with(&whole));
        }
    }
}
