//! What a connection's requests are waiting for, by stream.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::rows::Topology;
use crate::rule::Standing;

/// What is to be done with the answer to a request.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    /// The text that is being prepared: the answer names it.
    pub(crate) prepares: Option<String>,
    /// The answer says where other nodes are.
    pub(crate) topology: Option<Topology>,
    /// This rule acts on the answer.
    pub(crate) rule: Option<Arc<Standing>>,
}

/// Bounded by the protocol: a stream is sixteen bits.
#[derive(Debug, Default)]
pub(crate) struct Pending(Mutex<HashMap<i16, Expected>>);

impl Pending {
    pub(crate) fn expect(&self, stream: i16, expected: Expected) {
        self.0.lock().insert(stream, expected);
    }

    pub(crate) fn take(&self, stream: i16) -> Expected {
        self.0.lock().remove(&stream).unwrap_or_default()
    }
}
