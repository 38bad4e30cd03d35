//! Reading a history from its lines.

use std::collections::HashMap;
use std::io::BufRead;

use super::{
    Attempt, Changed, Commit, Entry, FORMAT, Fault, History, Line, Logged, MembersView, Nanos, Outcome,
    Owner, Page, Read, Receipt, Seen, Session, index,
};

/// Why a history cannot be read. What was read before stays.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The input failed.
    #[error("line {line}: {source}")]
    Io {
        /// Which line, from 1.
        line: usize,
        /// Why.
        source: std::io::Error,
    },
    /// A line is none of ours.
    #[error("line {line}: {source}")]
    Line {
        /// Which line, from 1.
        line: usize,
        /// Why.
        source: serde_json::Error,
    },
    /// A line refers to something that no line before it has named.
    #[error("line {line}: {what}")]
    Dangling {
        /// Which line, from 1.
        line: usize,
        /// What is missing.
        what: String,
    },
}

/// Takes lines in and makes a history of them.
#[derive(Debug, Default)]
pub struct Reader {
    history: History,
    recorder: u32,
    recorders: HashMap<Box<str>, u32>,
    sessions: HashMap<(u32, u64), u32>,
    requests: HashMap<(u32, u64), u32>,
}

impl Reader {
    /// Takes in all lines of a file.
    ///
    /// # Errors
    /// [`ReadError`] at the first line that cannot be used.
    pub fn file(&mut self, input: impl BufRead) -> Result<(), ReadError> {
        for (at, text) in input.lines().enumerate() {
            let line = at + 1;
            let text = text.map_err(|source| ReadError::Io { line, source })?;
            if text.trim().is_empty() {
                continue;
            }
            let parsed = Line::parse(&text).map_err(|source| ReadError::Line { line, source })?;
            self.line(parsed).map_err(|what| ReadError::Dangling { line, what })?;
        }
        Ok(())
    }

    /// Takes in one line. The error says what it refers to and is not there.
    ///
    /// # Errors
    /// A session or a request that no line before has named.
    pub fn line(&mut self, line: Line) -> Result<(), String> {
        match line {
            Line::Recorder { name, format } => self.recorder(name, format)?,
            Line::Open { at, session, user, node } => {
                let (user, node) = (self.history.user(&user), self.history.node(&node));
                let number = self.history.open(Session::new(user, node, at));
                if self.sessions.insert((self.recorder, session), number).is_some() {
                    return Err(format!("session {session} is opened twice"));
                }
            }
            Line::Close { at, session, settled } => {
                let session = self.session(session)?;
                self.history.close(session, at, settled);
            }
            Line::Direct { conversation, users } => {
                let conversation = self.history.conversation(conversation.as_u128());
                let users = [self.history.user(&users[0]), self.history.user(&users[1])];
                self.history.direct(conversation, users);
            }
            Line::Attempt { at, session, request, conversation, client_message_id, body } => {
                let session = self.session(session)?;
                let conversation = self.history.conversation(conversation.as_u128());
                let attempt = Attempt::new(at, session, conversation, client_message_id.as_u128(), body);
                let number = self.history.attempt(attempt);
                self.requests.insert((session, request), number);
            }
            Line::Sent { at, session, request, seq } => {
                self.answer(at, session, request, Outcome::Sent(seq))?;
            }
            Line::Refused { at, session, request } => self.answer(at, session, request, Outcome::Refused)?,
            Line::Unknown { at, session, request } => self.answer(at, session, request, Outcome::Unknown)?,
            Line::Message { at, session, conversation, entry } => {
                let session = self.session(session)?;
                let conversation = self.history.conversation(conversation.as_u128());
                self.see(at, session, conversation, entry, Seen::LIVE);
            }
            Line::Page { begun, at, session, conversation, way, position, items, head, more, last } => {
                let session = self.session(session)?;
                let conversation = self.history.conversation(conversation.as_u128());
                let page = Page { begun, at, position, head, session, conversation, way, more, last };
                let page = self.history.page(page);
                for entry in items {
                    self.see(at, session, conversation, entry, page);
                }
            }
            other => self.rare_line(other)?,
        }
        Ok(())
    }

