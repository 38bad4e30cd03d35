//! The breaks: each spoils a good history in one place.

use std::collections::HashSet;

use uuid::Uuid;

use super::places::{
    Sent, append_at_the_end, asked_between, each_seen, first_seen, head, sent, settled, user,
};
use crate::history::{Change, Digest, Entry, Line};
use crate::verdict::Kind;

/// One way to break a history.
pub struct Break {
    /// What must be found.
    pub kind: Kind,
    /// What is done.
    pub name: &'static str,
    /// Does it. `None`: the history has no place for it.
    pub apply: fn(&mut Vec<Line>) -> Option<()>,
}

macro_rules! breaks {
    ($($kind:ident $name:literal $apply:ident,)+) => {
        /// Every break; at least one for each kind.
        pub const BREAKS: &[Break] = &[$(Break { kind: Kind::$kind, name: $name, apply: $apply },)+];
    };
}

breaks! {
    Lost "an acknowledged message is missing in the middle" lose_one,
    Lost "the end of a conversation is missing" lose_the_end,
    Duplicate "a message comes again at the end" repeat,
    Duplicate "a resend is told another position" answer_elsewhere,
    Divergent "one observer sees another body" differ,
    Divergent "a sender is told the position of another message" answer_wrongly,
    Gap "a page leaves out a message" skip_in_page,
    Gap "a message is skipped live" skip_live,
    Gap "a page says that it is all, and is not" end_early,
    Phantom "a message that nobody sent" invent,
    Phantom "a refused message is there" keep_refused,
    Phantom "a message does not say what was sent" falsify,
    Inversion "a message stands before one that was acknowledged earlier" invert,
    BehindRead "a message lands where somebody had read" land_behind,
    SessionOrder "two sends of a session are swapped" swap_sends,
    Stale "a page ends before what was acknowledged" age,
    Stale "a list of members lacks one" forget_member,
    Undelivered "a connected member does not get the last message" withhold,
    Leak "a removed member still gets a message" leak,
    EventMissing "an acknowledged message is not in the event log" lose_event,
    EventOrder "two events are swapped" swap_events,
    TwoOwners "another node claims the same epoch" claim,
    FencedCommit "a replaced owner commits" commit_late,
}

