//! What has to be so when everything has come to rest.

use std::collections::BTreeMap;

use causerie_protocol::frame::{Down, ErrorCode, Outcome};
use causerie_protocol::{Seq, UserId};

use super::store::{Fate, Key, text};
use super::world::{Asked, Step, What, World};

impl World {
    /// Lets everything that is under way end well, and closes.
    pub(super) fn finish(&mut self) {
        for _ in 0..200 {
            self.step(Step::StoreAnswers(Fate::Committed));
            self.step(Step::Found { fails: false });
            self.step(Step::CursorsKept { fails: false });
            self.step(Step::Pass { ms: 20 });
            if self.core.is_idle() {
                break;
            }
        }
        assert!(self.core.is_idle() && !self.store.is_busy(), "it never comes to rest");
        assert_eq!(self.bytes.held(), 0, "permits that never return");
        self.check_answers();
        self.check_order();
        if !self.failed {
            let told: Vec<_> = self.delivered.iter().map(|(seq, count)| (seq.0, *count)).collect();
            assert_eq!(told, (1..=self.store.head().0).map(|seq| (seq, 1)).collect::<Vec<_>>());
        }
    }

    fn check_answers(&self) {
        for Asked { what, answers } in &self.asked {
            let answers = answers.lock();
            assert_eq!(answers.len(), 1, "{what:?} was answered {} times", answers.len());
            let What::Send { key, text: said } = what else { continue };
            let stored = self.store.find(key);
            match &answers[0] {
                Down::Sent(sent) => {
                    let stored =
                        stored.unwrap_or_else(|| panic!("{key:?} was acknowledged and is not there"));
                    assert_eq!((stored.seq, text(&stored.body)), (sent.seq, said.clone()));
                }
                Down::Error(error) => self.check_refusal(key, said, error.code, error.outcome),
                other => panic!("a send was answered with {other:?}"),
            }
        }
    }

    /// Messages of one user that were not refused stand in the order in which they were sent.
    fn check_order(&self) {
        let mut last: BTreeMap<&UserId, Seq> = BTreeMap::new();
        for Asked { what, answers } in &self.asked {
            if let (What::Send { key, .. }, [Down::Sent(sent)]) = (what, &answers.lock()[..])
                && self.attempts(key) == 1
            {
                let last = last.entry(&key.0).or_default();
                assert!(sent.seq > *last, "{key:?} overtook");
                *last = sent.seq;
            }
        }
    }

    fn attempts(&self, key: &Key) -> usize {
        let of_key = |asked: &&Asked| matches!(&asked.what, What::Send { key: other, .. } if other == key);
        self.asked.iter().filter(of_key).count()
    }

    /// What was refused for certain is there only if another attempt of the same key brought it.
    fn check_refusal(&self, key: &Key, said: &str, code: ErrorCode, outcome: Outcome) {
        if outcome == Outcome::Unknown {
            return;
        }
        let stored = self.store.find(key);
        if self.attempts(key) == 1 {
            assert!(stored.is_none(), "{key:?} was refused as {code:?} and is there");
        }
        if code == ErrorCode::Conflict {
            assert_ne!(stored.map(|entry| text(&entry.body)).as_deref(), Some(said));
        }
    }
}
