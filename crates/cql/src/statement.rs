//! Kinds of statements, each with its consistency, repetition, time-out and idempotence chosen on purpose.
//!
//! | kind | consistency | the driver repeats | a second replica is asked early |
//! |---|---|---|---|
//! | read | (local) quorum | yes | yes |
//! | write | (local) quorum | never: [`Cql`](crate::session::Cql) does, and remembers that one was unknown | no |
//! | conditional | (local) quorum, (local) serial | never | no |
//! | serial read | (local) serial | never | no |
//!
//! A statement names its keyspace as `$data` or `$control`: which they are is a setting.

use std::sync::Arc;

use scylla::client::execution_profile::{ExecutionProfile, ExecutionProfileHandle};
use scylla::policies::load_balancing::DefaultPolicy;
use scylla::policies::retry::{DefaultRetryPolicy, FallthroughRetryPolicy};
use scylla::policies::speculative_execution::SimpleSpeculativeExecutionPolicy;
use scylla::statement::{Consistency, SerialConsistency};

use crate::config::{CqlConfig, Level};

/// A statement that the database knows already.
pub(crate) type Prepared = scylla::statement::prepared::PreparedStatement;

/// What kind of statement it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Reads what a majority has.
    Read,
    /// A plain upsert or deletion; the same again changes nothing.
    Write,
    /// A conditional write, in the control keyspace only.
    Conditional,
    /// Reads the outcome of conditional writes, those under way included.
    Serial,
}

/// How each kind is executed.
#[derive(Debug)]
pub(crate) struct Profiles {
    read: ExecutionProfileHandle,
    once: ExecutionProfileHandle,
    level: Level,
}

impl Profiles {
    pub(crate) fn new(config: &CqlConfig) -> Self {
        let balancing = DefaultPolicy::builder().token_aware(true);
        let balancing = match &config.datacenter {
            Some(datacenter) => balancing.prefer_datacenter(datacenter.clone()).build(),
            None => balancing.build(),
        };
        let base = ExecutionProfile::builder()
            .consistency(consistency(config.level))
            .serial_consistency(Some(serial(config.level)))
            .request_timeout(Some(config.request_timeout))
            .load_balancing_policy(balancing);
        let speculative =
            SimpleSpeculativeExecutionPolicy { max_retry_count: 1, retry_interval: config.speculative_after };
        let read = base
            .clone()
            .retry_policy(Arc::new(DefaultRetryPolicy::new()))
            .speculative_execution_policy(Some(Arc::new(speculative)))
            .build();
        let once = base
            .retry_policy(Arc::new(FallthroughRetryPolicy::new()))
            .speculative_execution_policy(None)
            .build();
        Self { read: read.into_handle(), once: once.into_handle(), level: config.level }
    }

    /// What a session uses for everything that is not said otherwise.
    pub(crate) fn once(&self) -> ExecutionProfileHandle {
        self.once.clone()
    }

    /// Makes a prepared statement one of this kind.
    pub(crate) fn shape(&self, prepared: &mut Prepared, kind: Kind) {
        let profile = if kind == Kind::Read { &self.read } else { &self.once };
        prepared.set_execution_profile_handle(Some(profile.clone()));
        prepared.set_is_idempotent(kind != Kind::Conditional);
        if kind == Kind::Serial {
            prepared.set_consistency(match serial(self.level) {
                SerialConsistency::Serial => Consistency::Serial,
                SerialConsistency::LocalSerial => Consistency::LocalSerial,
            });
        }
    }
}

fn consistency(level: Level) -> Consistency {
    match level {
        Level::Quorum => Consistency::Quorum,
        Level::LocalQuorum => Consistency::LocalQuorum,
    }
}

fn serial(level: Level) -> SerialConsistency {
    match level {
        Level::Quorum => SerialConsistency::Serial,
        Level::LocalQuorum => SerialConsistency::LocalSerial,
    }
}
