//! Every step of an append ends both ways, applied and not applied, and the result is as promised.

use causerie_cql_proxy::Action::{
    self, Answer, CloseAfter, CloseBefore, DropAnswer, DropRequest, HoldRequest, Replace,
};
use causerie_cql_proxy::{Failure, WriteType};
use causerie_store::contract::sample::entry;
use causerie_store::model::Shard;
use causerie_store::port::Outbox as _;

use super::*;

const TIMED_OUT: Failure = Failure::WriteTimeout(WriteType::UnloggedBatch);

/// Not applied, and then applied, in each way that a client can learn of it or not.
const ENDS: [Action; 9] = [
    DropRequest,
    CloseBefore,
    Answer(TIMED_OUT),
    Answer(Failure::Unavailable),
    Answer(Failure::ServerError),
    DropAnswer,
    CloseAfter,
    Replace(TIMED_OUT),
    Replace(Failure::ServerError),
];

#[test]
fn every_step_ends_both_ways() {
    run(|world| async move {
        let store = world.through().await;
        let steps = [
            ("mark", Pick::of(Kind::Execute).text("INSERT INTO").text("emit_dirty")),
            ("batch", appends()),
            ("fence", fence()),
            ("lists", Pick::any().text("user_conversations")),
            ("members", Pick::any().text(".members").text("applied = ?")),
        ];
        for (step, pick) in steps {
            for end in ENDS {
                let id = fresh();
                // Opened before, so that the fence that breaks is the append's.
                assert_eq!(store.heads(vec![id]).await.unwrap(), [None]);
                let rule = world.proxy.rule(pick.clone().once(), end);
                let first = append(&store, begun(id)).await;
                rule.took_effect(1).await.unwrap();
                rule.remove();
                let what = format!("{step} {end:?}: {first:?}");
                match first {
                    Ok(()) => {}
                    Err(AppendError::Refused(_)) => {
                        assert_eq!((step, world.rows(id, 0).await.0.len()), ("batch", 0), "{what}");
                        assert_eq!(end, Answer(Failure::Unavailable), "{what}");
                    }
                    Err(AppendError::Unknown(_)) => {}
                    Err(AppendError::Exists(_)) => panic!("{what}"),
                }
                until_committed(&store, &begun(id)).await;
                world.assert_rows(id, &begun(id).entries).await;
                assert_eq!(all(&store, id).await, begun(id).entries, "{what}");
                assert!(
                    store.marked(Shard::of_conversation(id), None, 100).await.unwrap().contains(&id),
                    "{what}"
                );
                let found = store.find(id, vec![(user("alice"), client_id(3))]).await.unwrap();
                assert_eq!(found, [Some(entry(3))], "{what}");
                append(&store, batch(id, 4..=4)).await.unwrap();
            }
        }
        store.close().await;
    });
}

#[test]
fn nothing_is_told_before_the_fence_was_asked() {
    run(|world| async move {
        let store = world.through().await;
        let id = fresh();
        append(&store, batch(id, 1..=2)).await.unwrap();
        let written = world.proxy.rule(appends().once(), Action::HoldAnswer);
        let mut answer = send(&store, batch(id, 3..=4));
        written.took_effect(1).await.unwrap();
        // It is in the database; from here on no read of the fence gets through.
        let gate = world.proxy.rule(fence(), HoldRequest);
        written.release();
        gate.took_effect(1).await.unwrap();
        assert_eq!(world.rows(id, 0).await.0.len(), 4);
        assert!(answer.try_recv().is_err(), "it is not acknowledged");
        // What is known to be committed can be read; that there is no more cannot be said.
        assert_eq!(store.read(id, Seq(1), Seq(2), ALL).await.unwrap().len(), 2);
        gate.remove();
        gate.release();
        answer.await.unwrap().unwrap();
        assert_eq!(all(&store, id).await.len(), 4);
        // Fenced between the write and the read of the fence: never told.
        let written = world.proxy.rule(appends(), Action::HoldAnswer);
        let answer = send(&store, batch(id, 5..=6));
        written.took_effect(1).await.unwrap();
        let next = world.past().await;
        written.remove();
        written.release();
        let error = answer.await.unwrap().unwrap_err().1;
        assert!(matches!(error, AppendError::Unknown(_)), "{error}");
        assert!(store.fatal().is_some());
        assert!(store.read(id, Seq(1), END, ALL).await.is_err());
        assert_eq!(all(&next, id).await.len(), 6);
        next.close().await;
    });
}

