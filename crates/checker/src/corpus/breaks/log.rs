//! What the nodes and the event log say.

use super::super::places::sent;
use crate::history::Line;

pub(super) fn lose_event(lines: &mut Vec<Line>) -> Option<()> {
    let some = sent(lines).into_iter().next()?;
    lines.retain(
        |line| !matches!(line, Line::Logged { client_message_id, .. } if *client_message_id == some.client),
    );
    Some(())
}

pub(super) fn lose_change(lines: &mut Vec<Line>) -> Option<()> {
    let change = lines.iter().find_map(|line| match line {
        Line::Changed { conversation, seq, .. } => Some((*conversation, *seq)),
        _ => None,
    })?;
    lines.retain(
        |line| !matches!(line, Line::Logged { conversation, seq, .. } if (*conversation, *seq) == change),
    );
    Some(())
}

pub(super) fn swap_events(lines: &mut [Line]) -> Option<()> {
    let place = |line: &Line| match line {
        Line::Logged { conversation, seq, .. } => Some((*conversation, *seq)),
        _ => None,
    };
    let first = (1..lines.len() - 1).find(|number| {
        let (Some(this), Some(next)) = (place(&lines[*number]), place(&lines[number + 1])) else {
            return false;
        };
        this.0 == next.0 && this.1 + 1 == next.1 && place(&lines[number - 1]) != Some(this)
    })?;
    lines.swap(first, first + 1);
    Some(())
}

pub(super) fn claim(lines: &mut Vec<Line>) -> Option<()> {
    let owner = lines.iter().find(|line| matches!(line, Line::Owner { .. }))?.clone();
    let Line::Owner { at, conversation, epoch, .. } = owner else { return None };
    lines.push(Line::Owner { at, node: "n9".into(), conversation, epoch });
    Some(())
}

pub(super) fn commit_late(lines: &mut [Line]) -> Option<()> {
    let last = lines.iter().rposition(|line| matches!(line, Line::Commit { epoch: 2, .. }))?;
    let Line::Commit { epoch, node, .. } = &mut lines[last] else { return None };
    (*epoch, *node) = (1, "n1".into());
    Some(())
}
