//! The log, printed.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use causerie_workers::tail::{Position, Tail, TailError};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::log::{LIMIT, Log, conversation};

fn tail(log: &Log, after: &[Position]) -> Tail {
    Tail {
        brokers: log.brokers.clone(),
        prefix: log.prefix.clone(),
        topics: vec!["messages".to_owned()],
        after: after.to_vec(),
        follow: false,
        kafka: Vec::new(),
    }
}

/// The events, and the warnings.
fn print(tail: &Tail) -> Result<(Vec<Value>, String), TailError> {
    let (mut out, mut warnings) = (Vec::new(), Vec::new());
    tail.print(&mut out, &mut warnings, &CancellationToken::new())?;
    let lines = out.split_inclusive(|byte| *byte == b'\n').map(|line| serde_json::from_slice(line).unwrap());
    Ok((lines.collect(), String::from_utf8(warnings).unwrap()))
}

fn ids(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["id"].as_str().unwrap()).collect()
}

#[test]
fn the_log_is_printed_without_repetitions_and_gaps_are_named() {
    let Some(log) = Log::new("tail", 1) else { return };
    let (a, b) = (conversation(1), conversation(2));
    for (of, seq) in [(a, 1), (a, 2), (b, 1), (a, 1), (a, 2), (a, 3), (b, 5), (b, 6)] {
        log.entry(of, seq, 0, "message");
    }
    log.raw("messages", None, &[], b"not one of ours");
    log.flush();
    let (events, warnings) = print(&tail(&log, &[])).unwrap();
    let expected = [(a, 1), (a, 2), (b, 1), (a, 3), (b, 5), (b, 6)].map(|(of, seq)| format!("{of}:{seq}"));
    assert_eq!(ids(&events), expected);
    let warnings: Vec<&str> = warnings.lines().collect();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert_eq!(
        warnings[0],
        format!("causerie: a gap before messages:0:6: of conversation {b}, seq 2 to 4 are missing")
    );
    assert!(warnings[1].starts_with("causerie: messages:0:8 cannot be read: "), "{warnings:?}");

    // The form is that of `causerie events`, and the attributes that only Kafka has.
    let first = &events[0];
    let names: Vec<&String> = first.as_object().unwrap().keys().collect();
    assert_eq!(names.len(), 12, "{names:?}");
    assert_eq!(first["specversion"], "1.0");
    assert_eq!(first["source"], "/causerie");
    assert_eq!(first["type"], "causerie.message");
    assert_eq!(first["subject"], json!(a));
    assert_eq!(first["partitionkey"], json!(a));
    assert_eq!(first["time"], "2024-01-01T00:00:00.001Z");
    assert_eq!(first["position"], "messages:0:0");
    assert_eq!(first["datacontenttype"], "application/json");
    assert_eq!((&first["epoch"], &first["shard"]), (&json!("1"), &json!("7")));
    assert_eq!(first["data"]["body"]["text"], "1");
}

#[test]
fn a_position_goes_on_where_it_was_and_a_wrong_one_is_refused() {
    let Some(log) = Log::new("after", 2) else { return };
    for seq in 1..=20 {
        log.entry(conversation(1), seq, 0, "message");
        log.entry_to("membership", conversation(1), seq, 0, "membership");
    }
    log.flush();
    let (events, _) = print(&tail(&log, &[])).unwrap();
    assert_eq!(events.len(), 20);
    let position: Position = events[11]["position"].as_str().unwrap().parse().unwrap();
    let (rest, warnings) = print(&tail(&log, std::slice::from_ref(&position))).unwrap();
    assert_eq!((ids(&rest), warnings.as_str()), (ids(&events[12..]), ""));

    let beyond = Position { offset: 20, ..position.clone() };
    assert!(matches!(print(&tail(&log, &[beyond])), Err(TailError::Beyond { end: 20, .. })));
    let other = Position { topic: "receipts".to_owned(), ..position.clone() };
    assert!(matches!(print(&tail(&log, &[other])), Err(TailError::NoPartition(_))));
    let mut nowhere = tail(&log, &[]);
    nowhere.topics = vec!["nothing".to_owned()];
    assert!(matches!(print(&nowhere), Err(TailError::NoTopic(_))));

    let mut both = tail(&log, &[]);
    both.topics.push("membership".to_owned());
    let (events, warnings) = print(&both).unwrap();
    assert_eq!((events.len(), warnings.as_str()), (40, ""));
}

#[test]
fn what_retention_took_is_said() {
    let Some(log) = Log::new("retention", 1) else { return };
    for seq in 1..=20 {
        log.entry(conversation(1), seq, 0, "message");
    }
    log.flush();
    log.forget_below(10);
    let (events, warnings) = print(&tail(&log, &[])).unwrap();
    assert_eq!((events.len(), warnings.as_str()), (10, ""));
    let (events, warnings) = print(&tail(&log, &["messages:0:3".parse().unwrap()])).unwrap();
    assert_eq!(events.len(), 10);
    assert!(warnings.contains("what follows messages:0:3"), "{warnings}");
}

/// Hands on each piece that is printed.
struct Pieces(SyncSender<Vec<u8>>);

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(bytes.to_vec()).map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn next(pieces: &Receiver<Vec<u8>>) -> String {
    let piece = pieces.recv_timeout(LIMIT).unwrap();
    let event: Value = serde_json::from_slice(&piece).unwrap();
    event["id"].as_str().unwrap().to_owned()
}

#[test]
fn followed_it_prints_what_comes_until_it_is_stopped() {
    let Some(log) = Log::new("follow", 2) else { return };
    let mut tail = tail(&log, &[]);
    tail.follow = true;
    let (sender, pieces) = sync_channel(0);
    let stop = CancellationToken::new();
    let printing = {
        let stop = stop.clone();
        std::thread::spawn(move || tail.print(&mut Pieces(sender), &mut io::sink(), &stop))
    };
    for seq in 1..=3 {
        log.entry(conversation(1), seq, 0, "message");
        log.flush();
        assert_eq!(next(&pieces), format!("{}:{seq}", conversation(1)));
    }
    stop.cancel();
    printing.join().unwrap().unwrap();
}

#[test]
fn a_reader_that_leaves_ends_it() {
    let Some(log) = Log::new("leave", 1) else { return };
    log.entry(conversation(1), 1, 0, "message");
    log.flush();
    let mut tail = tail(&log, &[]);
    tail.follow = true;
    let (sender, pieces) = sync_channel(0);
    drop(pieces);
    let ended = tail.print(&mut Pieces(sender), &mut io::sink(), &CancellationToken::new());
    assert!(matches!(ended, Err(TailError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe));
}
