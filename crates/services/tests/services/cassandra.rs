//! One node and three, and that what is called ready is.

use causerie_services::service::START_LIMIT;
use causerie_services::{Cassandra, CassandraPlan, Ports, Scratch, Service as _, Standing, may_start};

#[test]
fn three_nodes_are_ready_lose_one_and_are_whole_again() {
    if !may_start(Standing::Cassandra) {
        return;
    }
    let folder = Scratch::new("cassandra3").unwrap();
    let mut ports = Ports::take().unwrap();
    let plan = CassandraPlan::new(3, ports.another(), ports.another());
    let mut cassandra = Cassandra::start_in(folder.path(), plan).unwrap();
    cassandra.wait_ready(START_LIMIT).unwrap();
    cassandra.check().unwrap_err();

    cassandra.node(1).kill().unwrap();
    let why = cassandra.check().unwrap_err();
    assert!(why.starts_with("127.0.0.2: "), "{why}");
    cassandra.wait_node(0, START_LIMIT).unwrap();

    cassandra.node(1).start().unwrap();
    cassandra.wait_ready(START_LIMIT).unwrap();

    // One that is frozen keeps its port open.
    cassandra.node(2).pause().unwrap();
    assert!(cassandra.check().is_err(), "a frozen node is not ready");
    cassandra.node(2).resume().unwrap();
    cassandra.wait_ready(START_LIMIT).unwrap();
}

#[test]
fn one_node_asks_for_a_password_and_says_when_its_settings_are_wrong() {
    if !may_start(Standing::Cassandra) {
        return;
    }
    let folder = Scratch::new("cassandra-password").unwrap();
    let mut ports = Ports::take().unwrap();
    let mut plan = CassandraPlan::new(1, ports.another(), ports.another());
    plan.settings.push("authenticator: PasswordAuthenticator".into());
    {
        let mut cassandra = Cassandra::start_in(folder.path(), plan.clone()).unwrap();
        cassandra.wait_ready(START_LIMIT).unwrap();
    }
    // The same data, and a line that Cassandra does not know.
    plan.settings.push("no_such_setting: 1".into());
    let mut broken = Cassandra::start_in(folder.path(), plan).unwrap();
    let error = broken.wait_ready(START_LIMIT).unwrap_err().to_string();
    assert!(error.contains("no_such_setting"), "{error}");
}
