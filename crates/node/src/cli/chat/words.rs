//! How things are said on a terminal.
//!
//! What comes from others is shown without control and direction characters, so that nobody can write outside of
//! their own line.

use std::time::Duration;

use causerie_client::RequestError;
use causerie_protocol::frame::down::{Change, EntryKind, Membership, Message};
use causerie_protocol::frame::up::Role;
use causerie_protocol::{Timestamp, UserId};
use jiff::tz::TimeZone;

/// The most characters of a message that are quoted in a notice.
const QUOTE: usize = 30;

/// Text of others, safe to print; further lines are set in under the first.
pub(super) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.trim_end().chars() {
        match char {
            '\n' => out.push_str("\n         "),
            '\t' => out.push(' '),
            '\r' => {}
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => out.push('\u{fffd}'),
            char if char.is_control() => out.push('\u{fffd}'),
            char => out.push(char),
        }
    }
    out
}

/// The beginning of a text.
pub(super) fn quote(text: &str) -> String {
    let mut short: String = text.chars().take(QUOTE).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    printable(&short)
}

/// The local time of day.
pub(super) fn clock(time: Timestamp) -> String {
    local(time).map_or_else(String::new, |time| time.strftime("%H:%M").to_string())
}

/// The local day and time.
pub(super) fn date(time: Timestamp) -> String {
    local(time).map_or_else(String::new, |time| time.strftime("%Y-%m-%d %H:%M").to_string())
}

fn local(time: Timestamp) -> Option<jiff::civil::DateTime> {
    let time = jiff::Timestamp::from_millisecond(i64::try_from(time.0).ok()?).ok()?;
    Some(TimeZone::system().to_datetime(time))
}

/// What a message says, in one piece.
pub(super) fn content(message: &Message) -> String {
    if message.kind == EntryKind::Membership {
        return serde_json::from_str::<Membership>(message.body.as_json())
            .map_or_else(|_| "changed the group".to_owned(), |change| membership(&change));
    }
    match message.body.content() {
        Ok(content) => content
            .text
            .map_or_else(|| format!("({})", printable(&content.content_type)), |text| printable(&text)),
        Err(_) => "(unreadable)".to_owned(),
    }
}

fn membership(entry: &Membership) -> String {
    let users = names(&entry.users);
    let title = entry.title.as_ref().map(|title| printable(title.as_str())).unwrap_or_default();
    match entry.change {
        Change::Created => format!("began the group “{title}” with {users}"),
        Change::Added => format!("added {users}"),
        Change::Removed => format!("removed {users}"),
        Change::Left => "left".to_owned(),
        Change::Role => format!("made {users} {}", entry.role.map_or("something else", role)),
        Change::Renamed => format!("renamed the group to “{title}”"),
    }
}

/// What a role is called.
pub(super) fn role(role: Role) -> &'static str {
    match role {
        Role::Member => "member",
        Role::Admin => "admin",
        Role::Owner => "owner",
    }
}

/// Names, one after the other.
pub(super) fn names(users: &[UserId]) -> String {
    users.iter().map(|user| printable(user.as_str())).collect::<Vec<_>>().join(", ")
}

/// A request that was not done.
pub(super) fn problem(error: &RequestError) -> String {
    format!("  ✗ {error}")
}

/// A lost connection that is dialled again.
pub(super) fn disconnected(reason: &str, wait: Duration) -> String {
    format!("  — disconnected: {reason}; trying again in {:.0} s", wait.as_secs_f64().ceil())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_writes_outside_of_their_line() {
        assert_eq!(printable("a\u{1b}[2Jb\rc\u{202e}d\u{7}"), "a\u{fffd}[2Jbc\u{fffd}d\u{fffd}");
        assert_eq!(printable("one\ntwo\n"), "one\n         two");
        assert_eq!(quote(&"x".repeat(31)), format!("{}…", "x".repeat(30)));
    }
}
