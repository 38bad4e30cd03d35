//! Which requests a rule is about, and which of those.

use crate::request::{Kind, Request, plain};

/// A choice of requests. All that was added to it must hold; without turns, every one that matches is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pick {
    kind: Option<Kind>,
    texts: Vec<String>,
    values: Vec<Vec<u8>>,
    skip: u64,
    every: u64,
    times: u64,
}

impl Pick {
    /// Every QUERY, PREPARE, EXECUTE and BATCH that is not the driver's own.
    #[must_use]
    pub fn any() -> Self {
        Self { kind: None, texts: Vec::new(), values: Vec::new(), skip: 0, every: 1, times: u64::MAX }
    }

    /// Those of one kind.
    #[must_use]
    pub fn of(kind: Kind) -> Self {
        Self { kind: Some(kind), ..Self::any() }
    }

    /// Only where `text` is found in the statement (or in one of a batch).
    #[must_use]
    pub fn text(mut self, text: &str) -> Self {
        self.texts.push(plain(text));
        self
    }

    /// Only where these bytes stand somewhere in the request: a bound value as the protocol writes it, for example the
    /// sixteen bytes of a UUID.
    #[must_use]
    pub fn carrying(mut self, value: &[u8]) -> Self {
        self.values.push(value.to_vec());
        self
    }

    /// The next one only.
    #[must_use]
    pub fn once(self) -> Self {
        self.times(1)
    }

    /// At most this often.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { times, ..self }
    }

    /// Lets this many go by first.
    #[must_use]
    pub fn skip(self, skip: u64) -> Self {
        Self { skip, ..self }
    }

    /// Each `every`-th; 0 counts as 1.
    #[must_use]
    pub fn every(self, every: u64) -> Self {
        Self { every: every.max(1), ..self }
    }

    /// Whether it is about this request at all. `body` is the whole frame's.
    pub(crate) fn matches(&self, request: &Request, body: &[u8]) -> bool {
        let asks_for_system = self.texts.iter().any(|text| text.contains("system"));
        self.kind.is_none_or(|kind| kind == request.kind)
            && (asks_for_system || !request.is_of_driver())
            && self.texts.iter().all(|text| request.text.contains(text))
            && self
                .values
                .iter()
                .all(|value| value.is_empty() || body.windows(value.len()).any(|window| window == value))
    }

    /// Whether the one with this number (from 0, among those that match) has its turn, after `taken` had theirs.
    pub(crate) fn has_turn(&self, number: u64, taken: u64) -> bool {
        taken < self.times && number >= self.skip && (number - self.skip + 1).is_multiple_of(self.every)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(kind: Kind, text: &str) -> Request {
        Request { kind, text: plain(text) }
    }

    #[test]
    fn all_that_was_added_must_hold() {
        let pick = Pick::of(Kind::Batch).text("INSERT  INTO ks.Messages").text("epoch").carrying(&[7, 8]);
        let batch = request(Kind::Batch, "insert into ks.messages\n (epoch)");
        assert!(pick.matches(&batch, &[1, 7, 8]));
        assert!(!pick.matches(&batch, &[7, 1, 8]));
        assert!(!pick.matches(&request(Kind::Execute, &batch.text), &[7, 8]));
        assert!(!pick.matches(&request(Kind::Batch, "insert into ks.messages"), &[7, 8]));
    }

    #[test]
    fn what_the_driver_asks_for_itself_is_met_only_by_name() {
        let own = request(Kind::Query, "SELECT host_id FROM system.local");
        assert!(!Pick::any().matches(&own, &[]));
        assert!(!Pick::any().text("host_id").matches(&own, &[]));
        assert!(Pick::any().text("system.local").matches(&own, &[]));
    }

    #[test]
    fn turns_are_counted_among_those_that_match() {
        let turns = |pick: Pick| -> Vec<u64> {
            let mut taken = 0;
            (0..10)
                .filter(|number| {
                    pick.has_turn(*number, taken) && {
                        taken += 1;
                        true
                    }
                })
                .collect()
        };
        assert_eq!(turns(Pick::any().once()), [0]);
        assert_eq!(turns(Pick::any().skip(3).once()), [3]);
        assert_eq!(turns(Pick::any().every(3)), [2, 5, 8]);
        assert_eq!(turns(Pick::any().skip(1).every(2).times(2)), [2, 4]);
        assert_eq!(turns(Pick::any().every(0).times(2)), [0, 1]);
    }
}
