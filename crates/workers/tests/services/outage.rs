//! The broker goes and comes back, or gives the worker's place to another.

use causerie_services::service::START_LIMIT;
use causerie_services::{Kafka, KafkaPlan, Ports, Scratch, Service as _, Standing, may_start};
use causerie_workers::RunError;

use super::log::{Log, Writer};
use super::rebalance::{CONVERSATIONS, compare, start, start_with};
use super::running::settings;

#[test]
fn a_broker_that_is_killed_and_comes_back_costs_time_and_nothing_else() {
    if !may_start(Standing::Kafka) {
        return;
    }
    let folder = Scratch::new("workers-outage").unwrap();
    let mut ports = Ports::take().unwrap();
    let plan = KafkaPlan::new(1, ports.another(), ports.another());
    let address = plan.address(0).to_string();
    let mut kafka = Kafka::start_in(folder.path(), plan).unwrap();
    kafka.wait_ready(START_LIMIT).unwrap();

    let log = Log::at(address, "outage", 3);
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Writer::new(CONVERSATIONS);
    writer.write(&log, 500);
    log.flush();
    let (worker, query) = start(&log, dir.path());
    worker.reaches(&log, 3);
    for _ in 0..2 {
        // Under way when it dies.
        writer.write(&log, 500);
        kafka.broker(0).kill().unwrap();
        assert!(kafka.check().is_err());
        writer.write(&log, 500);
        kafka.broker(0).start().unwrap();
        kafka.wait_ready(START_LIMIT).unwrap();
        log.flush();
        worker.reaches(&log, 3);
        compare(&writer, &[&query]);
    }
    worker.stop().unwrap();
}

#[test]
fn of_two_with_one_name_the_older_ends() {
    let Some(log) = Log::new("named", 2) else { return };
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut writer = Writer::new(CONVERSATIONS);
    writer.write(&log, 500);
    log.flush();
    let named = |dir: &std::path::Path| {
        let mut settings = settings(&log, dir);
        settings.instance = Some("one".to_owned());
        start_with(settings)
    };
    let (older, _) = named(one.path());
    older.reaches(&log, 2);
    let (younger, query) = named(two.path());
    let ended = older.ended();
    assert!(matches!(ended, Err(RunError::Kafka(_))), "{ended:?}");
    younger.reaches(&log, 2);
    compare(&writer, &[&query]);
    younger.stop().unwrap();
}
