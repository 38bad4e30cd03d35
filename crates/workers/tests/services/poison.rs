//! Records that nobody can read are set aside, and the rest goes on.

use causerie_workers::aside;
use serde_json::Value;

use super::log::{Log, conversation, day, until};
use super::process::{Process, command};

#[test]
fn poison_is_set_aside_and_the_rest_is_counted() {
    let Some(log) = Log::new("poison", 1) else { return };
    let dir = tempfile::tempdir().unwrap();
    let id = conversation(1);
    log.entry(id, 1, 0, "message");
    log.raw("messages", None, &[], b"not one of ours");
    log.raw("messages", Some(id.as_bytes()), &[("ce_specversion", "1.0".to_owned())], b"\xff{");
    log.entry(id, 2, 0, "message");
    // Readable, and nothing that this worker can count.
    let receipt =
        format!(r#"{{"type":"receipt","conversation":"{id}","user":"bob","delivered":2,"read":1}}"#);
    let headers = [
        ("ce_specversion", "1.0"),
        ("ce_type", "causerie.receipt"),
        ("ce_id", "r"),
        ("ce_epoch", "1"),
        ("ce_shard", "0"),
    ];
    let headers = headers.map(|(name, value)| (name, value.to_owned()));
    log.raw("messages", Some(id.as_bytes()), &headers, receipt.as_bytes());
    log.entry(id, 3, 0, "message");
    log.flush();

    let process = Process::start(&log, dir.path());
    until("the end of the log", || process.positions() == log.ends());
    let counted = process.json(&format!("/counts/conversations/{id}"));
    assert_eq!(counted["messages"][day(0)], 3);
    assert!(process.get("/metrics").1.contains("causerie_worker_set_aside_total 3\n"));

    // They are listed while it runs, with what was wrong and as they came.
    let listed = command().args(["aside", "--dir"]).arg(dir.path()).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!(lines.len(), 3, "{listed}");
    for (line, (offset, reason)) in lines.iter().zip([(1, "ce_specversion"), (2, "ce_type"), (4, "no entry")])
    {
        assert!(line.starts_with(&format!("{}:0:{offset}\t", log.topic())), "{line}");
        assert!(line.contains(reason), "{line}");
    }
    let full = command().args(["aside", "--full", "--dir"]).arg(dir.path()).output().unwrap();
    let full = String::from_utf8(full.stdout).unwrap();
    let record: Value = serde_json::from_str(full.lines().nth(1).unwrap()).unwrap();
    assert_eq!(record["value"], "/3s=");
    process.kill();

    // Another life finds them passed over, and once.
    let process = Process::start(&log, dir.path());
    log.entry(id, 4, 0, "message");
    log.flush();
    until("the end of the log", || process.positions() == log.ends());
    assert_eq!(process.json(&format!("/counts/conversations/{id}"))["messages"][day(0)], 4);
    process.stop();
    assert_eq!(aside::list(dir.path()).unwrap().len(), 3);
}
