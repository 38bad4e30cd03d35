//! Which entries were printed already, and which are missing.
//!
//! The log is at least once and first occurrences of a conversation's entries come in the order of their seq. So the last
//! seq of each conversation says all: one at or below it is a repetition, one that is more than one above it leaves a gap.
//!
//! Bounded: the conversations of which nothing was seen for longest are forgotten, between one and two times `most` later.
//! Of a conversation that was forgotten a repetition is printed again, and a gap is not noticed.

use std::mem;

use causerie_protocol::ConversationId;
use hashbrown::HashMap;

/// What to make of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is the next one, or the first that was seen of its conversation.
    Next,
    /// It was there already.
    Repeated,
    /// It is new, and the entries from here to the one before it are missing.
    GapFrom(u64),
}

/// The last seq of the conversations of one topic.
pub(super) struct Seen {
    most: usize,
    young: HashMap<ConversationId, u64>,
    old: HashMap<ConversationId, u64>,
    /// Something was forgotten: a conversation that is not known is not therefore a new one.
    forgot: bool,
}

impl Seen {
    /// For a log that is read from where it began (`whole`) or from somewhere within, with memory for `most` conversations
    /// and as many older ones.
    pub(super) fn new(whole: bool, most: usize) -> Self {
        Self { most, young: HashMap::new(), old: HashMap::new(), forgot: !whole }
    }

    pub(super) fn look(&mut self, conversation: ConversationId, seq: u64) -> Verdict {
        let known = self.young.get(&conversation).or_else(|| self.old.get(&conversation)).copied();
        let last = match known {
            Some(last) => last,
            None if self.forgot => seq.saturating_sub(1),
            None => 0,
        };
        if seq <= last {
            return Verdict::Repeated;
        }
        self.young.insert(conversation, seq);
        if self.young.len() >= self.most {
            self.forgot |= !self.old.is_empty();
            self.old = mem::take(&mut self.young);
        }
        if seq == last + 1 { Verdict::Next } else { Verdict::GapFrom(last + 1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conversation(number: u8) -> ConversationId {
        ConversationId::from_bytes([number; 16])
    }

    #[test]
    fn repetitions_and_gaps_are_told_apart() {
        let (mut seen, a) = (Seen::new(true, 10), conversation(1));
        let verdicts = [1, 2, 1, 2, 3, 6, 5, 7].map(|seq| seen.look(a, seq));
        use Verdict::{GapFrom, Next, Repeated};
        assert_eq!(verdicts, [Next, Next, Repeated, Repeated, Next, GapFrom(4), Repeated, Next]);
        assert_eq!(seen.look(conversation(2), 3), GapFrom(1));
    }

    #[test]
    fn from_within_the_log_the_first_one_is_taken_as_it_is() {
        let mut seen = Seen::new(false, 10);
        assert_eq!(seen.look(conversation(1), 17), Verdict::Next);
        assert_eq!(seen.look(conversation(1), 19), Verdict::GapFrom(18));
    }

    #[test]
    fn what_is_forgotten_is_bounded_and_no_gap() {
        let mut seen = Seen::new(true, 4);
        for number in 0..100 {
            assert_eq!(seen.look(conversation(number), 1), Verdict::Next);
            assert!(seen.young.len() + seen.old.len() <= 8);
        }
        assert_eq!(seen.look(conversation(99), 1), Verdict::Repeated);
        assert_eq!(seen.look(conversation(0), 5), Verdict::Next);
    }
}
