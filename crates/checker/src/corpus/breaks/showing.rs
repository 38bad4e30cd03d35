//! What is shown to whom.

use uuid::Uuid;

use super::super::places::{adds, close_of, heard_of, sent, settled, user};
use crate::history::{Change, Line, Way};

pub(super) fn skip_in_page(lines: &mut [Line]) -> Option<()> {
    // A page that only repeats: of a session that had it all before.
    for line in lines {
        if let Line::Page { items, last: false, way: Way::Before, .. } = line
            && items.len() > 2
        {
            items.remove(1);
            return Some(());
        }
    }
    None
}

pub(super) fn skip_live(lines: &mut Vec<Line>) -> Option<()> {
    let settled = settled(lines);
    // Three in a row of a session that is not asked what it did not get, with nothing else between them.
    for first in 0..lines.len() {
        let Line::Message { session, conversation, entry, .. } = &lines[first] else { continue };
        if settled.contains(session) {
            continue;
        }
        let mut next = (first + 1..lines.len())
            .filter(|number| heard_of(&lines[*number]) == Some((*session, *conversation)));
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

/// Two live messages in a row of a session that is not asked what it did not get: as if it had synced before them and
/// had everything, and then the first did not come.
pub(super) fn skip_after_nothing(lines: &mut Vec<Line>) -> Option<()> {
    let settled = settled(lines);
    for first in 0..lines.len() {
        let Line::Message { at, session, conversation, entry } = &lines[first] else { continue };
        let group = (*session, *conversation);
        let of_group = |number: &usize| heard_of(&lines[*number]) == Some(group);
        let next = (first + 1..lines.len()).find(of_group);
        let follows = next.is_some_and(
            |next| matches!(&lines[next], Line::Message { entry: it, .. } if it.seq == entry.seq + 1),
        );
        if settled.contains(session) || !follows || entry.seq < 2 {
            continue;
        }
        let opened = |line: &Line| match line {
            Line::Open { at, session, .. } if *session == group.0 => Some(*at),
            _ => None,
        };
        let end = entry.seq - 1;
        let nothing = Line::Page {
            begun: lines.iter().find_map(opened)?,
            at: *at,
            session: group.0,
            conversation: group.1,
            way: Way::After,
            position: end,
            items: Vec::new(),
            head: end,
            more: false,
            last: false,
        };
        let before: Vec<usize> = (0..first).filter(of_group).collect();
        lines[first] = nothing;
        before.into_iter().rev().for_each(|number| drop(lines.remove(number)));
        return Some(());
    }
    None
}

pub(super) fn end_early(lines: &mut [Line]) -> Option<()> {
    for number in 0..lines.len() {
        let Line::Page {
            session,
            conversation,
            way: Way::After,
            items,
            position,
            more: false,
            last: false,
            ..
        } = &lines[number]
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

pub(super) fn forget_reading(lines: &mut [Line]) -> Option<()> {
    go_back(lines, |told, before| told.begun == 0 && told.session == before.session && before.begun == 0)
}

pub(super) fn forget_reading_when_asked(lines: &mut [Line]) -> Option<()> {
    go_back(lines, |told, before| told.begun > before.at && told.session != before.session)
}

/// A receipt of a user who is in the conversation for ever.
#[derive(Clone, PartialEq, Eq)]
struct Told {
    of: (Uuid, Box<str>),
    session: u64,
    begun: u64,
    at: u64,
}

/// Lets a receipt say nothing, after one to which it stands as is wanted.
fn go_back(lines: &mut [Line], wanted: impl Fn(&Told, &Told) -> bool) -> Option<()> {
    let direct = |of: &Uuid| {
        lines.iter().any(|line| matches!(line, Line::Direct { conversation, .. } if conversation == of))
    };
    let told = |line: &Line| match line {
        Line::Receipt { begun, at, session, conversation, user, .. } if direct(conversation) => {
            Some(Told { of: (*conversation, user.clone()), session: *session, begun: *begun, at: *at })
        }
        _ => None,
    };
    let all: Vec<(usize, Told)> =
        lines.iter().enumerate().filter_map(|(number, line)| Some((number, told(line)?))).collect();
    let (number, _) = all.iter().find(|(number, this)| {
        all.iter().any(|(earlier, before)| earlier < number && before.of == this.of && wanted(this, before))
    })?;
    let Line::Receipt { delivered, read, .. } = &mut lines[*number] else { return None };
    (*delivered, *read) = (0, 0);
    Some(())
}

pub(super) fn withhold(lines: &mut Vec<Line>) -> Option<()> {
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
            Line::Head { session: s, conversation: c, seq, .. } => {
                (s, c) == (session, conversation) && *seq >= entry.seq
            }
            Line::Page { session: s, conversation: c, last: false, items, .. } => {
                (s, c) == (session, conversation) && items.iter().any(|item| item.seq == entry.seq)
            }
            _ => false,
        });
        let known = all.iter().any(|sent| {
            sent.client == entry.client_message_id
                && opened(*session).is_some_and(|opened| opened < sent.begun)
        });
        settled.contains(session) && !later && !covered && known
    })?;
    lines.remove(last);
    Some(())
}

pub(super) fn leak(lines: &mut Vec<Line>) -> Option<()> {
    for number in 0..lines.len() {
        let Line::Message { session, conversation, entry, .. } = &lines[number] else { continue };
        let gone =
            entry.membership.as_ref().filter(|it| it.change == Change::Gone).and_then(|it| it.users.first());
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
            Line::Page { conversation: c, items, .. } if *c == conversation => {
                items.iter().any(|entry| entry.seq >= seq && adds(entry, &user))
            }
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
