//! Partitions move between processes of one worker, and what was counted of each is exact in whoever holds it.

use std::collections::BTreeMap;
use std::sync::Arc;

use causerie_workers::counts::{Counts, Query};
use causerie_workers::{Progress, Settings};

use super::log::{Log, Writer, conversation, day, until};
use super::running::{Running, settings};

const PARTITIONS: usize = 6;
pub(crate) const CONVERSATIONS: u8 = 60;

pub(crate) fn start(log: &Log, dir: &std::path::Path) -> (Running, Query) {
    start_with(settings(log, dir))
}

pub(crate) fn start_with(settings: Settings) -> (Running, Query) {
    let counts = Counts::open(&settings.dir.join("counts")).unwrap();
    let progress = Arc::new(Progress::default());
    let query = counts.query(Arc::clone(&progress));
    (Running::start(counts, settings, progress), query)
}

/// Each conversation is known to one of them, and rightly; days add up.
pub(crate) fn compare(writer: &Writer, queries: &[&Query]) {
    for number in 0..CONVERSATIONS {
        let id = conversation(number);
        let expected: BTreeMap<String, u64> = writer
            .truth
            .iter()
            .filter(|((of, _), _)| *of == id)
            .map(|((_, day), count)| (day.clone(), *count))
            .collect();
        let known: Vec<_> = queries.iter().filter_map(|query| query.conversation(id).unwrap()).collect();
        assert_eq!(known.len(), 1, "of conversation {id} {} know", known.len());
        let counted: BTreeMap<String, u64> =
            known[0].iter().map(|(day, count)| (day.to_string(), *count)).collect();
        assert_eq!(counted, expected, "conversation {id}");
    }
    for number in 0..50 {
        let name = day(number);
        let expected: u64 =
            writer.truth.iter().filter(|((_, of), _)| *of == name).map(|(_, count)| count).sum();
        let counted: u64 = queries.iter().map(|query| query.day(name.parse().unwrap()).unwrap()).sum();
        assert_eq!(counted, expected, "{name}");
    }
}

#[test]
fn partitions_go_and_come_back_and_counts_stay_exact() {
    let Some(log) = Log::new("rebalance", i32::try_from(PARTITIONS).unwrap()) else { return };
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut writer = Writer::new(CONVERSATIONS);
    writer.write(&log, 2_000);
    log.flush();
    let (first, of_first) = start(&log, one.path());
    first.reaches(&log, PARTITIONS);
    compare(&writer, &[&of_first]);

    for _ in 0..3 {
        let (second, of_second) = start(&log, two.path());
        let halves = || {
            let held = [&first, &second].map(|worker| worker.progress.snapshot().partitions.len());
            held == [PARTITIONS / 2; 2]
        };
        // Written while they move.
        until("half of the partitions each", || {
            writer.write(&log, 20);
            halves()
        });
        writer.write(&log, 1_000);
        log.flush();
        first.reaches(&log, PARTITIONS / 2);
        second.reaches(&log, PARTITIONS / 2);
        compare(&writer, &[&of_first, &of_second]);
        second.stop().unwrap();
        writer.write(&log, 300);
        log.flush();
        first.reaches(&log, PARTITIONS);
        compare(&writer, &[&of_first]);
    }
    first.stop().unwrap();
}