    fn rare_line(&mut self, line: Line) -> Result<(), String> {
        match line {
            Line::Head { at, session, conversation, seq } => {
                let session = self.session(session)?;
                let conversation = self.history.conversation(conversation.as_u128());
                self.history.heard(at, session, conversation, seq);
            }
            Line::Read { at, session, conversation, seq } => {
                let session = self.session(session)?;
                let conversation = self.history.conversation(conversation.as_u128());
                self.history.read_up_to(Read { at, session, conversation, seq });
            }
            Line::Receipt { begun, at, session, conversation, user, delivered, read } => {
                let session = self.session(session)?;
                let conversation = self.history.conversation(conversation.as_u128());
                let user = self.history.user(&user);
                self.history.receipt(Receipt { begun, at, session, conversation, user, delivered, read });
            }
            Line::Changed { begun, at, session, conversation, seq } => {
                let session = self.session(session)?;
                let conversation = self.history.conversation(conversation.as_u128());
                self.history.changed(Changed { begun, at, session, conversation, seq });
            }
            Line::Members { begun, at, session, conversation, users } => {
                let session = self.session(session)?;
                let conversation = self.history.conversation(conversation.as_u128());
                let users = users.iter().map(|user| self.history.user(user)).collect();
                self.history.view(MembersView { begun, at, session, conversation, users });
            }
            Line::Fault { at, until, name, effect } => self.history.fault(Fault { at, until, name, effect }),
            Line::Logged { conversation, seq, client_message_id } => {
                let conversation = self.history.conversation(conversation.as_u128());
                self.history.log(Logged { conversation, seq, client: client_message_id.as_u128() });
            }
            Line::LogEnd { .. } => self.history.log_end(),
            Line::Owner { at, node, conversation, epoch } => {
                let conversation = self.history.conversation(conversation.as_u128());
                let node = self.history.node(&node);
                self.history.owner(Owner { at, node, conversation, epoch });
            }
            Line::Commit { at, node, conversation, epoch, first, last } => {
                let conversation = self.history.conversation(conversation.as_u128());
                let node = self.history.node(&node);
                self.history.commit(Commit { at, node, conversation, epoch, first, last });
            }
            other => return Err(format!("{other:?} has no reader")),
        }
        Ok(())
    }

    /// The history of all lines so far.
    pub fn finish(self) -> History {
        self.history
    }

    fn recorder(&mut self, name: Box<str>, format: u32) -> Result<(), String> {
        if format != FORMAT {
            return Err(format!("the history has format {format}, this judge reads {FORMAT}"));
        }
        let number = index(self.recorders.len()) + 1;
        self.recorder = *self.recorders.entry(name).or_insert(number);
        Ok(())
    }

    fn session(&self, session: u64) -> Result<u32, String> {
        let number = self.sessions.get(&(self.recorder, session));
        number.copied().ok_or_else(|| format!("session {session} was not opened"))
    }

    fn answer(&mut self, at: Nanos, session: u64, request: u64, outcome: Outcome) -> Result<(), String> {
        let number = self.session(session)?;
        let attempt = self.requests.get(&(number, request));
        let attempt = attempt.ok_or_else(|| format!("session {session} has no request {request}"))?;
        self.history.answer(*attempt, at, outcome);
        Ok(())
    }

    fn see(&mut self, at: Nanos, session: u32, conversation: u32, entry: Entry, page: u32) {
        let Entry { seq, from, client_message_id, body, membership } = entry;
        if let Some(membership) = membership {
            self.history.membership(conversation, seq, || membership);
        }
        let client = Seen::halves(client_message_id.as_u128());
        let from = self.history.user(&from);
        self.history.see(Seen { at, seq, client, body, session, conversation, from, page });
    }
}
