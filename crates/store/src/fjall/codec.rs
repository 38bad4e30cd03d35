//! How a record stands on disk: version, checksum, payload. The one place that knows bincode.
//!
//! ```text
//! version: 1 byte | crc32c: 4 bytes little endian | payload: bincode, fixed-size integers
//! ```
//!
//! The checksum covers the space, the key, the version and the payload: a record that was altered, or that stands
//! where another belongs, is found. Decoding is total: any bytes give a record or [`Damaged`], and it takes no more
//! memory than the record has bytes.

use bincode::config::{Configuration, Fixint, Limit, LittleEndian};

use super::spaces::Space;
use crate::port::ReadError;

/// The version of all records.
const VERSION: u8 = 1;

/// Version and checksum.
const HEADER_BYTES: usize = 5;

/// The largest payload. Bodies are 64 KiB of content at most, six times that when every byte is escaped in JSON.
const LIMIT_BYTES: usize = 4 * 1024 * 1024;

const CONFIG: Configuration<LittleEndian, Fixint, Limit<LIMIT_BYTES>> =
    bincode::config::standard().with_fixed_int_encoding().with_limit::<LIMIT_BYTES>();

/// A record that cannot be written, because it could not be read again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a record of more than {LIMIT_BYTES} bytes")]
pub(super) struct TooLarge;

/// A record that is not what was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{space} {key}: {problem}")]
pub(super) struct Damaged {
    space: &'static str,
    key: String,
    problem: &'static str,
}

impl Damaged {
    /// Names a record.
    pub(super) fn new(space: Space, key: &[u8], problem: &'static str) -> Self {
        Self { space: space.name(), key: key.escape_ascii().to_string(), problem }
    }
}

impl From<Damaged> for ReadError {
    fn from(damaged: Damaged) -> Self {
        Self::Corrupt(damaged.to_string())
    }
}

/// Puts a record into `out`, whose content is replaced.
pub(super) fn seal<R: bincode::Encode>(
    space: Space,
    key: &[u8],
    record: &R,
    out: &mut Vec<u8>,
) -> Result<(), TooLarge> {
    out.clear();
    out.resize(HEADER_BYTES, VERSION);
    bincode::encode_into_std_write(record, out, CONFIG).map_err(|_| TooLarge)?;
    if out.len() - HEADER_BYTES > LIMIT_BYTES {
        return Err(TooLarge);
    }
    let checksum = checksum(space, key, VERSION, &out[HEADER_BYTES..]);
    out[1..HEADER_BYTES].copy_from_slice(&checksum.to_le_bytes());
    Ok(())
}

/// Takes a record out of its bytes.
pub(super) fn unseal<'a, R: bincode::BorrowDecode<'a, ()>>(
    space: Space,
    key: &[u8],
    bytes: &'a [u8],
) -> Result<R, Damaged> {
    let damaged = |problem| Damaged::new(space, key, problem);
    let Some((&[version, a, b, c, d], payload)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
        return Err(damaged("too short"));
    };
    if checksum(space, key, version, payload) != u32::from_le_bytes([a, b, c, d]) {
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

pub(super) fn checksum(space: Space, key: &[u8], version: u8, payload: &[u8]) -> u32 {
    let start = crc32c::crc32c(&[space.tag(), version]);
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
        let mut out = Vec::new();
        seal(Space::State, key, sample, &mut out).unwrap();
        out
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let key = b"a key";
        let bytes = sealed(key, &Sample { number: 7, text: "seven", maybe: Some("") });
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(unseal::<Sample<'_>>(Space::State, key, &flipped).is_err(), "bit {bit}");
        }
        for bit in 0..key.len() * 8 {
            let mut flipped = *key;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(unseal::<Sample<'_>>(Space::State, &flipped, &bytes).is_err(), "key bit {bit}");
        }
    }

    #[test]
    fn a_record_is_not_taken_for_one_of_another_space_or_length() {
        let bytes = sealed(b"k", &Sample { number: 7, text: "seven", maybe: None });
        assert!(unseal::<Sample<'_>>(Space::Messages, b"k", &bytes).is_err());
        for length in 0..bytes.len() {
            assert!(unseal::<Sample<'_>>(Space::State, b"k", &bytes[..length]).is_err(), "{length}");
        }
        let error = unseal::<Sample<'_>>(Space::State, b"Zoe", &bytes).unwrap_err();
        assert_eq!(error.to_string(), "state Zoe: the checksum does not match");
    }

    #[test]
    fn a_record_that_could_not_be_read_again_is_not_written() {
        let text = "x".repeat(LIMIT_BYTES);
        let sample = Sample { number: 0, text: &text, maybe: None };
        assert_eq!(seal(Space::State, b"k", &sample, &mut Vec::new()), Err(TooLarge));
    }

    proptest! {
        #[test]
        fn what_is_sealed_is_unsealed(number: u64, text: String, maybe: Option<String>, key: Vec<u8>) {
            let sample = Sample { number, text: &text, maybe: maybe.as_deref() };
            let bytes = sealed(&key, &sample);
            prop_assert_eq!(unseal::<Sample<'_>>(Space::State, &key, &bytes).unwrap(), sample);
        }

        #[test]
        fn any_bytes_give_an_answer(key: Vec<u8>, bytes: Vec<u8>) {
            prop_assert!(unseal::<Sample<'_>>(Space::State, &key, &bytes).is_err());
        }
    }
}
