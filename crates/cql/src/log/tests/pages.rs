//! Partitions, and what is found in them.

use causerie_store::contract::sample::{batches, entry, of};
use causerie_store::model::Shard;
use causerie_store::port::messages::ReadLimit;
use causerie_store::port::{Outbox as _, ReadError};

use super::super::rows::PAGE;
use super::*;

/// A log up to a position, whose heads are in the database.
async fn log_of(store: &CqlStore, id: ConversationId, length: u64) {
    for batch in batches(id, length) {
        append(store, batch).await.unwrap();
    }
}

/// Each length ends or begins a page, or crosses into one; what was written is there for the same store, for the next
/// one, and for one that has lost where the log ends.
#[test]
fn logs_that_end_around_a_border_are_found_whole() {
    run(|world| async move {
        let store = world.past().await;
        let lengths = [PAGE - 2, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE + 30];
        let ids = lengths.map(|_| fresh());
        for (id, length) in ids.into_iter().zip(lengths) {
            log_of(&store, id, length).await;
        }
        // One batch over the border.
        let crossed = fresh();
        log_of(&store, crossed, PAGE - 64).await;
        append(&store, batch(crossed, PAGE - 63..=PAGE - 33)).await.unwrap();
        append(&store, batch(crossed, PAGE - 32..=PAGE + 20)).await.unwrap();
        store.close().await;
        let store = world.past().await;
        let all_of = async |store: &CqlStore| {
            for (id, length) in ids.into_iter().zip(lengths).chain([(crossed, PAGE + 20)]) {
                let head = store.heads(vec![id]).await.unwrap();
                assert_eq!(head, [Some(entry(length))]);
                let read = all(store, id).await;
                assert_eq!(read.len() as u64, length);
                assert!(read.iter().zip(1..).all(|(read, seq)| *read == entry(seq)));
                for (first, last) in [(PAGE - 3, PAGE - 1), (PAGE - 1, PAGE + 1), (PAGE, PAGE)] {
                    let expected: Vec<_> = (first..=last.min(length)).map(entry).collect();
                    let read = store.read(id, Seq(first), Seq(last), ALL).await.unwrap();
                    assert_eq!(read, expected);
                    let two = ReadLimit { items: 2, bytes: usize::MAX };
                    let back = store.read_back(id, Seq(first), Seq(last), two).await.unwrap();
                    assert_eq!(back, expected[expected.len().saturating_sub(2)..]);
                }
                let keys =
                    [1, PAGE - 2, length, length + 1].map(|seq| (user("alice"), client_id(seq))).to_vec();
                let found = store.find(id, keys).await.unwrap();
                assert_eq!(found, [Some(entry(1)), Some(entry(PAGE - 2)), Some(entry(length)), None]);
            }
        };
        all_of(&store).await;
        store.close().await;
        let forget = world.cql.fill_in("TRUNCATE $data.heads");
        world.cql.session.query_unpaged(forget, ()).await.unwrap();
        let store = world.past().await;
        all_of(&store).await;
        for (id, length) in ids.into_iter().zip(lengths) {
            append(&store, batch(id, length + 1..=length + 64)).await.unwrap();
            assert_eq!(store.heads(vec![id]).await.unwrap(), [Some(entry(length + 64))]);
        }
        store.close().await;
    });
}

#[test]
fn what_is_missing_or_altered_is_damage_and_never_the_end() {
    run(|world| async move {
        let store = world.past().await;
        let (gap, flipped) = (fresh(), fresh());
        log_of(&store, gap, 10).await;
        log_of(&store, flipped, 10).await;
        for (id, text) in [
            (gap, "DELETE FROM $data.messages WHERE conv = ? AND page = 0 AND kind = 0 AND seq = 7"),
            (
                flipped,
                "UPDATE $data.messages SET body = 0x0102 WHERE conv = ? AND page = 0 AND kind = 0 AND seq = 7 \
                 AND cmid = 00000000-0000-0000-0000-000000000000",
            ),
        ] {
            world.cql.session.query_unpaged(world.cql.fill_in(text), (id.0,)).await.unwrap();
        }
        for id in [gap, flipped] {
            let error = store.read(id, Seq(1), END, ALL).await.unwrap_err();
            assert!(matches!(error, ReadError::Corrupt(_)), "{error}");
            assert_eq!(store.read(id, Seq(8), END, ALL).await.unwrap().len(), 3);
        }
        drop(store);
        // After a crash the end is written again: not over a gap, below which nothing may be deleted.
        let store = world.past().await;
        assert!(matches!(store.heads(vec![gap]).await, Err(ReadError::Corrupt(_))));
        assert!(matches!(append(&store, batch(gap, 11..=11)).await, Err(AppendError::Refused(_))));
        assert_eq!(world.rows(gap, 0).await.0.len(), 9);
        store.close().await;
    });
}

