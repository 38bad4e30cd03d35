//! What becomes of a record that was read: a line, a warning, or nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;

use super::error::TailError;
use super::line;
use super::position::Position;
use super::seen::{Seen, Verdict};
use crate::raw::Raw;
use crate::worker::Partition;

/// Conversations of a topic of which the last entry is remembered, at least: about 30 MB.
const REMEMBERED: usize = 250_000;

/// The topic that has every entry of every conversation, so that a gap in it is one.
const WHOLE: &str = "messages";

/// Lines are handed on together once there are so many bytes.
const FULL: usize = 32 * 1024;

pub(super) struct Printer<'a, O, W> {
    prefix: &'a str,
    whole: bool,
    seen: BTreeMap<String, Seen>,
    lines: Vec<u8>,
    out: &'a mut O,
    warnings: &'a mut W,
}

impl<'a, O: Write, W: Write> Printer<'a, O, W> {
    /// `whole`: everything is read from where it began.
    pub(super) fn new(prefix: &'a str, whole: bool, out: &'a mut O, warnings: &'a mut W) -> Self {
        Self { prefix, whole, seen: BTreeMap::new(), lines: Vec::new(), out, warnings }
    }

    pub(super) fn print(&mut self, partition: &Partition, offset: i64, raw: &Raw) -> Result<(), TailError> {
        let name = partition.topic.strip_prefix(self.prefix).and_then(|name| name.strip_prefix('.'));
        let topic = name.unwrap_or(&partition.topic).to_owned();
        let position = Position { topic, partition: partition.number, offset };
        let event = match raw.decode() {
            Ok(event) => event,
            Err(error) => return self.warn(format_args!("{position} cannot be read: {error}")),
        };
        if let Some(seq) = event.seq() {
            let whole = self.whole && position.topic == WHOLE;
            let seen =
                self.seen.entry(position.topic.clone()).or_insert_with(|| Seen::new(whole, REMEMBERED));
            match seen.look(event.conversation, seq.0) {
                Verdict::Repeated => return Ok(()),
                Verdict::GapFrom(first) if position.topic == WHOLE => {
                    let (conversation, last) = (event.conversation, seq.0 - 1);
                    self.warn(format_args!(
                        "a gap before {position}: of conversation {conversation}, seq {first} to {last} are missing"
                    ))?;
                }
                Verdict::GapFrom(_) | Verdict::Next => {}
            }
        }
        let before = self.lines.len();
        if let Err(error) = line::write(&mut self.lines, &position, raw) {
            self.lines.truncate(before);
            return self.warn(format_args!("{position} cannot be printed: {error}"));
        }
        if self.lines.len() >= FULL { self.flush() } else { Ok(()) }
    }

    /// Lines that came before it are handed on first, so that the two can be read together.
    pub(super) fn warn(&mut self, what: fmt::Arguments<'_>) -> Result<(), TailError> {
        self.flush()?;
        writeln!(self.warnings, "causerie: {what}")?;
        Ok(())
    }

    /// Hands on what was printed.
    pub(super) fn flush(&mut self) -> Result<(), TailError> {
        if !self.lines.is_empty() {
            self.out.write_all(&self.lines)?;
            self.out.flush()?;
            self.lines.clear();
        }
        Ok(())
    }
}
