//! A broker that is killed and comes back.

use causerie_services::service::START_LIMIT;
use causerie_services::{Kafka, KafkaPlan, Ports, Scratch, Service as _, Standing, may_start};

#[test]
fn three_brokers_are_ready_lose_one_and_are_whole_again() {
    if !may_start(Standing::Kafka) {
        return;
    }
    let folder = Scratch::new("kafka3").unwrap();
    let mut ports = Ports::take().unwrap();
    let plan = KafkaPlan::new(3, ports.another(), ports.another());
    let mut kafka = Kafka::start_in(folder.path(), plan).unwrap();
    kafka.wait_ready(START_LIMIT).unwrap();
    kafka.check().unwrap();

    kafka.broker(2).kill().unwrap();
    assert!(kafka.check().is_err());
    kafka.broker(2).start().unwrap();
    kafka.wait_ready(START_LIMIT).unwrap();
}
