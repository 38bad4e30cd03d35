//! Who asks the store for a key already, so that others wait for the answer instead of asking too.
//!
//! Bounded by the readers under way. A reader that goes away is replaced by those who waited for it.

use std::sync::Arc;

use bytes::Bytes;
use causerie_store::port::ReadError;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use parking_lot::Mutex;
use tokio::sync::watch;

/// What is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// The JSON of the value.
    pub(super) value: Result<Bytes, ReadError>,
    /// Whether it was still true when it was given. Otherwise it is what was true when it was asked for: no answer for
    /// somebody who began to wait later, because another node may have written between.
    pub(super) current: bool,
}

/// Where it is waited for.
pub(super) type Slot = watch::Receiver<Option<Answer>>;

/// The keys that are asked for now.
#[derive(Debug, Default)]
pub(super) struct Flights(Mutex<HashMap<Arc<str>, Slot>>);

/// The part of one reader in one key.
pub(super) enum Part<'a> {
    /// It asks, and says what it learnt.
    Leads(Lead<'a>),
    /// It waits for who asks.
    Follows(Slot),
}

impl Flights {
    /// Takes part in asking for a key.
    pub(super) fn join(&self, key: &Arc<str>) -> Part<'_> {
        match self.0.lock().entry(Arc::clone(key)) {
            Entry::Occupied(entry) => Part::Follows(entry.get().clone()),
            Entry::Vacant(entry) => {
                let (sender, slot) = watch::channel(None);
                entry.insert(slot);
                Part::Leads(Lead { flights: self, key: Arc::clone(key), sender })
            }
        }
    }

    /// A key has changed: who asks from now on waits for nobody who asked before.
    pub(super) fn part_from(&self, key: &str) {
        self.0.lock().remove(key);
    }
}

/// Waits for an answer; `None` when who asked has gone away without one.
pub(super) async fn follow(mut slot: Slot) -> Option<Answer> {
    match slot.wait_for(Option::is_some).await {
        Ok(answer) => answer.clone(),
        Err(_) => None,
    }
}

/// Has to answer, or to be dropped.
pub(super) struct Lead<'a> {
    flights: &'a Flights,
    key: Arc<str>,
    sender: watch::Sender<Option<Answer>>,
}

impl Lead<'_> {
    /// Which key.
    pub(super) fn key(&self) -> &Arc<str> {
        &self.key
    }

    /// Tells those who wait.
    pub(super) fn answer(self, answer: Answer) {
        self.sender.send_replace(Some(answer));
    }
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        let mut flights = self.flights.0.lock();
        // Another one may lead by now.
        if let Some(slot) = flights.get(&self.key)
            && self.sender.receiver_count() > 0
            && slot.same_channel(&self.sender.subscribe())
        {
            flights.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(value: &'static str) -> Answer {
        Answer { value: Ok(value.into()), current: true }
    }

    fn key() -> Arc<str> {
        "k".into()
    }

    fn follows(flights: &Flights) -> Option<Slot> {
        match flights.join(&key()) {
            Part::Leads(_) => None,
            Part::Follows(slot) => Some(slot),
        }
    }

    #[tokio::test]
    async fn one_asks_and_all_are_answered() {
        let flights = Flights::default();
        let Part::Leads(lead) = flights.join(&key()) else { panic!("nobody asks yet") };
        let slots = [follows(&flights).unwrap(), follows(&flights).unwrap()];
        lead.answer(answer("value"));
        for slot in slots {
            assert_eq!(follow(slot).await, Some(answer("value")));
        }
        assert!(follows(&flights).is_none(), "the next one asks again");
    }

    #[tokio::test]
    async fn who_waits_for_one_that_goes_away_is_told() {
        let flights = Flights::default();
        let Part::Leads(lead) = flights.join(&key()) else { panic!("nobody asks yet") };
        let slot = follows(&flights).unwrap();
        drop(lead);
        assert_eq!(follow(slot).await, None);
    }

    #[tokio::test]
    async fn after_a_change_nobody_joins_who_asked_before() {
        let flights = Flights::default();
        let Part::Leads(old) = flights.join(&key()) else { panic!("nobody asks yet") };
        flights.part_from("k");
        let Part::Leads(new) = flights.join(&key()) else { panic!("it joined") };
        drop(old);
        let slot = follows(&flights).expect("the old one's end is not the new one's");
        new.answer(answer("new"));
        assert_eq!(follow(slot).await, Some(answer("new")));
    }
}
