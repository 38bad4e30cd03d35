//! Enough of Redis's protocol to give a command and read what comes back. Blocking, one at a time.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Nothing that is asked here is answered with more.
const MOST_BYTES: usize = 1 << 20;

/// One connection to one server.
#[derive(Debug)]
pub(super) struct Resp {
    stream: BufReader<TcpStream>,
}

impl Resp {
    /// Connects, and gives the password if there is one.
    pub(super) fn connect(address: SocketAddr, password: Option<&str>, limit: Duration) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, limit)?;
        stream.set_read_timeout(Some(limit))?;
        stream.set_write_timeout(Some(limit))?;
        let mut resp = Self { stream: BufReader::new(stream) };
        if let Some(password) = password {
            resp.command(&["AUTH", password])?;
        }
        Ok(resp)
    }

    /// What is answered, as text. A refusal is an error.
    pub(super) fn command(&mut self, words: &[&str]) -> io::Result<String> {
        let mut request = format!("*{}\r\n", words.len());
        for word in words {
            request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        self.stream.get_mut().write_all(request.as_bytes())?;
        let line = self.line()?;
        let (kind, rest) = line.split_at_checked(1).unwrap_or_default();
        match kind {
            "+" | ":" => Ok(rest.to_owned()),
            "-" => Err(io::Error::other(rest.to_owned())),
            "$" => self.bulk(rest),
            _ => Err(io::Error::other(format!("an unexpected answer: {line}"))),
        }
    }

    fn bulk(&mut self, length: &str) -> io::Result<String> {
        let length: usize = length.parse().map_err(io::Error::other)?;
        if length > MOST_BYTES {
            return Err(io::Error::other(format!("an answer of {length} bytes")));
        }
        let mut bytes = vec![0; length + 2];
        self.stream.read_exact(&mut bytes)?;
        bytes.truncate(length);
        String::from_utf8(bytes).map_err(io::Error::other)
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        self.stream.by_ref().take(4096).read_until(b'\n', &mut line)?;
        if line.last() != Some(&b'\n') {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
    }
}
