//! What a request asks: its kind and the texts of its statements.

use crate::bytes::Reader;
use crate::error::ProxyError;
use crate::frame::{Frame, Opcode};
use crate::statements::Statements;

/// The requests that rules can meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A statement sent as text.
    Query,
    /// A statement to be prepared.
    Prepare,
    /// A prepared statement.
    Execute,
    /// A batch of either.
    Batch,
}

/// A request, looked into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) kind: Kind,
    /// Small letters, single blanks; the statements of a batch one after another.
    pub(crate) text: String,
}

impl Request {
    /// `None` for frames that no rule can meet.
    pub(crate) fn read(frame: &Frame, statements: &Statements) -> Result<Option<Self>, ProxyError> {
        let mut content = frame.content()?;
        let (kind, text) = match frame.opcode {
            Opcode::Query => (Kind::Query, content.long_string()?),
            Opcode::Prepare => (Kind::Prepare, content.long_string()?),
            Opcode::Execute => (Kind::Execute, statements.text(content.short_bytes()?)),
            Opcode::Batch => (Kind::Batch, batch(&mut content, statements)?),
            _ => return Ok(None),
        };
        Ok(Some(Self { kind, text: plain(&text) }))
    }

    /// Whether it is about the server itself, which drivers ask when they like.
    pub(crate) fn is_of_driver(&self) -> bool {
        self.text.contains(" system.") || self.text.contains(" system_")
    }

    pub(crate) fn names(&self, table: &str) -> bool {
        self.text.contains(table)
    }
}

/// Small letters, runs of blanks made one.
pub(crate) fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

fn batch(content: &mut Reader<'_>, statements: &Statements) -> Result<String, ProxyError> {
    content.byte()?;
    let mut texts = Vec::new();
    for _ in 0..content.short()? {
        texts.push(match content.byte()? {
            0 => content.long_string()?,
            _ => statements.text(content.short_bytes()?),
        });
        for _ in 0..content.short()? {
            content.value()?;
        }
    }
    Ok(texts.join("; "))
}

/// The id that a RESULT gives to what was prepared, if it is one of that kind.
pub(crate) fn prepared_id(answer: &Frame) -> Result<Option<&[u8]>, ProxyError> {
    const PREPARED: i32 = 4;
    if answer.opcode != Opcode::Result {
        return Ok(None);
    }
    let mut content = answer.content()?;
    if content.int()? != PREPARED {
        return Ok(None);
    }
    content.short_bytes().map(Some)
}

#[cfg(test)]
#[path = "request/tests.rs"]
mod tests;
