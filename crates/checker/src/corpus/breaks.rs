//! The breaks: each spoils a good history in one place.

mod content;
mod log;
mod order;
mod showing;

use crate::history::Line;
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
    ($($kind:ident $name:literal $module:ident::$apply:ident,)+) => {
        /// Every break; at least one for each kind.
        pub const BREAKS: &[Break] = &[$(Break { kind: Kind::$kind, name: $name, apply: |lines| $module::$apply(lines) },)+];
    };
}

breaks! {
    Lost "an acknowledged message is missing in the middle" content::lose_one,
    Lost "the end of a conversation is missing" content::lose_the_end,
    Duplicate "a message comes again at the end" content::repeat,
    Duplicate "a resend is told another position" content::answer_elsewhere,
    Divergent "one observer sees another body" content::differ,
    Divergent "a sender is told the position of another message" content::answer_wrongly,
    Gap "a page leaves out a message" showing::skip_in_page,
    Gap "a message is skipped live" showing::skip_live,
    Gap "a message is skipped live after a sync that had nothing" showing::skip_after_nothing,
    Gap "a page says that it is all, and is not" showing::end_early,
    Phantom "a message that nobody sent" content::invent,
    Phantom "a refused message is there" content::keep_refused,
    Phantom "a message does not say what was sent" content::falsify,
    Inversion "a message stands before one that was acknowledged earlier" order::invert,
    BehindRead "a message lands where somebody had read" order::land_behind,
    SessionOrder "two sends of a session are swapped" order::swap_sends,
    Stale "a page ends before what was acknowledged" order::age,
    Stale "a list of members lacks one" order::forget_member,
    ReceiptBack "somebody has read less than before" showing::forget_reading,
    ReceiptBack "a list of members says less than others had heard" showing::forget_reading_when_asked,
    Undelivered "a connected member does not get the last message" showing::withhold,
    Leak "a removed member still gets a message" showing::leak,
    EventMissing "an acknowledged message is not in the event log" log::lose_event,
    EventMissing "an acknowledged change is not in the event log" log::lose_change,
    EventOrder "two events are swapped" log::swap_events,
    TwoOwners "another node claims the same epoch" log::claim,
    FencedCommit "a replaced owner commits" log::commit_late,
}
