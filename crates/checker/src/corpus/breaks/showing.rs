//! What is shown to whom.

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
