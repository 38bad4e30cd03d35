//! Counts are exact after kills.

use std::collections::BTreeMap;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use serde_json::json;

use super::log::{Log, Truth, Writer, conversation, day, until};
use super::process::Process;

const KILLS: usize = 30;
const CONVERSATIONS: u8 = 40;
/// New entries for each life of the process at most, written piece by piece from before its start until after its end.
const PIECES: usize = 100;
const PIECE: usize = 20;

#[test]
fn counts_are_exact_after_kills() {
    let Some(log) = Log::new("kills", 4) else { return };
    let dir = tempfile::tempdir().unwrap();
    let (begin, begun) = sync_channel::<()>(PIECES);
    let writer = std::thread::scope(|scope| {
        let log = &log;
        let writing = scope.spawn(move || {
            let mut writer = Writer::new(CONVERSATIONS);
            while begun.recv().is_ok() {
                writer.write(log, PIECE);
                log.flush();
            }
            writer
        });
        let mut in_flight = 0;
        let mut committed = BTreeMap::new();
        for life in 0..KILLS {
            while begin.try_send(()).is_ok() {}
            let process = Process::start(log, dir.path());
            // Some are killed while they start; most at a commit, or somewhere between two.
            if life % 6 != 5 {
                let commits = rand::random_range(1..12);
                process.wait("commits", |said| (said.commits >= commits).then_some(()));
            }
            spin(Duration::from_micros(rand::random_range(0..4_000)));
            committed.extend(process.kill());
            let ends = log.ends();
            in_flight +=
                usize::from(ends.iter().any(|(partition, end)| committed.get(partition) != Some(end)));
        }
        assert!(in_flight >= KILLS / 2, "killed with work in flight: {in_flight} times of {KILLS}");
        drop(begin);
        writing.join().unwrap()
    });
    assert!(writer.repetitions > 500, "{} repetitions", writer.repetitions);
    let ends = log.ends();

    let process = Process::start(&log, dir.path());
    until("the end of the log", || process.positions() == ends);
    compare(&process, &writer.truth);
    process.stop();

    // And in order, it begins where it ended.
    let process = Process::start(&log, dir.path());
    until("ready", || process.get("/ready").0 == 200);
    compare(&process, &writer.truth);
    assert!(process.get("/metrics").1.contains("causerie_worker_records_total 0\n"));
    process.stop();
}

/// A moment that is not the scheduler's choice: the fault is to hit anywhere.
fn spin(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        std::hint::spin_loop();
    }
}

fn compare(process: &Process, truth: &Truth) {
    for number in 0..CONVERSATIONS {
        let id = conversation(number);
        let expected: BTreeMap<&String, u64> =
            truth.iter().filter(|((of, _), _)| *of == id).map(|((_, day), count)| (day, *count)).collect();
        let counted = process.json(&format!("/counts/conversations/{id}"));
        assert_eq!(counted, json!({ "conversation": id, "messages": expected }));
    }
    for number in 0..100 {
        let day = day(number);
        let expected: u64 = truth.iter().filter(|((_, of), _)| *of == day).map(|(_, count)| count).sum();
        let counted = process.json(&format!("/counts/days/{day}"));
        assert_eq!(counted, json!({ "day": day, "messages": expected }));
    }
}
