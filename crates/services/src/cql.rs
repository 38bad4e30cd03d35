//! Enough of CQL's binary protocol, version 4, to ask a node what it knows. Blocking, one question at a time.
//!
//! Not a driver: no preparing, no paging, no types. Cells come as bytes. Every length is checked before it is used.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A cell: what it is depends on the column; `None` is null.
pub(crate) type Cell = Option<Vec<u8>>;

/// One connection to one node.
#[derive(Debug)]
pub(crate) struct Cql {
    stream: TcpStream,
}

/// How many replicas must answer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Consistency {
    One = 1,
    All = 5,
}

const STARTUP: u8 = 0x01;
const READY: u8 = 0x02;
const AUTHENTICATE: u8 = 0x03;
const QUERY: u8 = 0x07;
const RESULT: u8 = 0x08;
const AUTH_RESPONSE: u8 = 0x0F;
const AUTH_SUCCESS: u8 = 0x10;
const ERROR: u8 = 0x00;

/// No answer to what is asked here comes near it.
const MOST_BYTES: u32 = 4 << 20;

impl Cql {
    /// Connects and signs in; `credentials` are used if the node wants some.
    pub(crate) fn connect(
        address: SocketAddr,
        credentials: (&str, &str),
        limit: Duration,
    ) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, limit)?;
        stream.set_read_timeout(Some(limit))?;
        stream.set_write_timeout(Some(limit))?;
        stream.set_nodelay(true)?;
        let mut cql = Self { stream };
        let mut options = 1_u16.to_be_bytes().to_vec();
        for word in ["CQL_VERSION", "3.0.0"] {
            options.extend(u16::try_from(word.len()).unwrap_or_default().to_be_bytes());
            options.extend(word.as_bytes());
        }
        match cql.exchange(STARTUP, &options)? {
            (READY, _) => Ok(cql),
            (AUTHENTICATE, _) => cql.sign_in(credentials),
            (opcode, _) => Err(unexpected(opcode)),
        }
    }

    /// The rows of a statement without values.
    pub(crate) fn rows(&mut self, statement: &str, consistency: Consistency) -> io::Result<Vec<Vec<Cell>>> {
        let mut body = length(statement.len())?.to_be_bytes().to_vec();
        body.extend(statement.as_bytes());
        body.extend((consistency as u16).to_be_bytes());
        body.push(0);
        let (opcode, body) = self.exchange(QUERY, &body)?;
        if opcode != RESULT {
            return Err(unexpected(opcode));
        }
        read_rows(&mut Reader(&body))
    }

    fn sign_in(mut self, (user, password): (&str, &str)) -> io::Result<Self> {
        let plain = format!("\0{user}\0{password}");
        let mut body = length(plain.len())?.to_be_bytes().to_vec();
        body.extend(plain.as_bytes());
        match self.exchange(AUTH_RESPONSE, &body)? {
            (AUTH_SUCCESS, _) => Ok(self),
            (opcode, _) => Err(unexpected(opcode)),
        }
    }

    /// Sends a frame on stream 0 and reads the one that comes back. A refusal of the node is an error.
    fn exchange(&mut self, opcode: u8, body: &[u8]) -> io::Result<(u8, Vec<u8>)> {
        let mut frame = vec![4, 0, 0, 0, opcode];
        frame.extend(length(body.len())?.to_be_bytes());
        frame.extend(body);
        self.stream.write_all(&frame)?;
        let mut header = [0; 9];
        self.stream.read_exact(&mut header)?;
        let [_, _, _, _, opcode, a, b, c, d] = header;
        let length = u32::from_be_bytes([a, b, c, d]);
        if length > MOST_BYTES {
            return Err(io::Error::other(format!("an answer of {length} bytes")));
        }
        let mut body = vec![0; length as usize];
        self.stream.read_exact(&mut body)?;
        if opcode == ERROR {
            let mut reader = Reader(&body);
            let code = reader.int()?;
            return Err(io::Error::other(format!("error {code:#06x}: {}", reader.string()?)));
        }
        Ok((opcode, body))
    }
}

/// The rows of a result, or none if it is of another kind.
fn read_rows(reader: &mut Reader<'_>) -> io::Result<Vec<Vec<Cell>>> {
    const ROWS: i32 = 2;
    if reader.int()? != ROWS {
        return Ok(Vec::new());
    }
    let flags = reader.int()?;
    let columns = reader.int()?;
    if flags & 1 != 0 {
        reader.string()?;
        reader.string()?;
    }
    for _ in 0..columns {
        if flags & 1 == 0 {
            reader.string()?;
            reader.string()?;
        }
        reader.string()?;
        let kind = reader.short()?;
        // Collections and types of users' own carry more; nobody asks for them here.
        if !(1..=0x15).contains(&kind) {
            return Err(io::Error::other(format!("a column of type {kind:#x}")));
        }
    }
    let rows = reader.int()?;
    (0..rows).map(|_| (0..columns).map(|_| reader.cell()).collect()).collect()
}

/// Reads from the front of an answer.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take(&mut self, length: usize) -> io::Result<&[u8]> {
        let (taken, rest) =
            self.0.split_at_checked(length).ok_or_else(|| io::Error::other("an answer that ends early"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn int(&mut self) -> io::Result<i32> {
        let bytes = self.take(4)?;
        Ok(i32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    fn short(&mut self) -> io::Result<u16> {
        let bytes = self.take(2)?;
        Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    fn string(&mut self) -> io::Result<String> {
        let length = self.short()?;
        Ok(String::from_utf8_lossy(self.take(length.into())?).into_owned())
    }

    fn cell(&mut self) -> io::Result<Cell> {
        match usize::try_from(self.int()?) {
            Ok(length) => Ok(Some(self.take(length)?.to_vec())),
            Err(_) => Ok(None),
        }
    }
}

fn length(length: usize) -> io::Result<u32> {
    u32::try_from(length).map_err(io::Error::other)
}

fn unexpected(opcode: u8) -> io::Error {
    io::Error::other(format!("an unexpected answer of kind {opcode:#04x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two columns, two rows, of one table, as a node writes them.
    fn sample() -> Vec<u8> {
        let mut body = [2, 1, 2].map(i32::to_be_bytes).concat();
        for word in ["ks", "table"] {
            body.extend(u16::try_from(word.len()).unwrap().to_be_bytes());
            body.extend(word.as_bytes());
        }
        for (word, kind) in [("a", 0x0D_u16), ("b", 0x0C)] {
            body.extend([0, 1]);
            body.extend(word.as_bytes());
            body.extend(kind.to_be_bytes());
        }
        body.extend(2_i32.to_be_bytes());
        for cell in [Some("x"), None, Some(""), Some("yz")] {
            body.extend(cell.map_or(-1, |cell| i32::try_from(cell.len()).unwrap()).to_be_bytes());
            body.extend(cell.unwrap_or_default().as_bytes());
        }
        body
    }

    #[test]
    fn rows_are_read_with_their_nulls() {
        let cell = |text: &str| Some(text.as_bytes().to_vec());
        let rows = read_rows(&mut Reader(&sample())).unwrap();
        assert_eq!(rows, [vec![cell("x"), None], vec![cell(""), cell("yz")]]);
    }

    #[test]
    fn an_answer_that_ends_anywhere_is_an_error_and_no_panic() {
        let sample = sample();
        for length in 0..sample.len() {
            assert!(read_rows(&mut Reader(&sample[..length])).is_err(), "{length}");
        }
    }
}
