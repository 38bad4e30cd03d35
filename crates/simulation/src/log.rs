//! The product's log of one run: an error in it is a finding.

use std::fmt::{Debug, Write as _};
use std::sync::Arc;

use parking_lot::Mutex;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::time::SimTime;

/// So many errors are enough to know what is wrong.
const MOST: usize = 10;

/// Takes errors, and nothing else. Clones are the same.
#[derive(Clone, Debug)]
pub struct Log {
    time: Arc<SimTime>,
    errors: Arc<Mutex<Vec<String>>>,
}

impl Log {
    /// An empty log.
    pub fn new(time: Arc<SimTime>) -> Self {
        Self { time, errors: Arc::default() }
    }

    /// The errors so far.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.errors.lock())
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() == Level::ERROR
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        if self.errors.lock().len() == MOST {
            return;
        }
        let (at, target) = (self.time.elapsed(), event.metadata().target());
        let mut line = Line(format!("at {at:?} {target} logged an error:"));
        event.record(&mut line);
        self.errors.lock().push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Writing to memory does not fail.
        let _ = write!(self.0, " {field}={value:?}");
    }
}