/// No answer until the deadline: unknown, and the identical batch later ends well, whether it had landed or not.
#[test]
fn an_unknown_outcome_is_repeated_as_it_was() {
    run(|world| async move {
        let store = world.through().await;
        for (end, landed) in [(DropRequest, 3), (DropAnswer, 6), (Replace(TIMED_OUT), 6)] {
            let id = fresh();
            append(&store, begun(id)).await.unwrap();
            let lost = world.proxy.rule(appends(), end);
            let error = append(&store, batch(id, 4..=6)).await.unwrap_err();
            assert!(matches!(error, AppendError::Unknown(_)), "{error}");
            assert!(lost.effects() > 1, "it is repeated while there is time");
            lost.remove();
            assert_eq!(world.rows(id, 0).await.0.len(), landed);
            let repeated = append(&store, batch(id, 4..=6)).await;
            repeated.expect("the identical batch");
            world.assert_rows(id, &batch(id, 1..=6).entries).await;
            append(&store, batch(id, 7..=7)).await.unwrap();
            assert_eq!(all(&store, id).await, batch(id, 1..=7).entries);
        }
        store.close().await;
    });
}

/// The actor has died, and the next one knows nothing of the batch: either it is there, or it never will be.
#[test]
fn what_was_forgotten_is_settled_before_the_end_is_told() {
    run(|world| async move {
        let store = world.through().await;
        let id = fresh();
        append(&store, batch(id, 1..=3)).await.unwrap();
        let held = world.proxy.rule(appends(), HoldRequest);
        let error = append(&store, others(id, 4..=6)).await.unwrap_err();
        assert!(matches!(error, AppendError::Unknown(_)), "{error}");
        held.remove();
        assert_eq!(store.heads(vec![id]).await.unwrap(), [Some(entry(3))]);
        append(&store, batch(id, 4..=4)).await.unwrap();
        assert!(held.release() >= 1, "it lands now");
        world.landed(id, 6).await;
        assert_eq!(world.rows(id, 0).await.0, batch(id, 1..=4).entries);
        assert_eq!(all(&store, id).await, batch(id, 1..=4).entries);
        let late = vec![(user("alice"), client_id(1_000_005)), (user("alice"), client_id(4))];
        assert_eq!(store.find(id, late).await.unwrap(), [None, Some(entry(4))]);
        append(&store, batch(id, 5..=5)).await.unwrap();
        // The other way: it had landed, so it is the end.
        let lost = world.proxy.rule(appends(), DropAnswer);
        assert!(append(&store, batch(id, 6..=8)).await.is_err());
        lost.remove();
        assert_eq!(store.heads(vec![id]).await.unwrap(), [Some(entry(8))]);
        let error = append(&store, others(id, 6..=6)).await.unwrap_err();
        assert!(matches!(error, AppendError::Refused(_)), "never other content: {error}");
        assert_eq!(all(&store, id).await, batch(id, 1..=8).entries);
        store.close().await;
    });
}

/// Of a batch over a border the first part is there, and the second is not.
#[test]
fn half_a_batch_over_a_border_is_completed_by_its_repetition() {
    use super::super::rows::PAGE;
    use causerie_store::contract::sample::batches;
    run(|world| async move {
        let store = world.through().await;
        for end in [DropRequest, DropAnswer] {
            let id = fresh();
            for batch in batches(id, PAGE - 10) {
                append(&store, batch).await.unwrap();
            }
            let crossing = || batch(id, PAGE - 9..=PAGE + 10);
            let lost = world.proxy.rule(appends().skip(1), end);
            let error = append(&store, crossing()).await.unwrap_err();
            assert!(matches!(error, AppendError::Unknown(_)), "{error}");
            lost.took_effect(1).await.unwrap();
            lost.remove();
            append(&store, crossing()).await.expect("the identical batch");
            append(&store, batch(id, PAGE + 11..=PAGE + 11)).await.unwrap();
            assert_eq!(all(&store, id).await.len() as u64, PAGE + 11);
        }
        store.close().await;
    });
}

/// A conversation that cannot be opened is not appended to, and nothing is said of its end.
#[test]
fn reads_that_fail_change_nothing() {
    run(|world| async move {
        let store = world.through().await;
        let id = fresh();
        let broken =
            world.proxy.rule(Pick::of(Kind::Execute).text(".messages"), Answer(Failure::ReadTimeout));
        assert!(store.heads(vec![id]).await.is_err());
        let error = append(&store, batch(id, 1..=1)).await.unwrap_err();
        assert!(matches!(error, AppendError::Refused(_)), "{error}");
        broken.took_effect(2).await.unwrap();
        broken.remove();
        world.assert_rows(id, &[]).await;
        append(&store, batch(id, 1..=1)).await.unwrap();
        store.close().await;
    });
}
