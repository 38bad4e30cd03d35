//! On the real database.

use std::time::Duration;

use scylla::statement::unprepared::Statement;

use super::*;
use crate::lab;

#[test]
fn what_is_missing_is_made_and_then_nothing_more() {
    lab::run(|config, _| async move {
        let before = check(config.clone()).await.unwrap();
        assert_eq!((before.found, before.missing.len()), (0, 0));
        assert!(matches!(before.usable(), Err(OpenError::OlderSchema { found: 0, known: 1 })));
        let made = apply(config.clone()).await.unwrap();
        assert!(made.usable().is_ok(), "{made:?}");
        assert_eq!(apply(config.clone()).await.unwrap(), made);
        assert_eq!(check(config).await.unwrap(), made);
    });
}

#[test]
fn several_nodes_at_once_make_it_once() {
    lab::run(|config, cql| async move {
        let one = || apply(CqlConfig { node: "other".to_owned(), ..config.clone() });
        let (a, b, c) = tokio::join!(one(), one(), one());
        for state in [a, b, c] {
            assert!(state.unwrap().usable().is_ok());
        }
        // Every step counts the lease up once: the turn, the data keyspace, each table, the end.
        let tables = MIGRATIONS[0].statements().count();
        let asked = cql.prepare_serial("SELECT lease FROM $control.schema_state").await.unwrap();
        let (lease,) = cql.one::<(i64,)>(&asked, ()).await.unwrap().unwrap();
        assert_eq!(usize::try_from(lease).unwrap(), tables + 3, "a step was done twice");
    });
}

#[test]
fn who_stops_in_the_middle_is_succeeded() {
    lab::run(|config, cql| async move {
        // Stopped wherever it happens to be, once three of its tables are there.
        let stopped = apply(config.clone());
        let some = async {
            loop {
                let asked = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?";
                let asked = cql.prepare_read(asked).await.unwrap();
                let there = cql.rows::<(String,)>(&asked, (&config.control_keyspace,)).await.unwrap();
                if there.len() >= 3 {
                    return;
                }
            }
        };
        tokio::select! {
            done = stopped => panic!("it was not stopped: {done:?}"),
            () = some => (),
        }
        let half = check(config.clone()).await.unwrap();
        assert_eq!(half.found, 0);
        let next = Migrator::new(&cql, MIGRATIONS).await.unwrap().patience(Duration::from_secs(1));
        next.run().await.unwrap();
        assert!(check(config).await.unwrap().usable().is_ok());
    });
}

static NEXT: &[Migration] = &[
    Migration::new(1, &[control::TABLES, data::TABLES]),
    Migration::new(2, &[&["CREATE TABLE IF NOT EXISTS $data.later (id int PRIMARY KEY)$small"]]),
];

#[test]
fn a_newer_schema_is_reached_from_the_older_and_refused_by_it() {
    lab::run(|config, cql| async move {
        apply(config.clone()).await.unwrap();
        Migrator::new(&cql, NEXT).await.unwrap().run().await.unwrap();
        let asked = cql.prepare_read("SELECT id FROM $data.later").await.unwrap();
        assert_eq!(cql.rows::<(i32,)>(&asked, ()).await.unwrap(), []);
        let newer = check(config.clone()).await.unwrap();
        assert!(matches!(newer.usable(), Err(OpenError::NewerSchema { found: 2, known: 1 })));
        let refused = apply(config).await.unwrap_err();
        assert!(matches!(refused, OpenError::NewerSchema { found: 2, known: 1 }), "{refused}");
        assert!(!refused.may_wait() && refused.to_string().contains("install a newer one"));
    });
}

#[test]
fn a_table_that_vanished_is_missed() {
    lab::run(|config, cql| async move {
        apply(config.clone()).await.unwrap();
        let table = format!("{}.heads", config.keyspace);
        let mut dropping = Statement::new(format!("DROP TABLE {table}"));
        dropping.set_request_timeout(Some(Duration::from_secs(60)));
        cql.session.query_unpaged(dropping, ()).await.unwrap();
        let state = check(config).await.unwrap();
        assert_eq!(state.missing, [table]);
        assert!(matches!(state.usable(), Err(OpenError::Corrupt(_))));
    });
}

#[test]
fn what_is_printed_is_what_is_made() {
    let config = CqlConfig::new(vec![], "c", "n");
    let printed = print(&config, Database::Cassandra(5));
    assert!(printed.starts_with("CREATE KEYSPACE IF NOT EXISTS causerie_ctl"));
    let tables = MIGRATIONS.iter().flat_map(Migration::statements).count() + 1;
    assert_eq!(printed.matches("CREATE TABLE").count(), tables);
    assert!(printed.lines().all(|line| line.ends_with(';')) && !printed.contains('$'));
}

#[test]
fn the_printed_statements_are_taken_as_they_are() {
    lab::run(|config, cql| async move {
        for statement in print(&config, Database::Cassandra(5)).lines() {
            let mut statement = Statement::new(statement.trim_end_matches(';'));
            statement.set_request_timeout(Some(Duration::from_secs(60)));
            cql.session.query_unpaged(statement, ()).await.unwrap();
        }
        // Made by hand, the state is empty; applying finds everything and writes the version down.
        assert!(apply(config).await.unwrap().usable().is_ok());
    });
}
