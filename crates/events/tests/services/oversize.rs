//! Entries that are too large for their topic.

use std::sync::atomic::Ordering::Relaxed;

use anyhow::Result;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;

use crate::lab::{Lab, PATIENCE, block_on, conversation, oversize};

/// Also when the topic takes less than it did when the producer began: then the broker refuses what is under way, and what
/// follows it must not overtake it.
#[test]
fn what_is_too_large_keeps_its_place_and_holds_nobody_up() -> Result<()> {
    let Some(mut lab) = Lab::standing() else { return Ok(()) };
    block_on(async {
        let emitter = lab.start();
        let large = noise(200_000);
        (0..10).for_each(|number| emitter.committed(&lab.commit(number, 5)));
        lab.emitted().await?;
        let admin: AdminClient<DefaultClientContext> = lab.config.client().create()?;
        let topics = lab.config.topics();
        let limit =
            |topic| AlterConfig::new(ResourceSpecifier::Topic(topic)).set("max.message.bytes", "100000");
        let changes = [&topics.messages, &topics.membership].map(|topic| limit(topic));
        for changed in admin.alter_configs(&changes, &AdminOptions::new()).await? {
            changed.map_err(|(_, code)| code)?;
        }
        // 6 is a message and 7 a membership change.
        emitter.committed(&lab.commit_text(3, 2, &large));
        for number in (0..10).chain(0..10) {
            emitter.committed(&lab.commit(number, 30));
        }
        lab.emitted().await?;
        assert!(emitter.metrics().restarts.load(Relaxed) >= 1, "the broker has refused something");
        assert!(emitter.metrics().oversize.load(Relaxed) >= 2);
        // From now on it is known before.
        let restarts = emitter.metrics().restarts.load(Relaxed);
        emitter.committed(&lab.commit_text(4, 1, &large));
        emitter.committed(&lab.commit(4, 3));
        lab.emitted().await?;
        assert_eq!(emitter.metrics().restarts.load(Relaxed), restarts);
        emitter.close(PATIENCE).await;
        lab.judge()?;
        let mut found = oversize(&lab.read(&topics.messages)?);
        found.dedup();
        found.sort();
        assert_eq!(found, [(conversation(3), 6), (conversation(3), 7), (conversation(4), 66)]);
        lab.end().await
    })
}

/// A text that does not get smaller by compression.
fn noise(length: usize) -> String {
    let mut state = 1_u64;
    let mut letter = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(
            b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
                [usize::try_from(state >> 58).unwrap_or_default()],
        )
    };
    (0..length).map(|_| letter()).collect()
}
