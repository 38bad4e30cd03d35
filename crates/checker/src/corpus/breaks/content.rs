//! What is there, once, and as it was sent.

use std::collections::HashSet;

use uuid::Uuid;

use super::super::places::{
    append_at_the_end, close_of, each_seen, entry_at, head, sent, sent_in_direct, settled, user,
};
use crate::history::{Digest, Entry, Line};

pub(super) fn lose_one(lines: &mut [Line]) -> Option<()> {
    let lost = sent(lines).into_iter().find(|sent| sent.seq > 5)?;
    for line in lines {
        if let Line::Page { conversation, items, last: true, .. } = line
            && *conversation == lost.conversation
        {
            items.retain(|entry| entry.seq != lost.seq);
        }
    }
    Some(())
}

pub(super) fn lose_the_end(lines: &mut [Line]) -> Option<()> {
    // The end is what somebody knew of: an unanswered message that nobody saw may be missing.
    let of = sent(lines).into_iter().max_by_key(|sent| sent.answered)?;
    for line in lines {
        if let Line::Page { conversation, items, head, last: true, .. } = line
            && *conversation == of.conversation
        {
            *head = of.seq - 1;
            items.retain(|entry| entry.seq < of.seq);
        }
    }
    Some(())
}

pub(super) fn repeat(lines: &mut [Line]) -> Option<()> {
    let first = sent_in_direct(lines).into_iter().next()?;
    let entry = entry_at(lines, first.conversation, first.seq)?;
    append_at_the_end(lines, first.conversation, &entry);
    Some(())
}

pub(super) fn answer_elsewhere(lines: &mut Vec<Line>) -> Option<()> {
    let settled = settled(lines);
    let first = sent_in_direct(lines).into_iter().find(|sent| settled.contains(&sent.session))?;
    let end = head(lines, first.conversation) + 1;
    let Line::Attempt { session, conversation, client_message_id, body, .. } = lines[first.attempt].clone()
    else {
        return None;
    };
    let closed = close_of(lines, session)?;
    let Line::Close { at, .. } = lines[closed] else { return None };
    let attempt =
        Line::Attempt { at: at - 1, session, request: u64::MAX, conversation, client_message_id, body };
    lines.splice(closed..closed, [attempt, Line::Sent { at, session, request: u64::MAX, seq: end }]);
    // The event log knows of the second one, too: what is broken is only that there are two.
    lines.push(Line::Logged { conversation, seq: end, client_message_id });
    let entry = entry_at(lines, conversation, first.seq)?;
    append_at_the_end(lines, conversation, &entry);
    Some(())
}

pub(super) fn differ(lines: &mut [Line]) -> Option<()> {
    let some = sent(lines).into_iter().next()?;
    let mut done = false;
    each_seen(lines, some.conversation, |_, _, entry| {
        if entry.seq == some.seq && !std::mem::replace(&mut done, true) {
            entry.body = Digest(entry.body.0 ^ 1);
        }
    });
    done.then_some(())
}

pub(super) fn answer_wrongly(lines: &mut [Line]) -> Option<()> {
    let some = sent(lines).into_iter().find(|sent| sent.seq > 5)?;
    let Line::Sent { seq, .. } = &mut lines[some.answer] else { return None };
    *seq -= 1;
    Some(())
}

pub(super) fn invent(lines: &mut [Line]) -> Option<()> {
    let some = sent_in_direct(lines).into_iter().next()?;
    let entry = entry_at(lines, some.conversation, some.seq)?;
    append_at_the_end(lines, some.conversation, &Entry { client_message_id: Uuid::from_u128(1), ..entry });
    Some(())
}

pub(super) fn keep_refused(lines: &mut [Line]) -> Option<()> {
    let direct = |of: Uuid| {
        lines.iter().any(|line| matches!(line, Line::Direct { conversation, .. } if *conversation == of))
    };
    let tries = |key: Uuid| {
        let same = |line: &&Line| matches!(line, Line::Attempt { client_message_id, .. } if *client_message_id == key);
        lines.iter().filter(same).count()
    };
    let refused: HashSet<(u64, u64)> = lines
        .iter()
        .filter_map(|line| match line {
            Line::Refused { session, request, .. } => Some((*session, *request)),
            _ => None,
        })
        .collect();
    // In a direct conversation, where both are members at its end, too.
    let (conversation, entry) = lines.iter().find_map(|line| match line {
        Line::Attempt { session, request, conversation, client_message_id, body, .. }
            if refused.contains(&(*session, *request))
                && direct(*conversation)
                && tries(*client_message_id) == 1 =>
        {
            let from = user(lines, *session)?;
            let entry =
                Entry { seq: 0, from, client_message_id: *client_message_id, body: *body, membership: None };
            Some((*conversation, entry))
        }
        _ => None,
    })?;
    append_at_the_end(lines, conversation, &entry);
    Some(())
}

pub(super) fn falsify(lines: &mut [Line]) -> Option<()> {
    let some = sent(lines).into_iter().next()?;
    let Line::Attempt { body, .. } = &mut lines[some.attempt] else { return None };
    *body = Digest(body.0 ^ 1);
    Some(())
}
