//! `[cql]` as the store wants it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use causerie_cql::{CqlConfig, Credentials, Level, TlsConfig};

use crate::config::{CommitLog, Config, Consistency, Cql, Schema, Secret};

/// What the process ends with when another server has taken over.
const TAKEN_OVER: i32 = 75;

/// The settings of the store.
///
/// # Errors
/// A file that they name cannot be read.
pub(crate) fn settings(config: &Config) -> anyhow::Result<CqlConfig> {
    let cql = &config.cql;
    let node = cql.node.clone().unwrap_or_else(|| node_name(config));
    let password =
        password(cql.password.as_ref(), cql.password_file.as_deref()).context("cql.password_file")?;
    let credentials = cql.user.clone().zip(password).map(|(user, password)| Credentials { user, password });
    let tls = cql
        .ca_file
        .clone()
        .map(|ca| TlsConfig { ca, identity: cql.cert_file.clone().zip(cql.key_file.clone()) });
    Ok(CqlConfig {
        credentials,
        tls,
        datacenter: cql.datacenter.clone(),
        level: match cql.consistency {
            Consistency::Quorum => Level::Quorum,
            Consistency::LocalQuorum => Level::LocalQuorum,
        },
        replication: replication(cql).map_err(anyhow::Error::msg)?,
        keyspace: cql.keyspace.clone(),
        control_keyspace: cql.control_keyspace.clone(),
        address: config.server.listen.to_string(),
        apply_schema: cql.schema == Schema::Apply,
        may_lose_acknowledged_messages: cql.commit_log == CommitLog::MayLoseAcknowledgedMessages,
        appends_in_flight: cql.appends_in_flight,
        on_fatal: Arc::new(|why| {
            tracing::error!(why, "another server has taken over; this one ends at once");
            std::process::exit(TAKEN_OVER);
        }),
        ..CqlConfig::new(cql.hosts.clone(), cql.cluster.clone(), node)
    })
}

/// `cql.replication`, read.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn replication(cql: &Cql) -> Result<BTreeMap<String, u32>, String> {
    let read = |text: &String| {
        let (name, number) = text.split_once('=')?;
        let number = number.trim().parse().ok().filter(|number| (1..=99).contains(number))?;
        (!name.trim().is_empty()).then(|| (name.trim().to_owned(), number))
    };
    let parts = cql.replication.iter().map(|text| {
        read(text).ok_or_else(|| format!("{text:?} is not of the form datacenter=number, such as \"dc1=3\""))
    });
    parts.collect()
}

/// The machine's name and the clients' port: two servers of one machine differ in the port.
fn node_name(config: &Config) -> String {
    let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{machine}:{}", config.server.listen.port())
}

/// A password from its setting or its file.
pub(super) fn password(set: Option<&Secret>, file: Option<&Path>) -> anyhow::Result<Option<String>> {
    let secret = match (set, file) {
        (Some(secret), _) => Some(secret.clone()),
        (None, Some(path)) => Some(Secret::read(path)?),
        (None, None) => None,
    };
    let text = |secret: Secret| String::from_utf8(secret.expose().to_vec()).context("it is not UTF-8");
    secret.map(text).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replication_is_read_and_what_is_wrong_with_it_named() {
        let of = |parts: &[&str]| {
            let replication = parts.iter().map(|part| (*part).to_owned()).collect();
            super::replication(&Cql { replication, ..Cql::default() })
        };
        assert_eq!(
            of(&["dc1=3", "dc2 = 2"]).unwrap(),
            BTreeMap::from([("dc1".into(), 3), ("dc2".into(), 2)])
        );
        for wrong in ["dc1", "dc1=0", "=3", "dc1=x"] {
            assert!(of(&[wrong]).unwrap_err().contains(wrong), "{wrong}");
        }
    }
}
