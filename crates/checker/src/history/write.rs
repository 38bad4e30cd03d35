//! Writing a history as its lines.

use std::io::{self, Write};

use uuid::Uuid;

use super::{Entry, FORMAT, History, Line, Outcome, Seen};

impl Line {
    /// Writes the line and a line break.
    ///
    /// # Errors
    /// What the output says.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        serde_json::to_writer(&mut *out, self)?;
        out.write_all(b"\n")
    }
}

impl History {
    /// Writes everything, as one recorder of this name.
    ///
    /// Rows of one session keep their order. Kinds of rows follow each other, so the file is not sorted by time.
    ///
    /// # Errors
    /// What the output says.
    pub fn write(&self, recorder: &str, out: &mut impl Write) -> io::Result<()> {
        Line::Recorder { name: recorder.into(), format: FORMAT }.write(out)?;
        for (session, row) in (0..).zip(&self.sessions) {
            let (user, node) = (self.users.name(row.user).clone(), self.nodes.name(row.node).clone());
            Line::Open { at: row.opened, session, user, node }.write(out)?;
        }
        for (conversation, users) in &self.direct {
            let users = users.0.map(|user| self.users.name(user).clone());
            Line::Direct { conversation: self.uuid(*conversation), users }.write(out)?;
        }
        self.write_attempts(out)?;
        self.write_seen(out)?;
        self.write_rest(out)?;
        for (session, row) in (0..).zip(&self.sessions) {
            if let Some(at) = row.closed {
                Line::Close { at, session, settled: row.settled }.write(out)?;
            }
        }
        Ok(())
    }

    fn write_attempts(&self, out: &mut impl Write) -> io::Result<()> {
        for (request, row) in (0..).zip(&self.attempts) {
            let session = u64::from(row.session);
            Line::Attempt {
                at: row.at,
                session,
                request,
                conversation: self.uuid(row.conversation),
                client_message_id: Uuid::from_u128(row.client),
                body: row.body,
            }
            .write(out)?;
            let at = row.answered;
            match row.outcome {
                Outcome::Sent(seq) => Line::Sent { at, session, request, seq },
                Outcome::Refused => Line::Refused { at, session, request },
                Outcome::Unknown => Line::Unknown { at, session, request },
            }
            .write(out)?;
        }
        Ok(())
    }

    /// What was seen, with heads and pages at their places among it.
    fn write_seen(&self, out: &mut impl Write) -> io::Result<()> {
        let mut heads = self.heads.iter().peekable();
        let mut pages = (0u32..).zip(&self.pages).peekable();
        let mut rows = (0u32..).zip(&self.seen).peekable();
        loop {
            let place = rows.peek().map_or(u32::MAX, |(place, _)| *place);
            if let Some(head) = heads.next_if(|head| head.place <= place) {
                let conversation = self.uuid(head.conversation);
                let (at, session, seq) = (head.at, u64::from(head.session), head.seq);
                Line::Head { at, session, conversation, seq }.write(out)?;
                continue;
            }
            let due = pages.peek().is_some_and(|(number, _)| self.page_places[*number as usize] <= place);
            match rows.peek() {
                Some((_, row)) if row.is_live() && !due => {
                    let (at, session) = (row.at, u64::from(row.session));
                    let conversation = self.uuid(row.conversation);
                    Line::Message { at, session, conversation, entry: self.entry(row) }.write(out)?;
                    rows.next();
                }
                _ => {
                    let Some((number, page)) = pages.next() else { return Ok(()) };
                    let mut items = Vec::new();
                    while let Some((_, row)) = rows.next_if(|(_, row)| row.page == number) {
                        items.push(self.entry(row));
                    }
                    Line::Page {
                        begun: page.begun,
                        at: page.at,
                        session: u64::from(page.session),
                        conversation: self.uuid(page.conversation),
                        way: page.way,
                        position: page.position,
                        items,
                        head: page.head,
                        more: page.more,
                        last: page.last,
                    }
                    .write(out)?;
                }
            }
        }
    }

    fn write_rest(&self, out: &mut impl Write) -> io::Result<()> {
        for row in &self.reads {
            let conversation = self.uuid(row.conversation);
            Line::Read { at: row.at, session: row.session.into(), conversation, seq: row.seq }.write(out)?;
        }
        for row in &self.receipts {
            let (conversation, user) = (self.uuid(row.conversation), self.users.name(row.user).clone());
            let (begun, at, session) = (row.begun, row.at, row.session.into());
            let (delivered, read) = (row.delivered, row.read);
            Line::Receipt { begun, at, session, conversation, user, delivered, read }.write(out)?;
        }
        for row in &self.changed {
            let conversation = self.uuid(row.conversation);
            let (begun, at, session, seq) = (row.begun, row.at, row.session.into(), row.seq);
            Line::Changed { begun, at, session, conversation, seq }.write(out)?;
        }
        for row in &self.views {
            let users = row.users.iter().map(|user| self.users.name(*user).clone()).collect();
            let (begun, at, session) = (row.begun, row.at, row.session.into());
            Line::Members { begun, at, session, conversation: self.uuid(row.conversation), users }
                .write(out)?;
        }
        for row in &self.faults {
            Line::Fault { at: row.at, until: row.until, name: row.name.clone(), effect: row.effect }
                .write(out)?;
        }
        for row in &self.logged {
            let (conversation, client_message_id) =
                (self.uuid(row.conversation), Uuid::from_u128(row.client));
            Line::Logged { conversation, seq: row.seq, client_message_id }.write(out)?;
        }
        if self.log_ended {
            Line::LogEnd { at: 0 }.write(out)?;
        }
        for row in &self.owners {
            let (node, conversation) = (self.nodes.name(row.node).clone(), self.uuid(row.conversation));
            Line::Owner { at: row.at, node, conversation, epoch: row.epoch }.write(out)?;
        }
        for row in &self.commits {
            let (node, conversation) = (self.nodes.name(row.node).clone(), self.uuid(row.conversation));
            let (at, epoch, first, last) = (row.at, row.epoch, row.first, row.last);
            Line::Commit { at, node, conversation, epoch, first, last }.write(out)?;
        }
        Ok(())
    }

    fn entry(&self, row: &Seen) -> Entry {
        Entry {
            seq: row.seq,
            from: self.users.name(row.from).clone(),
            client_message_id: Uuid::from_u128(row.client()),
            body: row.body,
            membership: self.memberships.get(&(row.conversation, row.seq)).cloned(),
        }
    }

    pub(crate) fn uuid(&self, conversation: u32) -> Uuid {
        Uuid::from_u128(*self.conversations.name(conversation))
    }
}
