//! What the producer has, by ticket: rising numbers that come back with the delivery reports.

use std::collections::VecDeque;

use causerie_protocol::{ConversationId, Seq, UserId};
use causerie_store::model::Cursor;

use crate::record::Undelivered;

/// Which topic an entry goes to. A membership change goes to both, here first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    /// The topic of all entries.
    Messages,
    /// The topic of membership changes alone.
    Membership,
}

impl Topic {
    pub(super) fn bit(self) -> u8 {
        match self {
            Self::Messages => 1,
            Self::Membership => 2,
        }
    }
}

/// A record on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Flight {
    /// An entry, to one of its topics.
    Entry(ConversationId, Seq, Topic),
    /// A receipt.
    Receipt(ConversationId, UserId, Cursor),
    /// Somebody who is not connected.
    Undelivered(Undelivered),
}

/// All records on their way. Reports may come in any order; what was given up is not known any more.
#[derive(Debug, Default)]
pub(super) struct Flights {
    /// The ticket of the front.
    first: usize,
    flights: VecDeque<Option<(Flight, usize)>>,
    count: usize,
    bytes: usize,
}

impl Flights {
    /// The ticket of the record that is added next.
    pub(super) fn next(&self) -> usize {
        self.first + self.flights.len()
    }

    pub(super) fn add(&mut self, flight: Flight, bytes: usize) {
        self.flights.push_back(Some((flight, bytes)));
        self.count += 1;
        self.bytes += bytes;
    }

    pub(super) fn take(&mut self, ticket: usize) -> Option<Flight> {
        let at = ticket.checked_sub(self.first)?;
        let (flight, bytes) = self.flights.get_mut(at)?.take()?;
        self.count -= 1;
        self.bytes -= bytes;
        while let Some(None) = self.flights.front() {
            self.flights.pop_front();
            self.first += 1;
        }
        Some(flight)
    }

    /// Whether this ticket's record is on its way.
    pub(super) fn knows(&self, ticket: usize) -> bool {
        ticket.checked_sub(self.first).and_then(|at| self.flights.get(at)).is_some_and(Option::is_some)
    }

    /// Gives up everything: reports of these tickets mean nothing any more.
    pub(super) fn clear(&mut self) -> impl Iterator<Item = Flight> {
        self.first = self.next();
        (self.count, self.bytes) = (0, 0);
        std::mem::take(&mut self.flights).into_iter().flatten().map(|(flight, _)| flight)
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flight(seq: u64) -> Flight {
        Flight::Entry(ConversationId::from_bytes([1; 16]), Seq(seq), Topic::Messages)
    }

    #[test]
    fn reports_come_in_any_order_once_and_not_after_giving_up() {
        let mut flights = Flights::default();
        let tickets: Vec<usize> = (0..4)
            .map(|seq| {
                let ticket = flights.next();
                flights.add(flight(seq), 10);
                ticket
            })
            .collect();
        assert_eq!((flights.count(), flights.bytes()), (4, 40));
        assert_eq!(flights.take(tickets[2]), Some(flight(2)));
        assert_eq!(flights.take(tickets[2]), None);
        assert_eq!(flights.take(tickets[0]), Some(flight(0)));
        assert_eq!((flights.count(), flights.bytes()), (2, 20));
        assert_eq!(flights.clear().count(), 2);
        assert_eq!(flights.take(tickets[1]), None);
        let ticket = flights.next();
        flights.add(flight(9), 1);
        assert!(ticket > tickets[3]);
        assert_eq!(flights.take(ticket), Some(flight(9)));
        assert_eq!((flights.count(), flights.bytes()), (0, 0));
    }
}
