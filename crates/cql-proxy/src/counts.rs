//! How many requests passed, by kind.

use crate::request::Kind;

/// Requests that came to the proxy since it started, whatever became of them. Those of the driver itself (`system…`
/// keyspaces, and all that is not one of the four kinds) stand apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Statements sent as text.
    pub query: u64,
    /// Statements to be prepared.
    pub prepare: u64,
    /// Prepared statements run.
    pub execute: u64,
    /// Batches.
    pub batch: u64,
    /// What the driver asks for itself.
    pub driver: u64,
}

impl Counts {
    /// All but what the driver asks for itself.
    #[must_use]
    pub fn total(self) -> u64 {
        self.query + self.prepare + self.execute + self.batch
    }

    /// What came after `earlier` was taken.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            query: self.query - earlier.query,
            prepare: self.prepare - earlier.prepare,
            execute: self.execute - earlier.execute,
            batch: self.batch - earlier.batch,
            driver: self.driver - earlier.driver,
        }
    }

    pub(crate) fn add(&mut self, kind: Option<Kind>) {
        let count = match kind {
            Some(Kind::Query) => &mut self.query,
            Some(Kind::Prepare) => &mut self.prepare,
            Some(Kind::Execute) => &mut self.execute,
            Some(Kind::Batch) => &mut self.batch,
            None => &mut self.driver,
        };
        *count += 1;
    }
}
