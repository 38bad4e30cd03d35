//! Order, completeness, and what is known afterwards.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use anyhow::Result;
use causerie_events::record::{EventBody, Undelivered};
use causerie_protocol::{Seq, UserId};
use causerie_store::model::Cursor;

use crate::lab::{Lab, PATIENCE, block_on, conversation, until};

#[test]
fn everything_committed_is_emitted_in_order_and_nothing_stays_marked() -> Result<()> {
    let Some(mut lab) = Lab::standing() else { return Ok(()) };
    block_on(async {
        let emitter = lab.start();
        for round in 0..40 {
            for number in 0..25 {
                let committed = lab.commit(number, 1 + round % 3);
                emitter.committed(&committed);
            }
        }
        assert_eq!(lab.marks().await, 25);
        emitter.close(PATIENCE).await;
        assert_eq!(lab.judge()?, 0, "records that repeat others");
        assert_eq!(lab.marks().await, 0);
        let records = lab.read(&lab.config.topics().messages)?;
        let id = conversation(3);
        for (partition, event) in records.iter().filter(|(_, event)| event.conversation == id) {
            assert_eq!(*partition, murmur2_partition(id.as_bytes(), 3));
            assert_eq!((event.epoch, event.id.starts_with(&format!("{id}:"))), (1, true));
        }
        lab.end().await
    })
}

/// As Kafka's clients for Java place a key.
fn murmur2_partition(key: &[u8], partitions: i32) -> i32 {
    fn murmur2(key: &[u8]) -> i32 {
        const M: u32 = 0x5bd1_e995;
        let mut hash = 0x9747_b28c ^ u32::try_from(key.len()).expect("short");
        let chunks = key.chunks_exact(4);
        assert!(chunks.remainder().is_empty(), "only whole words are hashed here");
        for chunk in chunks {
            let mut word = u32::from_le_bytes(chunk.try_into().expect("four bytes")).wrapping_mul(M);
            word = (word ^ (word >> 24)).wrapping_mul(M);
            hash = hash.wrapping_mul(M) ^ word;
        }
        hash = (hash ^ (hash >> 13)).wrapping_mul(M);
        i32::from_ne_bytes((hash ^ (hash >> 15)).to_ne_bytes())
    }
    // From the tests of Kafka's own clients.
    assert_eq!(murmur2(b"a-little-bit-long-string"), -985_981_536);
    (murmur2(key) & 0x7fff_ffff) % partitions
}

#[test]
fn what_was_in_flight_at_a_crash_and_what_came_after_is_emitted_by_the_next_start() -> Result<()> {
    let Some(mut lab) = Lab::standing() else { return Ok(()) };
    block_on(async {
        let mut total = 0;
        // Three lives of an emitter, each ended in the middle of its work.
        for life in 0..3 {
            let emitter = lab.start();
            for round in 0..600_u128 {
                let committed = lab.commit(round % 30, 10);
                total += 10;
                emitter.committed(&committed);
            }
            until(async || Ok(emitter.metrics().delivered.load(Relaxed) > 0)).await?;
            drop(emitter);
            // Nobody tells an emitter of these.
            (0..50).for_each(|number| drop(lab.commit(number + life, 3)));
            total += 150;
        }
        assert!(total > 18_000);
        let emitter = lab.start();
        lab.emitted().await?;
        until(async || Ok(lab.marks().await == 0)).await?;
        assert_eq!(emitter.lag().records, 0);
        emitter.close(PATIENCE).await;
        lab.judge()?;
        lab.end().await
    })
}

#[test]
fn of_receipts_and_undelivered_the_latest_is_told() -> Result<()> {
    let Some(lab) = Lab::standing() else { return Ok(()) };
    block_on(async {
        let emitter = lab.start();
        let user = |number| UserId::new(&format!("user-{number}")).expect("a name");
        for read in 1..=50 {
            for number in 0..10 {
                let cursor = Cursor { delivered: Seq(60), read: Seq(read) };
                emitter.receipt(conversation(1), user(number), cursor);
                let (conversation, seq, from) = (conversation(2), Seq(read), user(99));
                emitter.undelivered(Undelivered { conversation, user: user(number), seq, from });
            }
        }
        emitter.close(PATIENCE).await;
        let topics = lab.config.topics();
        let (receipts, undelivered) = (lab.read(&topics.receipts)?, lab.read(&topics.undelivered)?);
        assert!(receipts.len() < 500 && undelivered.len() < 500, "what waits is replaced");
        for number in 0..10 {
            let last = receipts.iter().rfind(|(_, event)| *event.user() == user(number));
            assert!(
                matches!(&last.expect("one").1.body, EventBody::Receipt(receipt) if receipt.read == Seq(50))
            );
            let last = undelivered.iter().rfind(|(_, event)| *event.user() == user(number));
            assert!(
                matches!(&last.expect("one").1.body, EventBody::Undelivered(told) if told.seq == Seq(50))
            );
        }
        lab.end().await
    })
}

#[test]
fn a_shard_that_is_taken_over_is_emitted() -> Result<()> {
    let Some(mut lab) = Lab::standing() else { return Ok(()) };
    block_on(async {
        let emitter = lab.start();
        until(async || Ok(!emitter.lag().incomplete)).await?;
        drop(lab.commit(5, 20));
        emitter.acquired(causerie_store::model::Shard::of_conversation(conversation(5)));
        lab.emitted().await?;
        emitter.close(Duration::from_secs(10)).await;
        lab.judge()?;
        lab.end().await
    })
}
