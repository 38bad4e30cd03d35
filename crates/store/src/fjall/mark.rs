//! How far the store has synced, beside the journal.
//!
//! A journal whose last group does not read may have been torn by a crash before anybody was told, or been damaged
//! after. The mark tells them apart: it holds the number of the last group that was synced, written after the sync and
//! before the replies. It is not synced itself: a killed process leaves it exact; after a power cut it may be old, and
//! then says less, but never anything wrong.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// Group number and checksum.
const BYTES: usize = 12;

/// The open file.
#[derive(Debug)]
pub(super) struct Mark(File);

impl Mark {
    /// Opens or makes the mark, and tells the group that it holds: 0 when nothing was synced yet, `None` when it is
    /// damaged.
    pub(super) fn open(path: &Path) -> io::Result<(Self, Option<u64>)> {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let mut mark = Self(file);
        if bytes.is_empty() {
            // Its place on the disk once and for all: what follows is overwritten within one sector.
            mark.write(0)?;
            mark.sync()?;
            return Ok((mark, Some(0)));
        }
        Ok((mark, decode(&bytes)))
    }

    /// Keeps the number of a group that is synced.
    pub(super) fn write(&mut self, group: u64) -> io::Result<()> {
        self.0.seek(SeekFrom::Start(0))?;
        self.0.write_all(&encode(group))
    }

    /// Makes it durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

fn encode(group: u64) -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    bytes[..8].copy_from_slice(&group.to_le_bytes());
    let checksum = crc32c::crc32c(&bytes[..8]);
    bytes[8..].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Option<u64> {
    let (group, checksum) = bytes.split_first_chunk::<8>()?;
    (crc32c::crc32c(group).to_le_bytes() == checksum).then(|| u64::from_le_bytes(*group))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_number_is_kept_and_every_flipped_bit_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mark");
        let (mut mark, group) = Mark::open(&path).unwrap();
        assert_eq!(group, Some(0));
        mark.write(7).unwrap();
        mark.write(8).unwrap();
        assert_eq!(Mark::open(&path).unwrap().1, Some(8));
        let good = std::fs::read(&path).unwrap();
        for bit in 0..good.len() * 8 {
            let mut flipped = good.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&flipped), None, "bit {bit}");
        }
    }
}
