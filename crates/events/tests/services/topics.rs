//! Topics are created, and checked.

use anyhow::Result;
use causerie_events::emitter::Health;
use causerie_events::topics::{TopicError, prepare};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;

use crate::lab::{Lab, PATIENCE, block_on, until};

#[test]
fn topics_are_created_once() -> Result<()> {
    let Some(mut lab) = Lab::standing() else { return Ok(()) };
    block_on(async {
        let first = prepare(&lab.config).await?;
        assert_eq!((first.created.len(), first.notes), (4, Vec::new()));
        lab.config.partitions = 5;
        let second = prepare(&lab.config).await?;
        assert_eq!((second.created.len(), second.notes.len()), (0, 4));
        assert!(second.notes[0].ends_with("has 3 partitions, not 5"), "{:?}", second.notes);
        lab.end().await
    })
}

#[test]
fn a_topic_that_would_lose_events_is_not_written_to() -> Result<()> {
    let Some(mut lab) = Lab::standing() else { return Ok(()) };
    block_on(async {
        let admin: AdminClient<DefaultClientContext> = lab.config.client().create()?;
        let name = lab.config.topics().messages;
        let compacted = NewTopic::new(&name, 3, TopicReplication::Fixed(1)).set("cleanup.policy", "compact");
        admin.create_topics([&compacted], &AdminOptions::new()).await?[0].as_ref().expect("it is new");
        let error = prepare(&lab.config).await.expect_err("it loses events");
        assert_eq!(
            error.to_string(),
            format!("the topic {name} has cleanup.policy = compact, and delete is needed")
        );
        // The emitter says so, goes on taking, and emits when it is mended.
        let emitter = lab.start();
        emitter.committed(&lab.commit(1, 10));
        until(async || Ok(matches!(emitter.health(), Health::Failing(why) if why.contains("compact"))))
            .await?;
        emitter.close(PATIENCE).await;
        assert_eq!(lab.marks().await, 1);
        lab.end().await
    })
}

#[test]
fn what_cannot_be_created_is_said() -> Result<()> {
    let Some(mut lab) = Lab::standing() else { return Ok(()) };
    block_on(async {
        (lab.config.replication, lab.config.min_insync) = (3, 2);
        let error = prepare(&lab.config).await.expect_err("there is one broker");
        assert!(matches!(&error, TopicError::Missing { why, .. } if why.contains("(1 brokers")), "{error}");
        lab.config.bootstrap_servers = "127.0.0.1:1".into();
        assert!(matches!(prepare(&lab.config).await, Err(TopicError::Unreachable(_))));
        Ok(())
    })
}
