//! The head of the first request, read within a bound: enough to know who shall serve the connection.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest head. A token in `Authorization` and a browser's cookies fit.
const MAX_BYTES: usize = 16 * 1024;

/// What the head is read into at a time; most heads fit.
const CHUNK: usize = 1024;

/// The path of the WebSocket.
pub(super) const WEBSOCKET_PATH: &str = "/v1/ws";

/// The bytes of a request head, perhaps with some that follow.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) bytes: Vec<u8>,
}

/// Reads up to the end of the head.
///
/// Fails when the stream ends before, or the head is longer than 16 KiB. The time is the caller's to limit.
pub(super) async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Head> {
    let mut bytes = Vec::with_capacity(CHUNK);
    loop {
        let searched = bytes.len().saturating_sub(3);
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if bytes[searched..].windows(4).any(|end| end == b"\r\n\r\n") {
            return Ok(Head { bytes });
        }
        if bytes.len() >= MAX_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the request head is too long"));
        }
    }
}

impl Head {
    /// Whether the request is for the WebSocket: its path, whatever its query.
    pub(super) fn is_websocket(&self) -> bool {
        let target = self.bytes.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
        let path = target.split(|byte| *byte == b'?').next().unwrap_or_default();
        path == WEBSOCKET_PATH.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_head_is_read_to_its_end_and_no_further_than_the_bound() {
        let request = b"GET /v1/ws?x=1 HTTP/1.1\r\nhost: a\r\n\r\n";
        assert!(read(&mut &request[..]).await.unwrap().is_websocket());
        assert!(!read(&mut &b"GET /v1/wsx HTTP/1.1\r\n\r\n"[..]).await.unwrap().is_websocket());
        assert!(read(&mut &request[..20]).await.is_err());
        let endless = vec![b'a'; 2 * MAX_BYTES];
        assert_eq!(read(&mut &endless[..]).await.unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
