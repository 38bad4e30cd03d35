//! On databases of the tests' own: with passwords, TLS, and a commit log that forgets.

use std::path::Path;
use std::time::Duration;

use causerie_services::{
    Cassandra, CassandraPlan, CommitLog, Ports, Scratch, Service as _, Standing, may_start,
};

use super::*;
use crate::config::{Credentials, TlsConfig};
use crate::lab;
use crate::schema;
use crate::store::CqlStore;

const START: Duration = Duration::from_secs(120);

/// A certificate for 127.0.0.1 and its key in one file, as Cassandra reads it; and the certificate alone.
fn certificate(folder: &Path, name: &str) {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let both = format!("{}\n{}", made.signing_key.serialize_pem(), made.cert.pem());
    std::fs::write(folder.join(format!("{name}.both.pem")), both).unwrap();
    std::fs::write(folder.join(format!("{name}.pem")), made.cert.pem()).unwrap();
}

/// One Cassandra that asks for a password, speaks TLS to those who want, and acknowledges before it has synced.
fn unsafe_and_locked(folder: &Path) -> Cassandra {
    let mut ports = Ports::take().unwrap();
    let mut plan = CassandraPlan::new(1, ports.another(), ports.another());
    plan.commit_log = CommitLog::Periodic { period_ms: 1000 };
    certificate(folder, "database");
    plan.settings = vec![
        "authenticator: PasswordAuthenticator".to_owned(),
        format!(
            "client_encryption_options: {{ enabled: true, optional: true, keystore: {}, ssl_context_factory: \
             {{ class_name: org.apache.cassandra.security.PEMBasedSslContextFactory }} }}",
            folder.join("database.both.pem").display()
        ),
    ];
    let mut cassandra = Cassandra::start_in(folder, plan).unwrap();
    cassandra.wait_ready(START).unwrap();
    cassandra
}

#[test]
fn a_database_that_forgets_or_does_not_know_us_is_refused() {
    if !may_start(Standing::Cassandra) {
        return;
    }
    let folder = Scratch::new("check").unwrap();
    let cassandra = unsafe_and_locked(folder.path());
    let hosts = cassandra.addresses().iter().map(ToString::to_string).collect();
    let good = CqlConfig {
        credentials: Some(Credentials { user: "cassandra".to_owned(), password: "cassandra".to_owned() }),
        tls: Some(TlsConfig { ca: folder.path().join("database.pem"), identity: None }),
        ..lab::settings(hosts)
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let open = async |change: fn(&mut CqlConfig)| {
            let mut config = good.clone();
            change(&mut config);
            CqlStore::open(config).await
        };
        schema::apply(good.clone()).await.unwrap();

        let wrong = |config: &mut CqlConfig| {
            config.credentials =
                Some(Credentials { user: "cassandra".to_owned(), password: "no".to_owned() });
        };
        let refused = open(wrong).await.unwrap_err();
        assert!(matches!(refused, OpenError::Credentials(_)) && !refused.may_wait(), "{refused}");
        let refused = open(|config| config.credentials = None).await.unwrap_err();
        assert!(matches!(refused, OpenError::Credentials(_)), "{refused}");

        certificate(folder.path(), "stranger");
        let stranger = TlsConfig { ca: folder.path().join("stranger.pem"), identity: None };
        let refused = CqlStore::open(CqlConfig { tls: Some(stranger), ..good.clone() }).await.unwrap_err();
        assert!(matches!(refused, OpenError::Tls(_)) && !refused.may_wait(), "{refused}");

        let refused = open(|_| ()).await.unwrap_err();
        assert!(matches!(&refused, OpenError::Deployment(found) if found.len() == 1), "{refused}");
        for word in ["commitlog_sync: periodic", "loses", "batch or group", "may_lose_acknowledged_messages"]
        {
            assert!(refused.to_string().contains(word), "{refused}");
        }
        assert!(!refused.may_wait());

        let refused = open(|config| config.datacenter = Some("moon".to_owned())).await.unwrap_err();
        assert!(refused.to_string().contains("no datacenter moon"), "{refused}");

        let store = open(|config| config.may_lose_acknowledged_messages = true).await.unwrap();
        assert!(store.findings().iter().any(|finding| finding.what.contains("periodic")));
        store.close().await;
    });
}

/// The standing one syncs before it acknowledges.
#[test]
fn a_database_that_syncs_first_is_taken() {
    lab::run_in_cluster(|config, _| async move {
        let found = deployment(config).await.unwrap();
        assert!(found.iter().all(|finding| finding.severity == Severity::Warning), "{found:?}");
        assert!(!found.iter().any(|finding| finding.what.contains("commitlog_sync")), "{found:?}");
    });
}
