//! Why a store is not opened, and what an answer of the database means for what was asked.
//!
//! The one question of a failed write is whether it may have been applied. [`write_error`] says `Refused` only for
//! errors that are certain to come before any replica was told; all others are `Unknown`.

use causerie_store::port::{ReadError, WriteError};
use scylla::errors::{
    DbError, ExecutionError, MetadataError, NewSessionError, PrepareError, RequestAttemptError,
};

use crate::check::Finding;

/// Why a store was not opened. Nothing was taken over unless it is said here.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A setting that cannot be used.
    #[error("setting {0}")]
    Config(String),
    /// A file of keys or certificates that cannot be used, or a database whose certificate is not believed.
    #[error("TLS towards the database: {0}")]
    Tls(String),
    /// The database does not let us in.
    #[error("the database refuses to let us in: {0}")]
    Credentials(String),
    /// The database is not there, or not enough of it.
    #[error("the database does not answer: {0}")]
    Unavailable(String),
    /// The tables were made by a newer program. Nothing was changed.
    #[error(
        "the tables have schema version {found}; this program knows versions up to {known}: install a newer one"
    )]
    NewerSchema {
        /// The version of the tables.
        found: i32,
        /// The newest that this program knows.
        known: i32,
    },
    /// The tables are not there, or older than this program. Nothing was changed.
    #[error(
        "the tables have schema version {found}, this program needs {known}: run `causerie schema apply`"
    )]
    OlderSchema {
        /// The version of the tables; 0 where there are none.
        found: i32,
        /// The one that this program needs.
        known: i32,
    },
    /// The deployment does not keep what this program promises.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Deployment(Vec<Finding>),
    /// Other nodes of the cluster use another datacenter or level, and their majorities would not meet ours.
    #[error("the nodes of this cluster use {theirs}, this one {ours}: all have to use the same")]
    Disagreement {
        /// What the roster says.
        theirs: String,
        /// What the settings say.
        ours: String,
    },
    /// Another node lives and owns the shards. This one has left again; what it had claimed, if anything, is claimed anew
    /// as after a crash.
    #[error("node {node} lives and owns the conversations")]
    Owned {
        /// Its name.
        node: String,
    },
    /// This instance was declared dead while it was being opened: somebody opened later under the same name.
    #[error("another instance took over while this one was being opened: {0}")]
    Fenced(String),
    /// Something in the tables contradicts itself. It needs an operator.
    #[error("the tables contradict themselves: {0}")]
    Corrupt(String),
}

impl OpenError {
    /// Whether opening may succeed later, with nothing changed by anybody but the database or another node.
    pub fn may_wait(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Owned { .. })
    }
}

impl From<ReadError> for OpenError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Corrupt(what) => Self::Corrupt(what),
            ReadError::Unavailable(why) => Self::Unavailable(why),
        }
    }
}

impl From<WriteError> for OpenError {
    fn from(error: WriteError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<NewSessionError> for OpenError {
    fn from(error: NewSessionError) -> Self {
        let text = error.to_string();
        match error {
            NewSessionError::MetadataError(MetadataError::ConnectionPoolError(_)) => of_connection(text),
            _ => Self::Unavailable(text),
        }
    }
}

impl From<PrepareError> for OpenError {
    fn from(error: PrepareError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// The driver keeps the reason of a refused connection as text within several layers only.
fn of_connection(text: String) -> OpenError {
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&["Authentication", "authentication", "redentials"]) {
        OpenError::Credentials(text)
    } else if says(&["peer certificate", "received fatal alert", "HandshakeFailure"]) {
        OpenError::Tls(text)
    } else {
        OpenError::Unavailable(text)
    }
}

/// What a failed read means: later it may succeed.
pub(crate) fn read_error(error: &ExecutionError) -> ReadError {
    ReadError::Unavailable(error.to_string())
}

/// What one failed attempt of a plain write means.
pub(crate) fn write_error(error: &ExecutionError) -> WriteError {
    if certainly_not_applied(error) {
        WriteError::Refused(error.to_string())
    } else {
        WriteError::Unknown(error.to_string())
    }
}

/// Whether no replica can have been told of a plain write. Only of a single attempt: one that the driver repeated ends
/// with the error of its last attempt.
fn certainly_not_applied(error: &ExecutionError) -> bool {
    match error {
        ExecutionError::BadQuery(_)
        | ExecutionError::EmptyPlan
        | ExecutionError::PrepareError(_)
        | ExecutionError::ConnectionPoolError(_) => true,
        ExecutionError::LastAttemptError(attempt) => match attempt {
            RequestAttemptError::SerializationError(_)
            | RequestAttemptError::CqlRequestSerialization(_)
            | RequestAttemptError::UnableToAllocStreamId => true,
            // `Overloaded`, `ServerError` and failures may come after some replicas were told.
            RequestAttemptError::DbError(error, _) => matches!(
                error,
                DbError::Unavailable { .. }
                    | DbError::SyntaxError
                    | DbError::Invalid
                    | DbError::Unauthorized
                    | DbError::AuthenticationError
                    | DbError::ConfigError
                    | DbError::IsBootstrapping
            ),
            _ => false,
        },
        _ => false,
    }
}

/// Whether sending the same again may help at all.
pub(crate) fn may_repeat(error: &ExecutionError) -> bool {
    !matches!(
        error,
        ExecutionError::BadQuery(_)
            | ExecutionError::PrepareError(_)
            | ExecutionError::LastAttemptError(
                RequestAttemptError::SerializationError(_)
                    | RequestAttemptError::CqlRequestSerialization(_)
                    | RequestAttemptError::DbError(
                        DbError::SyntaxError
                            | DbError::Invalid
                            | DbError::Unauthorized
                            | DbError::AuthenticationError
                            | DbError::ConfigError,
                        _
                    )
            )
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use scylla::errors::WriteType;
    use scylla::statement::Consistency;

    use super::*;

    fn answered(error: DbError) -> ExecutionError {
        ExecutionError::LastAttemptError(RequestAttemptError::DbError(error, String::new()))
    }

    #[test]
    fn only_what_no_replica_can_have_heard_of_is_refused() {
        let unavailable = DbError::Unavailable { consistency: Consistency::Quorum, required: 2, alive: 1 };
        for error in [ExecutionError::EmptyPlan, answered(unavailable), answered(DbError::Invalid)] {
            assert!(matches!(write_error(&error), WriteError::Refused(_)), "{error}");
        }
        let timed_out = DbError::WriteTimeout {
            consistency: Consistency::Quorum,
            received: 1,
            required: 2,
            write_type: WriteType::UnloggedBatch,
        };
        let unknown = [
            ExecutionError::RequestTimeout(Duration::from_secs(2)),
            answered(timed_out),
            answered(DbError::Overloaded),
            answered(DbError::ServerError),
        ];
        for error in unknown {
            assert!(matches!(write_error(&error), WriteError::Unknown(_)), "{error}");
        }
    }
}
