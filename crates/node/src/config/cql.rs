//! `[cql]`

use std::path::PathBuf;

use super::kind::{Choice, choice, list, number, optional, path, secret, text};
use super::secret::Secret;
use super::section::section;

/// How many replicas answer before anything counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// A majority of all replicas.
    Quorum,
    /// A majority of the replicas in `datacenter`.
    LocalQuorum,
}

impl Choice for Consistency {
    const ALL: &'static [(&'static str, Self)] =
        &[("quorum", Self::Quorum), ("local_quorum", Self::LocalQuorum)];
}

/// Who makes the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// The server, when it starts.
    Apply,
    /// An operator, with `causerie schema apply`; the server refuses to start on tables of another version.
    Check,
}

impl Choice for Schema {
    const ALL: &'static [(&'static str, Self)] = &[("apply", Self::Apply), ("check", Self::Check)];
}

/// What is thought of a replica that acknowledges before it has synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitLog {
    /// The server does not start.
    Synced,
    /// It starts, and acknowledged messages may be lost.
    MayLoseAcknowledgedMessages,
}

impl Choice for CommitLog {
    const ALL: &'static [(&'static str, Self)] =
        &[("synced", Self::Synced), ("may-lose-acknowledged-messages", Self::MayLoseAcknowledgedMessages)];
}

section! {
    /// ScyllaDB or Apache Cassandra, for `store.backend = "cql"`. docs/cql.md says how to set the database up.
    Cql = "cql" {
        /// Nodes of the database to begin with, each as `host:port`; the others are learnt from them.
        hosts: Vec<String> = Vec::new(), list(text());
        /// The role that signs in at the database. Not set: the database asks for nobody.
        user: Option<String> = None, optional(text());
        /// The role's password. Set it by `CAUSERIE_CQL__PASSWORD` or by `password_file`, not in a file that others read.
        password: Option<Secret> = None, optional(secret());
        /// A file that holds the password; instead of `password`.
        password_file: Option<PathBuf> = None, optional(path());
        /// The authorities whose certificates are believed, in PEM. Set: connections are encrypted.
        ///
        /// Database nodes are verified by their IP addresses, which their certificates have to name.
        ca_file: Option<PathBuf> = None, optional(path());
        /// This server's certificate in PEM, where the database asks for one; with `key_file`.
        cert_file: Option<PathBuf> = None, optional(path());
        /// The key of `cert_file` in PEM.
        key_file: Option<PathBuf> = None, optional(path());
        /// The datacenter whose replicas are used, by the database's name of it. The same on all nodes of a cluster.
        datacenter: Option<String> = None, optional(text());
        /// How many replicas answer before anything counts. With less than a majority acknowledged messages would be lost.
        consistency: Consistency = Consistency::Quorum, choice();
        /// Replicas in each datacenter, each as `name=number`, for keyspaces that are made.
        ///
        /// Not set: three in `datacenter`, or in the only one there is. One replica is for trying out only.
        replication: Vec<String> = Vec::new(), list(text());
        /// The keyspace of messages, conversations and users.
        keyspace: String = "causerie".to_owned(), text();
        /// The keyspace of ownership, the only one with conditional writes.
        control_keyspace: String = "causerie_ctl".to_owned(), text();
        /// Who makes the tables and brings them to this version.
        schema: Schema = Schema::Apply, choice();
        /// What replicas have to do before they acknowledge.
        ///
        /// `synced` refuses to start on a replica with `commitlog_sync: periodic`, the database's own default: when one such
        /// replica is killed, messages that were acknowledged in its last moments are lost.
        commit_log: CommitLog = CommitLog::Synced, choice();
        /// The name of the cluster of chat servers that this one belongs to.
        cluster: String = "causerie".to_owned(), text();
        /// The name of this server, unique in its cluster. Not set: the machine's name and the port of `server.listen`.
        ///
        /// A server that starts under the name of another one takes its place, and that one ends: so a server that was
        /// killed is back at once.
        node: Option<String> = None, optional(text());
        /// Appends on their way to the database at most; more wait.
        appends_in_flight: usize = 64, number(1..=4096);
    }
}
