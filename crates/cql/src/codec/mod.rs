//! How a value stands in a cell: version, checksum, payload. The one place that knows bincode.
//!
//! ```text
//! version: 1 byte | crc32c: 4 bytes little endian | payload: bincode, fixed-size integers
//! ```
//!
//! The checksum covers the kind of cell, the place where it stands (its key, as bytes), the version and the payload: a
//! cell that was altered, or that stands where another belongs, is found. Decoding is total: any bytes give a value or
//! [`Damaged`], and it takes no more memory than the cell has bytes.

mod message;
mod records;

pub(crate) use message::{Stored, open_message, seal_message};
pub(crate) use records::{ConversationRecord, MemberRecord};

use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use causerie_store::port::ReadError;

/// The version of all cells.
const VERSION: u8 = 1;

/// Version and checksum.
const HEADER_BYTES: usize = 5;

/// The largest payload. A body is 64 KiB of content at most, six times that when every byte is escaped in JSON; the
/// entry that makes a group may bring its members with it.
const LIMIT_BYTES: usize = 4 * 1024 * 1024;

const CONFIG: Configuration<LittleEndian, Fixint, Limit<LIMIT_BYTES>> =
    bincode::config::standard().with_fixed_int_encoding().with_limit::<LIMIT_BYTES>();

/// What a cell is. Its number is part of the checksum and never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    /// An entry of a log; the key is conversation and position.
    Message = 1,
    /// The position that an idempotency key has; the key is conversation and the key's id.
    Key = 2,
    /// How far a log goes, about; the key is the conversation.
    Head = 3,
    /// What a conversation is; the key is the conversation.
    Conversation = 4,
    /// A membership; the key is conversation and user.
    Member = 5,
    /// How a user wants to be shown; the key is the user.
    Profile = 6,
}

impl Cell {
    fn name(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Key => "idempotency key",
            Self::Head => "head",
            Self::Conversation => "conversation",
            Self::Member => "membership",
            Self::Profile => "profile",
        }
    }
}

/// A value that cannot be written, because it could not be read again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a cell of more than {LIMIT_BYTES} bytes")]
pub(crate) struct TooLarge;

/// A cell that is not what was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{cell} {key}: {problem}", cell = .cell.name())]
pub(crate) struct Damaged {
    cell: Cell,
    key: String,
    problem: &'static str,
}

impl Damaged {
    /// Names a cell.
    pub(crate) fn new(cell: Cell, key: &[u8], problem: &'static str) -> Self {
        let key = key.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { cell, key, problem }
    }
}

impl From<Damaged> for ReadError {
    fn from(damaged: Damaged) -> Self {
        Self::Corrupt(damaged.to_string())
    }
}

/// The bytes of a cell at the place that `key` names.
///
/// # Errors
/// [`TooLarge`]: it must not be written.
pub(crate) fn seal<R: bincode::Encode>(cell: Cell, key: &[u8], record: &R) -> Result<Vec<u8>, TooLarge> {
    let mut out = vec![VERSION; HEADER_BYTES];
    bincode::encode_into_std_write(record, &mut out, CONFIG).map_err(|_| TooLarge)?;
    if out.len() - HEADER_BYTES > LIMIT_BYTES {
        return Err(TooLarge);
    }
    let checksum = checksum(cell, key, VERSION, &out[HEADER_BYTES..]);
    out[1..HEADER_BYTES].copy_from_slice(&checksum.to_le_bytes());
    Ok(out)
}

/// The record of a cell that was read at the place that `key` names.
///
/// # Errors
/// [`Damaged`]: it is not what was written there.
pub(crate) fn unseal<'a, R: bincode::BorrowDecode<'a, ()>>(
    cell: Cell,
    key: &[u8],
    bytes: &'a [u8],
) -> Result<R, Damaged> {
    let damaged = |problem| Damaged::new(cell, key, problem);
    let Some((&[version, a, b, c, d], payload)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
        return Err(damaged("too short"));
    };
    if checksum(cell, key, version, payload) != u32::from_le_bytes([a, b, c, d]) {
        return Err(damaged("the checksum does not match"));
    }
    if version != VERSION {
        return Err(damaged("written by another version of this program"));
    }
    match bincode::borrow_decode_from_slice(payload, CONFIG) {
        Ok((record, length)) if length == payload.len() => Ok(record),
        Ok(_) => Err(damaged("too long")),
        Err(_) => Err(damaged("not a record of this kind")),
    }
}

fn checksum(cell: Cell, key: &[u8], version: u8, payload: &[u8]) -> u32 {
    let start = crc32c::crc32c(&[cell as u8, version]);
    crc32c::crc32c_append(crc32c::crc32c_append(start, key), payload)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug, PartialEq, bincode::Encode, bincode::BorrowDecode)]
    struct Sample<'a> {
        number: u64,
        text: &'a str,
        maybe: Option<&'a str>,
    }

    fn sealed(key: &[u8], sample: &Sample<'_>) -> Vec<u8> {
        seal(Cell::Head, key, sample).unwrap()
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let key = b"a key";
        let bytes = sealed(key, &Sample { number: 7, text: "seven", maybe: Some("") });
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(unseal::<Sample<'_>>(Cell::Head, key, &flipped).is_err(), "bit {bit}");
        }
        for bit in 0..key.len() * 8 {
            let mut flipped = *key;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(unseal::<Sample<'_>>(Cell::Head, &flipped, &bytes).is_err(), "key bit {bit}");
        }
    }

    #[test]
    fn a_cell_is_not_taken_for_one_of_another_kind_or_length() {
        let bytes = sealed(b"k", &Sample { number: 7, text: "seven", maybe: None });
        assert!(unseal::<Sample<'_>>(Cell::Message, b"k", &bytes).is_err());
        for length in 0..bytes.len() {
            assert!(unseal::<Sample<'_>>(Cell::Head, b"k", &bytes[..length]).is_err(), "{length}");
        }
        let error = unseal::<Sample<'_>>(Cell::Head, b"z", &bytes).unwrap_err();
        assert_eq!(error.to_string(), "head 7a: the checksum does not match");
    }

    #[test]
    fn a_cell_that_could_not_be_read_again_is_not_written() {
        let text = "x".repeat(LIMIT_BYTES);
        let sample = Sample { number: 0, text: &text, maybe: None };
        assert_eq!(seal(Cell::Head, b"k", &sample), Err(TooLarge));
    }

    proptest! {
        #[test]
        fn what_is_sealed_is_unsealed(number: u64, text: String, maybe: Option<String>, key: Vec<u8>) {
            let sample = Sample { number, text: &text, maybe: maybe.as_deref() };
            let bytes = sealed(&key, &sample);
            prop_assert_eq!(unseal::<Sample<'_>>(Cell::Head, &key, &bytes).unwrap(), sample);
        }

        #[test]
        fn any_bytes_give_an_answer(key: Vec<u8>, bytes: Vec<u8>) {
            prop_assert!(unseal::<Sample<'_>>(Cell::Head, &key, &bytes).is_err());
        }
    }
}
