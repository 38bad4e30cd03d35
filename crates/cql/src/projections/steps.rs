//! Writes on one partition, sent together.

use std::fmt;

use causerie_store::port::WriteError;
use scylla::serialize::row::SerializeRow;

use crate::session::Cql;
use crate::statement::Prepared;

/// The most statements of one batch: Scylla bounds a batch by its bytes, and these are small.
const MOST: usize = 200;

/// The values of one statement.
type Values = Box<dyn SerializeRow + Send + Sync>;

/// Statements on one partition, in the order in which they are sent.
#[derive(Default)]
pub(crate) struct Steps<'a> {
    statements: Vec<&'a Prepared>,
    values: Vec<Values>,
}

impl<'a> Steps<'a> {
    /// One more.
    pub(crate) fn push(
        &mut self,
        statement: &'a Prepared,
        values: impl SerializeRow + Send + Sync + 'static,
    ) {
        self.statements.push(statement);
        self.values.push(Box::new(values));
    }

    /// Sends them: in one step, all or none, when there are at most [`MOST`]; else in several, one after the other.
    ///
    /// # Errors
    /// The first step that failed; those before it are written.
    pub(crate) async fn send(self, cql: &Cql) -> Result<(), WriteError> {
        for (statements, values) in self.statements.chunks(MOST).zip(self.values.chunks(MOST)) {
            cql.batch(statements, values, None).await?;
        }
        Ok(())
    }
}

impl fmt::Debug for Steps<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Steps").field("statements", &self.statements.len()).finish_non_exhaustive()
    }
}