fn lose_one(lines: &mut Vec<Line>) -> Option<()> {
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

fn lose_the_end(lines: &mut Vec<Line>) -> Option<()> {
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

fn repeat(lines: &mut Vec<Line>) -> Option<()> {
    let first = sent_in_direct(lines).into_iter().next()?;
    let entry = entry_at(lines, first.conversation, first.seq)?;
    append_at_the_end(lines, first.conversation, &entry);
    Some(())
}

fn answer_elsewhere(lines: &mut Vec<Line>) -> Option<()> {
    let settled = settled(lines);
    let first = sent_in_direct(lines).into_iter().find(|sent| settled.contains(&sent.session))?;
    let end = head(lines, first.conversation) + 1;
    let Line::Attempt { session, conversation, client_message_id, body, .. } = lines[first.attempt].clone() else {
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

fn differ(lines: &mut Vec<Line>) -> Option<()> {
    let some = sent(lines).into_iter().next()?;
    let mut done = false;
    each_seen(lines, some.conversation, |_, _, entry| {
        if entry.seq == some.seq && !std::mem::replace(&mut done, true) {
            entry.body = Digest(entry.body.0 ^ 1);
        }
    });
    done.then_some(())
}

fn answer_wrongly(lines: &mut Vec<Line>) -> Option<()> {
    let some = sent(lines).into_iter().find(|sent| sent.seq > 5)?;
    let Line::Sent { seq, .. } = &mut lines[some.answer] else { return None };
    *seq -= 1;
    Some(())
}

fn skip_in_page(lines: &mut Vec<Line>) -> Option<()> {
    // A page that only repeats: of a session that had it all before.
    for line in lines {
        if let Line::Page { items, last: false, way: crate::history::Way::Before, .. } = line
            && items.len() > 2
        {
            items.remove(1);
            return Some(());
        }
    }
    None
}

fn skip_live(lines: &mut Vec<Line>) -> Option<()> {
    let settled = settled(lines);
    // Three in a row of a session that is not asked what it did not get, with nothing else between them.
    for first in 0..lines.len() {
        let Line::Message { session, conversation, entry, .. } = &lines[first] else { continue };
        if settled.contains(session) {
            continue;
        }
        let mut next = (first + 1..lines.len()).filter(|number| heard_of(&lines[*number]) == Some((*session, *conversation)));
        let (Some(second), Some(third)) = (next.next(), next.next()) else { continue };
        let seq = |number: usize| match &lines[number] {
            Line::Message { entry, .. } => Some(entry.seq),
            _ => None,
        };
        if seq(second) == Some(entry.seq + 1) && seq(third) == Some(entry.seq + 2) {
            lines.remove(second);
            return Some(());
        }
    }
    None
}

fn end_early(lines: &mut Vec<Line>) -> Option<()> {
    for number in 0..lines.len() {
        let Line::Page { session, conversation, way: crate::history::Way::After, items, position, more: false, last: false, .. } =
            &lines[number]
        else {
            continue;
        };
        // Only where it had the end before, so that nothing is missing but the end of this page.
        let Some(end) = items.last().map(|entry| entry.seq) else { continue };
        let (session, conversation, short) = (*session, *conversation, items.len() < 2);
        let before = lines[..number].iter().any(|line| matches!(line, Line::Message { session: s, conversation: c, entry, .. } if *s == session && *c == conversation && entry.seq == end));
        if *position == 0 && before && !short {
            let Line::Page { items, .. } = &mut lines[number] else { return None };
            items.pop();
            return Some(());
        }
    }
    None
}

fn invent(lines: &mut Vec<Line>) -> Option<()> {
    let some = sent_in_direct(lines).into_iter().next()?;
    let entry = entry_at(lines, some.conversation, some.seq)?;
    append_at_the_end(lines, some.conversation, &Entry { client_message_id: Uuid::from_u128(1), ..entry });
    Some(())
}

fn keep_refused(lines: &mut Vec<Line>) -> Option<()> {
    let direct = |of: Uuid| lines.iter().any(|line| matches!(line, Line::Direct { conversation, .. } if *conversation == of));
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
            if refused.contains(&(*session, *request)) && direct(*conversation) && tries(*client_message_id) == 1 =>
        {
            let from = user(lines, *session)?;
            let entry = Entry { seq: 0, from, client_message_id: *client_message_id, body: *body, membership: None };
            Some((*conversation, entry))
        }
        _ => None,
    })?;
    append_at_the_end(lines, conversation, &entry);
    Some(())
}

fn falsify(lines: &mut Vec<Line>) -> Option<()> {
    let some = sent(lines).into_iter().next()?;
    let Line::Attempt { body, .. } = &mut lines[some.attempt] else { return None };
    *body = Digest(body.0 ^ 1);
    Some(())
}

fn invert(lines: &mut Vec<Line>) -> Option<()> {
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

fn land_behind(lines: &mut Vec<Line>) -> Option<()> {
    let all = sent(lines);
    let some = all.iter().find(|sent| {
        let reader = lines.iter().any(|line| matches!(line, Line::Read { conversation, .. } if *conversation == sent.conversation));
        reader && !asked_between(lines, sent.conversation, sent.begun - 1, sent.answered + 200)
    })?;
    let (conversation, seq, at) = (some.conversation, some.seq, some.begun - 1);
    let session = some.session;
    lines.push(Line::Read { at, session, conversation, seq });
    Some(())
}

fn swap_sends(lines: &mut Vec<Line>) -> Option<()> {
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

fn age(lines: &mut Vec<Line>) -> Option<()> {
    let all = sent(lines);
    for number in 0..lines.len() {
        let Line::Page { begun, session, conversation, items, head, more: false, last: false, .. } = &lines[number] else {
            continue;
        };
        let known = all.iter().any(|sent| sent.conversation == *conversation && sent.seq == *head && sent.answered < *begun);
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

fn forget_member(lines: &mut Vec<Line>) -> Option<()> {
    for line in lines {
        if let Line::Members { users, .. } = line {
            // The first one is in it from the beginning to the end.
            users.remove(0);
            return Some(());
        }
    }
    None
}

fn withhold(lines: &mut Vec<Line>) -> Option<()> {
    let settled = settled(lines);
    let all = sent(lines);
    let opened = |of: u64| {
        lines.iter().find_map(|line| match line {
            Line::Open { session, at, .. } if *session == of => Some(*at),
            _ => None,
        })
    };
    let last = (0..lines.len()).rev().find(|number| {
        let Line::Message { session, conversation, entry, .. } = &lines[*number] else { return false };
        let later = lines[number + 1..].iter().any(|line| heard_of(line) == Some((*session, *conversation)));
        let covered = lines.iter().any(|line| match line {
            Line::Head { session: s, conversation: c, seq, .. } => (s, c) == (session, conversation) && *seq >= entry.seq,
            Line::Page { session: s, conversation: c, last: false, items, .. } => {
                (s, c) == (session, conversation) && items.iter().any(|item| item.seq == entry.seq)
            }
            _ => false,
        });
        let known = all.iter().any(|sent| {
            sent.client == entry.client_message_id && opened(*session).is_some_and(|opened| opened < sent.begun)
        });
        settled.contains(session) && !later && !covered && known
    })?;
    lines.remove(last);
    Some(())
}

fn leak(lines: &mut Vec<Line>) -> Option<()> {
    for number in 0..lines.len() {
        let Line::Message { session, conversation, entry, .. } = &lines[number] else { continue };
        let gone = entry.membership.as_ref().filter(|it| it.change == Change::Gone).and_then(|it| it.users.first());
        let (Some(gone), Some(user)) = (gone, user(lines, *session)) else { continue };
        if *gone != user {
            continue;
        }
        let (session, conversation, seq) = (*session, *conversation, entry.seq + 1);
        // Somebody else got the next one: the one that is gone gets it at the same time.
        let next = (number + 1..lines.len()).find(|next| {
            matches!(&lines[*next], Line::Message { conversation: c, entry, .. }
                if *c == conversation && entry.seq == seq && entry.membership.is_none())
        });
        let Some(next) = next else { continue };
        let Line::Message { at, entry, .. } = lines[next].clone() else { return None };
        let again = lines[number..].iter().any(|line| match line {
            Line::Page { conversation: c, items, .. } if *c == conversation => items.iter().any(|entry| entry.seq >= seq && adds(entry, &user)),
            _ => false,
        });
        if again || close_of(lines, session).is_some_and(|closed| closed <= next) {
            continue;
        }
        lines.insert(next + 1, Line::Message { at, session, conversation, entry });
        return Some(());
    }
    None
}

fn lose_event(lines: &mut Vec<Line>) -> Option<()> {
    let some = sent(lines).into_iter().next()?;
    lines.retain(|line| !matches!(line, Line::Logged { client_message_id, .. } if *client_message_id == some.client));
    Some(())
}

fn swap_events(lines: &mut Vec<Line>) -> Option<()> {
    let place = |line: &Line| match line {
        Line::Logged { conversation, seq, .. } => Some((*conversation, *seq)),
        _ => None,
    };
    let first = (1..lines.len() - 1).find(|number| {
        let (Some(this), Some(next)) = (place(&lines[*number]), place(&lines[number + 1])) else { return false };
        this.0 == next.0 && this.1 + 1 == next.1 && place(&lines[number - 1]) != Some(this)
    })?;
    lines.swap(first, first + 1);
    Some(())
}

fn claim(lines: &mut Vec<Line>) -> Option<()> {
    let owner = lines.iter().find(|line| matches!(line, Line::Owner { .. }))?.clone();
    let Line::Owner { at, conversation, epoch, .. } = owner else { return None };
    lines.push(Line::Owner { at, node: "n9".into(), conversation, epoch });
    Some(())
}

fn commit_late(lines: &mut Vec<Line>) -> Option<()> {
    let last = lines.iter().rposition(|line| matches!(line, Line::Commit { epoch: 2, .. }))?;
    let Line::Commit { epoch, node, .. } = &mut lines[last] else { return None };
    (*epoch, *node) = (1, "n1".into());
    Some(())
}

/// Whether an entry lets this user in.
fn adds(entry: &Entry, user: &str) -> bool {
    let added = entry.membership.as_ref().filter(|it| it.change == Change::Added);
    added.is_some_and(|it| it.users.iter().any(|added| added.as_ref() == user))
}

/// Messages of conversations whose members never change: their senders are in them at the end, too.
fn sent_in_direct(lines: &[Line]) -> Vec<Sent> {
    let direct = |of: Uuid| lines.iter().any(|line| matches!(line, Line::Direct { conversation, .. } if *conversation == of));
    sent(lines).into_iter().filter(|sent| direct(sent.conversation)).collect()
}

/// The entry of a position as it was seen.
fn entry_at(lines: &[Line], of: Uuid, seq: u64) -> Option<Entry> {
    lines.iter().find_map(|line| match line {
        Line::Page { conversation, items, .. } if *conversation == of => {
            items.iter().find(|entry| entry.seq == seq).cloned()
        }
        _ => None,
    })
}

/// Of which session and conversation a line tells something that it heard.
fn heard_of(line: &Line) -> Option<(u64, Uuid)> {
    match line {
        Line::Message { session, conversation, .. }
        | Line::Head { session, conversation, .. }
        | Line::Page { session, conversation, last: false, .. } => Some((*session, *conversation)),
        _ => None,
    }
}

fn close_of(lines: &[Line], of: u64) -> Option<usize> {
    lines.iter().position(|line| matches!(line, Line::Close { session, .. } if *session == of))
}

/// Any two messages of one conversation.
fn pairs(all: &[Sent]) -> impl Iterator<Item = (&Sent, &Sent)> {
    let others = |first| all.iter().map(move |second| (first, second));
    all.iter().flat_map(others).filter(|(first, second)| first.conversation == second.conversation)
}

/// Whether another message was begun in this time.
fn begun_between(all: &[Sent], of: Uuid, from: u64, to: u64) -> bool {
    all.iter().any(|sent| sent.conversation == of && from < sent.begun && sent.begun < to)
}
