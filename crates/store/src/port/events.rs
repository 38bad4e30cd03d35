//! The event log: what happened, in order, for consumers outside.

use super::{Answer, ReadError};
use crate::model::{Event, EventPosition};

/// Every committed entry and receipt, written in the same step as the fact itself.
pub trait Events: Send + Sync + 'static {
    /// Events after a position, rising, at most so many. Within a conversation, entries come in the order of their seq.
    fn events(&self, after: EventPosition, limit: usize) -> Answer<Result<Vec<Event>, ReadError>>;

    /// The position of the last durable event.
    fn last_event(&self) -> EventPosition;

    /// Ends when there is an event after this position.
    fn event_after(&self, position: EventPosition) -> Answer<()>;
}
