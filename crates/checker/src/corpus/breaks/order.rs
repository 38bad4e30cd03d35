//! What comes before what, and what is known when.

use super::super::places::{asked_between, begun_between, each_seen, entry_at, first_seen, pairs, sent};
use crate::history::{Entry, Line};

pub(super) fn invert(lines: &mut [Line]) -> Option<()> {
    let all = sent(lines);
    // Two of different sessions on their way at once: the second begun overtook the first. Had the first been
    // acknowledged at once, this would have been wrong.
    let (first, _) = pairs(&all).find(|(first, second)| {
        first.session != second.session
            && first.begun + 1 < second.begun
            && second.seq < first.seq
            && !asked_between(lines, first.conversation, first.begun, first.answered)
            && !begun_between(&all, first.conversation, first.begun + 1, second.begun)
    })?;
    let moved = first.begun + 1;
    let answer = first.answer;
    let Line::Sent { at, .. } = &mut lines[answer] else { return None };
    *at = moved;
    Some(())
}

pub(super) fn land_behind(lines: &mut Vec<Line>) -> Option<()> {
    let all = sent(lines);
    let some = all.iter().find(|sent| {
        let reader = lines.iter().any(
            |line| matches!(line, Line::Read { conversation, .. } if *conversation == sent.conversation),
        );
        reader && !asked_between(lines, sent.conversation, sent.begun - 1, sent.answered + 200)
    })?;
    let (conversation, seq, at) = (some.conversation, some.seq, some.begun - 1);
    let session = some.session;
    lines.push(Line::Read { at, session, conversation, seq });
    Some(())
}

pub(super) fn swap_sends(lines: &mut Vec<Line>) -> Option<()> {
    let all = sent(lines);
    let (first, second) = pairs(&all).find(|(first, second)| {
        first.session == second.session
            && first.seq + 1 == second.seq
            && first.attempt < second.attempt
            && second.begun < first.answered
            && second.begun < first_seen(lines, first.conversation, first.seq)
    })?;
    let (first, second) = (first.clone(), second.clone());
    let contents = [first.seq, second.seq].map(|seq| entry_at(lines, first.conversation, seq));
    let [Some(a), Some(b)] = contents else { return None };
    each_seen(lines, first.conversation, |_, _, entry| {
        if entry.seq == first.seq {
            *entry = Entry { seq: first.seq, ..b.clone() };
        } else if entry.seq == second.seq {
            *entry = Entry { seq: second.seq, ..a.clone() };
        }
    });
    for (number, to) in [(first.answer, second.seq), (second.answer, first.seq)] {
        let Line::Sent { seq, .. } = &mut lines[number] else { return None };
        *seq = to;
    }
    for line in lines {
        if let Line::Logged { conversation, seq, client_message_id } = line
            && *conversation == first.conversation
        {
            if *seq == first.seq {
                *client_message_id = second.client;
            } else if *seq == second.seq {
                *client_message_id = first.client;
            }
        }
    }
    Some(())
}

pub(super) fn age(lines: &mut [Line]) -> Option<()> {
    let all = sent(lines);
    for number in 0..lines.len() {
        let Line::Page { begun, session, conversation, items, head, more: false, last: false, .. } =
            &lines[number]
        else {
            continue;
        };
        let known = all
            .iter()
            .any(|sent| sent.conversation == *conversation && sent.seq == *head && sent.answered < *begun);
        let had = lines[..number].iter().any(|line| matches!(line, Line::Message { session: s, conversation: c, entry, .. } if s == session && c == conversation && entry.seq == *head));
        if known && had && items.len() > 1 {
            let Line::Page { items, head, .. } = &mut lines[number] else { return None };
            items.pop();
            *head -= 1;
            return Some(());
        }
    }
    None
}

pub(super) fn forget_member(lines: &mut [Line]) -> Option<()> {
    for line in lines {
        if let Line::Members { users, .. } = line {
            // The first one is in it from the beginning to the end.
            users.remove(0);
            return Some(());
        }
    }
    None
}
