//! A frame: nine bytes of header, and a body that is passed on as it came.

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::bytes::Reader;
use crate::error::ProxyError;

/// Servers refuse more than 16 MiB by default.
const MOST_BYTES: usize = 32 << 20;
const HEADER: usize = 9;
const COMPRESSED: u8 = 0x01;
const TRACED: u8 = 0x02;
const PAYLOAD: u8 = 0x04;
const WARNED: u8 = 0x08;

/// What a frame is. Those that no rule looks into are `Other`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opcode {
    Error,
    Query,
    Result,
    Prepare,
    Execute,
    Batch,
    Other(u8),
}

/// One frame, in either direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) version: u8,
    pub(crate) flags: u8,
    /// The number that an answer has from its request; negative: an event.
    pub(crate) stream: i16,
    pub(crate) opcode: Opcode,
    pub(crate) body: Bytes,
}

impl Frame {
    /// An answer without flags.
    pub(crate) fn answer(stream: i16, opcode: Opcode, body: Vec<u8>) -> Self {
        Self { version: 0x84, flags: 0, stream, opcode, body: body.into() }
    }

    /// Reads one; `None` at an end between two frames.
    pub(crate) async fn read(from: &mut (impl AsyncRead + Unpin)) -> Result<Option<Self>, ProxyError> {
        let mut header = [0; HEADER];
        if from.read(&mut header[..1]).await? == 0 {
            return Ok(None);
        }
        from.read_exact(&mut header[1..]).await?;
        let [version, flags, stream_high, stream_low, opcode, a, b, c, d] = header;
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        if length > MOST_BYTES {
            return Err(ProxyError::Malformed("a frame above 32 MiB"));
        }
        let mut body = vec![0; length];
        from.read_exact(&mut body).await?;
        let stream = i16::from_be_bytes([stream_high, stream_low]);
        Ok(Some(Self { version, flags, stream, opcode: opcode.into(), body: body.into() }))
    }

    /// Writes it, header and body.
    pub(crate) async fn write(&self, to: &mut (impl AsyncWrite + Unpin)) -> Result<(), ProxyError> {
        let length =
            u32::try_from(self.body.len()).map_err(|_| ProxyError::Malformed("a frame above 4 GiB"))?;
        let [stream_high, stream_low] = self.stream.to_be_bytes();
        let [a, b, c, d] = length.to_be_bytes();
        let header = [self.version, self.flags, stream_high, stream_low, self.opcode.into(), a, b, c, d];
        to.write_all(&header).await?;
        to.write_all(&self.body).await?;
        Ok(())
    }

    /// Why this proxy cannot look into it, if so.
    pub(crate) fn not_spoken(&self) -> Option<&'static str> {
        if self.version & 0x7F != 4 {
            // The words that make a driver try a lower version.
            Some("Invalid or unsupported protocol version; the proxy speaks 4")
        } else if self.flags & COMPRESSED != 0 {
            Some("the proxy speaks no compression")
        } else {
            None
        }
    }

    /// The body after what the flags put before it (trace id, warnings, payload).
    pub(crate) fn content(&self) -> Result<Reader<'_>, ProxyError> {
        let mut reader = Reader(&self.body);
        let is_answer = self.version & 0x80 != 0;
        if is_answer && self.flags & TRACED != 0 {
            reader.take(16)?;
        }
        if self.flags & WARNED != 0 {
            reader.skip_strings()?;
        }
        if self.flags & PAYLOAD != 0 {
            reader.skip_bytes_map()?;
        }
        Ok(reader)
    }

    /// The same frame with other content, what was before it kept.
    pub(crate) fn with_content(self, content: &[u8]) -> Result<Self, ProxyError> {
        let before = self.body.len() - self.content()?.0.len();
        let body = [&self.body[..before], content].concat().into();
        Ok(Self { body, ..self })
    }
}

impl From<u8> for Opcode {
    fn from(number: u8) -> Self {
        match number {
            0x00 => Self::Error,
            0x07 => Self::Query,
            0x08 => Self::Result,
            0x09 => Self::Prepare,
            0x0A => Self::Execute,
            0x0D => Self::Batch,
            other => Self::Other(other),
        }
    }
}

impl From<Opcode> for u8 {
    fn from(opcode: Opcode) -> Self {
        match opcode {
            Opcode::Error => 0x00,
            Opcode::Query => 0x07,
            Opcode::Result => 0x08,
            Opcode::Prepare => 0x09,
            Opcode::Execute => 0x0A,
            Opcode::Batch => 0x0D,
            Opcode::Other(other) => other,
        }
    }
}

#[cfg(test)]
#[path = "frame/tests.rs"]
mod tests;
