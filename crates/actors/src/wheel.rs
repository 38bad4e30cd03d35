//! One wheel for all timers of a node: an entry costs a few words, not a task.

use std::collections::BTreeMap;
use std::sync::Weak;
use std::time::Duration;

use parking_lot::Mutex;

/// What is woken.
pub trait Wake: Send + Sync {
    /// The time has come. Must not block.
    fn wake(&self);
}

/// The length of a slot; a timer is late by at most this much.
pub const TICK: Duration = Duration::from_millis(50);

/// Timers in slots of 50 ms. Whoever sleeps here is not kept alive by it.
#[derive(Default)]
pub struct Wheel {
    slots: Mutex<BTreeMap<u128, Vec<Weak<dyn Wake>>>>,
}

impl Wheel {
    /// Wakes `who` at `when` (the node's monotonic time) or a slot later.
    pub fn at(&self, when: Duration, who: Weak<dyn Wake>) {
        self.slots.lock().entry(when.as_nanos() / TICK.as_nanos() + 1).or_default().push(who);
    }

    /// Wakes all whose time has come.
    pub fn turn(&self, now: Duration) {
        let due = {
            let mut slots = self.slots.lock();
            let later = slots.split_off(&(now.as_nanos() / TICK.as_nanos() + 1));
            std::mem::replace(&mut *slots, later)
        };
        for who in due.into_values().flatten() {
            if let Some(who) = who.upgrade() {
                who.wake();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(&self) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    #[test]
    fn a_timer_fires_once_and_not_early() {
        let (wheel, count) = (Wheel::default(), Arc::new(Count(AtomicUsize::new(0))));
        let who: Arc<dyn Wake> = count.clone();
        wheel.at(Duration::from_millis(100), Arc::downgrade(&who));
        wheel.turn(Duration::from_millis(100));
        assert_eq!(count.0.load(Relaxed), 0);
        wheel.turn(Duration::from_millis(160));
        wheel.turn(Duration::from_millis(999));
        assert_eq!(count.0.load(Relaxed), 1);
    }
}
