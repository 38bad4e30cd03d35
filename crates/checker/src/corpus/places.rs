//! Where a history can be broken.

use std::collections::HashMap;

use uuid::Uuid;

use crate::history::{Change, Entry, Line, Nanos};

/// One message of one key, put together from its lines.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) conversation: Uuid,
    pub(super) session: u64,
    pub(super) client: Uuid,
    /// The line of its only attempt.
    pub(super) attempt: usize,
    /// The line of its only acknowledgement.
    pub(super) answer: usize,
    pub(super) begun: Nanos,
    pub(super) answered: Nanos,
    pub(super) seq: u64,
}

/// The messages that were attempted once and acknowledged.
pub(super) fn sent(lines: &[Line]) -> Vec<Sent> {
    let mut attempts: HashMap<(u64, u64), (usize, Uuid, Uuid, Nanos)> = HashMap::new();
    let mut tries: HashMap<Uuid, u32> = HashMap::new();
    let mut all = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        match line {
            Line::Attempt { at, session, request, conversation, client_message_id, .. } => {
                attempts.insert((*session, *request), (number, *conversation, *client_message_id, *at));
                *tries.entry(*client_message_id).or_default() += 1;
            }
            Line::Sent { at, session, request, seq } => {
                if let Some((attempt, conversation, client, begun)) = attempts.get(&(*session, *request)) {
                    all.push(Sent {
                        conversation: *conversation,
                        session: *session,
                        client: *client,
                        attempt: *attempt,
                        answer: number,
                        begun: *begun,
                        answered: *at,
                        seq: *seq,
                    });
                }
            }
            _ => {}
        }
    }
    all.retain(|sent| tries[&sent.client] == 1);
    all
}

/// The sessions that stayed to the end.
pub(super) fn settled(lines: &[Line]) -> Vec<u64> {
    let settled = |line: &Line| match line {
        Line::Close { session, settled: true, .. } => Some(*session),
        _ => None,
    };
    lines.iter().filter_map(settled).collect()
}

/// The user of a session.
pub(super) fn user(lines: &[Line], of: u64) -> Option<Box<str>> {
    lines.iter().find_map(|line| match line {
        Line::Open { session, user, .. } if *session == of => Some(user.clone()),
        _ => None,
    })
}

/// The head of a conversation at the end.
pub(super) fn head(lines: &[Line], of: Uuid) -> u64 {
    let head = |line: &Line| match line {
        Line::Page { conversation, head, .. } if *conversation == of => Some(*head),
        _ => None,
    };
    lines.iter().filter_map(head).max().unwrap_or_default()
}

/// Whether a page or a list of members was asked for in this time.
pub(super) fn asked_between(lines: &[Line], of: Uuid, from: Nanos, to: Nanos) -> bool {
    lines.iter().any(|line| match line {
        Line::Page { conversation, begun, last: false, .. } | Line::Members { conversation, begun, .. } => {
            *conversation == of && (from..=to).contains(begun)
        }
        _ => false,
    })
}

/// What of a conversation was seen, with the session and the time. Final syncs too.
pub(super) fn each_seen(lines: &mut [Line], of: Uuid, mut change: impl FnMut(u64, Nanos, &mut Entry)) {
    for line in lines {
        match line {
            Line::Message { conversation, session, at, entry } if *conversation == of => {
                change(*session, *at, entry);
            }
            Line::Page { conversation, session, at, items, .. } if *conversation == of => {
                items.iter_mut().for_each(|entry| change(*session, *at, entry));
            }
            _ => {}
        }
    }
}

/// The earliest time at which an entry was seen, final syncs too.
pub(super) fn first_seen(lines: &[Line], of: Uuid, seq: u64) -> Nanos {
    let seen = |line: &Line| match line {
        Line::Message { conversation, at, entry, .. } if *conversation == of && entry.seq == seq => Some(*at),
        Line::Page { conversation, at, items, .. } if *conversation == of => {
            items.iter().any(|entry| entry.seq == seq).then_some(*at)
        }
        _ => None,
    };
    lines.iter().filter_map(seen).min().unwrap_or(Nanos::MAX)
}

/// Puts an entry behind the last one, for all who sync at the end.
pub(super) fn append_at_the_end(lines: &mut [Line], to: Uuid, entry: &Entry) {
    let end = head(lines, to) + 1;
    for line in lines {
        if let Line::Page { conversation, items, head, more, last: true, .. } = line
            && *conversation == to
        {
            *head = end;
            if !*more {
                items.push(Entry { seq: end, ..entry.clone() });
            }
        }
    }
}

/// Whether an entry lets this user in.
pub(super) fn adds(entry: &Entry, user: &str) -> bool {
    let added = entry.membership.as_ref().filter(|it| it.change == Change::Added);
    added.is_some_and(|it| it.users.iter().any(|added| added.as_ref() == user))
}

/// Messages of conversations whose members never change: their senders are in them at the end, too.
pub(super) fn sent_in_direct(lines: &[Line]) -> Vec<Sent> {
    let direct = |of: Uuid| {
        lines.iter().any(|line| matches!(line, Line::Direct { conversation, .. } if *conversation == of))
    };
    sent(lines).into_iter().filter(|sent| direct(sent.conversation)).collect()
}

/// The entry of a position as it was seen.
pub(super) fn entry_at(lines: &[Line], of: Uuid, seq: u64) -> Option<Entry> {
    lines.iter().find_map(|line| match line {
        Line::Page { conversation, items, .. } if *conversation == of => {
            items.iter().find(|entry| entry.seq == seq).cloned()
        }
        _ => None,
    })
}

/// Of which session and conversation a line tells something that it heard.
pub(super) fn heard_of(line: &Line) -> Option<(u64, Uuid)> {
    match line {
        Line::Message { session, conversation, .. }
        | Line::Head { session, conversation, .. }
        | Line::Page { session, conversation, last: false, .. } => Some((*session, *conversation)),
        _ => None,
    }
}

pub(super) fn close_of(lines: &[Line], of: u64) -> Option<usize> {
    lines.iter().position(|line| matches!(line, Line::Close { session, .. } if *session == of))
}

/// Any two messages of one conversation.
pub(super) fn pairs(all: &[Sent]) -> impl Iterator<Item = (&Sent, &Sent)> {
    let others = |first| all.iter().map(move |second| (first, second));
    all.iter().flat_map(others).filter(|(first, second)| first.conversation == second.conversation)
}

/// Whether another message was begun in this time.
pub(super) fn begun_between(all: &[Sent], of: Uuid, from: u64, to: u64) -> bool {
    all.iter().any(|sent| sent.conversation == of && from < sent.begun && sent.begun < to)
}
