//! Which database it is, and how its schema is written.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use scylla::client::session::Session;

use crate::config::CqlConfig;
use crate::error::OpenError;

/// The two databases that this store works with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    /// ScyllaDB.
    Scylla,
    /// Apache Cassandra of this major version.
    Cassandra(u32),
}

impl Database {
    /// Asks the database.
    pub(crate) async fn of(session: &Session) -> Result<Self, OpenError> {
        let unavailable = |error: &dyn std::fmt::Display| OpenError::Unavailable(error.to_string());
        let asked = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = 'system' \
                     AND table_name = 'scylla_local'";
        let answer = Box::pin(session.query_unpaged(asked, ())).await.map_err(|error| unavailable(&error))?;
        let answer = answer.into_rows_result().map_err(|error| unavailable(&error))?;
        if answer.rows_num() > 0 {
            return Ok(Self::Scylla);
        }
        let asked = "SELECT release_version FROM system.local WHERE key = 'local'";
        let answer = Box::pin(session.query_unpaged(asked, ())).await.map_err(|error| unavailable(&error))?;
        let answer = answer.into_rows_result().map_err(|error| unavailable(&error))?;
        let (version,) = answer.single_row::<(String,)>().map_err(|error| unavailable(&error))?;
        Ok(Self::Cassandra(version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(0)))
    }

    /// What a table that mostly grows says of its compaction. Scylla's default is the right one already.
    fn large(self) -> &'static str {
        match self {
            Self::Cassandra(5..) => " AND compaction = {'class': 'UnifiedCompactionStrategy'}",
            Self::Cassandra(_) => " AND compaction = {'class': 'SizeTieredCompactionStrategy'}",
            Self::Scylla => "",
        }
    }

    /// A statement with its keyspace and its options filled in.
    pub(crate) fn fill_in(self, statement: &str, config: &CqlConfig) -> String {
        statement
            .replace("$data", &config.keyspace)
            .replace("$control", &config.control_keyspace)
            .replace("$large", self.large())
            .replace("$small", " WITH compaction = {'class': 'LeveledCompactionStrategy'}")
    }

    /// The statements that make both keyspaces; the control keyspace is first.
    pub(crate) fn keyspaces(self, config: &CqlConfig, replication: &BTreeMap<String, u32>) -> [String; 2] {
        let mut map = "{'class': 'NetworkTopologyStrategy'".to_owned();
        for (datacenter, replicas) in replication {
            let _ = write!(map, ", '{}': {replicas}", datacenter.replace('\'', "''"));
        }
        map.push('}');
        // Conditional writes do not work on tables with tablets in all versions.
        let tablets = if self == Self::Scylla { " AND tablets = {'enabled': false}" } else { "" };
        let make = |name: &str, more: &str| {
            format!("CREATE KEYSPACE IF NOT EXISTS {name} WITH replication = {map}{more}")
        };
        [make(&config.control_keyspace, tablets), make(&config.keyspace, "")]
    }
}

/// How many replicas each datacenter shall have.
pub(crate) fn replication(config: &CqlConfig, session: &Session) -> Result<BTreeMap<String, u32>, OpenError> {
    if !config.replication.is_empty() {
        return Ok(config.replication.clone());
    }
    if let Some(datacenter) = &config.datacenter {
        return Ok(BTreeMap::from([(datacenter.clone(), 3)]));
    }
    let state = session.get_cluster_state();
    let mut found: Vec<_> =
        state.get_nodes_info().iter().filter_map(|node| node.datacenter.clone()).collect();
    found.sort();
    found.dedup();
    match <[String; 1]>::try_from(found) {
        Ok([only]) => Ok(BTreeMap::from([(only, 3)])),
        Err(found) => Err(OpenError::Config(format!(
            "replication: the database has the datacenters {found:?}; say how many replicas each shall have"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_scylla_hears_of_tablets() {
        let config = CqlConfig::new(vec![], "c", "n");
        let replication = BTreeMap::from([("it's".to_owned(), 3)]);
        let [control, data] = Database::Scylla.keyspaces(&config, &replication);
        assert_eq!(
            control,
            "CREATE KEYSPACE IF NOT EXISTS causerie_ctl WITH replication = {'class': 'NetworkTopologyStrategy', \
             'it''s': 3} AND tablets = {'enabled': false}"
        );
        assert!(!data.contains("tablets"));
        assert!(!Database::Cassandra(5).keyspaces(&config, &replication)[0].contains("tablets"));
    }

    #[test]
    fn a_statement_has_nothing_left_to_fill_in() {
        let config = CqlConfig::new(vec![], "c", "n");
        for database in [Database::Scylla, Database::Cassandra(4), Database::Cassandra(5)] {
            for statement in crate::schema::MIGRATIONS.iter().flat_map(|migration| migration.statements()) {
                let filled = database.fill_in(statement, &config);
                assert!(
                    !filled.contains('$') && filled.contains(".") && !filled.contains("Window"),
                    "{filled}"
                );
            }
        }
    }
}
