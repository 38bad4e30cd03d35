//! Two owners: what the earlier one had on its way never shows once the later one has opened the conversation.

use causerie_cql_proxy::Action;
use causerie_store::contract::sample::{batches, entry};
use causerie_store::model::Shard;

use super::super::rows::PAGE;
use super::*;

/// Where the late batch ends that follows a log of this length: within the page where it begins, because the second part
/// of one that crosses a border is only sent after the first.
fn late_end(length: u64) -> u64 {
    let first = length + 1;
    (first + 63).min((first / PAGE + 1) * PAGE - 1)
}

/// A's batch is held back until B has opened and written; then it lands. Whatever the end of the log was.
#[test]
fn a_late_batch_of_an_earlier_owner_never_shows() {
    run(|world| async move {
        let lengths = [0, 3, PAGE - 70, PAGE - 30, PAGE - 1, PAGE];
        let ids = lengths.map(|_| fresh());
        let a = world.through().await;
        for (id, length) in ids.into_iter().zip(lengths) {
            for batch in batches(id, length) {
                append(&a, batch).await.unwrap();
            }
        }
        let held = world.proxy.rule(appends(), Action::HoldRequest);
        let mut late = Vec::new();
        for (id, length) in ids.into_iter().zip(lengths) {
            late.push(send(&a, others(id, length + 1..=late_end(length))));
        }
        held.took_effect(ids.len() as u64).await.unwrap();
        let b = world.past().await;
        for (id, length) in ids.into_iter().zip(lengths) {
            let head = b.heads(vec![id]).await.unwrap().pop().flatten();
            assert_eq!(head, (length > 0).then(|| entry(length)));
            append(&b, batch(id, length + 1..=length + 1)).await.unwrap();
        }
        for answer in late {
            let (_, error) = answer.await.unwrap().unwrap_err();
            assert!(matches!(error, AppendError::Unknown(_)), "{error}");
        }
        held.remove();
        assert!(held.release() >= ids.len(), "they land now");
        for (id, length) in ids.into_iter().zip(lengths) {
            world.landed(id, late_end(length)).await;
        }
        let last = fresh();
        append(&b, batch(last, 1..=1)).await.unwrap();
        let settled = async |store: &CqlStore| {
            for (id, length) in ids.into_iter().zip(lengths) {
                let expected: Vec<_> = (1..=length + 1).map(entry).collect();
                assert!(all(store, id).await == expected, "{length}");
                let late =
                    [length + 1, late_end(length)].map(|seq| (user("alice"), client_id(1_000_000 + seq)));
                assert_eq!(store.find(id, late.to_vec()).await.unwrap(), [None, None]);
            }
        };
        settled(&b).await;
        assert!(append(&a, batch(last, 2..=2)).await.is_err());
        assert!(a.heads(vec![last]).await.is_err());
        assert!(a.fatal().is_some());
        drop((a, b));
        let c = world.past().await;
        settled(&c).await;
        c.close().await;
    });
}

/// What had landed before B opened is B's, whoever was told of it.
#[test]
fn what_an_earlier_owner_has_written_is_kept() {
    run(|world| async move {
        let a = world.through().await;
        let id = fresh();
        append(&a, begun(id)).await.unwrap();
        let held = world.proxy.rule(appends(), Action::HoldAnswer);
        let under_way = send(&a, batch(id, 4..=6));
        held.took_effect(1).await.unwrap();
        let b = world.past().await;
        assert_eq!(b.heads(vec![id]).await.unwrap(), [Some(entry(6))]);
        held.remove();
        held.release();
        let error = under_way.await.unwrap().unwrap_err().1;
        assert!(matches!(error, AppendError::Unknown(_)), "A is fenced and tells nobody: {error}");
        append(&b, batch(id, 4..=6)).await.expect("the identical batch is there");
        append(&b, batch(id, 7..=7)).await.unwrap();
        world.assert_rows(id, &batch(id, 1..=7).entries).await;
        b.close().await;
    });
}

/// The order of timestamps alone decides: a raw write with A's timestamp, after B.
#[test]
fn a_raw_write_with_an_earlier_timestamp_is_shadowed() {
    run(|world| async move {
        let a = world.past().await;
        let id = fresh();
        append(&a, batch(id, 1..=3)).await.unwrap();
        let of_a = a.base.owned.timestamp(Shard::of_conversation(id)).unwrap();
        drop(a);
        let b = world.past().await;
        assert_eq!(b.heads(vec![id]).await.unwrap(), [Some(entry(3))]);
        for entry in others(id, 2..=6).entries {
            world.write_raw(id, &entry, of_a).await;
        }
        assert_eq!(all(&b, id).await, batch(id, 1..=3).entries);
        drop(b);
        let c = world.past().await;
        assert_eq!(all(&c, id).await, batch(id, 1..=3).entries);
        // Above the timestamps of every owner it would show: the test can fail.
        world.write_raw(id, &others(id, 4..=4).entries[0], 1 << 50).await;
        drop(c);
        let d = world.past().await;
        assert_eq!(all(&d, id).await.len(), 4);
        d.close().await;
    });
}
