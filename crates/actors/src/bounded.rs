//! The bound of a mailbox: a permit is taken before something is sent, travels with it, and returns when it is dropped.
//!
//! ractor's mailboxes have no bound of their own. The same counter decides when an actor may end: it closes only
//! while nobody holds a permit, so nothing can be on its way to an actor that stops.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Marks a closed mailbox; no count ever comes near it.
const CLOSED: usize = usize::MAX;

/// The bound of one mailbox.
#[derive(Debug)]
pub struct Bound {
    held: AtomicUsize,
    limit: usize,
}

/// Why there was no permit. Nothing was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The mailbox is full.
    Full,
    /// The actor has ended: find or open another one.
    Closed,
}

/// Permission to have so many things in a mailbox.
#[derive(Debug)]
pub struct Permit {
    bound: Arc<Bound>,
    count: usize,
}

impl Bound {
    /// A mailbox for at most `limit` things.
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { held: AtomicUsize::new(0), limit })
    }

    /// Takes a permit for `count` things.
    ///
    /// # Errors
    /// [`Refused`] says whether waiting helps.
    pub fn take(self: &Arc<Self>, count: usize) -> Result<Permit, Refused> {
        let mut held = self.held.load(Ordering::Relaxed);
        loop {
            if held == CLOSED {
                return Err(Refused::Closed);
            }
            if held + count > self.limit {
                return Err(Refused::Full);
            }
            match self.held.compare_exchange_weak(held, held + count, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return Ok(Permit { bound: Arc::clone(self), count }),
                Err(now) => held = now,
            }
        }
    }

    /// Closes the mailbox if nobody holds a permit; returns whether it is closed now.
    pub fn close_if_empty(&self) -> bool {
        let result = self.held.compare_exchange(0, CLOSED, Ordering::AcqRel, Ordering::Relaxed);
        matches!(result, Ok(_) | Err(CLOSED))
    }

    /// Closes the mailbox whatever it holds: its actor has failed.
    pub fn close(&self) {
        self.held.store(CLOSED, Ordering::Release);
    }

    /// Whether it is closed.
    pub fn is_closed(&self) -> bool {
        self.held.load(Ordering::Acquire) == CLOSED
    }

    /// How many things are in it.
    pub fn held(&self) -> usize {
        match self.held.load(Ordering::Relaxed) {
            CLOSED => 0,
            held => held,
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let give_back =
            |held: usize| if held == CLOSED { None } else { Some(held.saturating_sub(self.count)) };
        // A closed mailbox stays closed.
        let _ = self.bound.held.fetch_update(Ordering::AcqRel, Ordering::Relaxed, give_back);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_mailbox_refuses_and_a_dropped_permit_returns() {
        let bound = Bound::new(3);
        let two = bound.take(2).unwrap();
        assert_eq!(bound.take(2).unwrap_err(), Refused::Full);
        drop(two);
        assert!(bound.take(3).is_ok());
    }

    #[test]
    fn a_mailbox_closes_only_when_nothing_is_on_its_way() {
        let bound = Bound::new(3);
        let one = bound.take(1).unwrap();
        assert!(!bound.close_if_empty());
        drop(one);
        assert!(bound.close_if_empty() && bound.is_closed());
        assert_eq!(bound.take(1).unwrap_err(), Refused::Closed);
    }

    #[test]
    fn a_permit_that_outlives_its_mailbox_does_not_open_it() {
        let bound = Bound::new(3);
        let one = bound.take(1).unwrap();
        bound.close();
        drop(one);
        assert!(bound.is_closed());
    }
}
