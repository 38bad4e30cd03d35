//! Errors that the proxy gives in the server's place.

use crate::frame::{Frame, Opcode};

/// What the client is told. Numbers in it are those of three replicas at QUORUM, two wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// One replica answered in time, two were wanted: unknown whether it is written.
    WriteTimeout(WriteType),
    /// One replica answered in time, without the data.
    ReadTimeout,
    /// One replica is alive, two were wanted: nothing was tried.
    Unavailable,
    /// The coordinator has too much to do: nothing was tried.
    Overloaded,
    /// A defect of the server: unknown whether it is written.
    ServerError,
}

/// Which kind of write timed out; drivers decide by it whether to repeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteType {
    /// One statement.
    Simple,
    /// A logged batch whose log was written.
    Batch,
    /// An unlogged batch.
    UnloggedBatch,
    /// A conditional statement.
    Cas,
}

const QUORUM: u16 = 0x0004;
const SERIAL: u16 = 0x0008;

impl Failure {
    /// The ERROR frame for the request on `stream`.
    pub(crate) fn frame(self, stream: i16) -> Frame {
        let mut body = self.code().to_be_bytes().to_vec();
        string(&mut body, "the proxy said so");
        match self {
            Self::WriteTimeout(write) => {
                let consistency = if write == WriteType::Cas { SERIAL } else { QUORUM };
                body.extend(consistency.to_be_bytes());
                body.extend(1_i32.to_be_bytes());
                body.extend(2_i32.to_be_bytes());
                string(&mut body, write.name());
            }
            Self::ReadTimeout => {
                body.extend(QUORUM.to_be_bytes());
                body.extend(1_i32.to_be_bytes());
                body.extend(2_i32.to_be_bytes());
                body.push(0);
            }
            Self::Unavailable => {
                body.extend(QUORUM.to_be_bytes());
                body.extend(2_i32.to_be_bytes());
                body.extend(1_i32.to_be_bytes());
            }
            Self::Overloaded | Self::ServerError => {}
        }
        Frame::answer(stream, Opcode::Error, body)
    }

    fn code(self) -> i32 {
        match self {
            Self::ServerError => 0x0000,
            Self::Unavailable => 0x1000,
            Self::Overloaded => 0x1001,
            Self::WriteTimeout(_) => 0x1100,
            Self::ReadTimeout => 0x1200,
        }
    }
}

impl WriteType {
    fn name(self) -> &'static str {
        match self {
            Self::Simple => "SIMPLE",
            Self::Batch => "BATCH",
            Self::UnloggedBatch => "UNLOGGED_BATCH",
            Self::Cas => "CAS",
        }
    }
}

/// An ERROR that says that the client speaks what the proxy does not.
pub(crate) fn not_spoken(stream: i16, what: &str) -> Frame {
    let mut body = 0x000A_i32.to_be_bytes().to_vec();
    string(&mut body, what);
    Frame::answer(stream, Opcode::Error, body)
}

fn string(body: &mut Vec<u8>, text: &str) {
    // Texts here are short and our own.
    body.extend(u16::try_from(text.len()).unwrap_or_default().to_be_bytes());
    body.extend(text.as_bytes());
}