#[test]
fn positions_follow_the_end_and_are_never_given_other_content() {
    run(|world| async move {
        let store = world.past().await;
        let id = fresh();
        let refused = async |batch| {
            let error = append(&store, batch).await.unwrap_err();
            assert!(matches!(error, AppendError::Refused(_)), "{error}");
        };
        refused(batch(id, 2..=3)).await;
        refused(batch(id, 0..=1)).await;
        append(&store, batch(id, 1..=3)).await.unwrap();
        append(&store, batch(id, 1..=3)).await.expect("the identical batch again");
        append(&store, batch(id, 2..=5)).await.expect("what is there is the same, the rest is new");
        refused(others(id, 4..=6)).await;
        refused(batch(id, 7..=7)).await;
        world.assert_rows(id, &batch(id, 1..=5).entries).await;
        let twice = Entry { client_message_id: client_id(2), ..entry(6) };
        let checked = Batch { check_keys: true, ..of(id, vec![twice, entry(7)]) };
        assert_eq!(append(&store, checked).await, Err(AppendError::Exists(vec![0])));
        store.close().await;
    });
}

#[test]
fn what_follows_from_entries_is_found_from_the_end() {
    run(|world| async move {
        let store = world.past().await;
        let id = fresh();
        append(&store, begun(id)).await.unwrap();
        append(&store, batch(id, 4..=5)).await.unwrap();
        let more = vec![Projection::Member(user("bob"), member(Role::Member, 6))];
        append(&store, Batch { projections: more.clone(), ..batch(id, 6..=6) }).await.unwrap();
        append(&store, batch(id, 7..=9)).await.unwrap();
        let tail = store.log.opening(id).await.unwrap();
        assert_eq!((tail.last, tail.projected), (Seq(9), Seq(6)));
        let unapplied = async |applied| store.log.unapplied(id, &tail, Seq(applied)).await.unwrap();
        assert_eq!(unapplied(6).await, []);
        assert_eq!(unapplied(5).await, [(Seq(6), more.clone())]);
        assert_eq!(unapplied(0).await, [(Seq(3), begun(id).projections), (Seq(6), more)]);
        store.close().await;
    });
}

#[test]
fn marks_are_there_before_the_answer_and_go_when_all_is_emitted() {
    run(|world| async move {
        let store = world.past().await;
        let id = fresh();
        let shard = Shard::of_conversation(id);
        let marked = async |store: &CqlStore| store.marked(shard, None, 1000).await.unwrap().contains(&id);
        assert!(!marked(&store).await);
        append(&store, batch(id, 1..=3)).await.unwrap();
        assert!(marked(&store).await);
        assert!(!store.clear_mark(id, Seq(3)).await.unwrap(), "the cursor is not there");
        store.put_emit_cursors(vec![(id, Seq(3)), (id, Seq(2))]).await.unwrap();
        let extent = store.extent(id).await.unwrap();
        assert_eq!((extent.emitted, extent.last), (Seq(3), Seq(3)));
        assert!(!store.clear_mark(id, Seq(2)).await.unwrap(), "the log goes on");
        assert!(store.clear_mark(id, Seq(3)).await.unwrap());
        assert!(!marked(&store).await);
        append(&store, batch(id, 4..=4)).await.unwrap();
        assert!(marked(&store).await, "it is marked again");
        assert!(!store.marked(shard, Some(id), 10).await.unwrap().contains(&id));
        drop(store);
        let store = world.past().await;
        assert!(marked(&store).await, "also after a crash");
        assert_eq!(store.extent(id).await.unwrap().last, Seq(4));
        store.close().await;
    });
}
