//! A WebSocket by hand: bytes that no library would write.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::PATIENCE;
use super::server::Server;

/// The opcodes of frames.
pub(crate) mod opcode {
    pub(crate) const CONTINUATION: u8 = 0x0;
    pub(crate) const TEXT: u8 = 0x1;
    pub(crate) const BINARY: u8 = 0x2;
    pub(crate) const CLOSE: u8 = 0x8;
    pub(crate) const PING: u8 = 0x9;
    pub(crate) const PONG: u8 = 0xA;
}

/// A frame as it came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) opcode: u8,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    /// The code of a close frame.
    pub(crate) fn close_code(&self) -> Option<u16> {
        let code = self.payload.first_chunk::<2>().copied().map(u16::from_be_bytes);
        code.filter(|_| self.opcode == opcode::CLOSE)
    }

    /// The JSON of a text frame.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.payload).unwrap_or_default()
    }
}

/// A connection whose handshake is done.
pub(crate) struct Raw(TcpStream);

impl Raw {
    /// Does the handshake.
    pub(crate) async fn open(server: &Server) -> Self {
        let address = server.addresses().public;
        let mut raw = Self::connect(address).await;
        raw.write(handshake(address).as_bytes()).await;
        assert_eq!(raw.status().await, 101);
        raw
    }

    /// Reads the head of an HTTP answer; returns its status, 0 when there is none.
    pub(crate) async fn status(&mut self) -> u16 {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match timeout(PATIENCE, self.0.read_u8()).await.expect("no answer in time") {
                Ok(byte) => head.push(byte),
                Err(_) => return 0,
            }
        }
        let status = String::from_utf8_lossy(&head).split(' ').nth(1).map(str::parse);
        status.and_then(Result::ok).unwrap_or_default()
    }

    /// Connects and says nothing.
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = timeout(PATIENCE, TcpStream::connect(address)).await;
        Self(stream.expect("not connected in time").expect("the server listens"))
    }

    /// Writes bytes as they are; returns whether the connection took them. One that the server has closed does not.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> bool {
        let written = timeout(PATIENCE, self.0.write_all(bytes)).await;
        written.expect("the server does not read").is_ok()
    }

    /// Writes a whole frame, masked.
    pub(crate) async fn frame(&mut self, opcode: u8, payload: &[u8]) {
        self.write(&frame(true, opcode, payload)).await;
    }

    /// The next frame; `None` when the connection has ended.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        timeout(PATIENCE, self.read()).await.expect("no frame in time")
    }

    /// The next frame of this type, as JSON.
    pub(crate) async fn next_of(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.next().await.unwrap_or_else(|| panic!("it ended before {kind}"));
            if frame.json()["type"] == kind {
                return frame.json();
            }
        }
    }

    /// Reads to the end; returns the code of the close frame, if there was one.
    pub(crate) async fn end(&mut self) -> Option<u16> {
        let mut code = None;
        while let Some(frame) = self.next().await {
            code = code.or(frame.close_code());
        }
        code
    }

    /// Ends the connection so that the other side is told nothing more than that it is over.
    pub(crate) fn reset(self) {
        // Closing with bytes unread makes the system send a reset.
        drop(self);
    }

    async fn read(&mut self) -> Option<Frame> {
        let first = self.0.read_u8().await.ok()?;
        let length = match self.0.read_u8().await.ok()? {
            126 => u64::from(self.0.read_u16().await.ok()?),
            127 => self.0.read_u64().await.ok()?,
            short => u64::from(short),
        };
        let mut payload = vec![0; usize::try_from(length).ok()?];
        self.0.read_exact(&mut payload).await.ok()?;
        Some(Frame { opcode: first & 0x0F, payload })
    }
}

/// The request of a handshake.
pub(crate) fn handshake(address: SocketAddr) -> String {
    format!(
        "GET /v1/ws HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: causerie.v1\r\n\r\n"
    )
}

/// A masked frame.
pub(crate) fn frame(last: bool, opcode: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x12, 0x34, 0x56, 0x78];
    let mut bytes = header(last, opcode, payload.len() as u64, true);
    bytes.extend(MASK);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// The header of a frame, whose payload may have another length than it declares.
pub(crate) fn header(last: bool, opcode: u8, length: u64, masked: bool) -> Vec<u8> {
    let (fin, mask) = (if last { 0x80 } else { 0 }, if masked { 0x80 } else { 0 });
    let mut bytes = vec![fin | opcode];
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short), _) if short < 126 => bytes.push(mask | short),
        (_, Ok(medium)) => {
            bytes.push(mask | 126);
            bytes.extend(medium.to_be_bytes());
        }
        _ => {
            bytes.push(mask | 127);
            bytes.extend(length.to_be_bytes());
        }
    }
    bytes
}
