//! What kind of Cassandra is wanted, and how it is run.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use crate::process::Recipe;
use crate::service::Place;

const YAML: &str = include_str!("cassandra.yaml");
const LOGBACK: &str = include_str!("logback.xml");
const OPTIONS: &str = include_str!("jvm.options");
/// A third of the ring each.
const TOKENS: [i64; 3] = [i64::MIN, -3_074_457_345_618_258_603, 3_074_457_345_618_258_602];

/// When a write is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitLog {
    /// After it has been synced. What Causerie asks of every replica.
    Batch,
    /// Before: a node that is killed forgets what it has answered in the last moments, at most this long.
    Periodic {
        /// Milliseconds between two syncs. Cassandra's own default is 10,000.
        period_ms: u32,
    },
}

/// A Cassandra of one or three nodes, on 127.0.0.1 to 127.0.0.3, all at the same two ports.
#[derive(Clone, Debug)]
pub struct CassandraPlan {
    /// 1 or 3.
    pub nodes: usize,
    /// Where clients connect.
    pub cql_port: u16,
    /// Where nodes meet.
    pub storage_port: u16,
    /// When a write is answered.
    pub commit_log: CommitLog,
    /// More lines for the end of `cassandra.yaml`, such as `authenticator: PasswordAuthenticator`. A key that is set
    /// there already is refused by Cassandra.
    pub settings: Vec<String>,
    /// Who asks whether it is ready, where an authenticator wants to know.
    pub credentials: (String, String),
    /// Another place for the data of a node, such as a file system that a test fills, by its number from 0.
    pub data: Vec<(usize, PathBuf)>,
    /// Words before a node's command, such as `faketime -f +1h`, by its number. They must become it without a fork.
    pub wrapped: Vec<(usize, Vec<String>)>,
}

impl CassandraPlan {
    /// A plan with nothing unusual in it.
    #[must_use]
    pub fn new(nodes: usize, cql_port: u16, storage_port: u16) -> Self {
        Self {
            nodes,
            cql_port,
            storage_port,
            commit_log: CommitLog::Batch,
            settings: Vec::new(),
            credentials: ("cassandra".into(), "cassandra".into()),
            data: Vec::new(),
            wrapped: Vec::new(),
        }
    }

    /// Where clients connect to a node, by its number from 0.
    #[must_use]
    pub fn address(&self, node: usize) -> SocketAddr {
        (host(node), self.cql_port).into()
    }

    /// How a node is run.
    pub(super) fn recipe(&self, node: usize, place: &Place, java: &Path, jars: &Path) -> Recipe {
        let run = place.run.join(name(node));
        let data = self.data.iter().find(|(of, _)| *of == node).map(|(_, data)| data.clone());
        let data = data.unwrap_or_else(|| place.data.join(name(node)));
        let options = run.join("jvm.options");
        let mut command = without_locked_memory();
        for (_, words) in self.wrapped.iter().filter(|(of, _)| *of == node) {
            command.extend(words.iter().map(OsString::from));
        }
        command.extend([
            java.into(),
            format!("@{}", options.display()).into(),
            format!("-Dcassandra.config=file://{}", run.join("cassandra.yaml").display()).into(),
            format!("-Dcassandra.storagedir={}", data.display()).into(),
            format!("-Dlogback.configurationFile={}", run.join("logback.xml").display()).into(),
            "-cp".into(),
            format!("{}/*", jars.display()).into(),
            "org.apache.cassandra.service.CassandraDaemon".into(),
        ]);
        let files = vec![
            (run.join("cassandra.yaml"), self.yaml(node)),
            (run.join("logback.xml"), LOGBACK.to_owned()),
            (options, OPTIONS.to_owned()),
        ];
        Recipe { command, files, data, format: None }
    }

    fn yaml(&self, node: usize) -> String {
        let commit_log = match self.commit_log {
            CommitLog::Batch => "commitlog_sync: batch".to_owned(),
            CommitLog::Periodic { period_ms } => {
                format!("commitlog_sync: periodic\ncommitlog_sync_period: {period_ms}ms")
            }
        };
        let seeds: Vec<String> =
            (0..self.nodes).map(|node| format!("{}:{}", host(node), self.storage_port)).collect();
        let token = if self.nodes == 1 { 0 } else { TOKENS[node] };
        let mut yaml = YAML
            .replace("@ADDRESS@", &host(node).to_string())
            .replace("@STORAGE_PORT@", &self.storage_port.to_string())
            .replace("@CQL_PORT@", &self.cql_port.to_string())
            .replace("@TOKEN@", &token.to_string())
            .replace("@SEEDS@", &seeds.join(","))
            .replace("@COMMIT_LOG@", &commit_log);
        for line in &self.settings {
            yaml.push_str(line);
            yaml.push('\n');
        }
        yaml
    }
}

/// The host of a node, by its number from 0.
pub(super) fn host(node: usize) -> Ipv4Addr {
    let [a, b, c, first] = Ipv4Addr::LOCALHOST.octets();
    Ipv4Addr::new(a, b, c, first.saturating_add(u8::try_from(node).unwrap_or(u8::MAX)))
}

/// What a node is called, by its number from 0.
pub(super) fn name(node: usize) -> String {
    format!("node-{}", node + 1)
}

/// Cassandra locks all of its memory if it may, which doubles what it takes: so it may not. Only root could.
fn without_locked_memory() -> Vec<OsString> {
    let mut command = vec!["sh", "-c", "ulimit -l 64; exec \"$@\"", "cassandra"];
    if rustix::process::geteuid().is_root() {
        command.extend(["setpriv", "--bounding-set=-ipc_lock", "--inh-caps=-ipc_lock"]);
    }
    command.into_iter().map(OsString::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_to_fill_in_and_settings_come_last() {
        let mut plan = CassandraPlan::new(3, 9, 7);
        plan.commit_log = CommitLog::Periodic { period_ms: 500 };
        plan.settings.push("authenticator: PasswordAuthenticator".into());
        let yaml = plan.yaml(2);
        let filled: String = yaml.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(!filled.contains('@'), "{yaml}");
        assert!(yaml.contains("seeds: \"127.0.0.1:7,127.0.0.2:7,127.0.0.3:7\""));
        assert!(yaml.contains("\nlisten_address: 127.0.0.3\n"));
        assert!(yaml.contains("\ncommitlog_sync: periodic\ncommitlog_sync_period: 500ms\n"));
        assert!(yaml.ends_with("authenticator: PasswordAuthenticator\n"));
    }
}
