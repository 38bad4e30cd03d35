//! Brokers that are not there, die and come back: each test has one of its own.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use anyhow::Result;
use causerie_events::emitter::Health;
use causerie_services::service::START_LIMIT;
use causerie_services::{Kafka, KafkaPlan, Ports, Scratch, Service as _, Standing, may_start};

use crate::lab::{Lab, PATIENCE, block_on, until};

#[test]
fn a_broker_that_is_killed_and_comes_back_has_everything_in_order() -> Result<()> {
    if !may_start(Standing::Kafka) {
        return Ok(());
    }
    let (folder, mut ports) = (Scratch::new("events-killed")?, Ports::take()?);
    let plan = KafkaPlan::new(1, ports.another(), ports.another());
    let mut kafka = Kafka::start_in(folder.path(), plan)?;
    kafka.wait_ready(START_LIMIT)?;
    let mut lab = Lab::at(&kafka.addresses()[0].to_string());
    block_on(async {
        let emitter = lab.start();
        for kill in 0..2_u64 {
            let before = emitter.metrics().delivered.load(Relaxed);
            for round in 0..400_u128 {
                emitter.committed(&lab.commit(round % 20, 20));
            }
            until(async || Ok(emitter.metrics().delivered.load(Relaxed) > before)).await?;
            kafka.broker(0).kill()?;
            // It goes on as if nothing had happened.
            for round in 0..100 {
                emitter.committed(&lab.commit(round % 40, 5));
            }
            until(async || Ok(emitter.lag().records > 0 && emitter.health() != Health::Good)).await?;
            assert!(emitter.metrics().restarts.load(Relaxed) == 0, "after {kill} kills");
            kafka.broker(0).start()?;
            kafka.wait_ready(START_LIMIT)?;
            lab.emitted().await?;
        }
        until(async || Ok(emitter.health() == Health::Good && emitter.lag().records == 0)).await?;
        emitter.close(PATIENCE).await;
        lab.judge()?;
        Ok(())
    })
}

#[test]
fn a_broker_that_comes_late_gets_everything_and_memory_stays_bounded() -> Result<()> {
    if !may_start(Standing::Kafka) {
        return Ok(());
    }
    let (folder, mut ports) = (Scratch::new("events-late")?, Ports::take()?);
    let plan = KafkaPlan::new(1, ports.another(), ports.another());
    let mut lab = Lab::at(&plan.address(0).to_string());
    let limits = &mut lab.config.limits;
    // Fewer than there will be, of everything.
    (limits.conversations, limits.buffered_bytes, limits.in_flight) = (1024, 256 * 1024, 300);
    (limits.in_flight_bytes, limits.emitters) = (64 * 1024, 2);
    block_on(async {
        let emitter = lab.start();
        assert!(matches!(emitter.health(), Health::Failing(_)));
        let text = "x".repeat(1000);
        for round in 0..3 {
            for number in 0..4000 {
                emitter.committed(&lab.commit_text(number, 1 + round, &text));
            }
            until(async || Ok(emitter.lag().records > 0)).await?;
            let lag = emitter.lag();
            // Each emitter may go over its bound by what is being read.
            assert!(lag.buffered_bytes < 2 * (256 * 1024 + 16 * 256 * 1024), "{lag:?}");
            assert!(lag.conversations <= 2 * 1024, "{lag:?}");
        }
        until(async || {
            let lag = emitter.lag();
            Ok(lag.incomplete && lag.seconds > 0.0)
        })
        .await?;
        // One that is closed now leaves everything marked.
        emitter.close(Duration::from_secs(20)).await;
        assert_eq!(lab.marks().await, 4000);
        let emitter = lab.start();
        let mut kafka = Kafka::start_in(folder.path(), plan)?;
        kafka.wait_ready(START_LIMIT)?;
        lab.emitted().await?;
        until(async || Ok(lab.marks().await == 0 && emitter.lag().records == 0)).await?;
        assert_eq!(emitter.health(), Health::Good);
        assert!(emitter.metrics().read_back.load(Relaxed) >= 24_000);
        emitter.close(PATIENCE).await;
        lab.judge()?;
        Ok(())
    })
}
