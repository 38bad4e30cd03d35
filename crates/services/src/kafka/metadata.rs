//! The one question that is asked of a broker: which brokers are in service?
//!
//! A Metadata request, version 7, for no topics. A broker that has opened its port and has not been let in by the
//! controller answers it without being in the list itself.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// No answer without topics comes near it.
const MOST_BYTES: u32 = 1 << 20;
const KEY: i16 = 3;
const VERSION: i16 = 7;

/// The ids of the brokers in service, as the one at `address` knows them.
pub(super) fn brokers(address: SocketAddr, limit: Duration) -> io::Result<Vec<i32>> {
    let mut stream = TcpStream::connect_timeout(&address, limit)?;
    stream.set_read_timeout(Some(limit))?;
    stream.set_write_timeout(Some(limit))?;
    let mut request = Vec::new();
    request.extend(KEY.to_be_bytes());
    request.extend(VERSION.to_be_bytes());
    // A correlation id, a client without a name, no topics, none to be created.
    request.extend(1_i32.to_be_bytes());
    request.extend((-1_i16).to_be_bytes());
    request.extend(0_i32.to_be_bytes());
    request.push(0);
    let length = u32::try_from(request.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), request.as_slice()].concat())?;

    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length);
    if length > MOST_BYTES {
        return Err(io::Error::other(format!("an answer of {length} bytes")));
    }
    let mut answer = vec![0; length as usize];
    stream.read_exact(&mut answer)?;
    ids(&answer).ok_or_else(|| io::Error::other("an answer that ends early"))
}

/// After the correlation id and the throttle time: brokers, each with id, host, port and perhaps a rack.
fn ids(answer: &[u8]) -> Option<Vec<i32>> {
    let mut rest = answer.get(8..)?;
    let mut ids = Vec::new();
    for _ in 0..int(&mut rest)? {
        ids.push(int(&mut rest)?);
        skip_string(&mut rest)?;
        int(&mut rest)?;
        skip_string(&mut rest)?;
    }
    Some(ids)
}

fn int(rest: &mut &[u8]) -> Option<i32> {
    let (bytes, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(i32::from_be_bytes(*bytes))
}

/// A length below zero is no string at all.
fn skip_string(rest: &mut &[u8]) -> Option<()> {
    let (bytes, after) = rest.split_first_chunk()?;
    let length = usize::try_from(i16::from_be_bytes(*bytes)).unwrap_or(0);
    *rest = after.get(length..)?;
    Some(())
}

#[cfg(test)]
mod tests {
    use super::ids;

    /// What a broker of version 4.3 has sent.
    const ANSWER: &[u8] = b"\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\x01\0\t127.0.0.1\0\0#\x84\xff\xff\0\x16\
        Y2F1c2VyaWUtdGVzdC0wMQ\0\0\0\x01\0\0\0\0";

    #[test]
    fn a_broker_of_a_real_answer_is_read_and_a_short_one_is_none() {
        assert_eq!(ids(ANSWER), Some(vec![1]));
        for length in 0..33 {
            assert_eq!(ids(&ANSWER[..length]), None, "{length}");
        }
    }
}
