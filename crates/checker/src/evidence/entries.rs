//! One entry for each conversation and seq that anybody has seen or was told of.

use std::collections::HashMap;

use super::Span;
use crate::History;
use crate::history::{Digest, Nanos, Outcome, Seen};

/// What is known of one position.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) conversation: u32,
    pub(crate) seq: u64,
    /// Who wrote it under which client id, if somebody saw it or was told so.
    pub(crate) author: Option<(u32, u128)>,
    /// What it says, if somebody saw it.
    pub(crate) body: Option<Digest>,
    /// Before whoever made it first asked for it, if that was recorded.
    pub(crate) begun: Option<Nanos>,
    /// When it was first seen or acknowledged, final syncs left out; [`Nanos::MAX`] if never.
    pub(crate) known: Nanos,
    /// When it was first seen, in whatever way; [`Nanos::MAX`] if never.
    pub(crate) seen: Nanos,
    /// Whether observers disagree about it. Then no other pass can say anything about it.
    pub(crate) divergent: bool,
    /// Whether it is a membership entry.
    pub(crate) membership: bool,
}

/// The entries of a history.
pub(super) struct Entries {
    /// By conversation and seq.
    pub(super) all: Vec<Entry>,
    /// Where those of a conversation are.
    pub(super) spans: HashMap<u32, Span>,
}

/// One source of knowledge about a position.
#[derive(Clone, Copy)]
struct Mark {
    conversation: u32,
    seq: u64,
    source: Source,
}

#[derive(Clone, Copy)]
enum Source {
    Seen(u32),
    Sent(u32),
    Changed(u32),
}

impl Entries {
    pub(super) fn of(history: &History) -> Self {
        let mut marks: Vec<Mark> = (0..)
            .zip(&history.seen)
            .map(|(number, row)| Mark {
                conversation: row.conversation,
                seq: row.seq,
                source: Source::Seen(number),
            })
            .collect();
        marks.extend((0..).zip(&history.attempts).filter_map(|(number, row)| match row.outcome {
            Outcome::Sent(seq) => {
                Some(Mark { conversation: row.conversation, seq, source: Source::Sent(number) })
            }
            _ => None,
        }));
        marks.extend((0..).zip(&history.changed).map(|(number, row)| Mark {
            conversation: row.conversation,
            seq: row.seq,
            source: Source::Changed(number),
        }));
        marks.sort_unstable_by_key(|mark| (mark.conversation, mark.seq));
        let same = |a: &Mark, b: &Mark| (a.conversation, a.seq) == (b.conversation, b.seq);
        let all: Vec<Entry> = marks.chunk_by(same).map(|marks| entry(history, marks)).collect();
        let mut spans = HashMap::new();
        let mut start = 0;
        for chunk in all.chunk_by(|a, b| a.conversation == b.conversation) {
            spans.insert(chunk[0].conversation, start..start + chunk.len());
            start += chunk.len();
        }
        Self { all, spans }
    }
}

/// Puts together what all sources say about one position.
fn entry(history: &History, marks: &[Mark]) -> Entry {
    let Mark { conversation, seq, .. } = marks[0];
    let membership = history.memberships.contains_key(&(conversation, seq));
    let mut entry = Entry {
        conversation,
        seq,
        author: None,
        body: None,
        begun: None,
        known: Nanos::MAX,
        seen: Nanos::MAX,
        divergent: false,
        membership,
    };
    let mut changes = false;
    for mark in marks {
        match mark.source {
            Source::Seen(number) => entry.take_seen(history, &history.seen[number as usize]),
            Source::Sent(number) => {
                let attempt = &history.attempts[number as usize];
                let user = history.sessions[attempt.session as usize].user;
                entry.take_author((user, attempt.client));
                entry.known = entry.known.min(attempt.answered);
            }
            Source::Changed(number) => {
                let changed = &history.changed[number as usize];
                entry.known = entry.known.min(changed.at);
                entry.begun = Some(entry.begun.map_or(changed.begun, |begun| begun.min(changed.begun)));
                changes = true;
            }
        }
    }
    // A change was acknowledged here: a message in its place is something else.
    entry.divergent |= changes && entry.body.is_some() && !membership;
    entry
}

impl Entry {
    fn take_seen(&mut self, history: &History, row: &Seen) {
        self.take_author((row.from, row.client()));
        self.divergent |= *self.body.get_or_insert(row.body) != row.body;
        self.seen = self.seen.min(row.at);
        let in_final = !row.is_live() && history.pages[row.page as usize].last;
        if !in_final {
            self.known = self.known.min(row.at);
        }
    }

    fn take_author(&mut self, author: (u32, u128)) {
        self.divergent |= *self.author.get_or_insert(author) != author;
    }
}
