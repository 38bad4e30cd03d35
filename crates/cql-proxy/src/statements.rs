//! The texts of prepared statements, by the id that the server gave them.

use std::collections::HashMap;

use parking_lot::Mutex;

/// More than any client prepares; what comes later stays without a text, so that no rule with a text meets it.
const MOST: usize = 10_000;

/// Shared by all connections: an id means the same on each.
#[derive(Debug, Default)]
pub(crate) struct Statements(Mutex<HashMap<Vec<u8>, String>>);

impl Statements {
    pub(crate) fn learn(&self, id: &[u8], text: &str) {
        let mut texts = self.0.lock();
        if texts.len() < MOST {
            texts.insert(id.to_vec(), text.to_owned());
        } else {
            tracing::warn!(text, "too many prepared statements: not learned");
        }
    }

    /// Empty if it was not prepared through here.
    pub(crate) fn text(&self, id: &[u8]) -> String {
        self.0.lock().get(id).cloned().unwrap_or_default()
    }
}
